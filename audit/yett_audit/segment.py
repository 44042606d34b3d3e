"""A log's files as the reading side sees them.

A log is a directory of segments named by the index of their first record (`000000000000.jsonl`), or one
such file. Files are opened once, without following links, and must be regular; a fixed length, taken at
open, is read in blocks, so a growing file is read up to a definite point and memory stays bounded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from yett_audit.errors import LIMIT, USAGE, Broken
from yett_audit.record import MAX_LINE

SUFFIX = ".jsonl"
BLOCK = 1 << 20


def name_of(first: int) -> str:
    """The file name of the segment whose first record is `first`."""
    return f"{first:012d}{SUFFIX}"


def first_of(path: Path) -> int:
    """The index of a segment's first record; a log in one file begins with record 0."""
    digits = path.name.removesuffix(SUFFIX)
    return int(digits) if len(digits) == 12 and digits.isascii() and digits.isdigit() else 0


def paths(where: Path) -> list[Path]:
    """The segments of a log in order.

    Raises:
        Broken: nothing there, or a file whose name is not an index.
    """
    if not where.is_dir():
        if not os.path.lexists(where):
            raise Broken("missing", "there is no log here", USAGE)
        return [where]
    found = sorted(where / entry.name for entry in os.scandir(where) if entry.name.endswith(SUFFIX))
    if any(path.name != name_of(first_of(path)) for path in found):
        raise Broken("file", "a segment's name is not an index of twelve digits")
    return found


def open_regular(path: Path) -> int:
    """A read-only descriptor of a regular file; links, pipes and devices are refused."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if os.path.islink(path):
            raise Broken("file", "a segment is a symbolic link") from None
        raise Broken("io", f"cannot open a segment: {error.strerror}", USAGE) from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Broken("file", "a segment is not a regular file")
    return fd


def blocks(fd: int, start: int, end: int, block: int = BLOCK) -> Iterator[tuple[int, list[bytes]]]:
    """(offset of the first line, complete lines without LF) of bytes [start, end), a block at a time.

    What follows the last LF is yielded last, as (offset, []) with the offset of the incomplete line.

    Raises:
        Broken: a line longer than `MAX_LINE`, or the file shrank.
    """
    position, carry = start, b""
    while position + len(carry) < end:
        at = position + len(carry)
        data = os.pread(fd, min(block, end - at), at)
        if not data:
            raise Broken("changed", "the file became shorter while it was read", USAGE)
        lines = (carry + data).split(b"\n")
        carry = lines.pop()
        if lines:
            yield position, lines
            position += sum(map(len, lines)) + len(lines)
        if len(carry) > MAX_LINE:
            error = Broken("too-long", f"a line has more than {MAX_LINE} bytes", LIMIT)
            error.offset = position
            raise error
    if carry:
        yield position, []
