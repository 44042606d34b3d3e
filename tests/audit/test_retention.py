"""What remains after pruning proves itself; copies elsewhere find what is missing; keys change hands in order."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waiting import until
from yett_audit import anchor, cli, export, note, notefile, retention
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import LogRefused
from yett_audit.reader import records
from yett_audit.receipt import Receipt
from yett_audit.trust import Trust
from yett_audit.verify import Demand, verify_log
from yett_audit.writer import Writer

Open = Callable[..., Writer]
KEY = SigningKey(bytes(range(32)))


def fill(log: Writer, count: int, batch: int = 5) -> None:
    for number in range(count):
        body = {
            "id": f"d{log.head().checkpoint.size}.{number}",
            "effect": ("allow", "deny", "hold")[number % 3],
            "who": {"principal": "zoë", "agent": "bot=1|x"},
            "call": {"tool": "send_money"},
            "reasons": [{"stage": "policy", "code": "DEFAULT_DENY"}],
            "risk": number % 1000,
        }
        log.append("decision", body)
        if number % batch == batch - 1:
            log.flush()
    log.flush()


def pin(log: Writer) -> Demand:
    return Demand(trust=Trust(logs=[note.VerifierKey.parse(log.vkey)]))


def test_a_pruned_log_verifies_and_says_what_is_gone(opened: Open, tmp_path: Path) -> None:
    log = opened(segment_bytes=20_000)
    fill(log, 400)
    before = len(list(log.directory.glob("*.jsonl")))
    cut = retention.prune(log, 250, by="ops", reason="90 days", archive=None)
    assert len(list(log.directory.glob("*.jsonl"))) < before
    fill(log, 100)
    log.close()
    found = verify_log(log.directory, pin(log))
    assert (found.exit_code, found.verdict, found.pruned_below) == (0, "SEALED", cut)
    again = opened(segment_bytes=20_000)
    told = next(r for r in records(log.directory) if r.event == "log.retention").body
    assert (told["below"], told["by"], told["records"]) == (cut, "ops", cut)
    for index in (cut, cut + 1, again.head().checkpoint.size - 1):
        Receipt.parse(again.receipt(index).encode()).verify(pin(again).trust)


def test_pruning_twice_and_archiving(opened: Open, tmp_path: Path) -> None:
    log = opened(segment_bytes=20_000)
    fill(log, 300)
    archive = tmp_path / "archive"
    archive.mkdir()
    first = retention.prune(log, 100, by="ops", reason="x", archive=archive)
    assert len(list(archive.iterdir())) > 0
    second = retention.prune(log, 250, by="ops", reason="x")
    assert second > first
    assert verify_log(log.directory, pin(log)).exit_code == 0
    with pytest.raises(LogRefused):
        retention.prune(log, second, by="ops", reason="x")


def test_a_beginning_that_is_missing_without_a_record_is_tampering(opened: Open) -> None:
    log = opened(segment_bytes=20_000)
    fill(log, 300)
    log.close()
    sorted(log.directory.glob("*.jsonl"))[0].unlink()
    found = verify_log(log.directory, pin(log))
    assert (found.exit_code, found.failure and found.failure["cause"]) == (1, "segment")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = cli.main(list(map(str, arguments)))
    return code, capsys.readouterr().out


@pytest.mark.parametrize("kind", sorted(export.FORMATS))
def test_an_exported_copy_finds_lost_and_changed_rows(
    capsys: Any, opened: Open, tmp_path: Path, kind: str
) -> None:
    log, copy = opened(), tmp_path / "copy"
    fill(log, 60)
    early = (log.directory / "000000000000.jsonl").read_bytes()
    fill(log, 60)
    code, rows = run(capsys, "export", log.directory, "--format", kind, "--key", log.vkey)
    copy.write_text(rows)
    assert (code, len(rows.splitlines())) == (0, 121)
    arguments = ("against", log.directory, copy, "--key", log.vkey, "--json")
    code, out = run(capsys, *arguments)
    assert (code, json.loads(out)["verdict"]) == (0, "ANCHORED")
    lines = rows.splitlines()
    copy.write_text("\n".join(lines[:50] + lines[51:]))
    code, out = run(capsys, *arguments)
    assert (code, json.loads(out)["missing"]) == (3, [records_index(log, 50)])
    copy.write_text(rows.replace(list(records(log.directory))[70].leaf.hex(), "0" * 64))
    assert run(capsys, *arguments)[0] == 4
    copy.write_text("nonsense\n")
    assert run(capsys, *arguments)[0] == 2
    copy.write_text(rows)
    log.abandon()
    (log.directory / "000000000000.jsonl").write_bytes(early)
    code, out = run(capsys, *arguments)
    assert (code, json.loads(out)["verdict"]) == (4, "ROLLBACK")


def test_log_verifies_and_holds_itself_against_a_copy_in_one_go(
    capsys: Any, opened: Open, tmp_path: Path
) -> None:
    log, copy = opened(), tmp_path / "copy"
    fill(log, 60)
    rows = run(capsys, "export", log.directory, "--format", "ocsf", "--key", log.vkey)[1]
    arguments = ("log", log.directory, "--key", log.vkey, "--against", copy, "--json")
    copy.write_text(rows)
    code, out = run(capsys, *arguments)
    assert (code, [json.loads(line)["verdict"] for line in out.splitlines()]) == (0, ["SEALED", "ANCHORED"])
    copy.write_text("\n".join(rows.splitlines()[:-1]).replace(rows.splitlines()[5], ""))
    assert run(capsys, *arguments)[0] == 3
    copy.write_text(rows.replace(list(records(log.directory))[20].leaf.hex(), "0" * 64))
    assert run(capsys, *arguments)[0] == 4
    segment = log.directory / "000000000000.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b'"effect":"allow"', b'"effect":"alloy"', 1))
    code, out = run(capsys, *arguments)
    assert (code, len(out.splitlines())) == (1, 1)  # a tampered log is not compared any further


def records_index(log: Writer, number: int) -> int:
    return list(records(log.directory))[number].index


def test_ocsf_rows_carry_the_security_control_profile(opened: Open) -> None:
    log = opened()
    fill(log, 3)
    rows = [json.loads(export.ocsf(log.origin, r)) for r in records(log.directory) if r.event == "decision"]
    assert [(r["action_id"], r["disposition_id"]) for r in rows] == [(1, 1), (2, 2), (99, 99)]
    assert all(r["class_uid"] == 6003 and "security_control" in r["metadata"]["profiles"] for r in rows)


def test_rotation_hands_over_and_the_whole_history_stays_under_the_first_pin(opened: Open) -> None:
    log = opened(segment_bytes=10_000)
    first = pin(log)
    keys = [SigningKey(bytes([n]) * 32) for n in range(1, 4)]
    for key in keys:
        fill(log, 30)
        log.append("decision", {"n": 1})  # pending records go in front of the rotation
        log.rotate(key)
    fill(log, 30)
    with pytest.raises(LogRefused):
        log.rotate(keys[0])
    log.close()
    for demand in (first, pin(log)):
        found = verify_log(log.directory, demand)
        assert (found.exit_code, len(found.keys)) == (0, 4)
    with pytest.raises(LogRefused):
        opened(segment_bytes=10_000)
    opened(key=keys[-1], segment_bytes=10_000).close()
    opened(key=[KEY, keys[-1]], segment_bytes=10_000)


def test_a_hostile_number_of_events_or_rotations_does_not_fill_the_memory(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yett_audit import chain

    log = opened()
    for number in range(1_200):
        log.append(f"kind-{number}", {})
    log.flush()
    found = verify_log(log.directory, pin(log))
    assert (len(found.events), sum(found.events.values())) == (1_001, 1_201)
    monkeypatch.setattr(chain, "_MAX_EPOCHS", 3)
    for number in range(5):
        log.rotate(SigningKey(bytes([number + 100]) * 32))
    assert verify_log(log.directory, Demand()).exit_code == 6


def test_heartbeats_fill_silence_and_a_gap_is_reported(opened: Open) -> None:
    times = iter([0, 1_000, 2_000, 200_000, 201_000, 202_000])
    log = opened(heartbeat=30, now=lambda: next(times))
    for _ in range(4):
        log.wait(log.append("decision", {}))
    log.close()
    found = verify_log(log.directory, pin(log))
    assert found.gaps == [{"record": 6, "ms": 198_000}]
    assert verify_log(log.directory, Demand(trust=pin(log).trust, strict=True)).exit_code == 3


def test_a_heartbeat_is_written_when_nothing_else_is(opened: Open) -> None:
    log = opened(heartbeat=1, now=lambda: 10**12)
    until(lambda: any(b"log.heartbeat" in path.read_bytes() for path in log.directory.glob("*.jsonl")))
    log.close()
    assert any(r.event == "log.heartbeat" for r in records(log.directory))


@pytest.mark.parametrize("cut", [40, 300])
def test_receipts_and_proofs_of_a_pruned_log_hold_after_it_was_opened_again(
    capsys: Any, opened: Open, tmp_path: Path, cut: int
) -> None:
    """prevents: a tree whose leaves count from the first record that is left."""
    log = opened(segment_bytes=6_000)
    fill(log, 400)
    (tmp_path / "old").write_text(log.head().note)
    first = retention.prune(log, cut, by="ops", reason="x")
    assert first % 256
    log.close()
    again = opened(segment_bytes=6_000)
    fill(again, 300)
    for index in (first, again.head().checkpoint.size - 1):
        Receipt.parse(again.receipt(index).encode()).verify(pin(again).trust)
    again.close()
    code, proof = run(capsys, "prove", log.directory, first, "--key", log.vkey)
    assert code == 0
    Receipt.parse(proof.encode()).verify(pin(again).trust)
    (tmp_path / "new").write_text(again.head().note)
    points = tmp_path / "old", tmp_path / "new"
    assert run(capsys, "consistency", *points, "--log", log.directory, "--key", log.vkey)[0] == 0
    assert run(capsys, "prove", log.directory, first - 1, "--key", log.vkey)[0] == 2
    assert run(capsys, "tiles", log.directory, tmp_path / "tiles", "--key", log.vkey)[0] == 2
    shutil.rmtree(log.directory / "tile")
    assert run(capsys, "prove", log.directory, first, "--key", log.vkey)[0] == 2


def test_what_a_pruned_log_says_of_a_mandate_is_what_it_can_know(capsys: Any, opened: Open) -> None:
    """prevents: "never" of a mandate whose use stood in what was removed."""
    log = opened(segment_bytes=6_000)
    fill(log, 100)
    log.append("mandate", {"mandate": {"jti": "m_new", "state": "issued", "uses": 1}})
    fill(log, 100)
    retention.prune(log, 90, by="ops", reason="x")
    log.close()
    code, out = run(capsys, "once", log.directory, "m_new", "--key", log.vkey, "--json")
    assert (code, json.loads(out)["verdict"]) == (0, "never")
    code, out = run(capsys, "once", log.directory, "m_old", "--key", log.vkey, "--json")
    assert (code, json.loads(out)["verdict"]) == (3, "unknown")


def test_an_earlier_key_whose_rotation_was_removed_is_said_to_be_that(opened: Open) -> None:
    log = opened(segment_bytes=6_000)
    old = pin(log)
    fill(log, 40)
    log.rotate(SigningKey(b"n" * 32))
    fill(log, 100)
    retention.prune(log, log.head().checkpoint.size, by="ops", reason="x")
    log.close()
    found = verify_log(log.directory, old)
    assert found.failure is not None
    assert (found.exit_code, found.failure["cause"]) == (3, "key")
    assert "removed" in found.failure["message"]


def test_segments_can_be_ended_while_others_write(opened: Open) -> None:
    log = opened()

    def write() -> None:
        for number in range(40):
            log.wait(log.append("decision", {"n": number}))

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        log.begin_segment()
    for thread in threads:
        thread.join()
    log.begin_segment()
    log.close()
    found = verify_log(log.directory, pin(log))
    assert (found.exit_code, found.segments, found.events["decision"]) == (0, 12, 120)
    again = opened()
    assert found.closed
    again.begin_segment()
    again.abandon()
    opened().close()
    assert verify_log(log.directory, pin(log)).exit_code == 0


def test_a_file_that_anchors_are_appended_to_is_an_anchor(capsys: Any, opened: Open, tmp_path: Path) -> None:
    log, heads = opened(), tmp_path / "heads"
    for _ in range(3):
        fill(log, 5)
        anchor.FileSink(heads).send(log.head().note)
    arguments = ("log", log.directory, "--key", log.vkey, "--anchor", heads, "--json")
    code, out = run(capsys, *arguments)
    found = json.loads(out)
    assert (code, found["verdict"], found["exposure"]["records"], len(found["anchors"])) == (
        0,
        "ANCHORED",
        0,
        3,
    )
    early = (log.directory / "000000000000.jsonl").read_bytes()
    fill(log, 5)
    anchor.FileSink(heads).send(log.head().note)
    log.abandon()
    (log.directory / "000000000000.jsonl").write_bytes(early)
    assert run(capsys, *arguments)[0] == 4


def test_of_a_file_without_end_the_newest_anchors_count(opened: Open, tmp_path: Path) -> None:
    log, heads = opened(), tmp_path / "heads"
    fill(log, 5)
    heads.write_text((log.head().note + "\n") * (notefile.AT_END // len(log.head().note)))
    fill(log, 5)
    anchor.FileSink(heads).send(log.head().note)
    key = note.VerifierKey.parse(log.vkey)
    assert anchor.FileSink(heads).newest(key) == log.head().checkpoint
    assert all(note.verified(note.parse(each), [key]) for each in notefile.notes_at_end(heads))
