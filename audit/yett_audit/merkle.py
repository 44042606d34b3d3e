"""RFC 6962 Merkle trees: pure functions and one small accumulator.

Nothing here stores a tree. `Range` keeps the O(log n) subtree roots that cover the leaves so far (a
"compact range"); appending a leaf costs one interior hash amortised. Proofs are made over a `reader`, a
function (level, index) -> hash of the complete subtree of 2^level leaves at that index; who stores the
hashes is somebody else's problem.

Sources: RFC 6962 §2.1, RFC 9162 §2.1.3–2.1.4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from yett_audit.errors import Broken

Reader = Callable[[int, int], bytes]
"""(level, index) -> hash of the complete subtree over leaves [index·2^level, (index+1)·2^level)."""

_sha256 = hashlib.sha256
EMPTY_ROOT = _sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data)."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return _sha256(b"\x01" + left + right).digest()


class Range:
    """The compact range [0, size): enough to append and to know the root, nothing more."""

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count() or any(len(h) != 32 for h in self.hashes):
            raise Broken("range", "a compact range does not fit its size")

    def append(self, leaf: bytes) -> None:
        """Adds one leaf hash."""
        hashes = self.hashes
        size = self.size
        while size & 1:
            leaf = _sha256(b"\x01" + hashes.pop() + leaf).digest()
            size >>= 1
        hashes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The Merkle tree hash of everything appended."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for h in reversed(self.hashes[:-1]):
            root = _sha256(b"\x01" + h + root).digest()
        return root

    def copy(self) -> Range:
        return Range(self.size, self.hashes)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    tree = Range()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def _cover(start: int, end: int) -> list[tuple[int, int]]:
    """The complete subtrees (level, index) that make up the right-leaning tree over [start, end)."""
    parts = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        parts.append((level, start >> level))
        start += 1 << level
    return parts


def subtree(reader: Reader, start: int, end: int) -> bytes:
    """MTH(D[start:end]) where `start` is a multiple of the largest power of two below `end - start`."""
    hashes = [reader(level, index) for level, index in _cover(start, end)]
    root = hashes.pop()
    while hashes:
        root = node_hash(hashes.pop(), root)
    return root


def _split(n: int) -> int:
    return 1 << ((n - 1).bit_length() - 1)


def inclusion_proof(reader: Reader, index: int, size: int) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` (RFC 6962 §2.1.1), leaf first."""
    if not 0 <= index < size:
        raise Broken("proof", "the index is outside the tree")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree(reader, middle, end))
            end = middle
        else:
            path.append(subtree(reader, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(reader: Reader, old: int, new: int) -> list[bytes]:
    """The proof that the tree of size `new` extends the one of size `old` (RFC 6962 §2.1.2)."""
    if not 0 < old <= new:
        raise Broken("proof", "sizes must satisfy 0 < old <= new")
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(subtree(reader, middle, end))
            end = middle
        else:
            path.append(subtree(reader, start, middle))
            start, whole = middle, False
    if not whole:
        path.append(subtree(reader, start, end))
    return path[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162 §2.1.3.2).

    Raises:
        Broken: the proof has the wrong length for (index, size).
    """
    if not 0 <= index < size or len(leaf) != 32:
        raise Broken("proof", "the index is outside the tree, or the leaf is no hash")
    fn, sn, root = index, size - 1, leaf
    for p in proof:
        if sn == 0 or len(p) != 32:
            raise Broken("proof", "the inclusion proof has the wrong length")
        if fn & 1 or fn == sn:
            root = node_hash(p, root)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node_hash(root, p)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise Broken("proof", "the inclusion proof has the wrong length")
    return root


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raises Broken unless `proof` shows `leaf` at `index` of the tree (`size`, `root`)."""
    if root_from_inclusion(index, size, leaf, proof) != root:
        raise Broken("proof", "the inclusion proof does not lead to the root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises Broken unless `proof` shows that the tree (`new`, `new_root`) extends (`old`, `old_root`).

    A proof from size 0 says nothing and is refused (RFC 9162 §2.1.4.2).
    """
    if not 0 < old <= new:
        raise Broken("proof", "sizes must satisfy 0 < old <= new")
    if old == new:
        if proof or old_root != new_root:
            raise Broken("proof", "two roots of one size differ, or the proof is not empty")
        return
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    path = list(proof)
    if any(len(p) != 32 for p in path) or (fn and not path):
        raise Broken("proof", "the consistency proof has the wrong length")
    if len(old_root) != 32:
        raise Broken("proof", "a root is no hash")
    fr = sr = old_root if not fn else path.pop(0)
    for p in path:
        if sn == 0:
            raise Broken("proof", "the consistency proof has the wrong length")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(p, fr), node_hash(p, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, p)
        fn, sn = fn >> 1, sn >> 1
    if sn or fr != old_root or sr != new_root:
        raise Broken("proof", "the consistency proof does not connect the two roots")
