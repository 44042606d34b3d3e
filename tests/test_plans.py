"""A list of calls judged before the first of them, and held to if it is pinned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yett.errors import InvalidCall, LedgerError
from yett.gateway import Gateway
from yett.ledger.projection.replay import replay
from yett.model import Decision, Effect, Identity, Outcome, ToolCall
from yett.plans import JudgedPlan, Plan, PlannedCall
from yett_audit.reader import records

POLICY = """
policy: bank
tools:
  page: {does: [read], result: {trust: untrusted, iban: records}}
  book: {does: [read], result: records}
  check: {does: [read], result: records}
  pay:
    does: [pay]
    result: receipt
    args:
      to: {role: target}
      amount: {role: amount, type: money, optional: true}
  tag: {does: [write], args: {who: {role: target, type: "list[string]"}}}
stages:
  order: {check: checked}
rules:
  - {id: reads, allow: {does: [read]}}
  - {id: tags, allow: tag, free: true}
  - {id: known, allow: pay, free: true, when: 'origin(args.to) in ("prompt", "records") and spent("pay", "24h") <= 100'}
  - {id: other, hold: pay, when: 'origin(args.to) not in ("prompt", "records")'}
  - {id: dirty, hold: pay, when: 'session.read_untrusted and stage("order") != "checked"'}
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    (tmp_path / "p.yaml").write_text(POLICY)
    with Gateway.open(tmp_path / "p.yaml", tmp_path / "state") as opened:
        yield opened


def call(tool: str, **arguments: Any) -> PlannedCall:
    return PlannedCall(tool=tool, arguments=arguments)


def judged(
    gateway: Gateway, *calls: PlannedCall, prompt: str = "pay Bo", pin: bool = False, order: bool = False
) -> JudgedPlan:
    session = gateway.open_session(prompt=prompt)
    return gateway.judge_plan(Plan(calls=calls, session=session, pin=pin, order=order))


def categories(plan: JudgedPlan) -> list[str]:
    return [step.category for step in plan.steps]


def test_each_step_is_judged_after_the_former_ones(gateway: Gateway) -> None:
    assert categories(judged(gateway, call("pay", to="Bo"))) == ["allowed"]
    dirty = judged(gateway, call("page"), call("pay", to="Bo"))
    assert categories(dirty) == ["allowed", "held"]
    assert dirty.category == "held"
    assert dirty.steps[1].reasons[0].rule == "bank/dirty"
    clean = judged(gateway, call("page"), call("check"), call("pay", to="Bo"))
    assert categories(clean) == ["allowed", "allowed", "allowed"]
    pays = judged(gateway, *[call("pay", to="Bo", amount=60)] * 3)
    assert categories(pays) == ["allowed", "allowed", "denied"]


def test_a_value_out_of_a_result_has_that_results_origin(gateway: Gateway) -> None:
    plan = judged(
        gateway,
        call("page"),
        call("check"),
        call("book"),
        call("pay", to={"$step": 3}),
        call("pay", to={"$step": 1}),
        call("pay", to={"$step": 1, "field": "iban"}),
        call("pay", to={"$any": True}),
        call("tag", who=["Bo", {"$step": 1}]),
    )
    assert categories(plan)[3:] == ["allowed", "held", "allowed", "held", "allowed"]


def test_a_number_that_is_not_known_yet_leaves_the_answer_open(gateway: Gateway) -> None:
    plan = judged(gateway, call("pay", to="Bo", amount={"$any": True}))
    assert categories(plan) == ["depends"]
    assert "amount" in plan.steps[0].explanation


def test_unreadable_steps_and_plans(gateway: Gateway) -> None:
    assert categories(judged(gateway, call("nope"), call("book"))) == ["denied", "allowed"]
    for calls in ((), (call("pay", to={"$step": 1}),), tuple([call("book")] * 65)):
        with pytest.raises(InvalidCall, match="BAD_PLAN"):
            judged(gateway, *calls)


def test_nothing_is_consumed_and_the_log_has_no_values(gateway: Gateway, tmp_path: Path) -> None:
    session = gateway.open_session(prompt="pay Bo")
    for _ in range(3):
        plan = gateway.judge_plan(
            Plan(calls=(call("page"), call("pay", to="Bo", amount=90)), session=session)
        )
        assert plan.record is not None
    assert gateway.ledger.snapshot(gateway.identity, session).labels.isdisjoint({"read_untrusted"})
    assert (
        gateway.decide(ToolCall(tool="pay", session=session, arguments={"to": "Bo"})).effect is Effect.ALLOW
    )
    bodies = [record.body for record in records(tmp_path / "state/log") if record.event == "plan"]
    assert len(bodies) == 3
    assert bodies[0]["steps"][1]["category"] == "held"
    assert "Bo" not in repr(bodies)


