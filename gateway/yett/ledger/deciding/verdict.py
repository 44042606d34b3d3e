"""The ledger's own word on a proposal: everything that can only be known inside the commit.

Effects combine as a lattice: any deny is a deny. A hold becomes an allow only by an approval, which is a
one-shot mandate a person issued for exactly this call; otherwise it becomes a request for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from yett.ledger.deciding import approval
from yett.ledger.deciding.consume import Use, earlier_attempt, use
from yett.ledger.memory.budget import Account, Cap
from yett.ledger.memory.measure import Measure
from yett.ledger.projection import rows
from yett.ledger.projection.rows import Approval
from yett.ledger.projection.state import State
from yett.ledger.proposal import Draft, MandateCheck
from yett.ledger.view import Snapshot
from yett.model import Effect, Identity, Obligation, Reason, Struct, Verdict, strictest

REQUIRE_MANDATE: Final = "require_mandate"
MAX_REASONS: Final = 32
NOBODY: Final = -(2**60)
"""Spent by no holder at all: no budget is overdrawn."""


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
    state: State,
    draft: Draft,
    snapshot: Snapshot,
    caps: Sequence[Cap],
    now: int,
    mandate: MandateCheck | None = None,
) -> Finding:
    """Combines the stages' verdicts with freezes, budgets, mandates and approvals, as of now.

    Args:
        snapshot: the present view of the caller's session.
        mandate: the stateless half's word on the mandate that the call presents.
    """
    verdicts, identity = draft.verdicts, snapshot.identity
    effect, reasons, obligations = _said(verdicts)
    if snapshot.frozen and not any(reason.code == "FROZEN" for reason in reasons):
        effect = Effect.DENY
        reasons.insert(
            0, Reason(stage="session", code="FROZEN", message=f"{snapshot.frozen} is frozen by an operator")
        )
    held_by: list[str] = []
    for bound, reason in over_budget(state, draft.measured, snapshot, caps, now):
        if bound.rank > effect.rank:
            effect = bound
            reasons.insert(0, reason)
        else:
            reasons.append(reason)
        held_by.append(f"session:{reason.code}")
    consumed: Use | None = None
    if effect is not Effect.DENY:
        found = _mandate(state, draft, identity, mandate, obligations, now)
        if isinstance(found, Reason):
            effect = Effect.DENY
            reasons.insert(0, found)
        else:
            consumed = found
    elif mandate is not None and mandate.refusal is not None:
        reasons.append(mandate.refusal)
    told = tuple([each for each in obligations if each.kind != REQUIRE_MANDATE]) if obligations else ()
    if effect is not Effect.HOLD:
        kept = consumed if effect is Effect.ALLOW else None
        return _finding(effect, reasons, told, kept)
    groups, quorum, named = approval.terms(verdicts)
    # A held call raises its own session's risk, so its repetition may be held for that too: the person who said
    # yes to exactly this call has seen its risk.
    named = tuple(sorted({*named, *held_by, "session:SESSION_RISK"}))
    return _held(state, draft, identity, reasons, told, consumed, (groups, quorum, named), now)


def _said(verdicts: Sequence[Verdict]) -> tuple[Effect, list[Reason], list[Obligation]]:
    """The strictest effect, and all that the stages said. What decided stands first: agents are told it, people read it."""
    reasons: list[Reason] = []
    obligations: list[Obligation] = []
    effects = set()
    for verdict in verdicts:
        effects.add(verdict.effect)
        reasons += verdict.reasons
        obligations += verdict.obligations
    if reasons and len(effects) > 1:
        by_weight = sorted(verdicts, key=lambda verdict: -verdict.effect.rank)
        reasons = [reason for verdict in by_weight for reason in verdict.reasons]
    return strictest(*effects), reasons, obligations


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
    state: State,
    draft: Draft,
    identity: Identity,
    check: MandateCheck | None,
    obligations: list[Obligation],
    now: int,
) -> Use | Reason | None:
    if check is None:
        if obligations and any(each.kind == REQUIRE_MANDATE for each in obligations):
            return Reason(stage="mandate", code="MANDATE_REQUIRED", message="this call needs a mandate")
        return earlier_attempt(state, draft, identity) if draft.attempt else None
    if check.refusal is not None:
        return check.refusal
    if check.claims is None:
        return Reason(stage="mandate", code="MANDATE_REFUSED", message="the mandate was not verified")
    return use(state, check, draft, identity, now)


def _held(
    state: State,
    draft: Draft,
    identity: Identity,
    reasons: list[Reason],
    obligations: tuple[Obligation, ...],
    consumed: Use | None,
    terms: tuple[tuple[str, ...], int, tuple[str, ...]],
    now: int,
) -> Finding:
    presented = state.approvals.get(consumed.approval) if consumed is not None and consumed.approval else None
    row = presented or _latest(state, draft)
    found = approval.status(row, now) if row is not None else ""
    if row is not None and found == rows.REFUSED and now < row.expires:
        said_no = Reason(stage="mandate", code="APPROVAL_REFUSED", message="a person has refused this call")
        return _finding(Effect.DENY, [said_no, *reasons], (), None)
    if row is not None and found == rows.APPROVED and approval.covers(row, terms[2]):
        issued = state.mandates.get(row.mandate)
        if consumed is not None and presented is None:
            # A mandate of another kind came along: both would be used. The approval lifts, the mandate is charged.
            return _approved(row, reasons, obligations, consumed)
        if issued is not None and issued.claims is not None and issued.claims.call == draft.digest:
            check = MandateCheck(claims=issued.claims, digest=issued.digest, sender=identity.agent)
            lifted = use(state, check, draft, identity, now)
            if isinstance(lifted, Reason):
                return _finding(Effect.DENY, [lifted, *reasons], (), None)
            return _approved(row, reasons, obligations, lifted)
    if row is not None and found == rows.WAITING and approval.covers(row, terms[2]):
        return Finding(effect=Effect.HOLD, reasons=tuple(reasons[:MAX_REASONS]), approval=row.id)
    if state.waiting(identity.tenant, identity.principal, now) >= approval.MAX_WAITING:
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


def _latest(state: State, draft: Draft) -> Approval | None:
    request = state.by_call.get(draft.digest)
    row = state.approvals.get(request) if request is not None else None
    # A narrowed approval is found under the call that was held too, and does not permit it.
    return row if row is not None and row.call == draft.digest else None


def over_budget(
    state: State, measured: Measure, snapshot: Snapshot, caps: Sequence[Cap], now: int
) -> list[tuple[Effect, Reason]]:
    """Budgets that this call would overdraw, at any level."""
    # Records are charged with the outcome, when they have been read: here, it is seen that there were too many.
    charges = {**dict(measured.charges), "records": 0}
    found: list[tuple[Effect, Reason]] = []
    for cap in caps:
        amount = charges.get(cap.what)
        if amount is None:
            continue
        what = "cap:" + cap.what
        for level in cap.levels:
            if _most_spent(state, measured, snapshot, level, what, now, cap.span_ms) + amount > cap.limit:
                message = f"more {cap.what} in this {level} than its budget of {cap.limit} allows"
                code = "BUDGET_" + cap.what.upper().replace(".", "_")
                found.append((Effect(cap.effect), Reason(stage="session", code=code, message=message)))
                break
    return found


def _most_spent(
    state: State, measured: Measure, snapshot: Snapshot, level: str, what: str, now: int, span_ms: int
) -> int:
    """What was spent at a level, by whichever holder of it has spent most. Somewhere new has spent nothing yet."""
    account: Account | None
    if level == "session":
        account = state.accounts.get("s:" + snapshot.row.id)
    elif level == "lineage":
        account = state.accounts.get("l:" + snapshot.row.lineage)
    elif level == "principal":
        account = snapshot.principal.account
    else:
        found = (state.accounts.get(key) for key in destinations(snapshot.identity.tenant, measured))
        spent = (each.spent(what, now, span_ms) if each is not None else 0 for each in found)
        return max(spent, default=NOBODY)
    return account.spent(what, now, span_ms) if account is not None else 0


def destinations(tenant: str, measured: Measure) -> tuple[str, ...]:
    """Account keys of where a call goes."""
    return tuple([f"d:{tenant}/{target:012x}" for target in measured.targets]) if measured.targets else ()
