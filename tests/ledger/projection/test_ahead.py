"""Results that go ahead of their records: what a session knows of them, at once and after every kind of end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faulty_disk import FaultyDisk
from ledger_world import AGENT, OPERATOR, OTHER, World, codes

from waiting import until
from yett.errors import AuditUnavailable, LedgerError
from yett.ledger import core
from yett.ledger.projection import ahead
from yett.ledger.projection.ahead import FILES
from yett.ledger.projection.epoch import ANYTHING
from yett.ledger.projection.replay import replay
from yett.model import Decision, Effect, OutcomeFacts
from yett_audit.reader import records

FOREIGN = "evil@example.com"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but a decision takes an outcome to the disk."""
    monkeypatch.setattr(ahead, "LINGER_S", 3600)


@pytest.fixture
def reboots(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Call it, and the operating system was started anew."""
    boots = [0]
    monkeypatch.setattr(core, "boot", lambda: f"boot {boots[0]}")

    def reboot() -> None:
        boots[0] += 1

    return reboot


def decide(world: World, tool: str = "read_mail", **how: Any) -> Decision:
    """A call whose result will go ahead."""
    made = world.ledger.commit(msgspec.structs.replace(world.propose(tool, **how), ahead=True))
    return made.result(120)


def release(world: World, decision: Decision, *, status: str = "ok") -> None:
    world.ledger.release(
        OutcomeFacts(
            decision_id=decision.decision_id,
            status=status,
            result_digest="sha256:" + "1" * 64,
            size=10,
            values=((FOREIGN, "untrusted"),),
            labels=("read_untrusted",),
        ),
        AGENT,
    )


def knows(world: World) -> bool:
    """Whether the session knows what was read, and its principal's other ones too."""
    view = world.ledger.snapshot(AGENT)
    other = world.ledger.snapshot(AGENT, world.ledger.open_session(AGENT))
    return all("read_untrusted" in v.labels and v.origin(FOREIGN) == "untrusted" for v in (view, other))


def outcomes(world: World) -> list[str]:
    return [r.body["decision"] for r in records(world.folder / "log") if r.event == "outcome"]


def holds_what_acts(world: World, **how: Any) -> bool:
    sent = world.decide("send", {"to": "bob@example.com"}, does=("send",), **how)
    return sent.effect is Effect.HOLD and codes(sent) >= {"STATE_LOST"}


@pytest.mark.usefixtures("slow")
def test_the_next_call_is_judged_by_what_was_read_before_its_record_is_durable(world: World) -> None:
    decision = decide(world)
    release(world, decision)
    assert outcomes(world) == []
    assert "read_untrusted" in world.ledger.snapshot(AGENT).labels
    with pytest.raises(LedgerError, match="UNKNOWN_DECISION"):
        release(world, decision)


@pytest.mark.usefixtures("slow")
def test_the_next_decision_takes_the_outcome_to_the_disk_before_itself(world: World) -> None:
    decision = decide(world)
    release(world, decision)
    world.decide()
    events = [r.event for r in records(world.folder / "log") if not r.event.startswith("log.")]
    assert events[-3:] == ["decision", "outcome", "decision"]


def test_without_a_next_decision_it_gets_there_by_itself(world: World) -> None:
    decision = decide(world)
    release(world, decision)
    inner = world.ledger._core
    until(lambda: inner.writer.head().checkpoint.size > inner._last.index)
    assert outcomes(world) == [decision.decision_id]


@pytest.mark.usefixtures("slow")
def test_a_call_that_was_not_made_to_go_ahead_waits_for_its_record(world: World) -> None:
    decision = world.decide("read_mail")
    release(world, decision)
    assert outcomes(world) == [decision.decision_id]


def test_only_who_asked_reports(world: World) -> None:
    decision = decide(world)
    with pytest.raises(LedgerError, match="NOT_YOURS"):
        world.ledger.release(
            OutcomeFacts(decision_id=decision.decision_id, status="ok", result_digest="", size=0), OTHER
        )


# -- a process that dies -------------------------------------------------------------------------------


@pytest.mark.usefixtures("slow")
def test_a_killed_process_forgets_nothing_that_was_shown(world: World) -> None:
    """prevents: a gateway that is made to crash, so that its agent acts on what nobody knows it has read."""
    decision = decide(world)
    release(world, decision)
    world.restart(crash=True)
    assert outcomes(world) == [decision.decision_id]
    assert knows(world)
    assert "state_lost" not in world.ledger.snapshot(AGENT).labels
    world.restart(crash=True)
    assert outcomes(world) == [decision.decision_id]


@pytest.mark.usefixtures("slow")
def test_it_forgets_nothing_either_if_whoever_opens_the_ledger_dies_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = decide(world)
    release(world, decision)
    world.ledger.abandon()
    disk = FaultyDisk()
    disk.fail_at = 3
    with pytest.raises((AuditUnavailable, LedgerError)):
        World(world.folder, writer_options={"real": disk})
    world.ledger = world._open()
    assert outcomes(world) == [decision.decision_id]
    assert knows(world)


@pytest.mark.usefixtures("slow")
def test_a_call_that_was_under_way_in_a_killed_process_was_shown_to_nobody(world: World) -> None:
    decide(world)
    world.restart(crash=True)
    assert not world.ledger.snapshot(AGENT).labels


@pytest.mark.usefixtures("slow")
def test_half_a_line_is_an_outcome_that_was_not_shown(world: World) -> None:
    release(world, decide(world))
    first, second = decide(world), decide(world)
    release(world, first)
    release(world, second)
    world.ledger.abandon()
    lines = max((world.folder / name for name in FILES), key=lambda path: path.stat().st_size)
    os.truncate(lines, lines.stat().st_size - 3)
    world.ledger = world._open()
    assert first.decision_id in outcomes(world)
    assert second.decision_id not in outcomes(world)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("damage", [b"garbage\n", b"[1]\n", b'{"a":1}\n', b"[1,{}]\n", b"\xff\n", None])
def test_what_was_set_aside_and_cannot_be_read_may_have_been_anything(
    world: World, damage: bytes | None
) -> None:
    release(world, decide(world))
    world.ledger.abandon()
    for name in FILES:
        path = world.folder / name
        path.unlink() if damage is None else path.write_bytes(damage)
    world.ledger = world._open()
    assert world.ledger.snapshot(AGENT).labels >= ANYTHING
    assert holds_what_acts(world)


# -- a machine that dies -------------------------------------------------------------------------------


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("shown", [False, True])
def test_after_a_power_cut_a_call_under_way_has_read_anything(
    world: World, reboots: Any, shown: bool
) -> None:
    """prevents: an agent that goes on with a result of which the disk knows nothing."""
    world.restart()
    decision = decide(world)
    if shown:
        release(world, decision)
    world.ledger.abandon()
    reboots()
    world.ledger = world._open()
    assert world.ledger.snapshot(AGENT).labels >= ANYTHING
    assert holds_what_acts(world)
    assert world.decide("read_file", does=("read",)).allowed
    assert holds_what_acts(world, session=world.ledger.open_session(AGENT)), "a new session is no way around"
    assert not world.ledger.snapshot(OTHER).labels
    (world.folder / "ledger.db").unlink()
    world.restart(crash=True)
    assert world.ledger.snapshot(AGENT).labels >= ANYTHING, "it is in the log"
    assert replay(world.folder / "log").sessions


def test_a_system_without_a_name_for_its_boots_counts_every_crash_as_one_of_the_machine(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "boot", str)
    world.restart()
    decide(world)
    world.restart(crash=True)
    assert holds_what_acts(world)


def test_after_an_orderly_end_nothing_is_unknown(world: World, reboots: Any) -> None:
    world.restart()
    release(world, decide(world))
    decide(world)
    world.ledger.close()
    reboots()
    world.ledger = world._open()
    assert world.ledger.snapshot(AGENT).labels == {"read_untrusted"}


def test_who_reports_with_a_durable_answer_has_shown_nothing_without_one(world: World, reboots: Any) -> None:
    world.restart()
    world.decide("read_mail")
    world.ledger.abandon()
    reboots()
    world.ledger = world._open()
    assert not world.ledger.snapshot(AGENT).labels


def test_what_an_epoch_did_not_know_the_next_one_does_not_ask_again(world: World, reboots: Any) -> None:
    world.restart()
    decide(world)
    for _ in range(2):
        world.clock.pass_s(1)
        world.ledger.abandon()
        reboots()
        world.ledger = world._open()
    told = [r.body.get("unknown", []) for r in records(world.folder / "log") if r.event == "epoch"]
    assert [len(each) for each in told] == [0, 0, 1, 0]


def test_a_mandates_use_is_in_doubt_as_ever(world: World, reboots: Any) -> None:
    world.restart()
    token = world.ledger.issue_mandate(OPERATOR, principal="ada", agent="helper", tool="pay")
    decision = decide(world, "pay", mandate=token)
    assert decision.allowed
    world.ledger.abandon()
    reboots()
    world.ledger = world._open()
    assert [row.id for row in world.ledger.in_doubt()] == [decision.decision_id]
    assert not world.decide("pay", mandate=token).allowed


def test_an_operator_takes_it_back_by_clearing_the_session(world: World, reboots: Any) -> None:
    world.restart()
    decide(world)
    world.ledger.abandon()
    reboots()
    world.ledger = world._open()
    session = world.ledger.snapshot(AGENT).session
    token = world.ledger.issue_clearing(session, OPERATOR, labels=("state_lost", "taint_saturated"))
    world.ledger.clear(token, OPERATOR)
    for each in ("", world.ledger.open_session(AGENT)):
        assert world.decide("send", does=("send",), session=each).allowed
        assert "read_untrusted" in world.ledger.snapshot(AGENT, each).labels, "it was not named"


def test_more_calls_than_one_record_names_go_into_several(
    world: World, reboots: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "NAMED", 2)
    world.restart()
    made = {decide(world).decision_id for _ in range(5)}
    world.ledger.abandon()
    reboots()
    world.ledger = world._open()
    told = [r.body.get("unknown", []) for r in records(world.folder / "log") if r.event == "epoch"]
    assert [len(each) for each in told[-3:]] == [2, 2, 1]
    assert {each for part in told for each in part} == made


# -- a disk that fails ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("wrote", [-1, 0, 7])
def test_an_outcome_that_cannot_be_set_aside_waits_for_its_record(
    world: World, monkeypatch: pytest.MonkeyPatch, wrote: int
) -> None:
    first, second, third = decide(world), decide(world), decide(world)
    release(world, first)

    def full(file: int, data: bytes) -> int:
        if wrote < 0:
            raise OSError(28, "no space left")
        return real(file, data[:wrote])

    real = os.write
    with monkeypatch.context() as disk:
        disk.setattr(ahead.os, "write", full)
        release(world, second)
    assert outcomes(world) == [first.decision_id, second.decision_id]
    release(world, third)
    assert len(outcomes(world)) == 3, "nothing is written behind half a line"


@pytest.mark.usefixtures("slow")
def test_a_log_that_fails_at_the_outcome_denies_every_later_call_and_opens_again_with_it(
    worlds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FaultyDisk()
    world = worlds(writer_options={"real": disk})
    decision = decide(world)
    disk.fail_at, disk.error = disk.operations + 1, 28
    release(world, decision)
    for _ in range(3):
        denied = world.decide()
        assert (denied.effect, codes(denied)) == (Effect.DENY, {"AUDIT_UNAVAILABLE"})
    world.restart(crash=True)
    assert outcomes(world) == [decision.decision_id]
    assert knows(world)


@pytest.mark.usefixtures("slow")
def test_a_file_is_emptied_once_it_is_on_record_while_calls_go_on(world: World) -> None:
    """prevents: files that grow for as long as the gateway is busy; an outcome that is in neither of them."""
    aside = world.ledger._core.ahead
    for _ in range(3):
        decision = decide(world)
        release(world, decision)
        assert [body["decision"] for body in aside.left() or ()][-1] == decision.decision_id
        aside.turn()
        assert decision.decision_id in outcomes(world)
        assert aside.left() == []


def test_the_files_are_for_nobody_else(world: World) -> None:
    assert [(world.folder / name).stat().st_mode & 0o777 for name in FILES] == [0o600, 0o600]


def test_a_folder_in_which_they_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILES[1]).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuditUnavailable):
        World(tmp_path / "state")
