"""Retention: removing old segments so that the rest still proves itself and says what is gone.

Only whole segments go, never the one being written. The next segment's header holds the compact Merkle range of
everything before it, and its seals cover that; so roots, receipts and consistency proofs of what remains hold
as before (the tiles of the removed part stay). First the files are copied, if they are to be kept elsewhere; then the
removal is recorded and durable — who, why, how many records, each file's hash — then the files go, oldest first. A log
whose beginning is missing without such a record is tampered with.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from yett_audit import canonical, disk, record, segment
from yett_audit.errors import LogRefused
from yett_audit.writer import Writer


def older(directory: Path, before: int) -> int:
    """The index below which every record of the log is older than `before` (milliseconds), by whole segments."""
    first, *later = segment.paths(directory)
    found = segment.first_of(first)
    for path in later:
        if _begun(path) > before:
            break
        found = segment.first_of(path)
    return found


def begun(directory: Path) -> int:
    """When the segment that is written to was begun, in milliseconds."""
    return _begun(segment.paths(directory)[-1])


def prune(writer: Writer, below: int, *, by: str, reason: str, archive: Path | None = None) -> int:
    """Removes the segments that lie wholly below index `below`.

    Args:
        by: who ordered it; reason: the rule or ticket it follows. Both stand in the record.
        archive: a directory that keeps the files. Together with what remains they are the whole log again.

    Returns:
        The first index that remains.

    Raises:
        LogRefused: NOTHING_TO_PRUNE; ARCHIVE_DIFFERS, another file of this name is kept there already.
        OSError: the archive cannot be written; nothing was removed. LogUnavailable: it could not be recorded.
    """
    paths = segment.paths(writer.directory)
    firsts = [segment.first_of(path) for path in paths]
    keep = max((n for n, first in enumerate(firsts) if first <= below), default=0)
    gone = paths[:keep]
    if not gone:
        raise LogRefused("NOTHING_TO_PRUNE", "no whole segment lies below this index")
    writer.tiles.catch_up(writer.head().checkpoint.size)  # proofs need the tiles of what goes
    writer.tiles.keep_edge(firsts[keep])
    digests = [_digest(path) for path in gone]
    if archive is not None:
        for path, digest in zip(gone, digests, strict=True):
            _archive(path, digest, archive)
        disk.sync_directory(archive)
    told: dict[str, Any] = {
        "below": firsts[keep],
        "by": by,
        "reason": reason,
        "records": firsts[keep] - firsts[0],
        "segments": [
            {"bytes": path.stat().st_size, "first": first, "sha256": digest}
            for path, first, digest in list(zip(gone, firsts, digests, strict=False))[-500:]
        ],
    }
    writer.append_own(record.RETENTION, told)
    for path in gone:
        path.unlink()
    disk.sync_directory(writer.directory)
    return firsts[keep]


def _begun(path: Path) -> int:
    fd = segment.open_regular(path)
    with os.fdopen(fd, "rb") as file:
        value = canonical.decode(file.readline(record.MAX_LINE + 1).removesuffix(b"\n"))
    assert isinstance(value, dict)
    at: int = value["at"]
    return at


def _digest(path: Path) -> str:
    fd = segment.open_regular(path)
    with os.fdopen(fd, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _archive(path: Path, digest: str, folder: Path) -> None:
    """A copy that is there whole or not at all; one that is there already counts."""
    kept = folder / path.name
    if kept.exists():
        if _digest(kept) != digest:
            raise LogRefused("ARCHIVE_DIFFERS", f"the archive has another {path.name}")
        return
    temporary = kept.with_suffix(".new")
    shutil.copyfile(path, temporary)
    fd = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
        os.fchmod(fd, 0o440)
    finally:
        os.close(fd)
    os.rename(temporary, kept)
