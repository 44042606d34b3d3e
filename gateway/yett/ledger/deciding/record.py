"""The bodies of the ledger's records: what is written down of a decision, and what is not.

No argument stands in a record in the clear. Each top-level argument is a salted commitment (the salt is
derived from the principal's own key, which stays in the gateway: its holder can open one argument, nobody can
guess any, and destroying it erases them all) and, unless the policy switches it off, a short redacted preview. Everything is an integer, a string or
a list: no floats, ASCII keys.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

from yett import canonical
from yett.ledger.deciding.assess import measure
from yett.ledger.deciding.show import redacted
from yett.ledger.deciding.verdict import Finding
from yett.ledger.memory.taint import Hasher, pack, to_text
from yett.ledger.projection.state import Body
from yett.ledger.proposal import Argument, Draft, Proposal
from yett.ledger.view import Snapshot
from yett.model import Effect, Identity, Origin
from yett.policy.words.intent import of_prompt
from yett_audit import commitments

MAX_ARGUMENTS: Final = 48
MAX_FINDINGS: Final = 48
MAX_PROMPT_VALUES: Final = 30_000
"""Bytes of a prompt's packed hashes that fit a record."""
SALT: Final = b"yett/salt/v1"
"""Personalisation of the keyed BLAKE2b that derives the salt of one argument of one decision (RFC 7693)."""


def who(identity: Identity) -> dict[str, str]:
    return {
        "tenant": identity.tenant,
        "principal": identity.principal,
        "agent": identity.agent,
        "credential": identity.credential,
    }


def prompted(hasher: Hasher, prompt: str | None) -> Body:
    """What a session's record keeps of the prompt it was opened with: its values as hashes, and what it asks for.

    Whoever says anything asks at least to be answered: `intent:read` tells a session with a prompt from one without.
    """
    if not prompt:
        return {}
    told: Body = {"labels": sorted({"intent:read", *of_prompt(prompt)})}
    if values := pack(hasher.of_prompt(prompt)):
        told["values"] = [[Origin.PROMPT.value, to_text(values[:MAX_PROMPT_VALUES])]]
    return told


def draft(proposal: Proposal) -> Draft:
    """What the record will say of a proposal, whatever the commit finds. Pure."""
    admitted, facts, risk = proposal.admitted, proposal.facts, proposal.risk
    call = admitted.call
    return Draft(
        digest=admitted.digest,
        action=admitted.action_digest,
        tool=call.tool,
        server=call.server,
        call_id=call.call_id,
        attempt=call.attempt or "",
        arguments=_arguments(proposal),
        verdicts=proposal.verdicts,
        measured=measure(proposal.snapshot, admitted, facts, None),
        risk=risk.score,
        findings=tuple(sorted({each.id for each in risk.findings})[:MAX_FINDINGS]) if risk.findings else (),
        limits=facts.limits[:16],
        policy=proposal.policy,
        lifetime_ms=proposal.lifetime_ms,
        ahead=proposal.ahead,
    )


def decision(
    decision_id: str,
    draft: Draft,
    snapshot: Snapshot,
    found: Finding,
    *,
    at: int,
    expires: int,
    strike: int,
    before: str,
    session_risk: int,
    accounts: tuple[str, ...],
    explained: bytes,
    args: list[list[str]],
) -> Body:
    """The body of a decision's record, without the hash of the session after it."""
    told: dict[str, Any] = {"digest": draft.digest, "action": draft.action, "tool": draft.tool}
    if draft.server is not None:
        told["server"] = draft.server
    if draft.call_id:
        told["id"] = draft.call_id
    if draft.attempt:
        told["attempt"] = draft.attempt
    told["args"] = args
    measured = draft.measured
    does: dict[str, Any] = {"strike": strike}
    allowed = found.effect is Effect.ALLOW
    if measured.counts:
        does["counts"] = measured.counts if allowed else ()
    if allowed:
        spent: list[tuple[str, int]] = []
        for verdict in draft.verdicts:
            spent += verdict.charges
        if spent:
            does["spent"] = spent
        if measured.charges:
            does["charges"] = measured.charges
            if accounts:
                does["accounts"] = accounts
        if measured.labels:
            does["labels"] = measured.labels
        if measured.targets:
            does["targets"] = to_text(b"".join(t.to_bytes(6, "big") for t in measured.targets))
        if explained:
            does["explained"] = to_text(explained)
        if measured.step:
            does["step"] = measured.step
    body: Body = {
        "id": decision_id,
        "at": at,
        "expires": expires,
        "who": who(snapshot.identity),
        "call": told,
        "effect": found.effect.value,
        "reasons": list(map(_reason, found.reasons)),
        "risk": draft.risk,
        "findings": draft.findings,
        "policy": {"id": draft.policy.id, "digest": draft.policy.digest},
        "session": {"id": snapshot.row.id, "before": before, "risk": session_risk},
        "does": does,
    }
    if draft.ahead and allowed:
        body["ahead"] = True
    if draft.limits:
        body["limits"] = draft.limits
    if found.use is not None:
        body["mandate"] = found.use.body()
    return body


def _reason(reason: Any) -> dict[str, str]:
    told = {"stage": reason.stage, "code": reason.code}
    if reason.rule:
        told["rule"] = reason.rule
    if reason.path:
        told["path"] = reason.path[:200]
    return told


def _arguments(proposal: Proposal) -> tuple[Argument, ...]:
    """Each top-level argument with a redacted preview, if wanted.

    The whole of the arguments is bound by the action digest; these are there to open one at a time.
    """
    given = proposal.admitted.call.arguments
    secret = {
        fact.pointer.split("/", 2)[1] for fact in proposal.facts.secrets if fact.pointer.count("/") >= 1
    }
    return tuple(
        Argument(
            pointer=canonical.pointer("arguments", name),
            value=canonical.encode(given[name]),
            preview=redacted(given[name], secret=name in secret) if proposal.preview else None,
        )
        for name in sorted(given)[:MAX_ARGUMENTS]
    )


def salt_of(decision_id: str, pointer: str, subject_key: bytes) -> bytes:
    """The 32 bytes under which one argument of one decision is committed to."""
    named = f"{decision_id}\n{pointer}".encode()
    return blake2b(named, digest_size=32, key=subject_key, person=SALT).digest()


def committed(decision_id: str, arguments: tuple[Argument, ...], subject_key: bytes) -> list[list[str]]:
    """Of each argument: its pointer, the commitment to it, and its preview."""
    told = []
    for each in arguments:
        salt = salt_of(decision_id, each.pointer, subject_key)
        entry = [each.pointer[:200], commitments.commit(salt, each.pointer, each.value)]
        if each.preview is not None:
            entry.append(each.preview)
        told.append(entry)
    return told
