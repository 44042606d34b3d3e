"""What begins when a ledger is opened, and what of the epoch before nobody knows any more.

A use of a mandate that was under way is in doubt. A call whose result may have been shown before its outcome was on
the disk (`ahead`), and has none, counts as one that read anything: its session, and for a day every session of its
principal, acts only on a person's word. An operator's clearing of the session takes that back.
"""

from __future__ import annotations

from typing import Final

import msgspec

from yett.ledger.memory.session import with_labels
from yett.ledger.projection import rows
from yett.ledger.projection.rows import Decided
from yett.ledger.projection.state import Body, Change, State

ANYTHING: Final = frozenset(
    {"read_untrusted", "read_secret", "read_injection", "read_hint", "taint_saturated", "state_lost"}
)
"""Labels that a result can set, and the one that holds what acts."""


def plan_epoch(state: State, body: Body) -> list[Change]:
    """The rows that an epoch's record changes."""
    meta = state.meta
    if body["epoch"] != meta.epoch:
        meta = msgspec.structs.replace(meta, epoch=body["epoch"], boot=body.get("boot", ""), began=body["at"])
    if body.get("lost"):
        meta = msgspec.structs.replace(meta, lost=True, fence=body["at"] // 1000)
    changes: list[Change] = [("meta", "", meta)]
    for row in _known(state, body.get("in_doubt", [])):
        changes.append(("decided", row.id, msgspec.structs.replace(row, status=rows.IN_DOUBT)))
    unknown = _known(state, body.get("unknown", []))
    for session in filter(None, map(state.sessions.get, sorted({row.session for row in unknown}))):
        labels = with_labels(session.labels, ANYTHING)
        session = msgspec.structs.replace(session, version=session.version + 1, labels=labels)
        changes.append(("session", session.id, session))
    for tenant, name in sorted({(row.tenant, row.principal) for row in unknown}):
        owner = state.principal(tenant, name)
        owner = msgspec.structs.replace(owner, recent=owner.seen(ANYTHING, body["at"]))
        changes.append(("principal", owner.key, owner))
    return changes


def under_way(state: State) -> list[Decided]:
    """Calls of this epoch whose results may be shown ahead of their records, and that have no outcome yet."""
    return [
        row
        for row in state.decided.rows.values()
        if row.ahead and row.status == rows.RESERVED and row.at >= state.meta.began
    ]


def _known(state: State, decisions: list[str]) -> list[Decided]:
    return [row for row in map(state.decided.get, decisions) if row is not None]
