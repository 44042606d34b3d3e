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
from yett.ledger.measure import Measure
from yett.ledger.proposal import Proposal
from yett.ledger.show import redacted
from yett.ledger.state import Body
from yett.ledger.taint import Hasher, pack, to_text
from yett.ledger.verdict import Finding
from yett.model import Identity, Origin
from yett.policy.intent import of_prompt
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


def decision(
    decision_id: str,
    proposal: Proposal,
    measured: Measure,
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
    admitted = proposal.admitted
    call = admitted.call
    told: dict[str, Any] = {"digest": admitted.digest, "action": admitted.action_digest, "tool": call.tool}
    if call.server is not None:
        told["server"] = call.server
    if call.call_id:
        told["id"] = call.call_id
    if call.attempt:
        told["attempt"] = call.attempt
    told["args"] = args
    does: dict[str, Any] = {"strike": strike}
    if measured.counts:
        does["counts"] = [list(each) for each in measured.counts] if found.effect.rank == 0 else []
    if found.effect.rank == 0:
        spent = [list(each) for verdict in proposal.verdicts for each in verdict.charges]
        for name, value in (
            ("charges", [list(each) for each in measured.charges]),
            ("spent", spent),
            ("accounts", list(accounts) if measured.charges else []),
            ("labels", list(measured.labels)),
            ("targets", to_text(b"".join(t.to_bytes(6, "big") for t in measured.targets))),
            ("explained", to_text(explained)),
            ("step", measured.step),
        ):
            if value:
                does[name] = value
    body: Body = {
        "id": decision_id,
        "at": at,
        "expires": expires,
        "who": who(admitted.identity),
        "call": told,
        "effect": found.effect.value,
        "reasons": [_reason(each) for each in found.reasons],
        "risk": proposal.risk.score,
        "findings": sorted({each.id for each in proposal.risk.findings})[:MAX_FINDINGS],
        "policy": {"id": proposal.policy.id, "digest": proposal.policy.digest},
        "session": {"id": proposal.snapshot.row.id, "before": before, "risk": session_risk},
        "does": does,
    }
    if proposal.facts.limits:
        body["limits"] = list(proposal.facts.limits[:16])
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


def arguments(decision_id: str, proposal: Proposal, subject_key: bytes) -> list[list[str]]:
    """Of each top-level argument: its pointer, the commitment to it, and a redacted preview if wanted.

    The whole of the arguments is bound by the action digest; these are there to open one at a time.
    """
    admitted = proposal.admitted
    secret = {
        fact.pointer.split("/", 2)[1] for fact in proposal.facts.secrets if fact.pointer.count("/") >= 1
    }
    told = []
    for name in sorted(admitted.call.arguments)[:MAX_ARGUMENTS]:
        value = admitted.call.arguments[name]
        path = canonical.pointer("arguments", name)
        salt = blake2b(
            f"{decision_id}\n{path}".encode(), digest_size=32, key=subject_key, person=SALT
        ).digest()
        entry = [path[:200], commitments.commit(salt, path, canonical.encode(value))]
        if proposal.preview:
            entry.append(redacted(value, secret=name in secret))
        told.append(entry)
    return told
