"""Replay: the log alone leads to the same state, bit for bit, and a wrong state is found."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from ledger_world import AGENT, APPROVER, OPERATOR, World

from yett.errors import LedgerError
from yett.ledger import Conflict
from yett.ledger.memory.session import Clock, Session
from yett.ledger.projection import changes as plan
from yett.ledger.projection.replay import rebuild, replay
from yett.model import Effect


def busy(world: World) -> None:
    """A bit of everything."""
    session = world.ledger.open_session(AGENT, prompt="pay bob@corp.example 500")
    child = world.ledger.open_session(AGENT, parent=session)
    for number in range(6):
        world.clock.pass_s(61)
        decision = world.decide(
            "send", {"n": number}, session=(session, child)[number % 2], does=("send",), score=100 * number
        )
        if decision.allowed:
            world.report(
                decision,
                (f"x{number}@y.example", "untrusted"),
                labels=("read_untrusted",),
                orders=number == 3,
            )
    token = world.ledger.issue_mandate(OPERATOR, principal="ada", agent="helper", tool="pay", uses=2)
    world.report(world.decide("pay", {"n": 1}, mandate=token))
    world.decide("pay", {"n": 2}, mandate=token)
    held = world.decide("wire", {"n": 1}, effect=Effect.HOLD)
    assert held.approval is not None
    world.ledger.approve(held.approval, APPROVER)
    world.decide("wire", {"n": 1}, effect=Effect.HOLD)
    world.ledger.freeze("session:" + child, OPERATOR)
    world.decide("x", effect=Effect.DENY, score=900)


def test_the_log_leads_to_the_state_that_was_saved(world: World) -> None:
    busy(world)
    live = {name: dict(table.rows) for name, table in world.ledger._core.state.tables.items()}
    world.ledger.close()
    found = replay(world.folder / "log", world.folder / "ledger.db")
    assert found.differing == ()
    assert found.records > 20
    world.ledger = world._open()
    for name, table in world.ledger._core.state.tables.items():
        if name not in ("decided",):
            assert {key: table.get(key) for key in live[name]} == live[name], name


def test_rebuilding_gives_the_same_state(world: World) -> None:
    busy(world)
    before = dict(world.ledger._core.state.sessions.rows)
    world.ledger.close()
    rebuild(world.folder)
    world.ledger = world._open()
    assert world.ledger._core.state.sessions.rows == before


def test_a_changed_row_of_the_projection_is_named(world: World) -> None:

    busy(world)
    world.ledger.close()
    with sqlite3.connect(world.folder / "ledger.db") as db:
        db.execute(
            "update row set value = (select value from row where tab = 'account' limit 1) where tab = 'principal'"
        )
    found = replay(world.folder / "log", world.folder / "ledger.db")
    assert any("principal" in name for name in found.differing)
    world.ledger = world._open()


def test_a_ledger_that_replays_differently_is_found_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(world)
    world.ledger.save()
    original = plan.session.with_labels
    monkeypatch.setattr(
        plan.session, "with_labels", lambda labels, new: original(labels, set(new) - {"read_untrusted"})
    )
    with pytest.raises(LedgerError, match="STATE_MISMATCH"):
        replay(world.folder / "log")


def test_the_command_line_replays_and_rebuilds(world: World) -> None:
    busy(world)
    world.ledger.close()
    yett = str(Path(sys.executable).with_name("yett"))
    done = subprocess.run(
        [yett, "ledger", "replay", str(world.folder), "--json"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events"]["decision"] >= 10
    assert (
        subprocess.run(
            [yett, "ledger", "rebuild", str(world.folder)], capture_output=True, check=False
        ).returncode
        == 0
    )
    world.ledger = world._open()


def test_the_hash_of_a_session_is_the_same_on_every_python() -> None:
    """The vector was computed once; a version of Python, msgspec or the ledger that differs cannot replay."""
    row = Session(
        id="s_vector",
        tenant="t",
        principal="p",
        agent="a",
        lineage="s_root",
        version=7,
        labels=("read_untrusted",),
    )
    row = msgspec.structs.replace(
        row, clock=Clock().struck(30_000, 1_800_000_000_000).struck(100, 1_800_000_900_000)
    )
    assert (row.clock.fast, row.clock.slow) == (7500, 29_884)
    assert row.hash == "6883f00b8fdbed0704a25fba445165c51f803976c31ceb42da812b0d8e47d389"


def test_nothing_is_recorded_for_a_conflict(world: World) -> None:
    first = world.propose()
    first.snapshot.count("read_file", 60)
    world.decide()
    size = world.ledger._core.state.applied
    assert isinstance(world.ledger.commit(first), Conflict)
    assert world.ledger._core.state.applied == size
