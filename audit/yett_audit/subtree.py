"""Subtrees: proofs about a stretch [start, end) of a tree that is itself a Merkle tree.

A stretch is a subtree if `start` is a multiple of the smallest power of two that is not below its length. A
segment or a day of a log can be such a stretch, and be proven without the rest.

Source: draft-ietf-plants-merkle-tree-certs §4.
"""

from __future__ import annotations

from collections.abc import Sequence

from yett_audit import merkle
from yett_audit.errors import Broken


def _check_stretch(start: int, end: int) -> None:
    if not 0 <= start < end or start % (1 << (end - start - 1).bit_length()):
        raise Broken("proof", "the stretch is no subtree")


def verify_inclusion(
    index: int, start: int, end: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Raises Broken unless `proof` shows `leaf` at `index` of the subtree [start, end) with `root`."""
    _check_stretch(start, end)
    if not start <= index < end:
        raise Broken("proof", "the index is outside the subtree")
    merkle.verify_inclusion(index - start, end - start, leaf, proof, root)


def verify_consistency(
    start: int, end: int, size: int, part: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Raises Broken unless `proof` shows that the subtree [start, end) with hash `part` is part of (`size`, `root`)."""
    if 0 <= start == end <= size and part == merkle.EMPTY_ROOT and not proof:
        return  # the empty subtree is part of every tree
    _check_stretch(start, end)
    if end > size or any(len(p) != 32 for p in proof):
        raise Broken("proof", "the subtree is outside the tree, or a hash is none")
    fn, sn, tn = start, end - 1, size - 1
    whole = sn == tn
    while fn != sn and (whole or sn & 1):
        fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    path = list(proof)
    if fn != sn and not path:
        raise Broken("proof", "the consistency proof is too short")
    fr = sr = part if fn == sn else path.pop(0)
    for p in path:
        if tn == 0:
            raise Broken("proof", "the consistency proof is too long")
        if sn & 1 or sn == tn:
            if fn < sn:
                fr = merkle.node_hash(p, fr)
            sr = merkle.node_hash(p, sr)
            while not sn & 1 and tn:
                fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
        else:
            sr = merkle.node_hash(sr, p)
        fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    if tn or fr != part or sr != root:
        raise Broken("proof", "the consistency proof does not connect the two hashes")
