"""The ledger's own word on a proposal: everything that can only be known inside the commit.

Effects combine as a lattice: any deny is a deny. A hold becomes an allow only by an approval, which is a
one-shot mandate a person issued for exactly this call; otherwise it becomes a request for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from yett.ledger import approval, rows
from yett.ledger.budget import Account, Cap
from yett.ledger.consume import Use, earlier_attempt, use
from yett.ledger.measure import Measure
from yett.ledger.proposal import MandateCheck, Proposal
from yett.ledger.rows import Approval
from yett.ledger.state import State
from yett.model import AdmittedCall, Effect, Obligation, Reason, Struct, strictest

REQUIRE_MANDATE: Final = "require_mandate"
MAX_REASONS: Final = 32


class Finding(Struct, frozen=True, kw_only=True):
    """What the commit concludes."""

    effect: Effect
    reasons: tuple[Reason, ...]
    obligations: tuple[Obligation, ...] = ()
    use: Use | None = None
    approval: str = ""
    """Request that was consumed (allow) or that waits (hold)."""
    request: tuple[tuple[str, ...], int, tuple[str, ...]] | None = None
    """Groups, quorum, causes of a new request."""


def conclude(
    state: State, proposal: Proposal, measured: Measure, caps: Sequence[Cap], frozen: str, now: int
) -> Finding:
    """Combines the stages' verdicts with freezes, budgets, mandates and approvals, as of now."""
    admitted = proposal.admitted
    effects = [verdict.effect for verdict in proposal.verdicts]
    # What decided stands first: it is what an agent is told and a person reads.
    by_weight = sorted(proposal.verdicts, key=lambda verdict: -verdict.effect.rank)
    reasons = [reason for verdict in by_weight for reason in verdict.reasons]
    obligations = [each for verdict in proposal.verdicts for each in verdict.obligations]
    causes = list(proposal.verdicts)
    if frozen and not any(reason.code == "FROZEN" for reason in reasons):
        effects.append(Effect.DENY)
        reasons.insert(
            0, Reason(stage="session", code="FROZEN", message=f"{frozen} is frozen by an operator")
        )
    held_by: list[str] = []
    for effect, reason in over_budget(state, proposal, measured, caps, now):
        if effect.rank > strictest(*effects).rank:
            reasons.insert(0, reason)
        else:
            reasons.append(reason)
        effects.append(effect)
        held_by.append(f"session:{reason.code}")
    effect = strictest(*effects)
    consumed: Use | None = None
    if effect is not Effect.DENY:
        found = _mandate(state, proposal, obligations, now)
        if isinstance(found, Reason):
            effect = Effect.DENY
            reasons.insert(0, found)
        else:
            consumed = found
    elif proposal.mandate is not None and proposal.mandate.refusal is not None:
        reasons.append(proposal.mandate.refusal)
    told = tuple(each for each in obligations if each.kind != REQUIRE_MANDATE)
    if effect is not Effect.HOLD:
        kept = consumed if effect is Effect.ALLOW else None
        return _finding(effect, reasons, told, kept)
    groups, quorum, named = approval.terms(tuple(causes))
    # A held call raises its own session's risk, so its repetition may be held for that too: the person who said
    # yes to exactly this call has seen its risk.
    named = tuple(sorted({*named, *held_by, "session:SESSION_RISK"}))
    return _held(state, admitted, reasons, told, consumed, (groups, quorum, named), now)


def _finding(
    effect: Effect, reasons: list[Reason], obligations: tuple[Obligation, ...], consumed: Use | None
) -> Finding:
    return Finding(
        effect=effect,
        reasons=tuple(reasons[:MAX_REASONS]),
        obligations=obligations if effect is Effect.ALLOW else (),
        use=consumed,
        approval=consumed.approval if consumed is not None else "",
    )


def _mandate(
    state: State, proposal: Proposal, obligations: list[Obligation], now: int
) -> Use | Reason | None:
    check = proposal.mandate
    if check is None:
        if any(each.kind == REQUIRE_MANDATE for each in obligations):
            return Reason(stage="mandate", code="MANDATE_REQUIRED", message="this call needs a mandate")
        return earlier_attempt(state, proposal.admitted) if proposal.admitted.call.attempt else None
    if check.refusal is not None:
        return check.refusal
    if check.claims is None:
        return Reason(stage="mandate", code="MANDATE_REFUSED", message="the mandate was not verified")
    return use(state, check, proposal.admitted, now)


