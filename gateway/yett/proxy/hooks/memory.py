"""Which session of the gateway a coding agent's conversation is, across restarts of the gateway.

What a conversation has read (its labels, its risk) is remembered by the ledger under the gateway's session;
without this file a restart would begin a new one, and forget. One line a conversation, appended when it is
first seen: a digest of the credential, one of credential, agent and the agent's own id for it, and the
gateway's id. Lines that cannot be read, such as one that a crash cut, are passed over.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from yett.proxy.kept import Kept

Key = tuple[str, str, str]
"""Credential, agent, conversation."""


class Sessions:
    """Up to `size` conversations of each credential, its oldest forgotten first. Not thread-safe.

    Args:
        file: where they outlive the process; None keeps them in memory.
    """

    def __init__(self, file: Path | None, size: int) -> None:
        self._file = file
        self._ids: Kept[str, str] = Kept(size)
        for line in _lines(file):
            self._ids.put(*line)
        if file is not None and file.exists():
            self._rewrite(file)

    def get(self, key: Key) -> str | None:
        """The gateway's session."""
        return self._ids.get(*_marks(key))

    def put(self, key: Key, session: str) -> None:
        """Remember it before it is used. Raises `OSError`: then it must not be used."""
        line = (*_marks(key), session)
        if self._file is not None:
            with open(self._file, "ab", opener=_private) as file:
                # A line break before it, too: a line that a full disk has cut takes no other along.
                file.write(b"\n" + msgspec.json.encode(line) + b"\n")
        self._ids.put(*line)

    def _rewrite(self, file: Path) -> None:
        """Without what was forgotten, so that the file stays as small as the memory."""
        beside = file.with_name(file.name + ".new")
        with open(beside, "wb", opener=_private) as new:
            new.writelines(msgspec.json.encode(line) + b"\n" for line in self._ids)
        beside.replace(file)


def _lines(file: Path | None) -> list[tuple[str, str, str]]:
    if file is None or not file.exists():
        return []
    found: list[tuple[str, str, str]] = []
    for line in file.read_bytes().splitlines():
        try:
            found.append(msgspec.json.decode(line, type=tuple[str, str, str]))
        except (msgspec.MsgspecError, UnicodeError):
            continue
    return found


def _marks(key: Key) -> tuple[str, str]:
    """Digests of the credential and of the whole key: names of conversations are not written."""
    owner, whole = (hashlib.sha256(msgspec.json.encode(part)).hexdigest() for part in (key[0], key))
    return owner, whole


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
