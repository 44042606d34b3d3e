"""Using a mandate: the stateful half, inside the commit's one atomic step.

The slot of each use goes `absent → reserved → committed | released | in_doubt`. A use is reserved by the
very record that allows the call, so an allowed call is durable before it can run, and there is no second
store to disagree with. What was reserved when a process died is in doubt afterwards; nothing but a report
or a person moves it on.

A retry and a replay are the same bytes, so neither runs twice; they differ in what the caller is told:

| the use it names is | same attempt, call and sender | another call | another sender |
|---|---|---|---|
| reserved | MANDATE_IN_FLIGHT | MANDATE_CONFLICT | MANDATE_REPLAY |
| committed | MANDATE_DONE (the recorded result's digest) | MANDATE_CONFLICT | MANDATE_REPLAY |
| in doubt | MANDATE_IN_DOUBT | MANDATE_CONFLICT | MANDATE_REPLAY |
| released | a new use | a new use | a new use |
| forgotten | MANDATE_EXPIRED | MANDATE_EXPIRED | MANDATE_EXPIRED |
"""

from __future__ import annotations

from typing import Any

from yett.ledger.projection import rows
from yett.ledger.projection.rows import Decided, Mandate
from yett.ledger.projection.state import Attempt, State
from yett.ledger.proposal import Draft, MandateCheck
from yett.ledger.tokens.mandate import Claims, refuse
from yett.model import Identity, Reason, Struct


class Use(Struct, frozen=True, kw_only=True):
    """One use of a mandate, ready to be recorded."""

    jti: str
    slot: int
    ids: tuple[str, ...]
    """The mandate and its ancestors: each is charged."""
    chain: tuple[Claims, ...]
    amount: int
    digest: str
    sender: str
    kid: str = ""
    approval: str = ""

    def body(self) -> dict[str, Any]:
        """As it stands in the decision's record: limits, never values."""
        links = []
        for claims in self.chain:
            link: dict[str, Any] = {
                "jti": claims.jti,
                "uses": claims.uses,
                "exp": claims.exp,
                "iat": claims.iat,
            }
            if claims.amount is not None:
                link["amount"] = claims.amount
            links.append(link)
        return {
            "jti": self.jti,
            "slot": self.slot,
            "state": rows.RESERVED,
            "ids": list(self.ids),
            "chain": links,
            "amount": self.amount,
            "digest": self.digest,
            "sender": self.sender,
            "key": self.kid,
        }


def use(state: State, check: MandateCheck, draft: Draft, identity: Identity, now: int) -> Use | Reason:
    """Whether a verified mandate can be used for this call now, and how.

    Args:
        now: the ledger's clock, ms.
    """
    claims = check.claims
    assert claims is not None
    everyone = (claims, *reversed(check.chain))
    # A retry is told what became of the first try even when the mandate has ended since: the question is
    # about the past. It still cannot run.
    if draft.attempt:
        earlier = earlier_attempt(state, draft, identity)
        if earlier is not None:
            return earlier
    for each in everyone:
        refusal = _alive(state, each, check.kid, identity, now)
        if refusal is not None:
            return refusal
    amounts = check.amounts or (0,) * len(everyone)
    slot = 0
    for each, counted in zip(everyone, amounts, strict=True):
        known = state.mandates.get(each.jti)
        if known is None:
            slot = slot or 1
            continue
        if each is claims and known.digest and check.digest and known.digest != check.digest:
            return refuse("MANDATE_ID_REUSED", "another mandate with this id was seen before")
        if known.used >= min(known.uses, each.uses):
            return _spent(state, known, check, draft)
        if each.amount is not None and known.spent + counted > each.amount:
            return refuse("MANDATE_BUDGET", "the amount is more than what is left of the mandate")
        if each is claims:
            slot = known.used + 1
    return Use(
        jti=claims.jti,
        slot=slot or 1,
        ids=tuple([each.jti for each in everyone]) if check.chain else (claims.jti,),
        chain=everyone,
        amount=max(amounts),
        digest=check.digest,
        sender=check.sender,
        kid=check.kid,
        approval=claims.approval,
    )


def _alive(state: State, claims: Claims, kid: str, identity: Identity, now: int) -> Reason | None:
    if now >= claims.exp * 1000:
        return refuse("MANDATE_EXPIRED", "the mandate has expired")
    if claims.exp <= state.meta.watermark:
        # It may have been used and forgotten. The watermark is raised durably before anything is forgotten,
        # and read in the same step as the slot: no clock, however it jumps, opens a gap between the two.
        return refuse("MANDATE_EXPIRED", "mandates that ended before this one's end have been forgotten")
    if claims.iat <= state.meta.fence:
        return refuse("MANDATE_REVOKED", "it may have been used in a part of the log that is missing")
    if not state.revoked.rows:
        return None
    t, p, a = identity.tenant, claims.sub, claims.agent
    for scope, timed in (
        (f"mandate:{claims.jti}", False),
        (f"key:{kid}", False),
        (f"principal:{t}/{p}", True),
        (f"agent:{t}/{p}/{a}", True),
    ):
        revoked = state.revoked.get(scope)
        if revoked is not None and (not timed or claims.iat <= revoked.at):
            return refuse("MANDATE_REVOKED", "the mandate was revoked")
    return None


def _spent(state: State, known: Mandate, check: MandateCheck, draft: Draft) -> Reason:
    last = state.decided.get(known.last)
    if last is None or known.uses > 1:
        return refuse("MANDATE_SPENT", "the mandate has been used as often as it may be")
    return _told(last, check.sender, draft, "MANDATE")


def _told(last: Decided, sender: str, draft: Draft, prefix: str) -> Reason:
    if last.sender != sender:
        return refuse(f"{prefix}_REPLAY", "it was used before, by somebody else")
    if last.call != draft.digest:
        return refuse(f"{prefix}_CONFLICT", "it was used before, for another call")
    if last.status == rows.IN_DOUBT:
        return refuse(f"{prefix}_IN_DOUBT", "it was used before and nobody knows whether the call ran")
    if last.status == rows.COMMITTED:
        return refuse(f"{prefix}_SPENT", f"it was used before; the result was recorded ({last.result[:23]})")
    return refuse(f"{prefix}_IN_FLIGHT", "it was used before and the call's result is not known yet")


def earlier_attempt(state: State, draft: Draft, identity: Identity) -> Reason | None:
    """What became of an earlier call under the same idempotency key; None if there was none."""
    key = "\0".join((identity.tenant, identity.principal, identity.agent, draft.attempt))
    found: Attempt | None = state.attempts.get(key)
    if found is None:
        return None
    last = state.decided.get(found.decision)
    if last is None or last.status == rows.RELEASED:
        return None
    if found.call != draft.digest:
        return refuse("ATTEMPT_CONFLICT", "this attempt was another call before", "/attempt")
    return _told(last, last.sender, draft, "ATTEMPT")
