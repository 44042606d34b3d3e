"""Forgetting: mandates, approvals and revocations that ended long ago, a bounded number each time.

A row goes only once nothing can depend on it any more. What ended before the *watermark* is refused whether it is
remembered or not, and the watermark is raised, durably, by the same record that forgets. What is under way or in
doubt is never looked at: only an outcome or a person settles that.

The tables are gone through in turns, so that a run costs the same however many rows there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from yett.ledger.projection.state import Body, State, Table
from yett.ledger.tokens.mandate import MAX_LIFE_S

RETENTION_S: Final = 24 * 3600
"""How long what has ended is remembered beyond its end, so that a retry still gets an answer."""
LOOKED_AT: Final = 2_000
"""Rows of a table that one run looks at."""
FORGOTTEN: Final = 300
"""Rows of a table that one run forgets: their names fit one record."""


class Over(NamedTuple):
    """What one run forgets: keys by table, and the watermark, in seconds."""

    watermark: int
    mandates: list[str]
    approvals: list[str]
    revoked: list[str]

    @property
    def rows(self) -> int:
        return len(self.mandates) + len(self.approvals) + len(self.revoked)

    @property
    def body(self) -> Body:
        """The record's, but for its time."""
        return self._asdict()

    @property
    def views(self) -> list[str]:
        """What was kept to be shown of them."""
        return [*("mandate:" + jti for jti in self.mandates), *self.approvals]


class Sweeper:
    """Finds what to forget, and where it stands in the tables. See the module."""

    def __init__(self) -> None:
        self._turns: dict[str, list[str]] = {}

    def over(self, state: State, now: int) -> Over:
        """One record's worth of what ended long ago; perhaps nothing. Call with the ledger's lock held."""
        watermark = now // 1000 - RETENTION_S
        busy = {
            jti
            for key in state.open | state.in_doubt
            if (row := state.decided.get(key)) is not None
            for jti in row.mandates
        }
        mandates = self._over(state.mandates, lambda row: row.exp <= watermark and row.jti not in busy)
        approvals = self._over(state.approvals, lambda row: row.expires // 1000 <= watermark)
        # Of one mandate: it is refused for its end alone. Of a holder: whatever it covered has ended.
        revoked = [key for jti in mandates if (key := "mandate:" + jti) in state.revoked.rows]
        revoked += self._over(
            state.revoked,
            lambda row: row.scope.startswith(("principal:", "agent:")) and row.at + MAX_LIFE_S <= watermark,
            most=40,
        )
        return Over(watermark, mandates, approvals, revoked)

    @property
    def done(self) -> bool:
        """Whether every row has had its turn."""
        return not any(self._turns.values())

    def _over(self, table: Table[Any], over: Callable[[Any], bool], most: int = FORGOTTEN) -> list[str]:
        turn = self._turns.setdefault(table.name, [])
        if not turn:
            turn.extend(reversed(table.rows))
        found: list[str] = []
        for _ in range(min(LOOKED_AT, len(turn))):
            key = turn.pop()
            row = table.rows.get(key)
            if row is not None and over(row):
                found.append(key)
                if len(found) == most:
                    break
        return found
