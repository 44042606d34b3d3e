"""What ended long ago is forgotten, by itself and a little at a time; what is not settled never is."""

from __future__ import annotations

import threading

import pytest
from ledger_world import AGENT, APPROVER, OPERATOR, World, codes

from yett.errors import LedgerError
from yett.ledger.core import Core
from yett.ledger.projection import sweep
from yett.ledger.projection.replay import replay
from yett.model import Effect

DAY_S = 86_400


def issue(world: World, count: int = 1, seconds: int = 60) -> list[str]:
    return [
        world.ledger.issue_mandate(
            OPERATOR, principal="ada", agent="helper", tool="pay", lifetime_ms=seconds * 1000
        )
        for _ in range(count)
    ]


def rows(world: World, table: str) -> int:
    return len(world.ledger._core.state.tables[table].rows)


def test_approvals_and_their_views_go_a_day_after_their_end(world: World) -> None:
    held = world.decide("wire", {"n": 1}, effect=Effect.HOLD)
    approved = world.decide("wire", {"n": 2}, effect=Effect.HOLD)
    assert held.approval is not None
    assert approved.approval is not None
    world.ledger.approve(approved.approval, APPROVER)
    world.clock.pass_s(DAY_S)
    assert world.ledger.sweep() == 0, "a retry still gets its answer"
    world.clock.pass_s(DAY_S)
    assert world.ledger.sweep() == 3, "two requests, and the mandate that one of them had become"
    assert rows(world, "approval") == rows(world, "mandate") == 0
    assert world.ledger._core.state.by_call == {}
    assert world.ledger._core.store.view(held.approval) is None
    with pytest.raises(LedgerError, match="APPROVAL_UNKNOWN"):
        world.ledger.approval(held.approval, APPROVER)
    again = world.decide("wire", {"n": 1}, effect=Effect.HOLD)
    assert again.approval not in (None, held.approval), "the same call asks anew"


def test_a_revocation_goes_with_what_it_revoked(world: World) -> None:
    first, second = issue(world, 2)
    known = list(world.ledger._core.state.mandates.rows)
    world.ledger.revoke("mandate:" + known[0], OPERATOR)
    world.ledger.revoke("principal:default/ada", OPERATOR)
    world.ledger.revoke("key:somebody", OPERATOR)
    world.clock.pass_s(3 * DAY_S)
    assert world.ledger.sweep() == 3
    assert {*world.ledger._core.state.revoked.rows} == {"principal:default/ada", "key:somebody"}
    assert codes(world.decide("pay", mandate=first)) == {"MANDATE_EXPIRED"}
    assert codes(world.decide("pay", mandate=second)) == {"MANDATE_EXPIRED"}
    world.clock.pass_s(31 * DAY_S)
    assert world.ledger.sweep() == 1
    assert {*world.ledger._core.state.revoked.rows} == {"key:somebody"}, "a key is revoked for good"


def test_what_is_under_way_or_in_doubt_stays(world: World) -> None:
    doubtful, running = issue(world, 2)
    world.decide("pay", mandate=doubtful)
    world.restart(crash=True)
    world.decide("pay", mandate=running)
    world.clock.pass_s(10 * DAY_S)
    assert world.ledger.sweep() == 0
    assert len(world.ledger.in_doubt()) == 1
    assert rows(world, "mandate") == 2


def test_a_run_is_bounded_and_a_sweep_comes_to_everything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "LOOKED_AT", 7)
    monkeypatch.setattr(sweep, "FORGOTTEN", 3)
    issue(world, 5, seconds=10 * DAY_S)
    issue(world, 20)
    world.clock.pass_s(3 * DAY_S)
    assert world.ledger._core.sweeper.over(world.ledger._core.state, world.clock()).rows <= 3
    while world.ledger.sweep():
        pass
    assert rows(world, "mandate") == 5


def test_a_ledger_sweeps_by_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """prevents: a gateway that runs for months and remembers every mandate there ever was."""
    issue(world, 3)
    world.clock.pass_s(3 * DAY_S)
    world.ledger.close()
    swept = threading.Event()
    original = Core.sweep

    def noticed(core: Core) -> int:
        forgotten = original(core)
        if forgotten:
            swept.set()
        return forgotten

    monkeypatch.setattr("yett.ledger.core.UPKEEP_S", 0.01)
    monkeypatch.setattr(Core, "sweep", noticed)
    world.ledger = world._open()
    assert swept.wait(120)
    assert rows(world, "mandate") == 0


def test_the_log_leads_to_the_swept_state(world: World) -> None:
    issue(world, 3)
    world.decide("wire", {"n": 1}, effect=Effect.HOLD)
    world.clock.pass_s(3 * DAY_S)
    assert world.ledger.sweep() == 4
    world.decide(who=AGENT)
    world.ledger.close()
    assert replay(world.folder / "log", world.folder / "ledger.db").differing == ()
    world.ledger = world._open()
    assert rows(world, "approval") == 0
