"""One commit: a proposal becomes a record, or a conflict, or the answer that there is no log.

In this order, under the ledger's lock, with nothing in between: is what judging read still so? is anything
frozen? do the budgets hold? is the mandate's slot unspent, its challenge unanswered? Then the record is
appended and the state changes with it. The permit is signed outside the lock, once the record is durable.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from yett.errors import AuditUnavailable, LedgerError
from yett.ledger import approval, permit, record
from yett.ledger.assess import measure, pair_hash, session_risk
from yett.ledger.budget import Cap
from yett.ledger.challenge import Challenges
from yett.ledger.core import Core
from yett.ledger.freeze import frozen_scope
from yett.ledger.measure import Measure
from yett.ledger.plan import plan
from yett.ledger.proposal import Conflict, Pending, Proposal
from yett.ledger.session import remembered
from yett.ledger.show import View, view_of
from yett.ledger.state import Body
from yett.ledger.store import StoreBroken
from yett.ledger.verdict import Finding, conclude, destinations
from yett.ledger.view import Snapshot
from yett.model import Decision, Effect, Reason, SessionState

MAX_LIFETIME_MS: Final = 10 * 60 * 1000
_encode_view = msgspec.msgpack.Encoder().encode


def commit(
    core: Core, challenges: Challenges, caps: tuple[Cap, ...], proposal: Proposal
) -> Pending | Conflict:
    """See the module. Never raises for a judged call: a failing log is a deny without a record."""
    snapshot = proposal.snapshot
    measured = measure(snapshot, proposal.admitted, proposal.facts, None)
    denied = not proposal.verdicts or any(v.effect is Effect.DENY for v in proposal.verdicts)
    decision_id = core.token("d_")
    try:
        args = record.arguments(decision_id, proposal, core.subject_key(proposal.admitted.identity))
        with core.lock:
            now = core.now()
            fresh = current(core, snapshot)
            if not denied and not snapshot.still_holds(fresh):
                return Conflict(session=snapshot.session, expected=snapshot.version, found=fresh.version)
            found = conclude(core.state, proposal, measured, caps, fresh.frozen, now)
            found = _challenged(challenges, proposal, found)
            body, shown = _body(core, proposal, measured, found, fresh, now, decision_id, args)
            changes = plan(core.state, "decision", body)
            after = next(row for table, _, row in changes if table == "session")
            body["session"]["after"] = core.hash_of(after)  # type: ignore[arg-type]
            if shown is not None:
                core.store.put_view(body["approval"], _encode_view(shown))
            entry = core.write("decision", body, changes)
            if (
                found.use is not None
                and proposal.mandate is not None
                and proposal.mandate.challenge is not None
            ):
                challenges.burn(proposal.mandate.challenge)
    except AuditUnavailable as error:
        return Pending.done(unavailable(proposal, error))
    except LedgerError as error:
        return Pending.done(unavailable(proposal, error))
    except StoreBroken:
        return Pending.done(
            unavailable(proposal, LedgerError("STATE_UNAVAILABLE", "the ledger's store failed"))
        )
    return _pending(core, proposal, found, body, entry, fresh)


def current(core: Core, snapshot: Snapshot) -> Snapshot:
    """The same view, of the present. Call with the lock held."""
    state, row, identity = core.state, snapshot.row, snapshot.identity
    return Snapshot(
        identity=identity,
        row=state.sessions.get(row.id) or state.blank_session(row.id, row.tenant, row.principal, row.agent),
        principal=state.principal(identity.tenant, identity.principal),
        hasher=core.hasher,
        now=snapshot.now,
        frozen=frozen_scope(state, identity, row.id),
        lost=state.meta.lost,
    )


def _challenged(challenges: Challenges, proposal: Proposal, found: Finding) -> Finding:
    check = proposal.mandate
    if found.use is None or check is None or check.challenge is None:
        return found
    refusal = challenges.refusal(check.challenge)
    if refusal is None:
        return found
    return Finding(effect=Effect.DENY, reasons=(refusal, *found.reasons))


def _body(
    core: Core,
    proposal: Proposal,
    measured: Measure,
    found: Finding,
    fresh: Snapshot,
    now: int,
    decision_id: str,
    args: list[list[str]],
) -> tuple[Body, View | None]:
    admitted = proposal.admitted
    tool = admitted.call.tool
    approved = bool(found.approval) and found.effect is Effect.ALLOW
    explained = b""
    if approved and measured.targets:
        explained = b"".join(pair_hash(fresh, tool, t).to_bytes(6, "big") for t in measured.targets)
    body = record.decision(
        decision_id,
        proposal,
        measured,
        found,
        at=now,
        expires=now + min(max(proposal.lifetime_ms, 0), MAX_LIFETIME_MS),
        strike=remembered(proposal.risk.score, measured.explained or approved),
        before=core.hash_of(fresh.row),
        session_risk=session_risk(fresh, measured, proposal.risk.score, proposal.verdicts),
        accounts=destinations(admitted.identity.tenant, measured),
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
    why = tuple(reason.message for reason in found.reasons)
    targets = list(
        dict.fromkeys([c.value for c in proposal.facts.contacts] + [u.raw for u in proposal.facts.urls])
    )
    return body, view_of(admitted, proposal.facts, proposal.risk, proposal.snapshot, targets, why)


def _pending(
    core: Core, proposal: Proposal, found: Finding, body: Body, entry: Any, fresh: Snapshot
) -> Pending:
    def settle(timeout: float | None) -> Decision:
        try:
            core.wait(entry, timeout)
        except AuditUnavailable as error:
            return unavailable(proposal, error)
        return answer(core, proposal, found, body, entry)

    return Pending(settle, lambda call: core.writer.add_done_callback(entry, lambda _error: call()))


def answer(core: Core, proposal: Proposal, found: Finding, body: Body, entry: Any) -> Decision:
    """The decision, now that its record is durable."""
    admitted = proposal.admitted
    signed = None
    if found.effect is Effect.ALLOW:
        signed = permit.sign(
            permit.Permit(
                v=1,
                aud=core.origin,
                jti=body["id"],
                call=admitted.digest,
                action=admitted.action_digest,
                index=entry.index,
                iat=body["at"],
                exp=body["expires"],
            ),
            core.keys.ledger,
        )
    return Decision(
        decision_id=body["id"],
        call_id=admitted.call.call_id,
        action_digest=admitted.action_digest,
        call_digest=admitted.digest,
        effect=found.effect,
        reasons=found.reasons,
        risk=proposal.risk,
        session=SessionState(
            id=proposal.snapshot.row.id,
            risk=body["session"]["risk"],
            labels=tuple(sorted(proposal.snapshot.labels)),
        ),
        policy=proposal.policy,
        record=core.ref(entry),
        mandate=found.use.jti if found.use is not None else None,
        approval=body.get("approval"),
        permit=signed,
        obligations=found.obligations,
        issued_at=body["at"],
        expires_at=body["expires"],
    )


def unavailable(proposal: Proposal, error: LedgerError) -> Decision:
    """The one answer without a record."""
    admitted = proposal.admitted
    return Decision(
        decision_id="",
        call_id=admitted.call.call_id,
        action_digest=admitted.action_digest,
        call_digest=admitted.digest,
        effect=Effect.DENY,
        reasons=(Reason(stage="record", code=error.code, message=error.message),),
        risk=proposal.risk,
        session=SessionState(id=proposal.snapshot.row.id),
        policy=proposal.policy,
    )
