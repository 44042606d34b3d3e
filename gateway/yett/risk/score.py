"""The score: 0..1000, monotone, and every point of it explained.

Four addends, each a product of a coefficient from `policies/score.yaml` and something seen:

capability  what the tool does (`does`): the prior before anything else is known; the strongest counts whole,
            each further one adds `further` percent of its weight
distance    how far the call is from the prompt: it does what the prompt has no word for, or goes to a
            target that the prompt does not name
findings    each finding's weight by its level (or its own); the heaviest counts whole, the next ones
            `further` percent of theirs, the third `further`², … so that twenty small remarks do not make an alarm;
            of what is written into a file that others run only what is hostile wherever it runs (`later`)
signals     the weights of words that speak to the model, times a coefficient, capped below what a hold needs

The sum is capped at 1000. Adding a finding, a capability or a signal never lowers it. Integers throughout,
so that the same input has the same score on every machine. The coefficients are fitted by
`tests/bench/fit_score.py` under the constraint that none is negative; `calibration` says how often calls of
a score were malicious in the development part, and is for people to read: nothing decides by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import yaml

from yett.errors import PolicyError
from yett.extract import views
from yett.extract.facts import Facts
from yett.extract.infer import VERBS
from yett.model import Finding, Level, Risk

CAP = 1000
_COUNTED = 12
"""Findings beyond this one add nothing."""


class _Later(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights of findings in programs that the call writes and does not run."""

    level: dict[str, int]
    points: dict[str, int] = {}
    """By a detection's id, before its level."""

    def weight(self, finding: Finding) -> int:
        return self.points.get(finding.id, self.level[finding.level.value])


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The coefficients, as `policies/score.yaml` writes them."""

    capability: dict[str, int]
    level: dict[str, int]
    further: int
    """Percent that each further finding or capability keeps of the one before."""
    signals: int
    """Percent of the signals' summed weights that become points."""
    signals_cap: int
    distance: dict[str, int]
    limits: int
    """Points of a call that could not be read to its end."""
    later: _Later
    calibration: list[tuple[int, int]] = []
    """(score, malicious per mille of the calls at or above it and below the next)."""


def load(path: Path) -> Model:
    """Raises: PolicyError, if the file does not load or a coefficient is negative."""
    try:
        model = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), Model)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as broken:
        raise PolicyError(
            "SCORE_MODEL", f"the score model does not load: {broken}", path=str(path)
        ) from broken
    weights = [
        *model.capability.values(),
        *model.level.values(),
        *model.distance.values(),
        *model.later.level.values(),
        *model.later.points.values(),
        model.signals,
        model.signals_cap,
        model.limits,
    ]
    if (
        min(weights) < 0
        or not 0 <= model.further <= 100
        or {level.value for level in Level} - (set(model.level) & set(model.later.level))
    ):
        raise PolicyError(
            "SCORE_MODEL", "coefficients are not negative and every level has one", path=str(path)
        )
    return model


def score(
    model: Model,
    facts: Facts,
    findings: Sequence[Finding],
    points: dict[str, int],
    prompt: str | None,
    later: Sequence[Finding] = (),
) -> Risk:
    """Risk of one call. `points` are the detections' own weights by id, where they have one.

    `later` are the findings in what the call writes for others to run.
    """
    parts: list[tuple[str, int]] = []
    parts.extend(_capability(model, facts.does))
    if prompt:
        parts.extend(_distance(model, facts, prompt))
    pairs = [(points.get(finding.id, model.level[finding.level.value]), finding) for finding in findings]
    pairs += [(weight, finding) for finding in later if (weight := model.later.weight(finding))]
    weighed, finding_parts = _findings(model, pairs)
    parts.extend(finding_parts)
    words = min(sum(signal.weight for signal in facts.signals) * model.signals // 100, model.signals_cap)
    if words:
        parts.append(("words addressed to the model", words))
    if facts.limits:
        parts.append(("not read to its end", model.limits))
    parts.sort(key=lambda part: (-part[1], part[0]))
    total = sum(weight for _, weight in parts)
    return Risk(score=min(total, CAP), findings=weighed, parts=tuple(parts))


def _capability(model: Model, does: Iterable[str]) -> list[tuple[str, int]]:
    ranked = sorted(((model.capability.get(name, 0), name) for name in does), reverse=True)
    parts = []
    keep = 100
    for weight, name in ranked:
        points = weight * keep // 100
        if points:
            parts.append((f"the tool can {name}", points))
        keep = keep * model.further // 100
    return parts


def _findings(
    model: Model, pairs: Sequence[tuple[int, Finding]]
) -> tuple[tuple[Finding, ...], list[tuple[str, int]]]:
    """Findings with their points, heaviest first; the same detection at several places counts once."""
    ranked = sorted(
        pairs,
        key=lambda pair: (-pair[0], -pair[1].level.rank, pair[1].id, pair[1].path or ""),
    )
    weighed: list[Finding] = []
    parts: list[tuple[str, int]] = []
    counted: set[str] = set()
    keep = 1000
    for weight, finding in ranked:
        add = 0
        if finding.id not in counted and len(counted) < _COUNTED:
            counted.add(finding.id)
            add = weight * keep // 1000
            keep = keep * model.further // 100
            if add:
                parts.append((finding.id, add))
        weighed.append(msgspec.structs.replace(finding, points=add))
    return tuple(weighed), parts


def _distance(model: Model, facts: Facts, prompt: str) -> list[tuple[str, int]]:
    """What the call does that the prompt has no word for. Words prove nothing, so the weights are small."""
    words = (
        frozenset(views.tokens(prompt[:4000].replace("_", " ")))
        if len(prompt) < 200
        else frozenset(prompt[:4000].lower().split())
    )
    parts = []
    for capability in sorted(facts.does):
        weight = model.distance.get(capability, 0)
        if weight and not any(
            word.startswith(verb) for verb in VERBS[capability] if len(verb) > 2 for word in words
        ):
            parts.append((f"the prompt does not ask to {capability}", weight))
    folded = prompt.lower()
    strangers = [contact for contact in facts.contacts if contact.value.lower() not in folded]
    if strangers and "target" in model.distance and facts.does & {"send", "share", "pay"}:
        parts.append(("goes to somebody the prompt does not name", model.distance["target"]))
    return parts
