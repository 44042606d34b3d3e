"""Replaying a log offline: does every record lead to the state it states, and does the projection agree?

Reads only; works on a copy as well as on a state directory that nobody has open. The log itself is verified
on the way (chain, seals, canonical bytes), so a record that was changed is found before it is applied.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import msgspec

from yett.errors import LedgerError
from yett.ledger.projection import position
from yett.ledger.projection.changes import apply
from yett.ledger.projection.recovery import refused
from yett.ledger.projection.sqlite import SqliteStore
from yett.ledger.projection.state import State
from yett.model import Struct
from yett_audit import disk
from yett_audit.errors import AuditError, Broken, LogRefused
from yett_audit.reader import records
from yett_audit.writer import LOCK

_encode = msgspec.msgpack.Encoder().encode


class Replayed(Struct, frozen=True, kw_only=True):
    """What a replay found."""

    records: int
    """Records of the ledger that were applied."""
    head: int
    """Index after the last of them."""
    events: dict[str, int]
    sessions: int
    in_doubt: tuple[str, ...]
    differing: tuple[str, ...] = ()
    """Rows of the projection that are not what the log amounts to; at most 20 are named."""


def unverified(error: AuditError, log: Path) -> LedgerError:
    """What is wrong with a log that cannot be read to its end."""
    if isinstance(error, Broken) and error.cause == "missing":
        return no_log(log)
    return LedgerError("TAMPERED", f"the log does not verify: {error}", path=str(log))


def no_log(log: Path) -> LedgerError:
    return LedgerError(
        "NO_LOG", "there is no log here", path=str(log), remedy="name a gateway's state folder"
    )


def replay(log: Path, projection: Path | None = None) -> Replayed:
    """Applies a log to the state that it begins with (an empty one, unless it was pruned), comparing each session's hash with the recorded one.

    Args:
        log: directory of the log.
        projection: `ledger.db` to compare with, if it stands at the log's end.
    Raises:
        LedgerError: NO_LOG, TAMPERED (the log does not verify), STATE_MISMATCH (a record leads elsewhere), STATE_LOST.
    """
    state = State()
    events: Counter[str] = Counter()
    try:
        for record in records(log, position.begin(state, log)):
            if record.event.startswith("log."):
                continue
            apply(state, record.event, record.body, record.index, record.leaf)
            events[record.event] += 1
    except AuditError as error:
        raise unverified(error, log) from error
    return Replayed(
        records=sum(events.values()),
        head=state.applied,
        events=dict(sorted(events.items())),
        sessions=len(state.sessions.rows),
        in_doubt=tuple(sorted(state.in_doubt | state.open)),
        differing=tuple(_differing(state, projection))
        if projection is not None and projection.exists()
        else (),
    )


def rebuild(folder: Path) -> Replayed:
    """Empties the projection of a state directory, once its log is known to lead to all of it.

    Raises:
        LedgerError: as `replay`, LOCKED (a gateway runs); the old projection is kept then.
    """
    if not (folder / "log").is_dir():
        raise no_log(folder / "log")
    try:
        held = disk.lock(folder / "log" / LOCK)
    except BlockingIOError:
        raise refused(LogRefused("LOCKED", "a gateway has this log open"), folder / "log") from None
    try:
        found = replay(folder / "log")
        path = folder / "ledger.db"
        if path.exists():
            store = SqliteStore(path)
            try:
                store.clear()
            finally:
                store.close()
    finally:
        os.close(held)
    return found


def _differing(state: State, projection: Path) -> list[str]:
    store = SqliteStore(projection)
    try:
        saved = store.saved()
        if saved is None or saved.applied != state.applied or saved.leaf != state.leaf:
            return []
        found = []
        for name, table in state.tables.items():
            stored = dict(store.rows(name))
            for key in stored.keys() | table.rows.keys():
                row = table.rows.get(key)
                if stored.get(key) != (_encode(row) if row is not None else None):
                    found.append(f"{name} {key!r}")
        return sorted(found)[:20]
    finally:
        store.close()
