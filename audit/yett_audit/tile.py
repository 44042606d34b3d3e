"""C2SP tlog-tiles: the Merkle tree as static files, and the proofs that are read from them.

A tile of level L holds up to 256 hashes of complete subtrees of 256^L leaves; its parent hash is one hash of
the tile above. Only full tiles are kept on disk; the ragged right edge lives in memory. All of it is derived
from the segments: `catch_up` reads what was sealed since and writes what became full, so that the commit
path never waits for a tile, and a lost tile is made again — unless its records were removed (`retention`): then the
tiles are all that is left of them, the partial one at the cut (`keep_edge`) included.

Source: c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from yett_audit import merkle, record, segment
from yett_audit.errors import USAGE, Broken

WIDTH = 256
_HASH = 32
_CACHED = 64


def path_of(level: int | str, index: int, width: int = WIDTH) -> str:
    """`tile/<level>/x001/x234/067[.p/<width>]`; `level` may be `entries`."""
    digits = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        digits = f"x{index % 1000:03d}/{digits}"
    return f"tile/{level}/{digits}" + (f".p/{width}" if width < WIDTH else "")


def _write(path: Path, data: bytes) -> None:
    """A file that is there whole or not at all. Not synced: it can be made again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    os.replace(temporary, path)


Marks = dict[int, tuple[str, int]]
"""Where record 256·n begins: segment name and byte offset."""


