"""The score is monotone, bounded, explained to the last point, and the same everywhere."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett import resources
from yett.errors import PolicyError
from yett.extract.facts import Contact, Facts, Signal
from yett.extract.infer import VERBS
from yett.model import Finding, Level, Risk
from yett.risk import score


@lru_cache(maxsize=1)
def model() -> score.Model:
    return score.load(resources.policies() / "score.yaml")


def risk(
    levels: list[Level],
    does: list[str] | None = None,
    signals: list[int] | None = None,
    prompt: str | None = None,
) -> Risk:
    findings = [Finding(id=f"f{number}", title="x", level=level) for number, level in enumerate(levels)]
    facts = Facts(
        tool="t",
        does=frozenset(does or []),
        signals=tuple(Signal(pointer="/x", kind="k", weight=weight) for weight in signals or []),
    )
    return score.score(model(), facts, findings, {}, prompt)


LEVELS = st.lists(st.sampled_from(list(Level)), max_size=15)
DOES = st.lists(st.sampled_from(sorted(VERBS)), max_size=9, unique=True)
SIGNALS = st.lists(st.integers(0, 100), max_size=6)


@given(levels=LEVELS, does=DOES, signals=SIGNALS)
def test_the_parts_sum_to_the_score_before_the_cap(
    levels: list[Level], does: list[str], signals: list[int]
) -> None:
    found = risk(levels, does, signals)
    assert found.score == min(sum(points for _, points in found.parts), score.CAP)
    assert all(points > 0 for _, points in found.parts)
    assert sum(finding.points for finding in found.findings) <= sum(points for _, points in found.parts)


@given(levels=LEVELS, extra=st.sampled_from(list(Level)), does=DOES, signals=SIGNALS)
def test_one_more_finding_never_lowers_it(
    levels: list[Level], extra: Level, does: list[str], signals: list[int]
) -> None:
    assert risk([*levels, extra], does, signals).score >= risk(levels, does, signals).score


@given(levels=LEVELS, does=DOES, more=st.sampled_from(sorted(VERBS)))
def test_one_more_capability_never_lowers_it(levels: list[Level], does: list[str], more: str) -> None:
    assert risk(levels, sorted({*does, more})).score >= risk(levels, does).score


@given(levels=LEVELS, signals=SIGNALS, more=st.integers(0, 100))
def test_one_more_signal_never_lowers_it(levels: list[Level], signals: list[int], more: int) -> None:
    assert risk(levels, [], [*signals, more]).score >= risk(levels, [], signals).score


@given(levels=LEVELS)
def test_the_order_of_findings_does_not_matter(levels: list[Level]) -> None:
    assert risk(levels).score == risk(list(reversed(levels))).score


def test_words_alone_never_hold() -> None:
    assert risk([], sorted(VERBS), [100] * 10).score < 750
    assert risk([], ["read", "send"], [100] * 10).score < 400


def test_every_capability_at_once_does_not_hold() -> None:
    assert risk([], sorted(VERBS)).score < 400


def test_one_medium_finding_holds_and_one_critical_denies() -> None:
    assert 400 <= risk([Level.MEDIUM]).score < 750
    assert risk([Level.CRITICAL]).score >= 750
    assert risk([Level.LOW] * 12, ["exec"]).score < 400


def test_distance_from_the_prompt_counts() -> None:
    near = risk([], ["delete"], prompt="please delete the old file")
    far = risk([], ["delete"], prompt="what is the weather")
    assert far.score > near.score


def test_a_stranger_as_target_counts() -> None:
    facts = Facts(
        tool="t",
        does=frozenset({"send"}),
        contacts=(Contact(pointer="/to", kind="email", value="eve@evil.example"),),
    )
    named = score.score(model(), facts, [], {}, "send it to eve@evil.example")
    stranger = score.score(model(), facts, [], {}, "send it to ann@example.com")
    assert stranger.score > named.score


def test_what_was_cut_costs() -> None:
    cut = score.score(model(), Facts(tool="t", limits=("bytes",)), [], {}, None)
    assert cut.score >= 400


@pytest.mark.parametrize("change", ["further: 140", "limits: -1", "level: {info: 0}", "unknown: 1"])
def test_a_wrong_model_does_not_load(tmp_path: Path, change: str) -> None:
    text = (resources.policies() / "score.yaml").read_text()
    name = change.split(":", 1)[0]
    lines = [line for line in text.splitlines() if not line.startswith(name + ":")]
    (tmp_path / "score.yaml").write_text("\n".join([*lines, change]))
    with pytest.raises(PolicyError):
        score.load(tmp_path / "score.yaml")


def test_the_calibration_is_monotone() -> None:
    table = model().calibration
    assert table == sorted(table)
    assert [share for _, share in table] == sorted(share for _, share in table)


@given(
    points=st.lists(st.integers(0, 1000), max_size=14),
    extra=st.integers(0, 1000),
)
def test_one_more_finding_with_a_weight_of_its_own_never_lowers_it(points: list[int], extra: int) -> None:
    def total(own_weights: list[int]) -> int:
        findings = [Finding(id=f"f{at}", title="x", level=Level.LOW) for at in range(len(own_weights))]
        weights = {f"f{at}": weight for at, weight in enumerate(own_weights)}
        return score.score(model(), Facts(tool="t"), findings, weights, None).score

    assert total([*points, extra]) >= total(points)


def test_words_alone_are_never_denied() -> None:
    """Every capability, every distance from the prompt and all the words there are stay below a denial."""
    facts = Facts(
        tool="t",
        does=frozenset(VERBS),
        signals=tuple(Signal(pointer=f"/{at}", kind="k", weight=100) for at in range(20)),
        contacts=(Contact(pointer="/x", kind="email", value="eve@x.example"),),
    )
    assert score.score(model(), facts, [], {}, "zzz").score < 750
