"""One commit: a proposal becomes a record, or a conflict, or the answer that there is no log.

In this order, under the ledger's lock, with nothing in between: is what judging read still so? is anything
frozen? do the budgets hold? is the mandate's slot unspent, its challenge unanswered? Then the record is
appended and the state changes with it. The permit is signed outside the lock; it is given out with the
decision, once the record is durable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from yett.errors import LedgerError
from yett.extract.facts import Facts
from yett.ledger.administration.sessions import seen
from yett.ledger.core import Core
from yett.ledger.deciding import approval, record
from yett.ledger.deciding.assess import pair_hash, session_risk
from yett.ledger.deciding.show import View, view_of
from yett.ledger.deciding.verdict import Finding, conclude, destinations
from yett.ledger.memory.budget import Cap
from yett.ledger.memory.session import remembered
from yett.ledger.projection.state import Body
from yett.ledger.projection.store import StoreBroken
from yett.ledger.proposal import Conflict, Draft, MandateCheck, Settled
from yett.ledger.tokens import permit
from yett.ledger.tokens.challenge import Challenges
from yett.ledger.view import Snapshot
from yett.model import AdmittedCall, Effect, Risk

MAX_LIFETIME_MS: Final = 10 * 60 * 1000
_encode_view = msgspec.msgpack.Encoder().encode

Show = Callable[[Snapshot, tuple[str, ...]], View]
"""What an approver will be shown of a call that is held, and why it is."""


class Committed:
    """A commit whose record is in the log's queue. It exists for nobody until that record is durable."""

    def __init__(self, core: Core, draft: Draft, entry: Any, settled: Settled) -> None:
        self._core = core
        self._draft = draft
        self._settled = settled
        self._permit: str | None = None
        self.entry = entry

    def sign(self) -> None:
        """Signs the permit of an allowed call; it stays here until the record is durable."""
        if self._permit is None and self._settled.allowed:
            draft, settled = self._draft, self._settled
            self._permit = permit.sign(
                permit.Permit(
                    v=1,
                    aud=self._core.origin,
                    jti=settled.id,
                    call=draft.digest,
                    action=draft.action,
                    index=settled.index,
                    iat=settled.at,
                    exp=settled.expires,
                ),
                self._core.keys.ledger,
            )

    def settled(self, timeout: float | None = None) -> Settled:
        """What came of it, once the record is durable.

        Raises:
            AuditUnavailable: it never will be. TimeoutError: not yet.
        """
        self._core.wait(self.entry, timeout)
        self.sign()
        checkpoint = self._core.writer.head().checkpoint.size
        return msgspec.structs.replace(self._settled, checkpoint=checkpoint, permit=self._permit)


def commit(
    core: Core,
    challenges: Challenges,
    caps: tuple[Cap, ...],
    draft: Draft,
    snapshot: Snapshot,
    show: Show,
    mandate: MandateCheck | None = None,
    *,
    now: int | None = None,
    final: bool | None = None,
) -> Committed | Conflict:
    """See the module.

    Args:
        snapshot: what the call was judged by.
        mandate: of the mandate that the call presents, if it presents one.
        now: the time to compare the snapshot at, if not its own: it may have been kept for a while.
        final: to be recorded whatever has changed meanwhile; if not said, a denial is.
    Raises:
        LedgerError: there is no record, because the log or the store failed.
    """
    if final is None:
        final = draft.denied
    decision_id = core.token("d_")
    args = record.committed(decision_id, draft.arguments, core.subject_key(snapshot.identity))
    try:
        with core.lock:
            at = core.now()
            fresh = current(core, snapshot, snapshot.now if now is None else now)
            if not final and not snapshot.still_holds(fresh):
                return Conflict(session=snapshot.session, expected=snapshot.version, found=fresh.version)
            found = conclude(core.state, draft, fresh, caps, at, mandate)
            if mandate is not None and mandate.challenge is not None:
                found = _challenged(challenges, mandate.challenge, found)
            body, shown = _body(core, draft, found, fresh, at, decision_id, args, show)
            changes = core.plan("decision", body)
            if shown is not None:
                core.store.put_view(body["approval"], _encode_view(shown))
            entry = core.write("decision", body, changes)
            if found.use is not None and mandate is not None and mandate.challenge is not None:
                challenges.burn(mandate.challenge)
    except StoreBroken as error:
        raise LedgerError("STATE_UNAVAILABLE", "the ledger's store failed") from error
    settled = Settled(
        id=decision_id,
        effect=found.effect,
        reasons=found.reasons,
        risk=body["session"]["risk"],
        at=at,
        expires=body["expires"],
        index=entry.index,
        leaf=entry.leaf,
        mandate=found.use.jti if found.use is not None else None,
        approval=body.get("approval"),
        obligations=found.obligations,
    )
    return Committed(core, draft, entry, settled)


def current(core: Core, snapshot: Snapshot, now: int) -> Snapshot:
    """The same view, of the present. Call with the lock held."""
    state, row = core.state, snapshot.row
    row = state.sessions.get(row.id) or state.blank_session(row.id, row.tenant, row.principal, row.agent)
    return seen(core, snapshot.identity, row, now)


def shown_of(admitted: AdmittedCall, facts: Facts, risk: Risk) -> Show:
    """Shows a call as it was judged."""

    def show(snapshot: Snapshot, why: tuple[str, ...]) -> View:
        targets = list(dict.fromkeys([c.value for c in facts.contacts] + [u.raw for u in facts.urls]))
        return view_of(admitted, facts, risk, snapshot, targets, why)

    return show


def _challenged(challenges: Challenges, answered: tuple[int, int], found: Finding) -> Finding:
    refusal = challenges.refusal(answered) if found.use is not None else None
    if refusal is None:
        return found
    return Finding(effect=Effect.DENY, reasons=(refusal, *found.reasons))


def _body(
    core: Core,
    draft: Draft,
    found: Finding,
    fresh: Snapshot,
    now: int,
    decision_id: str,
    args: list[list[str]],
    show: Show,
) -> tuple[Body, View | None]:
    measured = draft.measured
    approved = bool(found.approval) and found.effect is Effect.ALLOW
    explained = b""
    if approved and measured.targets:
        explained = b"".join(pair_hash(fresh, draft.tool, t).to_bytes(6, "big") for t in measured.targets)
    body = record.decision(
        decision_id,
        draft,
        fresh,
        found,
        at=now,
        expires=now + min(max(draft.lifetime_ms, 0), MAX_LIFETIME_MS),
        strike=remembered(draft.risk, measured.explained or approved),
        before=core.hash_of(fresh.row),
        session_risk=session_risk(fresh, measured, draft.risk, draft.verdicts),
        accounts=destinations(fresh.identity.tenant, measured),
        explained=explained,
        args=args,
    )
    if found.approval:
        body["approval"] = found.approval
    if found.request is None:
        return body, None
    groups, quorum, causes = found.request
    body["approval"] = core.token("a_")
    body["request"] = {
        "groups": list(groups),
        "quorum": quorum,
        "causes": list(causes),
        "expires": now + approval.LIFE_MS,
    }
    return body, show(fresh, tuple(reason.message for reason in found.reasons if reason.objects))
