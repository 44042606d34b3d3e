"""Receipts and tiles: one record proven without the log, and the tree as static files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from yett_audit import merkle, note, record, tile
from yett_audit.errors import Broken
from yett_audit.receipt import Receipt
from yett_audit.trust import Trust
from yett_audit.writer import Writer

Open = Callable[..., Writer]


def fill(writer: Writer, count: int) -> None:
    for number in range(count):
        writer.append("decision", {"n": number})
        if number % 10 == 9:
            writer.flush()
    writer.flush()


def trust(writer: Writer) -> Trust:
    return Trust(logs=[note.VerifierKey.parse(writer.vkey)])


@pytest.mark.parametrize("options", [{}, {"segment_bytes": 20_000}])
def test_every_record_has_a_receipt_that_stands_alone(opened: Open, options: dict[str, int]) -> None:
    log = opened(**options)
    fill(log, 600)
    for index in (0, 1, 255, 256, 257, 511, 512, 600):
        receipt = Receipt.parse(log.receipt(index).encode())
        found = receipt.verify(trust(log))
        assert found["record"]["seq"] == index
    log.append("decision", {"n": -1})
    with pytest.raises(Broken):
        log.receipt(log.head().checkpoint.size)


def test_a_receipt_is_available_as_soon_as_the_record_is_answered(opened: Open) -> None:
    log = opened()
    for number in range(20):
        entry = log.append("decision", {"n": number})
        log.wait(entry)
        assert Receipt.parse(log.receipt(entry.index).encode()).verify(trust(log))["record"]["body"] == {
            "n": number
        }


def test_a_receipt_survives_a_restart_and_lost_tiles(opened: Open) -> None:
    log = opened()
    fill(log, 700)
    log.receipt(5)
    log.close()
    (log.directory / "tile/0/001").unlink()
    again = opened()
    for index in (5, 300, 690):
        Receipt.parse(again.receipt(index).encode()).verify(trust(again))


def test_a_changed_receipt_does_not_verify(opened: Open) -> None:
    log = opened()
    fill(log, 50)
    text, size = log.receipt(20), log.head().checkpoint.size
    good = Receipt.parse(text.encode())
    assert str(good) == text
    other = Receipt.parse(log.receipt(21).encode())
    assert good.line is not None
    changes = [
        Receipt(21, good.proof, good.checkpoint, good.line),
        Receipt(20, good.proof, good.checkpoint, other.line),
        Receipt(20, other.proof, good.checkpoint, good.line),
        Receipt(20, good.proof[:-1], good.checkpoint, good.line),
        Receipt(20, good.proof, good.checkpoint, good.line.replace(b'"n"', b'"m"')),
        Receipt(20, good.proof, good.checkpoint.replace(f"\n{size}\n", f"\n{size + 1}\n"), good.line),
    ]
    for changed in changes:
        with pytest.raises(Broken):
            changed.verify(trust(log))
    with pytest.raises(Broken):
        good.verify(Trust())


def test_a_receipt_of_a_hundred_thousand_records_has_under_two_kilobytes() -> None:
    line = b"x" * 700
    path = tuple(bytes(32) for _ in range(17))
    key = note.VerifierKey("host.example/yett/gateway-1", bytes(32))
    point = note.Checkpoint(key.name, 100_000, bytes(32))
    signed = str(note.Note(point.text(), (note.Signature(key.name, key.id, bytes(64)),)))
    assert len(str(Receipt(70_000, path, signed, line))) <= 2048


def test_tile_paths_are_the_published_ones() -> None:
    assert tile.path_of(0, 1234067) == "tile/0/x001/x234/067"
    assert tile.path_of("entries", 5, 7) == "tile/entries/005.p/7"


def test_exported_tiles_rebuild_the_signed_root(opened: Open, tmp_path: Path) -> None:
    log = opened()
    fill(log, 700)
    size = log.head().checkpoint.size
    tile.export(log.directory, tmp_path / "out", size, log.head().note)
    leaves = []
    for start in range(0, size, 256):
        width = min(256, size - start)
        bundle = (tmp_path / "out" / tile.path_of("entries", start // 256, width)).read_bytes()
        hashes = (tmp_path / "out" / tile.path_of(0, start // 256, width)).read_bytes()
        here = []
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            here.append(record.leaf_of(bundle[2 : 2 + length]))
            bundle = bundle[2 + length :]
        assert b"".join(here) == hashes
        leaves += here
    assert merkle.root_of(leaves) == log.head().checkpoint.root
    assert (tmp_path / "out/checkpoint").read_text() == log.head().note