def _held(
    state: State,
    admitted: AdmittedCall,
    reasons: list[Reason],
    obligations: tuple[Obligation, ...],
    consumed: Use | None,
    terms: tuple[tuple[str, ...], int, tuple[str, ...]],
    now: int,
) -> Finding:
    presented = state.approvals.get(consumed.approval) if consumed is not None and consumed.approval else None
    row = presented or _latest(state, admitted)
    found = approval.status(row, now) if row is not None else ""
    if row is not None and found == rows.REFUSED and now < row.expires:
        said_no = Reason(stage="mandate", code="APPROVAL_REFUSED", message="a person has refused this call")
        return _finding(Effect.DENY, [said_no, *reasons], (), None)
    if row is not None and found == rows.APPROVED and approval.covers(row, terms[2]):
        issued = state.mandates.get(row.mandate)
        if consumed is not None and presented is None:
            # A mandate of another kind came along: both would be used. The approval lifts, the mandate is charged.
            return _approved(row, reasons, obligations, consumed)
        if issued is not None and issued.claims is not None and issued.claims.call == admitted.digest:
            check = MandateCheck(claims=issued.claims, digest=issued.digest, sender=_sender(admitted))
            lifted = use(state, check, admitted, now)
            if isinstance(lifted, Reason):
                return _finding(Effect.DENY, [lifted, *reasons], (), None)
            return _approved(row, reasons, obligations, lifted)
    if row is not None and found == rows.WAITING and approval.covers(row, terms[2]):
        return Finding(effect=Effect.HOLD, reasons=tuple(reasons[:MAX_REASONS]), approval=row.id)
    who = (admitted.identity.tenant, admitted.identity.principal)
    waiting = sum(
        1
        for each in state.approvals.rows.values()
        if (each.tenant, each.principal) == who and approval.status(each, now) == rows.WAITING
    )
    if waiting >= approval.MAX_WAITING:
        full = Reason(
            stage="mandate",
            code="APPROVALS_FULL",
            message="too many calls of this principal wait for a person already",
        )
        return _finding(Effect.DENY, [full, *reasons], (), None)
    return Finding(effect=Effect.HOLD, reasons=tuple(reasons[:MAX_REASONS]), request=terms)


def _approved(
    row: Approval, reasons: list[Reason], obligations: tuple[Obligation, ...], used: Use
) -> Finding:
    said_yes = Reason(stage="mandate", code="APPROVED", message="a person has approved exactly this call")
    return Finding(
        effect=Effect.ALLOW,
        reasons=(said_yes, *reasons[: MAX_REASONS - 1]),
        obligations=obligations,
        use=used,
        approval=row.id,
    )


def _latest(state: State, admitted: AdmittedCall) -> Approval | None:
    request = state.by_call.get(admitted.digest)
    row = state.approvals.get(request) if request is not None else None
    # A narrowed approval is found under the call that was held too, and does not permit it.
    return row if row is not None and row.call == admitted.digest else None


def _sender(admitted: AdmittedCall) -> str:
    return admitted.identity.agent


def over_budget(
    state: State, proposal: Proposal, measured: Measure, caps: Sequence[Cap], now: int
) -> list[tuple[Effect, Reason]]:
    """Budgets that this call would overdraw, at any level."""
    # Records are charged with the outcome, when they have been read: here, it is seen that there were too many.
    charges = {**dict(measured.charges), "records": 0}
    holders = _holders(state, proposal, measured)
    found: list[tuple[Effect, Reason]] = []
    for cap in caps:
        amount = charges.get(cap.what)
        if amount is None:
            continue
        what = "cap:" + cap.what
        level = next(
            (
                level
                for level in cap.levels
                for account in holders[level]
                if (account.spent(what, now, cap.span_ms) if account is not None else 0) + amount > cap.limit
            ),
            None,
        )
        if level is not None:
            message = f"more {cap.what} in this {level} than its budget of {cap.limit} allows"
            code = "BUDGET_" + cap.what.upper().replace(".", "_")
            found.append((Effect(cap.effect), Reason(stage="session", code=code, message=message)))
    return found


def _holders(state: State, proposal: Proposal, measured: Measure) -> dict[str, tuple[Account | None, ...]]:
    row = proposal.snapshot.row
    identity = proposal.admitted.identity
    of = state.accounts.get
    return {
        "session": (of("s:" + row.id),),
        "lineage": (of("l:" + row.lineage),),
        "principal": (state.principal(identity.tenant, identity.principal).account,),
        # Somewhere new still has its first budget to overdraw.
        "destination": tuple(of(key) for key in destinations(identity.tenant, measured)),
    }


def destinations(tenant: str, measured: Measure) -> tuple[str, ...]:
    """Account keys of where a call goes."""
    return tuple(f"d:{tenant}/{target:012x}" for target in measured.targets)
