"""The projection in PostgreSQL: for hosts whose local disk holds nothing but the log.

One ledger at a time: an advisory lock, held by the session, fences a second one off. As for every store, the
log is the truth; this holds a saved position of its replay. (That many hosts share one log is another matter,
and not what this does.)
"""

from __future__ import annotations

import contextlib
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import psycopg

from yett.ledger.projection.store import Entry, Saved, StoreBroken

_SCHEMA: Final = """
create table if not exists yett_row (ledger text, tab text, key bytea, n bigserial, value bytea not null,
  primary key (ledger, tab, key));
create table if not exists yett_position (ledger text primary key, applied bigint, leaf bytea, meta bytea);
create table if not exists yett_view (ledger text, key text, value bytea not null, primary key (ledger, key));
"""

_CLASS: Final = 0x79657474
"""First key of the advisory locks: "yett"."""
_WAIT_MS: Final = 2000
"""How long the lock is waited for: the server frees that of a process that died only when it sees it gone."""


class PostgresStore:
    """See the module. Thread-safe.

    Args:
        conninfo: libpq connection string or URL.
        ledger: name under which this ledger's rows stand; the log's origin is a good one.
    Raises:
        StoreBroken: the server cannot be reached, or another ledger holds this name.
    """

    def __init__(self, conninfo: str, ledger: str) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        try:
            self._db = psycopg.connect(conninfo, autocommit=True)
            try:
                with self._db.transaction():
                    self._db.execute(f"set local lock_timeout = {_WAIT_MS}")
                    self._db.execute(
                        "select pg_advisory_lock(%s, %s)", (_CLASS, zlib.crc32(ledger.encode()) - (1 << 31))
                    )
            except psycopg.errors.LockNotAvailable as error:
                self._db.close()
                raise StoreBroken("another ledger of this name has the store open") from error
            with self._db.transaction():
                self._db.execute(_SCHEMA)
        except psycopg.Error as error:
            raise StoreBroken(str(error)) from error

    def saved(self) -> Saved | None:
        row = self._one("select applied, leaf, meta from yett_position where ledger = %s", self._ledger)
        return Saved(applied=row[0], leaf=bytes(row[1]), meta=bytes(row[2])) if row is not None else None

    def rows(self, table: str) -> Iterator[tuple[str, bytes]]:
        with self._guarded():
            found = self._db.execute(
                "select key, value from yett_row where ledger = %s and tab = %s order by n",
                (self._ledger, table),
            ).fetchall()
        # Keys hold NUL characters, which PostgreSQL's text does not.
        yield from ((bytes(key).decode(), bytes(value)) for key, value in found)

    def count(self, table: str) -> int:
        row = self._one("select count(*) from yett_row where ledger = %s and tab = %s", self._ledger, table)
        assert row is not None
        return int(row[0])

    def fetch(self, table: str, key: str) -> bytes | None:
        row = self._one(
            "select value from yett_row where ledger = %s and tab = %s and key = %s",
            self._ledger,
            table,
            key.encode(),
        )
        return bytes(row[0]) if row is not None else None

    def save(self, entries: Iterable[Entry], position: Saved) -> None:
        written, removed = [], []
        for table, key, value in entries:
            place = (self._ledger, table, key.encode())
            if value is None:
                removed.append(place)
            else:
                written.append((*place, value))
        with self._guarded(), self._db.transaction(), self._db.cursor() as cursor:
            if written:
                cursor.executemany(
                    "insert into yett_row (ledger, tab, key, value) values (%s, %s, %s, %s)"
                    " on conflict (ledger, tab, key) do update set value = excluded.value",
                    written,
                )
            if removed:
                cursor.executemany(
                    "delete from yett_row where ledger = %s and tab = %s and key = %s", removed
                )
            cursor.execute(
                "insert into yett_position values (%s, %s, %s, %s) on conflict (ledger) do update set"
                " applied = excluded.applied, leaf = excluded.leaf, meta = excluded.meta",
                (self._ledger, position.applied, position.leaf, position.meta),
            )

    def clear(self) -> None:
        with self._guarded(), self._db.transaction():
            self._db.execute("delete from yett_row where ledger = %s", (self._ledger,))
            self._db.execute("delete from yett_position where ledger = %s", (self._ledger,))

    def put_view(self, key: str, data: bytes) -> None:
        with self._guarded():
            self._db.execute(
                "insert into yett_view values (%s, %s, %s)"
                " on conflict (ledger, key) do update set value = excluded.value",
                (self._ledger, key, data),
            )

    def view(self, key: str) -> bytes | None:
        row = self._one("select value from yett_view where ledger = %s and key = %s", self._ledger, key)
        return bytes(row[0]) if row is not None else None

    def drop_views(self, keys: Sequence[str]) -> None:
        with self._guarded():
            self._db.execute(
                "delete from yett_view where ledger = %s and key = any(%s)", (self._ledger, list(keys))
            )

    def close(self) -> None:
        # Given back by hand: the server ends a session after its client has gone on, and the next one may be it.
        with self._lock, contextlib.suppress(psycopg.Error):
            self._db.execute("select pg_advisory_unlock_all()")
        self._db.close()

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        with self._guarded():
            return self._db.execute(query.encode(), values).fetchone()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except psycopg.Error as error:
                raise StoreBroken(str(error)) from error
