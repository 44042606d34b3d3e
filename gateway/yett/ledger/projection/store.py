"""Where the ledger keeps a saved position of its replay: one small protocol, and a contract every store passes.

A store holds rows as bytes and, with them, how far in the log they were taken (`applied`, `leaf`). It is
never the truth: if it is lost, corrupt, or disagrees with the log, it is emptied and the log replayed from
its beginning. It must only promise that `save` is all or nothing.

It also keeps *views*: what a held call would run, in the clear, for the approver's eyes. They are local, go
when the request is decided, and never reach the log; if they are lost, the call has to be proposed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from yett.model import Struct


class Saved(Struct, frozen=True, kw_only=True):
    """A saved position: the index of the next record to apply, the leaf of the last applied one, and `Meta`."""

    applied: int
    leaf: bytes
    meta: bytes


Entry = tuple[str, str, bytes | None]
"""(table, key, row or None for its removal)."""


class Store(Protocol):
    """See the module.

    Raises (all methods): StoreBroken, when what is stored cannot be trusted or reached.
    """

    def saved(self) -> Saved | None:
        """The position of the last `save`; None if there is none."""

    def rows(self, table: str) -> Iterator[tuple[str, bytes]]:
        """Every row of a table, in the order they were first stored."""

    def count(self, table: str) -> int: ...

    def fetch(self, table: str, key: str) -> bytes | None: ...

    def save(self, entries: Iterable[Entry], position: Saved) -> None:
        """Stores rows and position, all or nothing."""

    def clear(self) -> None:
        """Forgets every row and the position; keeps views."""

    def put_view(self, key: str, data: bytes) -> None: ...

    def view(self, key: str) -> bytes | None: ...

    def drop_views(self, keys: Sequence[str]) -> None: ...

    def close(self) -> None: ...


class StoreBroken(Exception):
    """The store cannot be trusted or reached. The ledger empties it and replays the log."""
