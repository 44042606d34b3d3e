"""A saved position that the log vouches for: where a replay begins once the log's beginning has been removed.

The projection beside the log may be lost at any time, because the log leads to it again. A log whose old segments were
removed does not: spent mandates would be fresh, and what was frozen free. So before they go, the state is written to
`positions/N.rows`, N being the index of the next record to apply, and a record `position` names N and the file's
SHA-256. A ledger that needs it reads the newest file that the log names; one that has none is not opened.

A file is a run of MessagePack values, each behind its length (4 bytes, big-endian): the position, then every row.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from yett.errors import LedgerError
from yett.ledger.projection.state import Meta, State
from yett.ledger.projection.store import Saved, Store
from yett.log import Logger
from yett_audit import disk, segment
from yett_audit.reader import records

log = Logger("yett.ledger")

FOLDER: Final = "positions"
EVENT: Final = "position"
_SUFFIX: Final = ".rows"
_encode = msgspec.msgpack.Encoder().encode
_decode_saved = msgspec.msgpack.Decoder(Saved).decode
_decode_row = msgspec.msgpack.Decoder(tuple[str, str, bytes]).decode
_decode_meta = msgspec.msgpack.Decoder(Meta).decode


def write(folder: Path, store: Store, saved: Saved) -> str:
    """Writes what is stored to a file, durably; the file's SHA-256. Nobody may save meanwhile.

    Raises:
        OSError, StoreBroken: there is no new file.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    path = _path(folder, saved.applied)
    temporary = path.with_suffix(".new")
    digest = hashlib.sha256()
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            for data in _entries(store, saved):
                framed = len(data).to_bytes(4, "big") + data
                file.write(framed)
                digest.update(framed)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    disk.sync_directory(folder)
    return digest.hexdigest()


def _entries(store: Store, saved: Saved) -> Iterator[bytes]:
    yield _encode(saved)
    for table in State().tables:
        for key, row in store.rows(table):
            yield _encode((table, key, row))


def drop_before(folder: Path, applied: int) -> None:
    """Removes the files that a later one has replaced."""
    for path in folder.glob("*" + _SUFFIX):
        if path.name < _path(folder, applied).name:
            path.unlink()


def begin(state: State, logged: Path) -> int:
    """Brings an empty state to where the log's records begin to lead on from; the index of the next one to apply.

    Raises:
        LedgerError: STATE_LOST, the log's beginning was removed and no position is left. Broken: see `records`.
    """
    folder = logged.parent / FOLDER
    paths = segment.paths(logged)
    if not paths or segment.first_of(paths[0]) == 0:
        return 0
    named: dict[int, str] = {
        each.body["applied"]: each.body["sha256"] for each in records(logged) if each.event == EVENT
    }
    for applied in sorted(named, reverse=True):
        try:
            with _path(folder, applied).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == named[applied]:
                    file.seek(0)
                    _load(state, file)
                    return applied
            log.warning("a saved position is not the one that the log names", applied=applied)
        except FileNotFoundError:
            continue
    raise LedgerError(
        "STATE_LOST",
        "the log's beginning was removed, and the state that it led to is not there any more",
        path=str(folder),
        remedy="restore `positions` and `ledger.db` from a backup, or begin a new state folder",
    )


def _load(state: State, file: BinaryIO) -> None:
    saved = _decode_saved(_framed(file))
    state.meta, state.applied, state.leaf = _decode_meta(saved.meta), saved.applied, saved.leaf
    while data := _framed(file):
        table, key, row = _decode_row(data)
        state.tables[table].load(key, row)
        state.dirty.add((table, key))
    state.index()


def _framed(file: BinaryIO) -> bytes:
    return file.read(int.from_bytes(file.read(4), "big"))


def _path(folder: Path, applied: int) -> Path:
    return folder / f"{applied:012d}{_SUFFIX}"
