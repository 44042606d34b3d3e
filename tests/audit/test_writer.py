"""The writer: what it answers is durable, chained and sealed; what it opens, it continues or refuses."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from yett_audit import keys, record
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import InvalidRecord, LogRefused, LogUnavailable
from yett_audit.reader import records
from yett_audit.verify import Demand, verify_log
from yett_audit.writer import Writer

Open = Callable[..., Writer]
ORIGIN = "host.example/yett/test"
KEY = SigningKey(bytes(range(32)))
BODY = {"effect": "deny", "reasons": [{"code": "DEFAULT_DENY", "stage": "policy"}], "risk": 120, "who": "Zoë"}


def fill(writer: Writer, count: int, batch: int = 4) -> None:
    """Appends `count` decisions, one commit for every `batch`."""
    for number in range(count):
        writer.append("decision", {**BODY, "n": number})
        if number % batch == batch - 1:
            writer.flush()
    writer.flush()


def events(directory: Path) -> list[str]:
    return [r.event for r in records(directory)]


def last_segment(directory: Path) -> Path:
    return sorted(directory.glob("*.jsonl"))[-1]


def test_a_new_log_begins_with_a_sealed_genesis(opened: Open) -> None:
    log = opened()
    lines = last_segment(log.directory).read_bytes().splitlines()
    genesis = json.loads(lines[0])
    assert genesis["ev"] == record.GENESIS
    assert genesis["body"]["origin"] == ORIGIN
    assert genesis["body"]["key"] == log.vkey
    assert json.loads(lines[1])["body"]["note"] == log.head().note
    assert log.head().checkpoint.size == 1


def test_a_waited_record_is_on_disk_under_a_seal(opened: Open) -> None:
    log = opened()
    entry = log.append("decision", BODY)
    log.wait(entry)
    found = next(r for r in records(log.directory) if r.index == entry.index)
    assert (found.event, found.body, found.leaf) == ("decision", BODY, entry.leaf)
    assert log.head().checkpoint.size == entry.index + 1


def test_an_appended_record_is_not_readable_before_its_seal(opened: Open) -> None:
    log = opened()
    log.append("decision", BODY)
    assert events(log.directory) == [record.GENESIS]


def test_many_threads_get_distinct_places_and_few_seals(opened: Open) -> None:
    log = opened()
    seen: list[int] = []

    def work() -> None:
        for _ in range(50):
            entry = log.append("decision", BODY)
            log.wait(entry)
            seen.append(entry.index)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert len(set(seen)) == 400
    found = verify_log(log.directory, Demand())
    assert found.exit_code == 3  # whole, but no key was pinned
    assert found.events["decision"] == 400


def test_a_done_callback_comes_after_durability_without_anybody_waiting(opened: Open) -> None:
    log = opened()
    done = threading.Event()
    errors: list[LogUnavailable | None] = []
    entry = log.append("decision", BODY)
    log.add_done_callback(entry, lambda error: (errors.append(error), done.set()))
    assert done.wait(120)
    assert errors == [None]
    assert entry.index in {r.index for r in records(log.directory)}
    log.add_done_callback(entry, errors.append)
    assert errors == [None, None]


@pytest.mark.parametrize(
    "body",
    [
        {"x": 1.5},
        {"x": 2**53},
        {"clé": 1},
        {"x": float("nan")},
        {"x": "\ud800"},
        {"x": "y" * 70_000},
        {"x": object()},
    ],
)
def test_a_body_outside_the_profile_is_refused_and_leaves_no_trace(
    opened: Open, body: dict[str, Any]
) -> None:
    log = opened()
    with pytest.raises(InvalidRecord):
        log.append("decision", body)
    log.wait(log.append("decision", BODY))
    assert events(log.directory) == [record.GENESIS, "decision"]


def test_too_deep_a_body_is_refused(opened: Open) -> None:
    body: dict[str, Any] = {}
    for _ in range(20):
        body = {"x": body}
    with pytest.raises(InvalidRecord):
        opened().append("decision", body)


@pytest.mark.parametrize("event", ["log.seal", "", "UPPER", "spa ce", 'quo"te', "x" * 65, "é"])
def test_reserved_and_malformed_event_names_are_refused(opened: Open, event: str) -> None:
    with pytest.raises(InvalidRecord):
        opened().append(event, {})


def test_a_closed_log_is_continued_and_says_so(opened: Open) -> None:
    log = opened()
    fill(log, 3)
    log.close()
    again = opened()
    fill(again, 1)
    again.close()
    kinds = events(log.directory)
    assert kinds == [record.GENESIS, *["decision"] * 3, record.CLOSE, record.OPEN, "decision", record.CLOSE]
    assert again.log_id == log.log_id
    assert verify_log(log.directory, Demand()).closed


def test_segments_turn_over_and_each_stands_on_its_own_header(opened: Open) -> None:
    log = opened(segment_bytes=4000)
    fill(log, 100)
    log.close()
    files = sorted(log.directory.glob("*.jsonl"))
    assert len(files) > 5
    firsts = [json.loads(f.read_bytes().splitlines()[0]) for f in files]
    assert [f["seq"] for f in firsts] == [int(f.name[:12]) for f in files]
    assert {f["ev"] for f in firsts[1:]} == {record.SEGMENT}
    again = opened(segment_bytes=4000)
    fill(again, 10)
    assert sum(r.event == "decision" for r in records(log.directory)) == 110
    assert next(r.index for r in records(log.directory, 50)) >= 50


def test_a_torn_tail_is_moved_to_quarantine_and_recorded(opened: Open) -> None:
    log = opened()
    fill(log, 4)
    log.abandon()
    torn = b'{"at":1800000000009,"body":{"eff'
    with last_segment(log.directory).open("ab") as file:
        file.write(torn)
    again = opened()
    note = next(r for r in records(log.directory) if r.event == record.RECOVERY)
    assert note.body["bytes"] == len(torn)
    assert (log.directory / "quarantine" / note.body["file"]).read_bytes() == torn
    fill(again, 2)
    assert verify_log(log.directory, Demand()).torn is None


def test_every_cut_inside_the_last_batch_recovers_and_loses_only_that_batch(opened: Open) -> None:
    log = opened()
    fill(log, 4)
    before = last_segment(log.directory).stat().st_size
    remembered = (log.directory / "head").read_bytes()
    fill(log, 2, batch=2)
    log.abandon()
    path = last_segment(log.directory)
    whole = path.read_bytes()
    for cut in range(before, len(whole)):
        path.write_bytes(whole[:cut])
        (log.directory / "head").write_bytes(remembered)  # as a crash before the answer leaves it
        opened().abandon()
        assert events(log.directory) == [record.GENESIS, *["decision"] * 4, record.RECOVERY], cut


def test_a_changed_byte_before_a_seal_is_refused(opened: Open) -> None:
    log = opened()
    fill(log, 8)
    log.close()
    path = last_segment(log.directory)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogRefused) as refused:
        opened()
    assert refused.value.code == "TAMPERED"
    assert path.read_bytes() == data


def test_a_log_cut_at_a_seal_is_refused_because_its_head_is_remembered(opened: Open) -> None:
    log = opened()
    fill(log, 4)
    early = last_segment(log.directory).read_bytes()
    fill(log, 4)
    log.close()
    last_segment(log.directory).write_bytes(early)
    with pytest.raises(LogRefused) as refused:
        opened()
    assert refused.value.code == "ROLLBACK"


def test_a_log_behind_its_floor_is_refused(opened: Open) -> None:
    log = opened()
    fill(log, 4)
    early, head = last_segment(log.directory).read_bytes(), (log.directory / "head").read_bytes()
    fill(log, 4)
    floor = log.head().checkpoint
    log.abandon()
    last_segment(log.directory).write_bytes(early)
    (log.directory / "head").write_bytes(head)
    with pytest.raises(LogRefused) as refused:
        opened(floor=floor)
    assert refused.value.code == "ROLLBACK"


def test_no_genesis_is_written_where_a_log_was(opened: Open) -> None:
    log = opened()
    fill(log, 4)
    log.close()
    last_segment(log.directory).unlink()
    with pytest.raises(LogRefused) as refused:
        opened()
    assert refused.value.code == "DELETED"


@pytest.mark.parametrize("content", [b"", b"x", b"\n"])
def test_an_emptied_segment_is_refused(opened: Open, content: bytes) -> None:
    log = opened()
    fill(log, 4)
    log.close()
    last_segment(log.directory).write_bytes(content)
    with pytest.raises(LogRefused) as refused:
        opened()
    assert refused.value.code == "TAMPERED"


def test_another_key_or_origin_does_not_continue_the_log(opened: Open) -> None:
    opened().close()
    with pytest.raises(LogRefused) as refused:
        opened(key=SigningKey(bytes(32)))
    assert refused.value.code == "WRONG_KEY"
    with pytest.raises(LogRefused) as refused:
        opened(origin="other.example/log")
    assert refused.value.code == "WRONG_ORIGIN"


def test_what_was_not_answered_before_an_abandon_never_is(opened: Open) -> None:
    log = opened()
    entry = log.append("decision", BODY)
    log.abandon()
    with pytest.raises(LogUnavailable):
        log.wait(entry)
    with pytest.raises(LogUnavailable):
        log.append("decision", BODY)
    assert events(log.directory) == [record.GENESIS]


def test_a_second_writer_is_refused(opened: Open) -> None:
    opened()
    with pytest.raises(LogRefused) as refused:
        opened()
    assert refused.value.code == "LOCKED"


def test_a_forked_child_cannot_write(opened: Open) -> None:
    log = opened()
    child = os.fork()
    if child == 0:
        try:
            log.append("decision", BODY)
        except LogUnavailable:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_clock_that_steps_back_does_not_take_the_log_back(opened: Open) -> None:
    times = iter([2_000, 3_000, 1_000, 500, 4_000, 4_000])
    log = opened(now=lambda: next(times))
    fill(log, 3, batch=1)
    log.close()
    found = [r.at for r in records(log.directory)]
    assert found == sorted(found)


def test_per_record_signatures_stand_in_every_line(opened: Open) -> None:
    log = opened(mode="per-record")
    fill(log, 5)
    log.close()
    lines = [json.loads(line) for line in last_segment(log.directory).read_bytes().splitlines()]
    assert all(("~sig" in line) == (line["ev"] != record.SEAL) for line in lines)
    opened().close()
    assert verify_log(log.directory, Demand()).mode == "per-record"


def test_keys_are_made_once_and_refused_when_others_can_read_them(tmp_path: Path) -> None:
    key = keys.create(tmp_path / "key")
    assert keys.load(tmp_path / "key").public == key.public
    assert key.seed.hex() not in repr(key)
    with pytest.raises(FileExistsError):
        keys.create(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(LogRefused):
        keys.load(tmp_path / "key")


def test_the_signed_key_is_the_one_a_verifier_pins(opened: Open) -> None:
    assert opened().vkey == str(keys.verifier_key(ORIGIN, KEY))