def lines(directory: Path, start: int, end: int, marks: Marks | None = None) -> Iterator[bytes]:
    """The lines of records [start, end), unverified; `marks`, if given, are used and added to."""
    marks = {} if marks is None else marks
    paths = segment.paths(directory)
    firsts = [segment.first_of(p) for p in paths]
    block = segment.BLOCK if end - start > WIDTH else segment.BLOCK >> 4
    for number, path in enumerate(paths):
        index, offset = firsts[number], 0
        if index >= end or (number + 1 < len(paths) and firsts[number + 1] <= start):
            continue
        name, position = marks.get(start // WIDTH, ("", 0))
        if name == path.name:
            index, offset = start // WIDTH * WIDTH, position
        fd = segment.open_regular(path)
        try:
            for offset, found in segment.blocks(fd, offset, os.fstat(fd).st_size, block):  # noqa: B020
                for line in found:
                    if index >= end:
                        return
                    if index % WIDTH == 0:
                        marks[index // WIDTH] = path.name, offset
                    if index >= start:
                        yield line
                    offset += len(line) + 1
                    index += 1
        finally:
            os.close(fd)


class Tiles:
    """The tiles of one log directory. Thread-safe. A pruned log has proofs only from its start on."""

    def __init__(self, directory: Path, *, write: bool = True) -> None:
        self._directory, self._writes = directory, write
        self._memory: dict[tuple[int, int], bytes] = {}
        self._lock = threading.Lock()
        self._edges: list[list[bytes]] = [[]]
        self._size = -1
        self._marks: Marks = {}
        self._cache: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()

    def catch_up(self, size: int) -> None:
        """Takes in the records up to `size`, which must be sealed."""
        with self._lock:
            if self._size < 0:
                self._resume(size)
            if size > self._size:
                for line in lines(self._directory, self._size, size, self._marks):
                    self._push(0, record.leaf_of(line))
                    self._size += 1
            if self._size < size:
                raise Broken("missing", f"the log holds only {self._size} of {size} records")

    def keep_edge(self, first: int) -> None:
        """Writes the partial tile that ends before record `first`, for a log that will begin with it; durably, as all."""
        with self._lock:
            if first % WIDTH:
                hashes = self._hashes(0, first // WIDTH)[: first % WIDTH]
                _write(
                    self._directory / path_of(0, first // WIDTH, first % WIDTH),
                    b"".join(hashes),
                )
        os.sync()

    def read(self, level: int, index: int) -> bytes:
        """A `merkle.Reader` over what was taken in."""
        high, low = divmod(level, 8)
        start = index << low
        hashes = self._hashes(high, start >> 8)[start & 255 : (start & 255) + (1 << low)]
        if len(hashes) != 1 << low:
            raise Broken("missing", "a tile lacks hashes")
        return merkle.root_of(hashes)

    def line(self, index: int) -> bytes:
        """One record's line, found quickly once the tiles have come that far."""
        for found in lines(self._directory, index, index + 1, self._marks):
            return found
        raise Broken("missing", "the log holds no record of this index")

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of record `index` in the tree of `size`."""
        self.catch_up(size)
        return merkle.inclusion_proof(self.read, index, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `new` extends that of `old`; empty for equal sizes."""
        self.catch_up(new)
        return merkle.consistency_proof(self.read, old, new)

    def _resume(self, size: int) -> None:
        """Finds how many full tiles are on disk and rebuilds the edges from them."""
        first = segment.first_of(segment.paths(self._directory)[0])
        low, high = 0, size // WIDTH if self._writes or first else 0
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._path(0, middle - 1).exists() else (low, middle - 1)
        self._edges, self._size = [[]], low * WIDTH
        count, level = low, 0
        while count:
            full = count // WIDTH
            if full and not self._path(level + 1, full - 1).exists():
                data = b"".join(self._parent(level, i) for i in range((full - 1) * WIDTH, full * WIDTH))
                self._keep(level + 1, full - 1, data)
            self._edges.append([self._parent(level, i) for i in range(full * WIDTH, count)])
            count, level = full, level + 1
        if first > self._size:
            partial = (self._directory / path_of(0, self._size // WIDTH, 1)).parent
            data = max((path.read_bytes() for path in partial.glob("*")), key=len, default=b"")
            data = data[: (first - self._size) * _HASH]
            if len(data) != (first - self._size) * _HASH:
                text = "the tiles of the removed records are gone: restore the folder `tile`"
                raise Broken("missing", text, USAGE)
            self._edges[0] = _split(data)
            self._size = first

    def _parent(self, level: int, index: int) -> bytes:
        return merkle.root_of(self._hashes(level, index))

    def _path(self, level: int, index: int) -> Path:
        return self._directory / path_of(level, index)

    def _keep(self, level: int, index: int, data: bytes) -> None:
        """On disk; a reader that must leave the log alone keeps it in memory (32 bytes a record)."""
        if self._writes:
            _write(self._path(level, index), data)
        else:
            self._memory[level, index] = data

    def _push(self, level: int, item: bytes) -> None:
        if level == len(self._edges):
            self._edges.append([])
        edge = self._edges[level]
        edge.append(item)
        if len(edge) == WIDTH:
            index = (self._size >> 8 * (level + 1)) if level else self._size >> 8
            self._keep(level, index, b"".join(edge))
            root = merkle.root_of(edge)
            self._edges[level] = []
            self._push(level + 1, root)

    def _hashes(self, level: int, index: int) -> list[bytes]:
        key = (level, index)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        try:
            data = self._memory.get(key) or self._path(level, index).read_bytes()
        except FileNotFoundError:
            if level >= len(self._edges):
                raise Broken("missing", "a tile is missing") from None
            return self._edges[level]
        if len(data) != WIDTH * _HASH:
            raise Broken("missing", "a tile is damaged: remove the folder `tile`, it is made again")
        hashes = self._cache[key] = _split(data)
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        return hashes


def _split(data: bytes) -> list[bytes]:
    return [data[place : place + _HASH] for place in range(0, len(data), _HASH)]


def export(directory: Path, out: Path, size: int, checkpoint: str) -> int:
    """Writes everything a static tlog-tiles server needs into `out`; the number of files.

    Partial tiles and entry bundles included, for exactly the tree that `checkpoint` (a signed note) is about.
    """
    count = 0
    with contextlib.suppress(FileExistsError):
        out.mkdir(parents=True)
    level: list[bytes] = []
    bundle = b""
    entries = 0
    for line in lines(directory, 0, size):
        level.append(record.leaf_of(line))
        bundle += len(line).to_bytes(2, "big") + line
        entries += 1
        if entries % WIDTH == 0 or entries == size:
            _write(out / path_of("entries", (entries - 1) // WIDTH, (entries - 1) % WIDTH + 1), bundle)
            bundle, count = b"", count + 1
    if entries != size:
        raise Broken("missing", f"the log holds only {entries} of {size} records")
    number = 0
    while level:
        above = []
        for start in range(0, len(level), WIDTH):
            part = level[start : start + WIDTH]
            _write(out / path_of(number, start // WIDTH, len(part)), b"".join(part))
            count += 1
            if len(part) == WIDTH:
                above.append(merkle.root_of(part))
        level, number = above, number + 1
    _write(out / "checkpoint", checkpoint.encode())
    return count + 1
