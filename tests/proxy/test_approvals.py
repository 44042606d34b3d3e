"""A held call presents its approval when it comes again, once, and only its own."""

from __future__ import annotations

import msgspec
import pytest

from yett.errors import YettError
from yett.model import Decision, Effect, Identity, ToolCall
from yett.sdk.approvals import Waiting
from yett.sdk.decider import call_for
from yett.sdk.scripted import ScriptedDecider


class Office(ScriptedDecider):
    """Holds everything that comes without the mandate of its approval."""

    def __init__(self) -> None:
        super().__init__(hold=["pay"])
        self.granted: dict[str, str] = {}
        self.refused: set[str] = set()
        self.waited: list[float] = []

    def decide(self, call: ToolCall, identity: Identity | None = None) -> Decision:
        decision = super().decide(call, identity)
        if call.mandate is None:
            return decision
        return msgspec.structs.replace(decision, effect=Effect.ALLOW, mandate=call.mandate)

    def await_approval(self, approval: str, timeout: float) -> str | None:
        self.waited.append(timeout)
        if approval in self.refused:
            raise YettError("APPROVAL_REFUSED", "no")
        return self.granted.get(approval)


def test_the_repeated_call_presents_the_mandate_of_its_approval_once() -> None:
    office = Office()
    waiting = Waiting(office)
    first = waiting.decide(call_for("pay", {"amount": 1}))
    assert first.effect is Effect.HOLD
    assert waiting.decide(call_for("pay", {"amount": 1})).effect is Effect.HOLD
    assert first.approval is not None
    office.granted["ap2"] = "mandate-7"
    assert waiting.decide(call_for("pay", {"amount": 2})).effect is Effect.HOLD, "other arguments"
    assert waiting.decide(call_for("pay", {"amount": 1})).mandate == "mandate-7"
    assert waiting.decide(call_for("pay", {"amount": 1})).effect is Effect.HOLD, "it was for one call"


def test_another_session_does_not_get_the_approval() -> None:
    office = Office()
    waiting = Waiting(office)
    waiting.decide(call_for("pay", {"amount": 1}, session="a"))
    office.granted["ap1"] = "m"
    assert waiting.decide(call_for("pay", {"amount": 1}, session="b")).effect is Effect.HOLD


def test_a_call_that_may_wait_is_answered_once_a_person_has_said_yes() -> None:
    office = Office()
    office.granted["ap1"] = "m"
    assert Waiting(office, wait=30).decide(call_for("pay", {})).effect is Effect.ALLOW
    assert office.waited == [30]


def test_a_refused_approval_is_an_error_once_and_asked_anew_after() -> None:
    office = Office()
    waiting = Waiting(office)
    waiting.decide(call_for("pay", {}))
    office.refused.add("ap1")
    with pytest.raises(YettError, match="APPROVAL_REFUSED"):
        waiting.decide(call_for("pay", {}))
    assert waiting.decide(call_for("pay", {})).approval == "ap2"
