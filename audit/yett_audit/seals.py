"""Which seals a run keeps in mind: those that somebody asked about, and the last thousands."""

from __future__ import annotations

from yett_audit.chain import Chain

Seals = dict[int, tuple[bytes, int]]
"""Size -> (root, time of the last record) of verified seals."""
RECENT = 32_768


def remember(chain: Chain, wanted: frozenset[int], seals: Seals, recent: Seals) -> None:
    """Notes the seal that the chain has just verified."""
    seal = (chain.sealed_root, chain.sealed_at)
    if chain.sealed in wanted:
        seals[chain.sealed] = seal
    recent[chain.sealed] = seal
    if len(recent) > RECENT:
        del recent[next(iter(recent))]
