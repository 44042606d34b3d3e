"""Outcomes: what a call returned becomes what the session knows.

Values are hashed (`taint`) before they are recorded, labels ratchet, findings raise the risk. An outcome
settles the use of a mandate: `ok` and `error` commit it (it ran), `unknown` leaves it in doubt, `no_effect`
gives it back, but only on the word of the enforcement point: an agent that could say so about its own call
would use every mandate twice.
"""

from __future__ import annotations

from typing import Any, Final

from yett.errors import LedgerError
from yett.ledger.core import Core
from yett.ledger.memory.fixed import from_permille
from yett.ledger.memory.taint import Hasher, pack, to_text
from yett.ledger.projection import rows
from yett.ledger.projection.rows import Decided
from yett.ledger.projection.state import Body
from yett.ledger.proposal import Pending
from yett.model import Decision, Effect, Level, Origin, OutcomeFacts, PolicyRef, SessionState

MAX_HASHES: Final = 4500
"""Hashes one record can carry; of what does not fit, the session counts as saturated."""
COUNTED: Final = frozenset({Origin.RECORDS.value, Origin.DIRECTORY.value})
"""Origins of values that count as records read."""
ORDERS: Final = "ASI01"
"""Tag of findings that say: this result gives the agent orders."""
STRIKES: Final = {Level.INFO: 0, Level.LOW: 30, Level.MEDIUM: 100, Level.HIGH: 250, Level.CRITICAL: 400}
"""How much reading such a result raises the session's risk, 0..1000."""
_FOREIGN: Final = Origin.UNTRUSTED.value
_PLANTED: Final = {_FOREIGN, Origin.NOVEL.value, "sender"}
"""Origins of values that whoever wrote a text to the model may have put there."""
_ORIGINS: Final = {origin.value for origin in Origin}
_INDEXED: Final = {Origin.DIRECTORY.value: Hasher.of_name, "sender": Hasher.of_sender}
"""How values of an origin are indexed, where not by all their parts. A sender is untrusted, and no mention."""


def report(core: Core, row: Decided, outcome: OutcomeFacts, *, proven: bool) -> Pending:
    """Records an outcome. See `Ledger.report`."""
    body = body_of(core.hasher, row, outcome, proven=proven)
    with core.lock:
        known = _unsettled(core, row.id)
        entry = core.settle(known, body)

    def settle(timeout: float | None) -> Decision:
        core.wait(entry, timeout)
        return _decision(core, known, entry, body["at"])

    return Pending(settle, lambda call: core.writer.add_done_callback(entry, lambda _error: call()))


def release(core: Core, row: Decided, outcome: OutcomeFacts, *, proven: bool) -> None:
    """Records an outcome and returns once the session knows it. See `Ledger.release`."""
    body = body_of(core.hasher, row, outcome, proven=proven)
    with core.lock:
        entry = core.settle(_unsettled(core, row.id), body)
        set_aside = row.ahead and core.ahead.add(entry, body)
    if not set_aside:
        core.wait(entry)


def _unsettled(core: Core, decision: str) -> Decided:
    known = core.state.decided.get(decision)
    if known is None or known.status not in (rows.RESERVED, rows.IN_DOUBT):
        raise LedgerError("ALREADY_REPORTED", "the outcome of this decision was reported before")
    return known


