"""Opening a log that exists: where it ends, whether that may be, and what to do with a torn tail.

1. The last segment is verified whole, from its header (which its seals prove) to its end; the segment before
   it must end with the record that the header links to.
2. Bytes behind the last seal were never answered: they are copied to `quarantine/`, then cut off. The writer
   then records that in a signed `log.recovery`.
3. A fault before a seal, a log that ends before the remembered head, another origin or another key: refused.
   Nothing is ever repaired, and no genesis is ever written beside existing state.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yett_audit import disk, note, record, segment
from yett_audit.chain import Chain
from yett_audit.errors import Broken, LogRefused
from yett_audit.scan import End, scan

HEAD = "head"
QUARANTINE = "quarantine"


@dataclass
class Recovered:
    """A log ready to be continued."""

    chain: Chain
    path: Path
    size: int
    torn: dict[str, Any] | None
    """Body of the `log.recovery` record, or None after a clean close."""


def read_head(directory: Path) -> note.Checkpoint | None:
    """The checkpoint that the writer remembered last, beside the log; None if there is none.

    It is not an anchor (who can cut the log can cut this file), but it catches accidents and simple hands.
    """
    try:
        data = (directory / HEAD).read_bytes()
    except FileNotFoundError:
        return None
    try:
        return note.Checkpoint.parse(note.parse(data).text)
    except Broken:
        raise LogRefused(
            "HEAD_UNREADABLE", "the remembered head is unreadable: verify the log, then remove it"
        ) from None


def recover(
    directory: Path, *, origin: str, publics: Sequence[bytes], floor: note.Checkpoint | None = None
) -> Recovered:
    """Verifies the end of the log in `directory` and cuts a torn tail off.

    Args:
        publics: public keys of which the log's current epoch must have one.
        floor: a checkpoint known from elsewhere (witness, guardian); the log must not be behind it.

    Raises:
        LogRefused: TAMPERED, ROLLBACK, WRONG_ORIGIN, WRONG_KEY, HEAD_UNREADABLE, HEAD_MISSING.
    """
    paths = segment.paths(directory)
    head = read_head(directory)
    if head is None:
        raise LogRefused(
            "HEAD_MISSING", "the log's remembered head is gone: verify the log against an anchor first"
        )
    chain = Chain()
    known = {c.size: c.root for c in (head, floor) if c is not None}
    matched: set[int] = set()

    def compare(_: int) -> None:
        if chain.sealed in known:
            if known[chain.sealed] != chain.sealed_root:
                raise LogRefused(
                    "ROLLBACK", f"the log's history differs from the remembered one at {chain.sealed} records"
                )
            matched.add(chain.sealed)

    try:
        end = scan(paths[-1:], chain, on_seal=compare)
        _check_link(paths, chain)
    except Broken as broken:
        where = f"{broken.file} byte {broken.offset}, record {broken.record}"
        raise LogRefused("TAMPERED", f"{broken.message} ({broken.cause}; {where})") from broken
    if chain.origin != origin:
        raise LogRefused("WRONG_ORIGIN", "the log here belongs to another origin")
    if chain.key.key not in publics:
        raise LogRefused("WRONG_KEY", "the log here is signed by another key")
    for size in known:
        if size > chain.sealed or (size > chain.start and size not in matched):
            raise LogRefused("ROLLBACK", f"the log ends at {chain.sealed} records; {size} are remembered")
    torn = _quarantine(directory, end, chain)
    if end.unsealed:  # the chain went on behind the last seal; continue from the seal itself
        chain = Chain()
        end = scan(paths[-1:], chain)
    return Recovered(chain, end.file, end.sealed_offset, torn)


def _check_link(paths: list[Path], chain: Chain) -> None:
    """The segment before the last must end with the line that the last one's header links to."""
    if chain.start == 0:
        return
    if len(paths) < 2:
        return  # pruned: the header's range and the seals behind it stand for what was cut
    fd = segment.open_regular(paths[-2])
    try:
        size = os.fstat(fd).st_size
        data = os.pread(fd, record.MAX_LINE + 2, max(0, size - record.MAX_LINE - 2))
    finally:
        os.close(fd)
    first = segment.open_regular(paths[-1])
    try:
        header = os.pread(first, record.MAX_LINE, 0).partition(b"\n")[0]
    finally:
        os.close(first)
    last_line = data.removesuffix(b"\n").rpartition(b"\n")[2]
    link = b'"~prev":"' + record.b64(record.leaf_of(last_line)) + b'"'
    if not data.endswith(b"\n") or link not in header:
        raise Broken("chain", "the last segment does not continue the one before it")


def _quarantine(directory: Path, end: End, chain: Chain) -> dict[str, Any] | None:
    if end.torn == 0:
        return None if chain.closed else {"bytes": 0, "records": 0}
    fd = os.open(end.file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        data = b""
        while len(data) < end.torn:
            part = os.pread(fd, end.torn - len(data), end.sealed_offset + len(data))
            if not part:
                break
            data += part
        digest = hashlib.sha256(data).hexdigest()
        folder = directory / QUARANTINE
        folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{chain.sealed + 1:012d}-{digest[:16]}.torn"
        disk.write_new(folder / name, data, 0o600)
        os.ftruncate(fd, end.sealed_offset)
        os.fsync(fd)
    finally:
        os.close(fd)
    return {"bytes": len(data), "file": name, "records": end.unsealed, "sha256": digest}
