"""Attacks on plans: on whose session they are judged, on what they pin, and on what they write into the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from living import Living

from yett.model import ToolCall
from yett.sdk import Client, TransportError
from yett_audit.reader import records


@pytest.fixture
def sidecar(living: Callable[..., Living]) -> Living:
    return living()


def _plan(client: Client, calls: list[dict[str, Any]], **more: Any) -> Any:
    return client.request("POST", "/v1/plans", {"calls": calls, **more})


def _refused(client: Client, calls: list[dict[str, Any]], **more: Any) -> str:
    with pytest.raises(TransportError) as caught:
        _plan(client, calls, **more)
    return caught.value.code


def test_no_name_enters_the_log_by_a_plan_that_no_call_could_have(sidecar: Living) -> None:
    agent = sidecar.client("agent")
    for name in ("a\0b", "a\u202eb", "a\nb", "x" * 257, "x" * 100_000):
        for field in ("tool", "server"):
            assert _refused(agent, [{"tool": "ping"}, {"tool": "ping", field: name}], pin=True) == "BAD_NAME"
    assert _refused(agent, [{"tool": ""}]) == "BAD_NAME"
    assert not [record for record in records(sidecar.settings.state / "log") if record.event == "plan"]
    assert agent.decide(ToolCall(tool="ping")).allowed


def test_a_plan_is_for_a_session_of_the_callers_own(sidecar: Living) -> None:
    session = sidecar.client("agent").open_session()
    ping = [{"tool": "ping"}]
    for others in (
        sidecar.client("agent", "bob"),
        sidecar.client("agent", "ann", "writer"),
        sidecar.client("agent", tenant="elsewhere"),
    ):
        assert _refused(others, ping, session=session, pin=True) == "SESSION_NOT_YOURS"
    assert _refused(sidecar.client("operator"), ping, session=session) == "ROLE_FORBIDDEN"
    assert sidecar.client("agent", "bob").decide(ToolCall(tool="fetch")).allowed  # nothing of his was pinned


def test_a_pinned_session_is_not_left_through_what_looks_like_a_placeholder_or_the_same_call(
    sidecar: Living,
) -> None:
    agent = sidecar.client("agent")
    session = agent.open_session()
    _plan(agent, [{"tool": "ping", "arguments": {"n": 1}}], session=session, pin=True)

    def codes(tool: str, arguments: dict[str, Any], **more: Any) -> set[str]:
        asked = ToolCall(tool=tool, arguments=arguments, session=session, **more)
        return {reason.code for reason in agent.decide(asked).reasons}

    assert "OUTSIDE_PLAN" not in codes("ping", {"n": 1})
    for outside in (
        {"n": {"$any": True}},
        {"n": {"$step": 1}},
        {"n": "1"},
        {"n": [1]},
        {"n": 1, "m": None},
        {},
    ):
        assert "OUTSIDE_PLAN" in codes("ping", outside)
    assert "OUTSIDE_PLAN" in codes("ping", {"n": 1}, server="other")
    assert _refused(agent, [{"tool": "fetch"}], session=session, pin=True) == "PLAN_PINNED"
    below = agent.open_session(parent=session)
    held = agent.decide(ToolCall(tool="fetch", session=below))
    assert "OUTSIDE_PLAN" in {reason.code for reason in held.reasons}


def test_a_plan_that_is_too_large_is_refused_and_costs_no_record(sidecar: Living) -> None:
    agent = sidecar.client("agent")
    wide = {f"n{number:03}" * 40: {"$any": True} for number in range(33)}
    assert _refused(agent, [{"tool": "ping"}] * 65) == "BAD_PLAN"
    assert _refused(agent, [{"tool": "ping", "arguments": wide}], pin=True) == "PLAN_TOO_LONG"
    assert _refused(agent, [{"tool": "ping", "arguments": wide}] * 15, pin=True) == "PLAN_TOO_LONG"
    fit = dict(list(wide.items())[:32])
    assert _refused(agent, [{"tool": "ping", "arguments": fit}] * 30, pin=True) == "RECORD_REFUSED"
    assert not [record for record in records(sidecar.settings.state / "log") if record.event == "plan"]
