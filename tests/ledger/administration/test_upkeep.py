"""Years of use: what is removed from the log is not forgotten by the state, and keys change hands whatever is killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_world import OPERATOR, ORIGIN, Clock, World, codes

from yett.errors import LedgerError
from yett.ledger.administration import upkeep
from yett.ledger.administration.backup import backup, mark_restored
from yett.ledger.administration.upkeep import DAY_MS, rotate_ledger_key, rotate_log_key
from yett.ledger.core import Core
from yett.ledger.projection import position
from yett.ledger.projection.replay import rebuild, replay
from yett.model import Effect
from yett_audit import disk, note, retention
from yett_audit.reader import records
from yett_audit.trust import Trust
from yett_audit.verify import Demand, Report, verify_log

SMALL = {"writer_options": {"segment_bytes": 20_000}}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "state", **SMALL)
    yield made
    made.ledger.close()


def verified(world: World, key: str) -> Report:
    return verify_log(world.folder / "log", Demand(trust=Trust(logs=[note.VerifierKey.parse(key)])))


def live_through(world: World, hours: int = 60) -> str:
    """Days in which a mandate is used and somebody frozen; returns the mandate."""
    token = world.ledger.issue_mandate(
        OPERATOR, principal="ada", agent="helper", tool="pay", lifetime_ms=20 * DAY_MS
    )
    world.report(world.decide("pay", {"n": 1}, mandate=token))
    world.ledger.freeze("principal:default/eve", OPERATOR)
    for number in range(hours):
        world.clock.pass_s(3600)
        world.decide("read", {"n": number})
    return token


def lose_projection(world: World) -> None:
    for path in world.folder.glob("ledger.db*"):
        path.unlink()


def remembers(world: World, token: str) -> bool:
    return codes(world.decide("pay", {"n": 1}, mandate=token)) == {"MANDATE_SPENT"} and [
        row.scope for row in world.ledger.frozen()
    ] == ["principal:default/eve"]


# -- removing what is old ------------------------------------------------------------------------------


def test_a_log_whose_beginning_went_leads_to_the_same_state(world: World) -> None:
    token = live_through(world)
    found = world.ledger.retain(DAY_MS, by="ops", reason="one day")
    assert (found.removed, found.first) == (found.first, found.first)
    assert found.removed > 30
    world.decide("read", {"n": -1})
    world.ledger.abandon()
    lose_projection(world)
    world.ledger = world._open()
    assert remembers(world, token)
    world.ledger.close()
    again = replay(world.folder / "log", world.folder / "ledger.db")
    assert again.differing == ()
    rebuild(world.folder)
    world.ledger = world._open()
    assert remembers(world, token)
    report = verified(world, world.ledger.log_key)
    assert (report.exit_code, report.pruned_below) == (0, found.first)


def test_what_is_young_stays_and_removing_again_goes_on(world: World) -> None:
    live_through(world)
    assert world.ledger.retain(90 * DAY_MS, by="ops", reason="x").removed == 0
    first = world.ledger.retain(2 * DAY_MS, by="ops", reason="x").first
    for number in range(60):
        world.clock.pass_s(3600)
        world.decide("read", {"n": number})
    assert world.ledger.retain(2 * DAY_MS, by="ops", reason="x").first > first
    assert len(list((world.folder / position.FOLDER).iterdir())) == 1
    with pytest.raises(LedgerError, match="KEPT_TOO_SHORT"):
        world.ledger.retain(DAY_MS - 1, by="ops", reason="x")


def test_a_quiet_log_is_cut_into_segments_that_can_go(worlds: Callable[..., World]) -> None:
    world = worlds()  # of 64 MB each
    removed = 0
    for number in range(60):
        world.clock.pass_s(12 * 3600)
        world.decide("read", {"n": number})
        removed += world.ledger.retain(8 * DAY_MS, by="ops", reason="x").removed
    kept = [each.at for each in records(world.folder / "log")]
    assert removed > 50
    assert 8 * DAY_MS <= world.clock.at - kept[0] < 10 * DAY_MS
    assert verified(world, world.ledger.log_key).exit_code == 0


def test_the_archive_and_what_remains_are_the_whole_log(world: World, tmp_path: Path) -> None:
    live_through(world)
    archive = tmp_path / "archive"
    with pytest.raises(LedgerError, match="ARCHIVE_UNUSABLE"):
        world.ledger.retain(DAY_MS, by="ops", reason="x", archive=archive)
    archive.mkdir()
    world.ledger.retain(DAY_MS, by="ops", reason="x", archive=archive)
    for path in archive.iterdir():
        shutil.copy(path, world.folder / "log")
    report = verified(world, world.ledger.log_key)
    assert (report.exit_code, report.pruned_below) == (0, 0)


def test_an_archive_that_holds_something_else_or_fails_removes_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_through(world)
    before = sorted((world.folder / "log").glob("*.jsonl"))
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / before[0].name).write_text("other")
    with pytest.raises(LedgerError, match="ARCHIVE_DIFFERS"):
        world.ledger.retain(DAY_MS, by="ops", reason="x", archive=archive)
    (archive / before[0].name).unlink()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(retention.shutil, "copyfile", full)
    with pytest.raises(LedgerError, match="No space left"):
        world.ledger.retain(DAY_MS, by="ops", reason="x", archive=archive)
    assert set(before) <= set((world.folder / "log").glob("*.jsonl"))
    assert not any(each.event == "log.retention" for each in records(world.folder / "log"))


def test_a_state_that_cannot_be_written_down_removes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_through(world)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(position.os, "fsync", full)
        with pytest.raises(LedgerError, match="POSITION_NOT_KEPT"):
            world.ledger.retain(DAY_MS, by="ops", reason="x")
    assert list((world.folder / position.FOLDER).iterdir()) == []
    assert (world.folder / "log" / "000000000000.jsonl").exists()
    assert world.ledger.retain(DAY_MS, by="ops", reason="x").removed


class Killed(BaseException):
    """The process ends here."""


def killing(patch: pytest.MonkeyPatch, place: object, name: str, times: int = 1) -> None:
    """Ends the process at the n-th call of a function, before it does anything."""
    real, left = getattr(place, name), [times]

    def call(*given: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return real(*given, **more)

    patch.setattr(place, name, call)


@pytest.mark.parametrize(
    ("place", "name", "times"),
    [
        (position, "write", 1),
        (position.disk, "sync_directory", 2),
        (position, "drop_before", 1),
        (retention, "_archive", 2),
        (Path, "unlink", 1),
        (Path, "unlink", 2),
    ],
)
def test_a_removal_that_is_killed_leaves_a_log_that_opens_verifies_and_remembers(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: object, name: str, times: int
) -> None:
    """prevents: a log without its beginning beside a state that cannot be had from it."""
    token = live_through(world)
    key = world.ledger.log_key
    (tmp_path / "archive").mkdir()
    with monkeypatch.context() as patch:
        killing(patch, place, name, times)
        with pytest.raises(Killed):
            world.ledger.retain(DAY_MS, by="ops", reason="x", archive=tmp_path / "archive")
    world.ledger.abandon()
    lose_projection(world)
    world.ledger = world._open()
    assert verified(world, key).exit_code == 0
    assert remembers(world, token)
    assert world.ledger.retain(DAY_MS, by="ops", reason="x", archive=tmp_path / "archive").first > 0
    assert verified(world, key).exit_code == 0


@pytest.mark.parametrize("how", ["gone", "changed", "older"])
def test_without_its_position_a_log_without_its_beginning_is_not_opened(world: World, how: str) -> None:
    """prevents: mandates that were spent in the removed part, used once more."""
    live_through(world)
    world.ledger.retain(2 * DAY_MS, by="ops", reason="x")
    (kept,) = (world.folder / position.FOLDER).iterdir()
    world.ledger.close()
    lose_projection(world)
    data = kept.read_bytes()
    if how == "gone":
        kept.unlink()
    elif how == "changed":
        kept.write_bytes(data.replace(b"spent", b"spend"))
    else:
        kept.rename(kept.with_name("000000000001.rows"))
    for work in (world._open, lambda: replay(world.folder / "log"), lambda: rebuild(world.folder)):
        with pytest.raises(LedgerError, match="STATE_LOST"):
            work()
    shutil.rmtree(kept.parent)
    kept.parent.mkdir()
    kept.write_bytes(data)
    world.ledger = world._open()


# -- keys ----------------------------------------------------------------------------------------------


def reopen(world: World, work: Callable[[Core, str], str]) -> str:
    """Does something to the core of a ledger that is stopped, as the command line does."""
    world.ledger.close()
    core = Core.open(world.folder, origin=None, clock=world.clock, entropy=os.urandom)
    try:
        return work(core, "every year")
    finally:
        core.close()
        world.ledger = world._open()


def test_the_log_goes_on_under_a_new_key_and_both_pins_hold(world: World) -> None:
    old = world.ledger.log_key
    seed = (world.folder / "keys" / "log.seed").read_bytes()
    new = reopen(world, rotate_log_key)
    assert new == world.ledger.log_key != old
    assert (world.folder / "keys" / "log.pub").read_text().strip() == new
    assert seed not in [path.read_bytes() for path in (world.folder / "keys").iterdir() if path.is_file()]
    world.decide("read")
    for key in (old, new):
        assert verified(world, key).exit_code == 0
    told = [each.body for each in records(world.folder / "log") if each.event == "keys"]
    assert [(body["of"], body["reason"]) for body in told] == [("log", "every year")]


@pytest.mark.parametrize(
    ("place", "name", "changed"),
    [
        (disk, "write_new", False),
        (upkeep.SigningKey, "__init__", False),
        (upkeep, "settle_rotation", True),
        (upkeep, "publish", True),
    ],
)
def test_a_rotation_that_is_killed_has_happened_or_not(
    world: World, monkeypatch: pytest.MonkeyPatch, place: object, name: str, changed: bool
) -> None:
    """prevents: a log that no key at hand continues."""
    old = world.ledger.log_key
    with monkeypatch.context() as patch:
        killing(patch, place, name)
        with pytest.raises(Killed):
            rotate_log_key(world.ledger._core, "x")
    world.ledger.abandon()
    world.ledger = world._open()
    assert (world.ledger.log_key != old) is changed
    assert not (world.folder / "keys" / "log.seed.next").exists()
    assert (world.folder / "keys" / "log.pub").read_text().strip() == world.ledger.log_key
    world.decide("read")
    assert verified(world, old).exit_code == 0
    world.restart()


def test_what_the_old_key_of_mandates_signed_is_void(world: World) -> None:
    token = world.ledger.issue_mandate(OPERATOR, principal="ada", agent="helper", tool="pay")
    public = world.ledger.public_key.hex()
    new = reopen(world, rotate_ledger_key)
    assert new == world.ledger.public_key.hex() != public
    assert not world.decide("pay", {"n": 1}, mandate=token).allowed
    fresh = world.ledger.issue_mandate(OPERATOR, principal="ada", agent="helper", tool="pay")
    assert world.decide("pay", {"n": 1}, mandate=fresh).allowed


@pytest.mark.parametrize("name", ["log.seed", "ledger.seed", "master"])
def test_a_log_without_one_of_its_keys_is_not_opened_under_a_new_one(world: World, name: str) -> None:
    """prevents: a restore without `keys/master`, after which nothing that was read before is recognised."""
    world.ledger.close()
    path = world.folder / "keys" / name
    data = path.read_bytes()
    path.unlink()
    with pytest.raises(LedgerError, match="KEYS_MISSING"):
        world._open()
    disk.write_new(path, data, 0o600)
    world.ledger = world._open()


# -- copies --------------------------------------------------------------------------------------------


def restored(copy: Path, clock: Clock) -> World:
    """A world that goes on in a copy, on the original's clock."""
    made = object.__new__(World)
    made.folder, made.clock, made.options = copy, clock, SMALL
    made.ledger = made._open()
    return made


