"""Budgets: what was spent within any window of time, per session, lineage, principal and destination.

An `Account` holds one `Window` a thing that is counted. A window keeps (time, amount) steps, so any span
can be asked for; when it has more than `MAX_STEPS`, neighbours that lie close together for their age are
merged under the *later* time. A merged amount therefore counts longer than it should, never shorter: many
small charges cannot wash an old one out.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import msgspec

from yett.model import Struct

MAX_STEPS: Final = 48
GRAIN_MS: Final = 1000
HORIZON_MS: Final = 31 * 24 * 3600 * 1000
"""Longest window that can be asked for; what is older is forgotten."""

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR

Window = tuple[tuple[int, int], ...]
"""((milliseconds, amount), …), oldest first."""


def spent(window: Window, now: int, span_ms: int) -> int:
    """Sum of what was charged later than `now - span_ms`."""
    since = now - span_ms
    total = 0
    for at, amount in reversed(window):
        if at <= since:
            break
        total += amount
    return total


def charge(window: Window, now: int, amount: int) -> Window:
    """The window with an amount added at `now`."""
    if window:
        last, held = window[-1]
        if last // GRAIN_MS >= now // GRAIN_MS:
            # The same second (the ledger's clock never runs backwards): under its later end.
            return (*window[:-1], (max(last, now), held + amount))
        if window[0][0] < now - HORIZON_MS:
            window = tuple(step for step in window if step[0] >= now - HORIZON_MS)
    window = (*window, (now, amount))
    return window if len(window) <= MAX_STEPS else _merge(window)


def refund(window: Window, at: int, amount: int) -> Window:
    """Takes an amount charged at `at` back, from the step that holds it; never below zero."""
    for place, (when, held) in enumerate(window):
        if when >= at:
            return (*window[:place], (when, max(0, held - amount)), *window[place + 1 :])
    return window


def _merge(window: Window) -> Window:
    """A third fewer steps: those whose distance to the next is smallest for their age join it."""
    newest = window[-1][0]
    gaps = sorted(
        ((later[0] - step[0]) * 1_000_000 // (newest - step[0] + 1), place)
        for place, (step, later) in enumerate(pairwise(window))
    )
    joining = {place for _, place in gaps[: MAX_STEPS // 3]}
    merged: list[tuple[int, int]] = []
    carried = 0
    for place, (at, amount) in enumerate(window):
        if place in joining:
            carried += amount
        else:
            merged.append((at, amount + carried))
            carried = 0
    return tuple(merged)


class Account(Struct, frozen=True, kw_only=True):
    """What one holder was charged. `version` grows with every change."""

    key: str
    version: int = 0
    windows: dict[str, Window] = msgspec.field(default_factory=dict)

    def spent(self, what: str, now: int, span_ms: int) -> int:
        window = self.windows.get(what)
        return spent(window, now, span_ms) if window else 0

    def charged(self, charges: tuple[tuple[str, int], ...], now: int) -> Account:
        """The account after these charges, all at once."""
        windows = dict(self.windows)
        for what, amount in charges:
            windows[what] = charge(windows.get(what, ()), now, amount)
        return Account(key=self.key, version=self.version + 1, windows=windows)

    def refunded(self, charges: tuple[tuple[str, int], ...], at: int) -> Account:
        windows = dict(self.windows)
        for what, amount in charges:
            if what in windows:
                windows[what] = refund(windows[what], at, amount)
        return Account(key=self.key, version=self.version + 1, windows=windows)


class Cap(Struct, frozen=True, kw_only=True):
    """At most `limit` of `what` within `span_ms`, at the levels named; beyond it, `effect`."""

    what: str
    limit: int
    span_ms: int
    levels: tuple[str, ...]
    """session, lineage, principal, destination."""
    effect: str = "hold"


DEFAULT_CAPS: Final = (
    Cap(what="out", limit=2_000_000, span_ms=DAY, levels=("session", "lineage", "principal")),
    Cap(what="out.secret", limit=0, span_ms=DAY, levels=("session", "lineage", "principal"), effect="deny"),
    Cap(
        what="out.tainted",
        limit=64_000,
        span_ms=DAY,
        levels=("session", "lineage", "principal", "destination"),
    ),
    Cap(what="out.destination", limit=1_000_000, span_ms=DAY, levels=("destination",)),
    Cap(what="destinations", limit=40, span_ms=DAY, levels=("session", "lineage", "principal")),
    Cap(what="deletes", limit=60, span_ms=HOUR, levels=("session", "lineage", "principal")),
    Cap(what="records", limit=20_000, span_ms=DAY, levels=("session", "lineage", "principal")),
    Cap(
        what="money", limit=10_000_000, span_ms=DAY, levels=("session", "lineage", "principal", "destination")
    ),
    Cap(what="privilege", limit=10, span_ms=DAY, levels=("session", "lineage", "principal")),
    Cap(what="sessions", limit=600, span_ms=HOUR, levels=("principal",)),
)
"""What a deployment starts with: far above what honest sessions do, far below what an attack needs."""
