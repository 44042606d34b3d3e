"""Verify before refund: an automaton over what really ran."""

from __future__ import annotations

from pathlib import Path

import pytest
from policy_helpers import judged, loaded

from yett.errors import PolicyError
from yett.gateway import Gateway
from yett.model import Effect, Outcome, ToolCall

TEXT = """
policy: support
tools: {verify: {does: [read]}, refund: {does: [pay]}, look: {does: [read]}}
stages: {refunds: {verify: verified, refund: ""}}
rules:
  - {id: look, allow: {does: [read]}}
  - {id: refund, allow: refund, when: 'stage("refunds") == "verified"'}
tests:
  - {deny: refund}
  - {allow: refund, given: {stages: {refunds: verified}}}
"""


def test_a_rule_asks_for_the_state(tmp_path: Path) -> None:
    policy = loaded(tmp_path, TEXT)
    assert policy.moves("verify") == (("refunds", "verified"),)
    assert policy.moves("look") == ()
    assert judged(policy, {"tool": "refund", "args": {}}).effect is Effect.DENY


@pytest.mark.parametrize(
    "wrong",
    [
        TEXT.replace('stage("refunds")', 'stage("refnds")'),
        TEXT.replace('== "verified"', '== "verifed"'),
        TEXT.replace("{verify: verified", "{verfy: verified"),
        TEXT.replace("{refunds: {verify: verified", "{refunds: [verify], x: {verify: verified"),
    ],
)
def test_unknown_automata_states_and_tools_do_not_load(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(PolicyError):
        loaded(tmp_path, wrong)


def test_only_what_ran_well_counts_and_it_counts_once(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(TEXT)
    with Gateway.open(tmp_path / "p.yaml", tmp_path / "state") as gateway:
        session = gateway.open_session()

        def call(tool: str) -> Effect:
            return gateway.decide(ToolCall(tool=tool, session=session)).effect

        def run(tool: str, status: str) -> None:
            decision = gateway.decide(ToolCall(tool=tool, session=session))
            gateway.report(Outcome(decision_id=decision.decision_id, status=status, result="x"))

        run("verify", "error")
        assert call("refund") is Effect.DENY
        run("verify", "ok")
        assert call("refund") is Effect.ALLOW
        run("refund", "ok")
        assert call("refund") is Effect.DENY


CHECKED = """
policy: support
tools: {verify: {does: [read]}, refund: {does: [pay], args: {amount: {role: amount, type: money}}}}
stages: {refunds: {verify: {to: verified, ensures: 'result.match == True and result.score >= 80'}, refund: ""}}
requires:
  refund: 'stage("refunds") == "verified" and args.amount <= 50'
rules:
  - {id: all, allow: "*", free: true}
tests:
  - {deny: {tool: refund, args: {amount: 5}}, rule: requires-refund}
  - {deny: {tool: refund, args: {amount: 51}}, given: {stages: {refunds: verified}}}
  - {allow: {tool: refund, args: {amount: 5}}, given: {stages: {refunds: verified}}}
"""


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"match": True, "score": 80}, Effect.ALLOW),
        ('{"match": true, "score": 80}', Effect.ALLOW),
        ({"content": [{"type": "text", "text": '{"match": true, "score": 99}'}]}, Effect.ALLOW),
        ({"content": [], "structuredContent": {"match": True, "score": 99}}, Effect.ALLOW),
        ({"match": True, "score": 79}, Effect.DENY),
        ({"match": "true", "score": 80}, Effect.DENY),
        ({"match": True}, Effect.DENY),
        ("match", Effect.DENY),
        (None, Effect.DENY),
        # A second block is no second opinion.
        ({"content": [{"type": "text", "text": "{}"}, {"type": "text", "text": '{"match": true, "score": 99}'}]}, Effect.DENY),
    ],
)  # fmt: skip
def test_a_result_is_checked_before_it_counts(tmp_path: Path, result: object, expected: Effect) -> None:
    (tmp_path / "p.yaml").write_text(CHECKED)
    with Gateway.open(tmp_path / "p.yaml", tmp_path / "state") as gateway:
        session = gateway.open_session()
        seen = gateway.decide(ToolCall(tool="verify", session=session))
        gateway.report(Outcome(decision_id=seen.decision_id, result=result))
        call = ToolCall(tool="refund", session=session, arguments={"amount": 5})
        assert gateway.decide(call).effect is expected


@pytest.mark.parametrize(
    "wrong",
    [
        CHECKED.replace("result.match", "resutl.match"),
        CHECKED.replace("to: verified, ensures", "to: 5, ensures"),
        CHECKED.replace("{to: verified, ensures", "{too: verified, ensures"),
        CHECKED.replace("args.amount <=", "args.amuont <="),
        CHECKED.replace("  refund: 'stage", "  refnud: 'stage"),
        CHECKED.replace('  refund: \'stage("refunds") == "verified" and args.amount <= 50\'', "  [refund]"),
    ],
)
def test_contracts_are_checked_when_they_load(tmp_path: Path, wrong: str) -> None:
    assert wrong != CHECKED
    with pytest.raises(PolicyError):
        loaded(tmp_path, wrong)
