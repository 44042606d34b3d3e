"""What the session layer measures of a call: the terms in which budgets and later history are kept."""

from __future__ import annotations

from typing import Final

from yett.model import Origin, Struct

ACTING: Final = frozenset({"write", "delete", "send", "share", "pay", "exec", "persist", "admin"})
"""Capabilities that change the world; everything but reading."""


class Measure(Struct, frozen=True, kw_only=True):
    """What one call does, in the terms budgets and the next call's history are kept in."""

    does: tuple[str, ...] = ()
    targets: tuple[int, ...] = ()
    """Keyed hashes of where it goes, sorted."""
    outward: bool = False
    weakest: str = Origin.MANDATE.value
    """Weakest origin among its targets."""
    led: bool = False
    """A target may be from a text that tried to give the agent orders."""
    ordered: bool = False
    """And it stands in what that text tells its reader to do."""
    carries_secret: bool = False
    explained: bool = False
    """A person approved this tool towards all these targets before."""
    strain: int = 0
    """0..1000: what the session's history makes of where this call goes and what it carries."""
    charges: tuple[tuple[str, int], ...] = ()
    """Built-in budgets; checked at session, lineage, principal and destination."""
    counts: tuple[tuple[str, int], ...] = ()
    labels: tuple[str, ...] = ()
    """Labels that running it sets."""
    step: int = 0
    """Of a pinned plan whose order counts, how many steps are behind once it runs; 0: it is none of them."""
