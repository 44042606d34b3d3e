"""What a door remembers for each credential: so many entries for every one, the oldest of its own forgotten first.

A bound for all together would let one credential's flood push out what another's next call hangs on: its
session with all that was read in it, or the call whose outcome is to be told.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Values by owner and key. Not thread-safe.

    Args:
        size: entries for each owner.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._owners: dict[str, OrderedDict[K, V]] = {}

    def __iter__(self) -> Iterator[tuple[str, K, V]]:
        """Owner, key and value of each entry, of one owner the oldest first."""
        for owner, entries in self._owners.items():
            for key, value in entries.items():
                yield owner, key, value

    def get(self, owner: str, key: K) -> V | None:
        """The value, which counts as new again."""
        entries = self._owners.get(owner)
        if entries is None or key not in entries:
            return None
        entries.move_to_end(key)
        return entries[key]

    def put(self, owner: str, key: K, value: V) -> K | None:
        """Remember; returns the key that was forgotten for it."""
        entries = self._owners.setdefault(owner, OrderedDict())
        entries[key] = value
        entries.move_to_end(key)
        return entries.popitem(last=False)[0] if len(entries) > self._size else None

    def pop(self, owner: str, key: K) -> V | None:
        """The value, no longer remembered."""
        entries = self._owners.get(owner)
        value = entries.pop(key, None) if entries is not None else None
        if not entries:
            self._owners.pop(owner, None)
        return value
