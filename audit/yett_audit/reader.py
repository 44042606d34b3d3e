"""Reading a log back: verified on the way, sealed records only.

Used for replay after a restart and by every command that looks into a log. A record is yielded only once a
valid seal behind it has been reached, so nothing unsealed is ever acted on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from yett_audit import segment
from yett_audit.chain import Chain
from yett_audit.errors import Broken
from yett_audit.note import VerifierKey
from yett_audit.record import Record
from yett_audit.scan import End, is_torn


def records(directory: Path | str, start: int = 0, *, keys: Sequence[VerifierKey] = ()) -> Iterator[Record]:
    """The sealed records from index `start` on, seals left out.

    Segments that end before `start` are not read; the rest is verified line by line. With `keys`, a key
    outside them is refused.

    Raises:
        Broken: the log is tampered with before its last seal. A torn tail simply ends the iteration.
    """
    paths = segment.paths(Path(directory))
    firsts = [segment.first_of(p) for p in paths]
    skip = max((i for i, first in enumerate(firsts) if first <= start), default=0)
    chain = Chain()
    allowed = {k.key for k in keys}
    for number, path in enumerate(paths[skip:], skip):
        waiting: list[Record] = []
        for value in _feed(path, chain, number == len(paths) - 1):
            if value is not None:
                waiting.append(value)
                continue
            if allowed and chain.key.key not in allowed:
                raise Broken("key", "the log is signed by a key that is not the expected one")
            yield from (r for r in waiting if r.index >= start)
            waiting.clear()


def _feed(path: Path, chain: Chain, last: bool) -> Iterator[Record | None]:
    """Records of one segment as they are chained; None at each seal."""
    fd = segment.open_regular(path)
    try:
        end = End(path, 0, os.fstat(fd).st_size)
        for offset, lines in segment.blocks(fd, 0, end.size):
            if not lines and not last:
                raise Broken("torn", "a segment that is not the last ends without a seal")
            for line in lines:
                try:
                    value = chain.feed(line)
                except Broken as broken:
                    broken.file, broken.offset, broken.record = path.name, offset, chain.next
                    if last and end.sealed_offset and is_torn(fd, end, broken, chain):
                        return
                    raise
                offset += len(line) + 1
                if value is None:
                    end.sealed_offset = offset
                    yield None
                else:
                    yield Record(chain.next - 1, value["at"], value["ev"], value["body"], chain.prev, line)
    finally:
        os.close(fd)
