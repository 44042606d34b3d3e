"""Naming the record that was changed.

A chain breaks at the record *after* the changed one: its link no longer fits. Which of the two was altered
is decided by the next seal. If the tree with the linked leaf in the changed record's place has exactly the
root that the key signed, then that record, and nothing else before the seal, was changed.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator
from pathlib import Path

from yett_audit import merkle, segment
from yett_audit.chain import Chain
from yett_audit.errors import Broken


def located(path: Path, broken: Broken) -> Broken:
    """A broken link as the changed record's own fault, if one seal proves that; else the fault as it was."""
    if broken.cause != "chain" or broken.record is None:
        return broken
    for suspect in (broken.record - 1, broken.record):
        offset = _heals(path, suspect)
        if offset is not None:
            found = Broken("record-changed", f"record {suspect} was changed after it was sealed")
            found.file, found.offset, found.record = broken.file, offset, suspect
            return found
    return broken


def _heals(path: Path, suspect: int) -> int | None:
    """The suspect's byte offset if the next seal holds with the original leaf in its place."""
    chain, prior, healing, offset = Chain(), merkle.Range(), False, None
    try:
        for line, at in _lines(path):
            if healing:
                original = _link_of(line)
                if original is None:
                    return None
                chain.replace_last(prior, original, line)
                healing = False
            if chain.next == suspect or (chain.start < 0 and suspect == 0):
                prior, healing, offset = chain.range.copy(), True, at
                chain.take_unchecked(line)
                continue
            chain.feed(line)
            if offset is not None and chain.sealed > suspect:
                return offset
    except Broken:
        return None
    return None


def _lines(path: Path) -> Iterator[tuple[bytes, int]]:
    fd = segment.open_regular(path)
    try:
        for offset, lines in segment.blocks(fd, 0, os.fstat(fd).st_size):
            for line in lines:
                yield line, offset
                offset += len(line) + 1
    finally:
        os.close(fd)


def _link_of(line: bytes) -> bytes | None:
    encoded = line.rpartition(b'"~prev":"')[2][:43]
    try:
        leaf = base64.urlsafe_b64decode(encoded + b"=")
    except binascii.Error:
        return None
    return leaf if len(leaf) == 32 else None
