"""Verifying groups of segments in parallel processes, and joining them without trusting the joints.

A segment's header repeats the whole state of the log before it, so a worker can begin there. What the header
claims is proven twice: by the seals inside the segment, whose roots build on it, and here, where it must equal
the state in which the group before it ended. Any difference is the fault that one process would have found.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from yett_audit.chain import Chain
from yett_audit.errors import Broken
from yett_audit.scan import End, scan
from yett_audit.seals import Seals, remember


class Part(NamedTuple):
    """What one worker found."""

    chain: Chain
    end: End | None
    seals: Seals
    broken: Broken | None


def run_part(paths: Sequence[Path], wanted: frozenset[int], final: bool) -> Part:
    """Scans a group of segments; keeps the wanted seals and the most recent ones."""
    chain = Chain()
    seals: Seals = {}
    recent: Seals = {}

    def on_seal(_: int) -> None:
        remember(chain, wanted, seals, recent)

    try:
        end = scan(paths, chain, on_seal=on_seal, final=final)
    except Broken as broken:
        return Part(chain, None, seals, broken)
    return Part(chain, end, recent | seals, None)


def scan_parallel(
    paths: Sequence[Path], chain: Chain, wanted: frozenset[int], jobs: int
) -> tuple[End, Seals]:
    """As `scan`, in up to `jobs` processes; `chain` ends in the state of the whole.

    Raises:
        Broken: the first fault in the log's order.
    """
    groups = _groups(paths, jobs)
    seals: Seals = {}
    end: End | None = None
    with ProcessPoolExecutor(max_workers=len(groups)) as pool:
        futures = [pool.submit(run_part, group, wanted, group is groups[-1]) for group in groups]
        for number, future in enumerate(futures):
            part = future.result()
            if number:
                chain.join(part.chain, groups[number][0].name)
            else:
                chain.adopt(part.chain)
            if part.broken is not None:
                for other in futures:
                    other.cancel()
                raise part.broken
            seals |= part.seals
            end = part.end
    assert end is not None
    return end, seals


def _groups(paths: Sequence[Path], jobs: int) -> list[Sequence[Path]]:
    """Contiguous groups of about the same number of bytes."""
    sizes = [os.stat(path, follow_symlinks=False).st_size for path in paths]
    share = sum(sizes) / jobs
    groups: list[list[Path]] = [[]]
    filled = 0
    for path, size in zip(paths, sizes, strict=True):
        if groups[-1] and filled + size / 2 > share * len(groups) and len(groups) < jobs:
            groups.append([])
        groups[-1].append(path)
        filled += size
    return list(groups)
