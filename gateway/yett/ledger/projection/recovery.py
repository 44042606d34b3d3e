"""Opening a ledger: the stored position if the log confirms it, and everything the log says after it.

The projection is only ever a shortcut. One that is damaged, or that the log does not confirm, is thrown away and
the whole log replayed, from the position that it names (`position`) if its beginning was removed; one that is *ahead*
of the log says that history is missing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from yett.errors import LedgerError
from yett.ledger.projection import position
from yett.ledger.projection.changes import apply
from yett.ledger.projection.state import Body, Meta, State
from yett.ledger.projection.store import Saved, Store, StoreBroken
from yett.log import Logger
from yett_audit.errors import AuditError, Broken, LogRefused
from yett_audit.reader import records
from yett_audit.record import OPEN, RECOVERY

log = Logger("yett.ledger")

SAVE_REPLAYED: Final = 20_000
"""Changed rows after which a replay saves."""
_encode = msgspec.msgpack.Encoder().encode
_decode_meta = msgspec.msgpack.Decoder(Meta).decode


REMEDIES: Final = {
    "LOCKED": "stop the gateway that runs on this state, or name another",
    "TAMPERED": "run `yett-verify log`, keep what it finds, and restore a backup (docs/operating.md)",
    "ROLLBACK": 'put the newest copy of the log back, or see "Restoring" in docs/operating.md',
    "DELETED": "put the log back, or begin a new state folder",
    "HEAD_MISSING": "restore `log/head` with the rest of the backup; without one, see docs/operating.md",
    "HEAD_UNREADABLE": "restore `log/head` with the rest of the backup; without one, see docs/operating.md",
    "WRONG_KEY": "restore `keys` from the backup that the log is from",
    "WRONG_ORIGIN": "restore `keys` from the backup that the log is from",
}


def refused(error: LogRefused, log: Path) -> LedgerError:
    """A log that its writer will not open, with what to do."""
    return LedgerError(error.code, str(error), path=str(log), remedy=REMEDIES.get(error.code))


class Recovered(NamedTuple):
    """What a log and its projection came to."""

    state: State
    lost: bool
    """History is missing."""
    orderly: bool
    """The log was closed by whoever had it before, if anybody had."""


def recover(store: Store, folder: Path) -> Recovered:
    """Loads the stored position if the log confirms it, and replays what follows.

    Raises:
        LedgerError: TAMPERED, STATE_MISMATCH, STATE_LOST (see `position.begin`).
    """
    state = State()
    found = _stored(store)
    try:
        following = _confirmed(found, folder) if found is not None else None
        if found is not None and following is not None:
            _load(state, store, found)
            return Recovered(state, False, replay_into(state, following, store))
    except (StoreBroken, LedgerError, msgspec.MsgspecError) as error:
        log.warning("the ledger's projection is not usable; replaying the log", kind=type(error).__name__)
    ahead = found is not None and _size(folder) < found.applied
    state = State()
    with _verified(folder):
        start = position.begin(state, folder)
    with contextlib.suppress(StoreBroken):
        store.clear()
    return Recovered(state, ahead, replay_into(state, _from(folder, start), store))


def _stored(store: Store) -> Saved | None:
    try:
        return store.saved()
    except StoreBroken:
        return None


def _confirmed(found: Saved, folder: Path) -> Iterator[tuple[int, str, Body, bytes]] | None:
    """The records after a stored position, if the log has it."""
    following = _from(folder, max(found.applied - 1, 0))
    if found.applied == 0:
        return following
    last = next(following, None)
    return following if last is not None and (last[0], last[3]) == (found.applied - 1, found.leaf) else None


def _load(state: State, store: Store, found: Saved) -> None:
    state.meta = _decode_meta(found.meta)
    state.applied, state.leaf = found.applied, found.leaf
    for name, table in state.tables.items():
        if table.capacity is not None:
            # However many sessions there have been: those that come back are fetched.
            table.fetch = fetcher(store)
            continue
        for key, data in store.rows(name):
            table.load(key, data)
    state.index()


def _save(state: State, store: Store) -> None:
    """Stores what has changed, of a state that nobody else uses."""
    store.save(
        [
            (table, key, None if row is None else _encode(row))
            for table, key in state.dirty
            for row in (state.tables[table].rows.get(key),)
        ],
        Saved(applied=state.applied, leaf=state.leaf, meta=_encode(state.meta)),
    )
    state.dirty = set()
    state.trim(fetcher(store))


def fetcher(store: Store) -> Callable[[str, str], bytes | None]:
    """Reads one row of a store."""

    def fetch(table: str, key: str) -> bytes | None:
        try:
            return store.fetch(table, key)
        except StoreBroken as error:
            raise LedgerError("STATE_UNAVAILABLE", "the ledger's projection cannot be read") from error

    return fetch


def _size(folder: Path) -> int:
    last = -1
    for index, _, _, _ in _from(folder, 0):
        last = index
    return last + 1


def _from(folder: Path, start: int) -> Iterator[tuple[int, str, Body, bytes]]:
    with _verified(folder):
        for record in records(folder, start=start):
            yield record.index, record.event, record.body, record.leaf


@contextlib.contextmanager
def _verified(folder: Path) -> Iterator[None]:
    try:
        yield
    except Broken as error:
        raise LedgerError(
            "TAMPERED", f"the log does not verify: {error.message}", path=str(folder)
        ) from error
    except AuditError as error:
        raise LedgerError(error.code, str(error), path=str(folder)) from error


def replay_into(state: State, found: Iterator[tuple[int, str, Body, bytes]], store: Store) -> bool:
    """Applies records (those the log writes for itself are passed over); memory stays bounded on the way.

    Returns: whether the log was closed by whoever had it before: its writer says so when it opens it again.
    """
    orderly = True
    for index, event, body, leaf in found:
        if event.startswith("log."):
            orderly = event == OPEN or (orderly and event != RECOVERY)
            continue
        apply(state, event, body, index, leaf)
        if len(state.dirty) >= SAVE_REPLAYED:
            with contextlib.suppress(StoreBroken):  # then it all has to fit into memory
                _save(state, store)
    return orderly