def test_a_copy_holds_what_acts_and_takes_no_older_mandate(world: World, tmp_path: Path) -> None:
    """prevents: a mandate that was used after the backup, used again from the backup."""
    token = world.ledger.issue_mandate(OPERATOR, principal="ada", agent="helper", tool="pay", uses=2)
    world.report(world.decide("pay", {"n": 1}, mandate=token))
    report = backup(world.folder, tmp_path / "copy")
    assert (report.verdict, report.origin) == ("SEALED", ORIGIN)
    world.report(world.decide("pay", {"n": 1}, mandate=token))
    world.clock.pass_s(60)
    twin = restored(tmp_path / "copy", world.clock)
    try:
        assert codes(twin.decide("pay", {"n": 1}, mandate=token)) == {"MANDATE_REVOKED"}
        assert twin.decide("send", {"n": 1}, does=("send",)).effect is Effect.HOLD
        assert twin.decide("read", {"n": 1}).allowed
        twin.ledger.clear(twin.ledger.issue_clearing("all", OPERATOR, reason="restored"), OPERATOR)
        assert twin.decide("send", {"n": 2}, does=("send",)).allowed
        twin.restart()  # the copy is one no longer
        assert twin.decide("send", {"n": 3}, does=("send",)).allowed
        assert codes(twin.decide("pay", {"n": 1}, mandate=token)) == {"MANDATE_REVOKED"}
        twin.clock.pass_s(1)
        fresh = twin.ledger.issue_mandate(OPERATOR, principal="ada", agent="helper", tool="pay")
        assert twin.decide("pay", {"n": 1}, mandate=fresh).allowed
    finally:
        twin.ledger.close()
    assert replay(tmp_path / "copy" / "log", tmp_path / "copy" / "ledger.db").differing == ()


