"""Counters cannot be grown or written into by a caller."""

from __future__ import annotations

from yett.model import Decision, Effect, PolicyRef, Reason, SessionState
from yett.serve.metrics import Metrics


def denied(code: str) -> Decision:
    return Decision(
        decision_id="d",
        call_id="c",
        action_digest="",
        call_digest="",
        effect=Effect.DENY,
        reasons=(Reason(stage="policy", code=code, message="no"),),
        session=SessionState(id="s"),
        policy=PolicyRef(id="p", digest=""),
    )


def test_reasons_without_end_end_in_one_series() -> None:
    metrics = Metrics()
    for number in range(2000):
        metrics.decided(denied(f"CODE_{number}"), 0.001)
    lines = [
        line for line in metrics.render().splitlines() if line.startswith(b"yett_decision_reasons_total")
    ]
    assert len(lines) <= 501
    assert any(b'code="other",stage="other"} 1500.0' in line for line in lines)


def test_a_line_break_in_a_label_is_escaped() -> None:
    metrics = Metrics()
    metrics.decided(denied('X"} 1\nyett_fake 7'), 0.001)
    assert not any(line.startswith(b"yett_fake") for line in metrics.render().splitlines())
