"""A file to which signed notes are appended without end (`anchor.FileSink`), as the reading side sees it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

AT_END: Final = 1 << 20
"""Bytes at a file's end that are looked at."""
_NOTE: Final = re.compile(rb"(?:[^\n]+\n)+\n(?:\xe2\x80\x94 [^\n]+\n)+")


def notes_at_end(path: Path | str) -> list[bytes]:
    """The notes in the file's last `AT_END` bytes, unverified. Raises OSError."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - AT_END))
        found: list[bytes] = _NOTE.findall(file.read())
    return found[1:] if size > AT_END else found  # the first may lack its beginning
