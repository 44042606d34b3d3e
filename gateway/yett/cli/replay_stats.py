"""How well a replay tells malicious events from benign ones: ranks, rates, and how sure one can be of them.

An event's score is its session risk. Two events of the same score count half in the AUROC (the Mann-Whitney
statistic). *Detection at p % false stops* is the share of malicious events strictly above the lowest threshold that
at most p % of the benign events lie strictly above: what ties with the last permitted benign event is not counted
as detected, and with fewer than 100 benign events none may lie above at 1 %. Events of one session are not
independent, so every interval is a bootstrap over whole sessions with a fixed seed.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

RESAMPLES = 400
FALSE_STOPS = (1, 5)
"""Per cent of benign events above the threshold at which detection is told."""
_RANK = {"allow": 0, "hold": 1, "deny": 2}
_BENIGN, _MALICIOUS = 0, 1


class Judged(msgspec.Struct, frozen=True):
    """One event's line."""

    session: str
    event: int
    effect: str
    risk: int
    session_risk: int
    reasons: list[Any]


class Scores:
    """Collects judged events with labels; `summary` tells the figures."""

    def __init__(self) -> None:
        self._sessions: dict[str, tuple[list[int], list[int]]] = {}
        self._effects: dict[str, tuple[list[int], list[int]]] = {}
        self._others = 0

    def add(self, judged: Judged, label: str | None) -> None:
        """One event; without a label it is judged but not counted."""
        if label not in ("benign", "malicious"):
            self._others += label is not None
            return
        side = _MALICIOUS if label == "malicious" else _BENIGN
        self._sessions.setdefault(judged.session, ([], []))[side].append(judged.session_risk)
        self._effects.setdefault(judged.session, ([], []))[side].append(_RANK[judged.effect])

    def summary(self) -> Iterator[str]:
        """Sentences for standard error; none if there were no labels."""
        if self._others:
            yield f"{self._others} events have a label other than benign and malicious and are not counted"
        groups = list(self._sessions.values())
        benign, malicious = _joined(groups)
        if not benign and not malicious:
            return
        yield f"{len(malicious)} malicious and {len(benign)} benign events in {len(groups)} sessions"
        effects = list(self._effects.values())
        for side, name in ((_MALICIOUS, "malicious"), (_BENIGN, "benign")):
            if any(group[side] for group in effects):
                yield f"stopped as decided, {name}: {_with_interval(effects, lambda g, s=side: _stopped(g, s))}"
                yield f"denied, {name}: {_with_interval(effects, lambda g, s=side: _stopped(g, s, 2))}"
        if not benign or not malicious:
            yield "AUROC and detection need events of both labels"
            return
        yield f"AUROC: {_with_interval(groups, _auroc)}"
        for percent in FALSE_STOPS:
            rate = _with_interval(groups, lambda g, p=percent: _detection(g, p))
            yield f"detection at {percent} % false stops: {rate}"


Groups = Sequence[tuple[list[int], list[int]]]


def _joined(groups: Groups) -> tuple[list[int], list[int]]:
    return (
        sorted(score for group in groups for score in group[_BENIGN]),
        sorted(score for group in groups for score in group[_MALICIOUS]),
    )


def _auroc(groups: Groups) -> float | None:
    benign, malicious = _joined(groups)
    if not benign or not malicious:
        return None
    above = sum(bisect_left(benign, score) + bisect_right(benign, score) for score in malicious)
    return above / (2 * len(benign) * len(malicious))


def _detection(groups: Groups, percent: int) -> float | None:
    benign, malicious = _joined(groups)
    if not benign or not malicious:
        return None
    permitted = len(benign) * percent // 100
    # The lowest threshold that at most so many benign events lie above.
    threshold = benign[len(benign) - permitted - 1]
    return (len(malicious) - bisect_right(malicious, threshold)) / len(malicious)


def _stopped(groups: Groups, side: int, rank: int = 1) -> float | None:
    found = [effect for group in groups for effect in group[side]]
    return sum(effect >= rank for effect in found) / len(found) if found else None


def _with_interval(groups: Groups, figure: object) -> str:
    assert callable(figure)
    value = figure(groups)
    generator = random.Random(0)  # noqa: S311 - a bootstrap, reproducible on purpose
    drawn: list[float] = []
    for _ in range(RESAMPLES if len(groups) <= 2000 else 100):
        again = figure(generator.choices(groups, k=len(groups)))
        if again is not None:
            drawn.append(again)
    if value is None or not drawn:
        return "not known"
    drawn.sort()
    low, high = drawn[int(len(drawn) * 0.025)], drawn[min(len(drawn) - 1, int(len(drawn) * 0.975))]
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
