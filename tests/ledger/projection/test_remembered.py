"""How long an allowed decision is remembered, and how many."""

from __future__ import annotations

import pytest
from ledger_world import AGENT, World, codes

from yett.errors import LedgerError
from yett.ledger.projection import state as state_of
from yett.ledger.projection.replay import replay
from yett.model import Decision, Effect

DAY_S = 24 * 3600


def remembered(world: World) -> set[str]:
    return set(world.ledger._core.state.decided.rows)


def refused(world: World, decision: Decision) -> str:
    with pytest.raises(LedgerError) as caught:
        world.report(decision)
    return caught.value.code


def test_what_was_reported_is_not_kept_unless_something_asks_for_it_again(world: World) -> None:
    plain, tried = world.decide(), world.decide(attempt="pay-1")
    waiting = world.decide()
    world.report(plain)
    world.report(tried)
    assert remembered(world) == {tried.decision_id, waiting.decision_id}
    assert codes(world.decide(attempt="pay-1")) == {"ATTEMPT_SPENT"}


def test_what_nobody_reports_is_kept_for_a_day(world: World) -> None:
    old = world.decide()
    world.clock.pass_s(DAY_S)
    still = world.decide()
    assert old.decision_id in remembered(world)
    world.clock.pass_s(60)
    world.decide()
    assert old.decision_id not in remembered(world)
    assert still.decision_id in remembered(world)
    assert refused(world, old) == "UNKNOWN_DECISION"


def test_those_who_never_report_are_not_remembered_without_bound(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_of, "MAX_UNREPORTED", 5)
    tried = world.decide(attempt="pay-1")
    silent = [world.decide() for _ in range(12)]
    kept = remembered(world)
    assert tried.decision_id in kept  # an attempt is promised to be recognised
    assert {each.decision_id for each in silent[-5:]} <= kept
    assert len(kept) <= 7
    assert refused(world, silent[0]) == "UNKNOWN_DECISION"
    world.report(silent[-1])
    assert codes(world.decide(attempt="pay-1")) == {"ATTEMPT_IN_FLIGHT"}


def test_a_restart_remembers_the_same(world: World) -> None:
    reported, silent, tried = world.decide(), world.decide(), world.decide(attempt="pay-1")
    world.report(reported)
    world.restart()
    assert remembered(world) == {silent.decision_id, tried.decision_id}
    world.report(silent)
    world.ledger.close()
    assert replay(world.folder / "log", world.folder / "ledger.db").differing == ()


def test_requests_of_one_principal_are_counted_while_they_wait(world: World) -> None:
    state = world.ledger._core.state

    def waiting() -> int:
        return state.waiting(AGENT.tenant, AGENT.principal, world.clock())

    for amount in range(3):
        world.decide("pay", {"amount": amount}, effect=Effect.HOLD, approvers=("treasury",))
        world.clock.pass_s(6 * 60)
    assert waiting() == 2  # the first has expired
    world.restart()
    state = world.ledger._core.state
    assert waiting() == 2
    world.clock.pass_s(3600)
    assert waiting() == 0
