"""The embedded store: one SQLite file in WAL mode beside the log.

`synchronous=NORMAL` is enough: after a power cut the last saves may be missing, which only means that more
of the log is replayed; the file never mixes two saves. A file that is not a database, of another version,
or fails `quick_check` is moved aside and a new one begun.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

from yett.ledger.projection.store import Entry, Saved, StoreBroken

VERSION: Final = 2
_TOGETHER: Final = 200
"""Rows of one statement: with each, the interpreter is given up and taken back from whoever decides calls."""

_PAGES: Final = 8_000
"""Of 4 KiB: kept in memory, and left in the write-ahead log before they are put in their places."""

# Ids are random: were rows kept in their order, each new one would rewrite a page of its own.
_SCHEMA: Final = """
create table if not exists row (n integer primary key, tab text not null, key text not null, value blob not null,
  unique (tab, key));
create index if not exists row_order on row (tab, n);
create table if not exists position (id integer primary key check (id = 1), applied integer, leaf blob, meta blob);
create table if not exists view (key text primary key, value blob not null) without rowid;
"""
_FROM_1: Final = """
begin immediate;
alter table row rename to earlier;
drop index row_order;
create table row (n integer primary key, tab text not null, key text not null, value blob not null,
  unique (tab, key));
insert into row (tab, key, value) select tab, key, value from earlier order by n;
drop table earlier;
pragma user_version = 2;
commit;
"""


class SqliteStore:
    """See the module. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._db = self._open()
        except StoreBroken:
            self._set_aside()
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            mode = db.execute("pragma journal_mode=wal").fetchone()[0]
            db.execute("pragma synchronous=normal")
            db.execute(f"pragma cache_size={_PAGES}")
            db.execute(f"pragma wal_autocheckpoint={_PAGES}")
            version = db.execute("pragma user_version").fetchone()[0]
            if mode != "wal" or version not in (0, 1, VERSION):
                db.close()
                raise StoreBroken(f"journal mode {mode}, version {version}")
            if version and db.execute("pragma quick_check(1)").fetchone()[0] != "ok":
                db.close()
                raise StoreBroken("quick_check found damage")
            if version == 1:
                db.executescript(_FROM_1)
            db.executescript(_SCHEMA)
            db.execute(f"pragma user_version={VERSION}")
        except sqlite3.Error as error:
            raise StoreBroken(str(error)) from error
        self._path.chmod(0o600)
        return db

    def _set_aside(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                self._path.with_name(self._path.name + suffix).rename(
                    self._path.with_name(self._path.name + ".broken" + suffix)
                )

    def saved(self) -> Saved | None:
        row = self._one("select applied, leaf, meta from position where id = 1")
        return Saved(applied=row[0], leaf=bytes(row[1]), meta=bytes(row[2])) if row is not None else None

    def rows(self, table: str) -> Iterator[tuple[str, bytes]]:
        with self._guarded():
            found = self._db.execute(
                "select key, value from row where tab = ? order by n", (table,)
            ).fetchall()
        yield from ((key, bytes(value)) for key, value in found)

    def count(self, table: str) -> int:
        row = self._one("select count(*) from row where tab = ?", table)
        assert row is not None
        return int(row[0])

    def fetch(self, table: str, key: str) -> bytes | None:
        row = self._one("select value from row where tab = ? and key = ?", table, key)
        return bytes(row[0]) if row is not None else None

    def save(self, entries: Iterable[Entry], position: Saved) -> None:
        written, removed = [], []
        for entry in entries:
            if entry[2] is None:
                removed.append(entry[:2])
            else:
                written.append(entry)
        with self._guarded():
            self._db.execute("begin immediate")
            try:
                for start in range(0, len(written), _TOGETHER):
                    rows = written[start : start + _TOGETHER]
                    self._db.execute(_insert(len(rows)), list(chain.from_iterable(rows)))
                self._db.executemany("delete from row where tab = ? and key = ?", removed)
                self._db.execute(
                    "insert into position values (1, ?, ?, ?) on conflict (id) do update set"
                    " applied = excluded.applied, leaf = excluded.leaf, meta = excluded.meta",
                    (position.applied, position.leaf, position.meta),
                )
                self._db.execute("commit")
            except BaseException:
                self._db.execute("rollback")
                raise

    def clear(self) -> None:
        with self._guarded():
            self._db.executescript("begin immediate; delete from row; delete from position; commit;")

    def put_view(self, key: str, data: bytes) -> None:
        with self._guarded():
            self._db.execute(
                "insert into view values (?, ?) on conflict (key) do update set value = excluded.value",
                (key, data),
            )

    def view(self, key: str) -> bytes | None:
        row = self._one("select value from view where key = ?", key)
        return bytes(row[0]) if row is not None else None

    def drop_views(self, keys: Sequence[str]) -> None:
        with self._guarded():
            self._db.executemany("delete from view where key = ?", [(key,) for key in keys])

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        with self._guarded():
            row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
            return row

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise StoreBroken(str(error)) from error


def _insert(rows: int) -> str:
    return (
        f"insert into row (tab, key, value) values {', '.join(['(?, ?, ?)'] * rows)}"
        " on conflict (tab, key) do update set value = excluded.value"
    )
