"""Forgetting: mandates, approvals and revocations that ended long ago, a bounded number each time.

A row goes only once nothing can depend on it any more. What ended before the *watermark* is refused whether it is
remembered or not, and the watermark is raised, durably, by the same record that forgets. What is under way or in
doubt is never looked at: only an outcome or a person settles that.

The tables are gone through in turns, so that a run costs the same however many rows there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from yett.ledger.mandate import MAX_LIFE_S
from yett.ledger.state import Table

if TYPE_CHECKING:
    from yett.ledger.core import Core

RETENTION_S: Final = 24 * 3600
"""How long what has ended is remembered beyond its end, so that a retry still gets an answer."""
LOOKED_AT: Final = 2_000
"""Rows of a table that one run looks at."""
FORGOTTEN: Final = 300
"""Rows of a table that one run forgets: their names fit one record."""


class Sweeper:
    """Sweeps one ledger. See the module."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._turns: dict[str, list[str]] = {}

    def run(self) -> int:
        """One record's worth of forgetting, or none. Returns how many rows were forgotten.

        Raises:
            AuditUnavailable, StoreBroken.
        """
        core = self._core
        with core.lock:
            state, now = core.state, core.now()
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
                lambda row: (
                    row.scope.startswith(("principal:", "agent:")) and row.at + MAX_LIFE_S <= watermark
                ),
                most=40,
            )
            if not (mandates or approvals or revoked):
                return 0
            body = {"watermark": watermark, "mandates": mandates, "approvals": approvals, "revoked": revoked}
            entry = core.write("sweep", {**body, "at": now})
        core.wait(entry)
        core.store.drop_views([*("mandate:" + jti for jti in mandates), *approvals])
        return len(mandates) + len(approvals) + len(revoked)

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
