"""A held call may wait for its person; it runs only if the gateway then says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from yett.errors import YettError
from yett.model import Decision, Effect, Outcome, ToolCall
from yett.sdk.approvals import Waiting
from yett.sdk.decider import aask, ask, atell, call_for
from yett.sdk.scripted import ScriptedDecider

Ask = Callable[[Waiting, ToolCall], Decision]


@pytest.fixture(params=["blocking", "asyncio"])
def way(request: pytest.FixtureRequest) -> Ask:
    return ask if request.param == "blocking" else lambda decider, call: asyncio.run(aask(decider, call))


class Office(ScriptedDecider):
    """Holds `pay` until a person decides, which happens while somebody waits."""

    def __init__(self, answer: str) -> None:
        super().__init__(hold=["pay"])
        self.answer = answer
        self.waited: list[tuple[str, float]] = []

    def await_approval(self, approval: str, timeout: float) -> bool:
        self.waited.append((approval, timeout))
        if self.answer == "refused":
            raise YettError("APPROVAL_REFUSED", "the request for approval is refused")
        if self.answer == "approved":
            self.approve("pay")
        return self.answer in ("approved", "lie")


def test_a_call_that_waits_runs_after_a_person_said_yes(way: Ask) -> None:
    office = Office("approved")
    assert way(Waiting(office, 30), call_for("pay", {"amount": 1})).effect is Effect.ALLOW
    assert office.waited == [("ap1", 30)]
    assert office.calls[0] == office.calls[1], "the very same call is asked again"


@pytest.mark.parametrize(
    ("answer", "code"), [("silence", Effect.HOLD), ("lie", Effect.HOLD), ("refused", Effect.DENY)]
)
def test_it_does_not_run_after_silence_a_refusal_or_a_yes_the_gateway_does_not_know(
    answer: str, code: Effect, way: Ask
) -> None:
    assert way(Waiting(Office(answer), 30), call_for("pay", {})).effect is code


def test_a_call_that_may_not_wait_is_answered_at_once(way: Ask) -> None:
    office = Office("approved")
    assert way(Waiting(office), call_for("pay", {})).effect is Effect.HOLD
    assert office.waited == []


def test_a_report_goes_the_way_its_decider_takes_it() -> None:
    office = Office("approved")
    assert asyncio.run(atell(Waiting(office), Outcome(decision_id="d", status="ok"))) is None
    assert [outcome.decision_id for outcome in office.outcomes] == ["d"]