def test_a_copy_of_a_pruned_log_opens(world: World, tmp_path: Path) -> None:
    live_through(world)
    world.ledger.retain(DAY_MS, by="ops", reason="x")
    backup(world.folder, tmp_path / "copy")
    restored(tmp_path / "copy", world.clock).ledger.close()


def test_a_copy_is_made_whole_or_not_at_all(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LedgerError, match="NO_LOG"):
        backup(tmp_path / "nothing", tmp_path / "copy")
    with pytest.raises(LedgerError, match="BACKUP_INSIDE"):
        backup(world.folder, world.folder / "log" / "copy")
    backup(world.folder, tmp_path / "copy")
    with pytest.raises(LedgerError, match="BACKUP_EXISTS"):
        backup(world.folder, tmp_path / "copy")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(LedgerError, match="No space left"):
        backup(world.folder, tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_an_older_copy_made_by_other_means_is_marked_by_hand(world: World, tmp_path: Path) -> None:
    world.ledger.close()
    shutil.copytree(world.folder, tmp_path / "copy")
    world.ledger = world._open()
    mark_restored(tmp_path / "copy")
    twin = restored(tmp_path / "copy", world.clock)
    assert twin.decide("send", {"n": 1}, does=("send",)).effect is Effect.HOLD
    twin.ledger.close()


def test_rebuilding_beside_a_running_gateway_is_refused(world: World) -> None:
    """prevents: a projection emptied under a gateway that saves only what changes: spent mandates would be gone."""
    world.decide("read")
    world.ledger.save()
    with pytest.raises(LedgerError, match="LOCKED"):
        rebuild(world.folder)
    with pytest.raises(LedgerError, match="NO_LOG"):
        rebuild(world.folder / "nothing")


# -- clocks --------------------------------------------------------------------------------------------


def test_a_clock_set_back_by_a_year_brings_nothing_back_and_is_said(world: World) -> None:
    token = live_through(world)
    mandate = world.ledger.issue_mandate(
        OPERATOR, principal="ada", agent="helper", tool="pay", lifetime_ms=60_000
    )
    world.clock.pass_s(120)
    world.decide("read")
    world.clock.pass_s(-365 * 24 * 3600)
    assert codes(world.decide("pay", {"n": 1}, mandate=mandate)) == {"MANDATE_EXPIRED"}
    world.restart(crash=True)
    assert remembers(world, token)
    assert codes(world.decide("pay", {"n": 1}, mandate=mandate)) == {"MANDATE_EXPIRED"}
    assert world.ledger.behind == 365 * DAY_MS
    assert verified(world, world.ledger.log_key).exit_code == 0
    world.clock.pass_s(366 * 24 * 3600)
    assert world.ledger.behind == 0


# -- the command line ----------------------------------------------------------------------------------


def yett(*words: object, status: int = 0) -> str:
    command = [sys.executable, "-c", "from yett.cli import main; main()", "ledger", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_command_line_keeps_a_stopped_ledger_and_refuses_one_that_runs(
    world: World, tmp_path: Path
) -> None:
    keep = ("prune", world.folder, "--keep", "1d", "--reason", "x")
    live_through(world)
    assert "LOCKED" in yett(*keep, status=2)
    assert "SEALED" in yett("backup", world.folder, tmp_path / "copy")
    world.ledger.close()
    assert "records removed; the log now begins with" in yett(*keep)
    yett("prune", world.folder, "--keep", "1y", "--reason", "x", status=2)
    told = yett("rotate", world.folder, "--reason", "x")
    assert (world.folder / "keys" / "log.pub").read_text().strip() in told
    assert "yett clear all" in yett("restored", world.folder)
    assert "NO_LOG" in yett("restored", tmp_path, status=2)
    world.ledger = world._open()
    assert world.decide("send", {"n": 1}, does=("send",)).effect is Effect.HOLD
