"""Server-sent events, as bytes: each event as it came, and what it says.

The raw bytes of an event are kept so that an untouched one goes on untouched. A carriage return that is no
part of a CRLF ends a line for some readers and not for others; an event with one is not clear.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Event(msgspec.Struct, frozen=True):
    """One event with its blank line."""

    raw: bytes
    data: bytes | None
    """The joined data lines; None for comments, pings and bare ids."""
    clear: bool = True
    """No reader takes it for something else."""
    id: bytes | None = None

    def saying(self, data: bytes) -> bytes:
        """The same event with other data (one line of JSON)."""
        kept = [
            line for line in self.raw.replace(b"\r\n", b"\n").split(b"\n") if line and line[:4] != b"data"
        ]
        return b"\n".join([*kept, b"data: " + data, b"", b""])


class Events:
    """Cuts a stream into events; an event over the limit raises `ValueError`."""

    def __init__(self, limit: int) -> None:
        self._limit: Final = limit
        self._rest = b""

    def feed(self, piece: bytes) -> list[Event]:
        """The events that are complete now."""
        self._rest += piece
        found: list[Event] = []
        while (end := _end(self._rest)) is not None:
            raw, self._rest = self._rest[:end], self._rest[end:]
            found.append(_event(raw))
        if len(self._rest) > self._limit:
            raise ValueError("an event is too large")
        return found


def _end(data: bytes) -> int | None:
    """Where the first event ends: after its blank line."""
    ends = [at + len(mark) for mark in (b"\n\n", b"\n\r\n") if (at := data.find(mark)) >= 0]
    return min(ends) if ends else None


def _event(raw: bytes) -> Event:
    lines = raw.replace(b"\r\n", b"\n").split(b"\n")
    clear = not any(b"\r" in line for line in lines) and not raw.startswith(b"\xef\xbb\xbf")
    data: list[bytes] = []
    identifier: bytes | None = None
    for line in lines:
        name, colon, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if name == b"data":
            data.append(value if colon else b"")
        elif name == b"id":
            identifier = value
    return Event(raw, b"\n".join(data) if data else None, clear, identifier)