def test_calls_outside_a_pinned_plan_are_held(gateway: Gateway, tmp_path: Path) -> None:
    plan = judged(gateway, call("book"), call("pay", to={"$step": 1}, amount=5), pin=True)
    assert plan.pinned

    def answer(tool: str, **arguments: Any) -> tuple[str, set[str]]:
        decision = gateway.decide(ToolCall(tool=tool, session=plan.session, arguments=arguments))
        return decision.effect.value, {reason.code for reason in decision.reasons}

    seen = gateway.decide(ToolCall(tool="book", session=plan.session))
    gateway.report(Outcome(decision_id=seen.decision_id, result={"iban": "X1"}))
    assert answer("pay", to="X1", amount=5)[0] == "allow"
    assert answer("pay", to="Bo", amount=5)[0] == "allow"
    for outside in ({"to": "X1", "amount": 6}, {"to": "X1"}):
        effect, codes = answer("pay", **outside)
        assert effect == "hold"
        assert "OUTSIDE_PLAN" in codes
    assert answer("check")[0] == "hold"
    child = gateway.open_session(parent=plan.session)
    assert gateway.decide(ToolCall(tool="check", session=child)).effect is Effect.HOLD
    with pytest.raises(LedgerError, match="PLAN_PINNED"):
        gateway.judge_plan(Plan(calls=(call("check"),), session=plan.session, pin=True))


def against(decision: Decision) -> str:
    """What the pinned plan has against a call."""
    return next((r.message for r in decision.reasons if r.code in ("PLAN_ORDER", "OUTSIDE_PLAN")), "")


def test_an_ordered_plan_holds_what_comes_too_early_or_again(gateway: Gateway) -> None:
    steps = (call("check"), call("pay", to="Bo", amount={"$any": True}), call("check"))
    session = judged(gateway, *steps, pin=True, order=True).session

    def answer(tool: str, **arguments: Any) -> tuple[str, str]:
        decision = gateway.decide(ToolCall(tool=tool, session=session, arguments=arguments))
        return decision.effect.value, against(decision)

    assert answer("pay", to="Bo", amount=5) == (
        "hold",
        "step 2 (pay) of the pinned plan comes after step 1 (check)",
    )
    assert answer("check") == ("allow", "")
    assert answer("check") == ("hold", "step 3 (check) of the pinned plan comes after step 2 (pay)")
    assert answer("book") == ("hold", "it is no step of the session's pinned plan")
    assert answer("pay", to="Bo", amount=5) == ("allow", "")
    assert answer("pay", to="Bo", amount=6) == (
        "hold",
        "step 2 (pay) of the pinned plan is not due again in this session",
    )
    assert answer("check") == ("allow", "")
    assert answer("check") == ("hold", "step 3 (check) of the pinned plan is not due again in this session")


def test_what_is_denied_is_no_step_made(gateway: Gateway) -> None:
    steps = [call("pay", to="Bo", amount=amount) for amount in (90, 20, 50)]
    session = judged(gateway, *steps, pin=True, order=True).session

    def answer(amount: int) -> Decision:
        return gateway.decide(ToolCall(tool="pay", session=session, arguments={"to": "Bo", "amount": amount}))

    assert answer(90).effect is Effect.ALLOW
    assert answer(20).effect is Effect.ALLOW
    for _ in range(2):
        denied = answer(50)  # over the budget
        assert denied.effect is Effect.DENY
        assert against(denied) == ""
    assert against(answer(90)) != ""


def test_a_step_that_a_person_lets_through_early_skips_those_before_it(gateway: Gateway) -> None:
    session = judged(
        gateway, call("check"), call("book"), call("tag", who=["Bo"]), pin=True, order=True
    ).session
    held = gateway.decide(ToolCall(tool="book", session=session))
    gateway.ledger.approve(str(held.approval), Identity(principal="carol", agent="console", role="approver"))
    assert gateway.decide(ToolCall(tool="book", session=session)).effect is Effect.ALLOW
    assert against(gateway.decide(ToolCall(tool="check", session=session))) != ""
    assert (
        gateway.decide(ToolCall(tool="tag", session=session, arguments={"who": ["Bo"]})).effect
        is Effect.ALLOW
    )


def test_a_session_below_makes_no_step_of_an_ordered_plan(gateway: Gateway) -> None:
    session = judged(gateway, call("check"), call("book"), pin=True, order=True).session
    child = gateway.open_session(parent=session)
    assert against(gateway.decide(ToolCall(tool="check", session=child))) != ""
    assert gateway.decide(ToolCall(tool="check", session=session)).effect is Effect.ALLOW


def test_order_is_for_pinned_plans(gateway: Gateway) -> None:
    with pytest.raises(InvalidCall, match="BAD_PLAN"):
        judged(gateway, call("check"), order=True)


def test_an_ordered_plan_goes_on_after_a_restart_and_a_replay(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY)
    with Gateway.open(tmp_path / "p.yaml", tmp_path / "state") as gateway:
        session = judged(gateway, call("check"), call("book"), pin=True, order=True).session
        assert gateway.decide(ToolCall(tool="check", session=session)).effect is Effect.ALLOW
    replay(tmp_path / "state/log")
    (tmp_path / "state/ledger.db").unlink()
    with Gateway.open(tmp_path / "p.yaml", tmp_path / "state") as gateway:
        assert against(gateway.decide(ToolCall(tool="check", session=session))) != ""
        assert gateway.decide(ToolCall(tool="book", session=session)).effect is Effect.ALLOW


def test_a_pinned_plan_survives_a_restart_and_a_replay(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY)
    with Gateway.open(tmp_path / "p.yaml", tmp_path / "state") as gateway:
        session = judged(gateway, call("book"), pin=True).session
    replay(tmp_path / "state/log")
    (tmp_path / "state/ledger.db").unlink()
    with Gateway.open(tmp_path / "p.yaml", tmp_path / "state") as gateway:
        assert gateway.decide(ToolCall(tool="book", session=session)).effect is Effect.ALLOW
        assert gateway.decide(ToolCall(tool="check", session=session)).effect is Effect.HOLD
