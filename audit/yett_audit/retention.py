"""Retention: removing old segments so that the rest still proves itself and says what is gone.

Only whole segments go, never the one being written. The next segment's header holds the compact Merkle range of
everything before it, and its seals cover that; so roots, receipts and consistency proofs of what remains hold
as before (the tiles of the removed part stay). First the removal is recorded and durable — who, why, how many
records, each file's hash — then the files go. A log whose beginning is missing without such a record is tampered
with.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from yett_audit import disk, record, segment
from yett_audit.errors import LogRefused
from yett_audit.writer import Writer


def prune(writer: Writer, below: int, *, by: str, reason: str, archive: Path | None = None) -> int:
    """Removes the segments that lie wholly below index `below`.

    Args:
        by: who ordered it; reason: the rule or ticket it follows. Both stand in the record.
        archive: a directory on the same file system to move the files to, instead of deleting them.

    Returns:
        The first index that remains.

    Raises:
        LogRefused: nothing lies wholly below `below`. LogUnavailable: it could not be recorded.
    """
    paths = segment.paths(writer.directory)
    firsts = [int(path.name.removesuffix(segment.SUFFIX)) for path in paths]
    keep = max((n for n, first in enumerate(firsts) if first <= below), default=0)
    gone = paths[:keep]
    if not gone:
        raise LogRefused("NOTHING_TO_PRUNE", "no whole segment lies below this index")
    writer.tiles.catch_up(writer.head().checkpoint.size)  # proofs need the tiles of what goes
    told: dict[str, Any] = {
        "below": firsts[keep],
        "by": by,
        "reason": reason,
        "records": firsts[keep] - firsts[0],
        "segments": [
            {"bytes": path.stat().st_size, "first": first, "sha256": _digest(path)}
            for path, first in zip(gone[-500:], firsts[max(0, keep - 500) :], strict=False)
        ],
    }
    writer.append_own(record.RETENTION, told)
    for path in gone:
        if archive is None:
            path.unlink()
        else:
            os.rename(path, archive / path.name)
    disk.sync_directory(writer.directory)
    return firsts[keep]


def _digest(path: Path) -> str:
    fd = segment.open_regular(path)
    with os.fdopen(fd, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
