"""Reading files that somebody else may have put there: a repository can bring links to devices, pipes and giants."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

LARGEST: Final = 4 << 20
"""Bytes of a file of settings."""


def read(path: Path, limit: int = LARGEST) -> bytes | None:
    """What a regular file of at most so many bytes holds, else None."""
    try:
        # Looked at after it is open: what a name points to may change in between.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            data = file.read(limit + 1)
    except (OSError, ValueError):  # ValueError: a name with a zero byte
        return None
    return data if len(data) <= limit else None


def text(path: Path, limit: int = LARGEST) -> str | None:
    """The same as text, if it is UTF-8."""
    data = read(path, limit)
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None