def body_of(hasher: Hasher, row: Decided, outcome: OutcomeFacts, *, proven: bool) -> Body:
    """The outcome's record, but for its time and the session's hashes: pure, and the slow part of a report."""
    values, overflow = _values(hasher, outcome)
    labels = set(outcome.labels)
    if overflow:
        labels.add("taint_saturated")
    orders = _orders(outcome)
    if any(level.rank >= Level.MEDIUM.rank for level in orders):
        labels.add("read_injection")
    if orders:
        labels.add("read_hint")
    body: Body = {
        "decision": row.id,
        "status": outcome.status,
        "to": _status(outcome.status, row, proven),
        "digest": outcome.result_digest,
        "size": outcome.size,
        "findings": sorted({finding.id for finding in outcome.findings})[:48],
        "session": {"id": row.session},
    }
    if labels:
        body["labels"] = sorted(labels)[:64]
    if values:
        body["values"] = values
    records = sum(1 for _, origin in outcome.values if "read_secret" in labels or origin in COUNTED)
    if records:
        body["records"] = records
    strike = max((STRIKES[level] for level in orders), default=0)
    if strike:
        body["strike"] = from_permille(strike)
    if outcome.truncated:
        body["truncated"] = True
    if outcome.stages and outcome.status == "ok":
        body["stages"] = [list(move) for move in outcome.stages]
    return body


def _orders(outcome: OutcomeFacts) -> list[Level]:
    """How plainly a result gives the agent orders."""
    return [f.level for f in outcome.findings if ORDERS in f.tags and f.level is not Level.INFO]


def _status(status: str, row: Decided, proven: bool) -> str:
    if status in ("ok", "error"):
        return rows.COMMITTED
    if status == "no_effect" and proven:
        return rows.RELEASED
    return rows.IN_DOUBT if row.mandates or status not in ("no_effect", "unknown") else rows.COMMITTED


def _values(hasher: Hasher, outcome: OutcomeFacts) -> tuple[list[list[str]], bool]:
    """Packed hashes by origin, what tightens first; and whether some of that had to be left out."""
    found: dict[str, set[int]] = {}
    for value, origin in outcome.values:
        kind = origin if origin in _ORIGINS else Origin.UNTRUSTED.value
        found.setdefault(kind, set()).update(_INDEXED.get(origin, Hasher.of_value)(hasher, value))
    secret: set[int] = set()
    if "read_secret" in outcome.labels:
        for value, _ in outcome.values:
            secret |= hasher.of_secret(value)
    foreign = [value for value, origin in outcome.values if origin == _FOREIGN]
    orders = set[int]().union(*map(hasher.of_orders, foreign))
    if _orders(outcome):
        planted = [value for value, origin in outcome.values if origin in _PLANTED]
        orders.update(*map(hasher.of_addressed, planted))
    if orders:
        found.setdefault(Origin.UNTRUSTED.value, set()).update(orders)
    overflow = outcome.truncated
    told: list[list[str]] = []
    left = MAX_HASHES
    tightening = (Origin.UNTRUSTED.value, Origin.NOVEL.value)
    ordered = [("secret", secret)]
    ordered += [(kind, found.pop(kind)) for kind in tightening if kind in found]
    ordered += sorted(found.items())
    for kind, hashes in ordered:
        if not hashes:
            continue
        if len(hashes) > left and kind in tightening:
            # Single words first: addresses and names of one word stay known to the last.
            hashes = set()
            for value, origin in outcome.values:
                if origin == kind:
                    hashes |= hasher.of_value(value, pairs=False)
                elif origin not in _ORIGINS and kind == Origin.UNTRUSTED.value:
                    hashes |= hasher.of_sender(value)
            overflow = True
            if kind == _FOREIGN and len(hashes | orders) <= left:
                hashes |= orders
        if len(hashes) > left:
            overflow = overflow or kind == "secret" or kind in tightening
            hashes = set(sorted(hashes)[:left])
        left -= len(hashes)
        if hashes:
            told.append([kind, to_text(pack(hashes))])
    return told, overflow


def _decision(core: Core, row: Decided, entry: Any, at: int) -> Decision:
    return Decision(
        decision_id=row.id,
        call_id="",
        action_digest="",
        call_digest=row.call,
        effect=Effect.ALLOW,
        session=SessionState(id=row.session),
        policy=PolicyRef(id=core.state.meta.policy_id, digest=core.state.meta.policy),
        record=core.ref(entry),
        issued_at=at,
        expires_at=row.expires,
    )
