"""Walking a log's files through a chain, and judging where it ends.

After a crash a log may end in bytes that were never answered: whole records without a seal, and then a line
without its LF. That is a *torn tail*, a normal thing, and must be told from tampering:

- a fault with a valid later seal, or with a later segment, lies before something that was sealed: tampering;
- otherwise a line without LF, or a tail with NUL bytes (pages that a power cut lost), is torn;
- a complete but invalid line after the last seal is no crash's doing, since writes end in prefixes: tampering.

What an attacker makes look torn is no more than cutting the log at its last seal, which only an anchor shows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yett_audit import note, segment
from yett_audit.chain import Chain
from yett_audit.diagnose import located
from yett_audit.errors import Broken

OnRecord = Callable[[dict[str, Any], bytes, str, int], None]
"""(decoded object, line, file name, byte offset) of each record that is not a seal."""
OnSeal = Callable[[int], None]
"""Called after each verified seal, with the byte offset behind it."""

_MAX_TAIL_SEALS = 64


@dataclass
class End:
    """Where a verified log ends."""

    file: Path
    sealed_offset: int
    """Byte in `file` behind the LF of the last valid seal."""
    size: int
    """Bytes of `file` that were looked at."""
    unsealed: int = 0
    """Whole, chained records after the last seal; they were never answered."""
    why: Broken | None = None
    """What stopped the reading inside the torn tail, if anything did."""

    @property
    def torn(self) -> int:
        """Bytes behind the last seal."""
        return self.size - self.sealed_offset


def scan(
    paths: Sequence[Path],
    chain: Chain,
    *,
    on_seal: OnSeal | None = None,
    on_record: OnRecord | None = None,
    start: int = 0,
    final: bool = True,
) -> End:
    """Feeds segments to `chain` up to their length now; the first one from byte `start`, right behind a seal.

    With `final` false, another segment follows, so there can be no torn tail.

    Raises:
        Broken: with file, byte offset and record; a torn tail is not an error but part of the result.
    """
    if not paths:
        raise Broken("empty", "no segment is here (in STATE/log?): an empty log proves nothing")
    end = End(paths[0], 0, 0)
    for number, path in enumerate(paths):
        last = final and number == len(paths) - 1
        fd = segment.open_regular(path)
        try:
            size = os.fstat(fd).st_size
            end = _scan_file(fd, End(path, 0 if number else start, size), chain, on_seal, on_record, last)
        finally:
            os.close(fd)
    return end


def _scan_file(
    fd: int, end: End, chain: Chain, on_seal: OnSeal | None, on_record: OnRecord | None, last: bool
) -> End:
    path, offset = end.file, end.sealed_offset
    feed = chain.feed
    try:
        if end.sealed_offset == 0:
            _check_name(path, chain, end.size)
        for offset, lines in segment.blocks(fd, end.sealed_offset, end.size):
            if not lines:
                raise Broken("torn", "the last line has no end")
            for line in lines:
                value = feed(line)
                if value is None:
                    end.sealed_offset = offset + len(line) + 1
                    if on_seal is not None:
                        on_seal(end.sealed_offset)
                elif on_record is not None:
                    on_record(value, line, path.name, offset)
                offset += len(line) + 1
        if not end.sealed_offset or (end.torn and not last):
            offset = end.sealed_offset
            raise Broken("unsealed", "a segment holds no seal, or goes on behind its last one")
    except Broken as broken:
        broken.file = path.name
        broken.offset = offset if broken.offset is None else broken.offset
        broken.record = chain.next
        if not last or not end.sealed_offset or not is_torn(fd, end, broken, chain):
            raise located(path, broken) from None
        end.why = broken
    end.unsealed = chain.next - chain.sealed - 1
    return end


def _check_name(path: Path, chain: Chain, size: int) -> None:
    """A segment begins where its name says and where the one before ended."""
    if size == 0:
        raise Broken("empty", "a segment is empty: an empty log proves nothing")
    first = segment.first_of(path)
    if path.name == segment.name_of(first) and chain.start >= 0 and first != chain.next:
        raise Broken("segment", f"a segment is missing: record {chain.next} is expected, not {first}")


def is_torn(fd: int, end: End, broken: Broken, chain: Chain) -> bool:
    """Whether a fault behind the last seal of the last segment is a crash's doing (see the module's story)."""
    assert broken.offset is not None
    tail = os.pread(fd, min(end.size - end.sealed_offset, 64 << 20), end.sealed_offset)
    if _has_later_seal(tail, chain):
        return False
    return b"\n" not in tail[broken.offset - end.sealed_offset :] or b"\x00" in tail


def _has_later_seal(tail: bytes, chain: Chain) -> bool:
    """Whether a whole seal by a known key, for more than what is sealed, stands anywhere in the tail."""
    found = 0
    for line in tail.split(b"\n")[:-1]:
        head, mark, _ = line.rpartition(b'\\n"},"ev":"log.seal"')
        if not mark:
            continue
        found += 1
        if found > _MAX_TAIL_SEALS:
            return True
        text = head.partition(b'{"note":"')[2].replace(b"\\n", b"\n") + b"\n"
        try:
            parsed = note.parse(text)
            later = note.Checkpoint.parse(parsed.text).size > chain.sealed
            if later and note.verified(parsed, [key for _, key in chain.keys]):
                return True
        except Broken:
            continue  # not a seal, so it proves nothing
    return False
