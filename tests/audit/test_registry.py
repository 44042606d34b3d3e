"""Many writers under one registry: each is anchored by it, and one that is missing is missed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from yett_audit import note
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import Broken
from yett_audit.reader import records
from yett_audit.registry import Registry, standing
from yett_audit.trust import Trust
from yett_audit.verify import Anchor, Demand, verify_log
from yett_audit.writer import Writer

Open = Callable[..., Writer]


@pytest.fixture
def house(opened: Open, tmp_path: Path) -> tuple[Registry, Writer, list[Writer]]:
    registry = opened(
        directory=tmp_path / "registry", origin="host.example/registry", key=SigningKey(b"r" * 32)
    )
    writers = [
        opened(directory=tmp_path / f"w{n}", origin=f"host.example/w{n}", key=SigningKey(bytes([n + 1]) * 32))
        for n in range(3)
    ]
    keys = [note.VerifierKey.parse(writer.vkey) for writer in writers]
    return Registry(registry, keys), registry, writers


def work(writer: Writer, count: int) -> None:
    for number in range(count):
        writer.append("decision", {"n": number})
    writer.flush()


def test_registered_heads_anchor_each_writer_and_the_silent_one_is_named(
    house: tuple[Registry, Writer, list[Writer]],
) -> None:
    registry, log, writers = house
    keys = {w.origin: note.VerifierKey.parse(w.vkey) for w in writers}
    for _ in range(3):
        for writer in writers[:2]:
            work(writer, 5)
            log.wait(registry.take(writer.head().note))
    found = standing(records(log.directory), keys)
    assert (found.silent, found.problems) == ((writers[2].origin,), ())
    for writer in writers[:2]:
        anchor = Anchor.parse(found.notes[writer.origin].encode(), "registry")
        demand = Demand(trust=Trust(logs=[keys[writer.origin]]), anchors=[anchor])
        assert verify_log(writer.directory, demand).verdict == "ANCHORED"


def test_a_writer_that_goes_back_or_is_unknown_is_refused(
    house: tuple[Registry, Writer, list[Writer]], opened: Open, tmp_path: Path
) -> None:
    registry, _, writers = house
    work(writers[0], 5)
    early = writers[0].head().note
    work(writers[0], 5)
    registry.take(writers[0].head().note)
    registry.take(writers[0].head().note)
    with pytest.raises(Broken) as refused:
        registry.take(early)
    assert refused.value.cause == "rollback"
    registry._log.flush()
    with pytest.raises(Broken):
        Registry(registry._log, list(registry._keys.values())).take(early)  # a restarted registry remembers
    twin = opened(directory=tmp_path / "twin", origin=writers[0].origin, key=SigningKey(b"\x01" * 32))
    while twin.head().checkpoint.size < writers[0].head().checkpoint.size:
        work(twin, 1)
    with pytest.raises(Broken):
        registry.take(twin.head().note)
    stranger = opened(directory=tmp_path / "s", origin="stranger.example", key=SigningKey(b"s" * 32))
    with pytest.raises(Broken):
        registry.take(stranger.head().note)
