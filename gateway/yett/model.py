"""The nouns: what a call, a fact-based judgement and a decision are.

Untrusted bytes become one of these in one place (`canonical.parse` and `gate.admit`); everything behind
that point takes these frozen types and cannot be handed anything else. Nothing here has behaviour beyond
validation and ordering.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec

Json = Any
"""A JSON value as Python objects: dict with str keys, list, str, int, float, bool, None."""


class Effect(enum.StrEnum):
    """What happens to a call. A lattice, `allow < hold < deny`: the strictest stage decides."""

    ALLOW = "allow"
    HOLD = "hold"
    DENY = "deny"

    @property
    def rank(self) -> int:
        return _RANK[self]


_RANK = {Effect.ALLOW: 0, Effect.HOLD: 1, Effect.DENY: 2}


def strictest(*effects: Effect) -> Effect:
    """The join of the lattice; of nothing, it is `deny`, because nobody has allowed anything."""
    return max(effects, key=_RANK.__getitem__, default=Effect.DENY)


class Level(enum.StrEnum):
    """How serious a finding is."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _LEVEL_RANK[self]


_LEVEL_RANK = {level: rank for rank, level in enumerate(Level)}


class Origin(enum.StrEnum):
    """Where a value in a call came from, strongest first; a derived value keeps the weakest of its parts."""

    MANDATE = "mandate"
    PROMPT = "prompt"
    CONFIG = "config"
    RECORDS = "records"
    DIRECTORY = "directory"
    UNTRUSTED = "untrusted"
    NOVEL = "novel"

    @property
    def rank(self) -> int:
        return _ORIGIN_RANK[self]


_ORIGIN_RANK = {origin: rank for rank, origin in enumerate(Origin)}

CAPABILITIES = ("read", "write", "delete", "send", "share", "pay", "exec", "persist", "admin")
"""What a tool `does`, in a manifest and in a rule's selector."""

ROLES = ("target", "content", "selector", "amount", "secret", "command")
"""What an argument is for, in a manifest."""


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Frozen and closed: an unknown field is an error, never ignored. (Subclasses repeat `frozen` for the type checker and add `kw_only`: msgspec does not
    inherit it.)"""


class Identity(Struct, frozen=True, kw_only=True):
    """Who is calling, as the gateway established it from a credential; never from the call's own words."""

    principal: str
    agent: str
    role: str = "agent"
    """agent, approver, operator, auditor, watcher."""
    tenant: str = "default"
    groups: tuple[str, ...] = ()
    """Approver groups this credential belongs to."""
    credential: str = "local"
    """Id of the credential itself: rate limits and the log's `by` field use it."""


class Context(Struct, frozen=True, kw_only=True):
    """What the caller says about the call. Recorded and scanned, never believed."""

    prompt: str | None = None
    parent: str | None = None
    model: str | None = None


class ToolCall(Struct, frozen=True, kw_only=True):
    """One proposed tool call. `principal`, `agent` and `session` are overwritten from the credential."""

    tool: str
    arguments: dict[str, Json] = {}
    call_id: str = ""
    principal: str = ""
    agent: str = ""
    session: str = ""
    server: str | None = None
    context: Context = Context()
    mandate: str | None = None
    """Compact JWS of a mandate, or the id (`jti`) of one the gateway issued."""
    proof: str | None = None
    """Compact JWS in which the agent's key signs {mandate, challenge, context hash, attempt}."""
    attempt: str | None = None
    """Idempotency key: the same attempt of the same call is a retry, not a second call."""


class AdmittedCall(Struct, frozen=True, kw_only=True):
    """A call whose bytes were parsed once, checked, canonicalised and hashed; the only thing judged."""

    call: ToolCall
    identity: Identity
    canonical: bytes
    """RFC 8785 bytes of the arguments: what is hashed, shown to an approver, and forwarded."""
    action_digest: str
    """What would run: `canonical.action_digest` of server, tool and arguments. A client can compute it."""
    digest: str
    """Who runs it: `canonical.call_digest` of tenant, principal, agent, session and the action digest."""


class ArgSpec(Struct, frozen=True, kw_only=True):
    """What a manifest says of one argument."""

    role: str = "content"
    type: str = "string"
    free: bool = False
    """An `allow` need not constrain it."""
    required: bool = False
    schema: dict[str, Json] | None = None


class ToolSpec(Struct, frozen=True, kw_only=True):
    """What a manifest says of one tool."""

    name: str
    does: tuple[str, ...] = ()
    args: dict[str, ArgSpec] = {}
    open: bool = False
    """Arguments that the manifest does not name are accepted (baseline); otherwise they are a deny."""
    result: dict[str, str] = {}
    """Trust of result fields: pointer or field name -> records, directory, config, untrusted, sender …; `trust` = all."""
    server: str | None = None


class Finding(Struct, frozen=True, kw_only=True):
    """Something a detection saw in the facts of a call or in a result."""

    id: str
    title: str
    level: Level
    tags: tuple[str, ...] = ()
    """OWASP Agentic Security (`ASI02`) and MITRE ATLAS (`AML.T0053`) identifiers."""
    path: str | None = None
    """JSON pointer of the argument concerned."""
    detail: str = ""
    """What was seen, escaped, without secrets."""
    points: int = 0
    """What it added to the score."""


class Risk(Struct, frozen=True, kw_only=True):
    """The score of one call, 0..1000, and everything that made it."""

    score: int = 0
    findings: tuple[Finding, ...] = ()
    parts: tuple[tuple[str, int], ...] = ()
    """(what, points), in order of weight: the explanation of the score; sums to it before the cap."""

    @property
    def level(self) -> Level:
        """The most serious finding's level; `info` of none."""
        return max((f.level for f in self.findings), key=_LEVEL_RANK.__getitem__, default=Level.INFO)


class Reason(Struct, frozen=True, kw_only=True):
    """Why a stage said what it said."""

    stage: str
    """admit, extract, score, policy, session, mandate, record."""
    code: str
    message: str
    rule: str | None = None
    path: str | None = None

    @property
    def objects(self) -> bool:
        """It speaks against the call: not what permits it, nor what a rule without effect would have said."""
        return self.code not in _PERMITS and not self.code.startswith("SHADOW_")


_PERMITS = frozenset({"RULE_ALLOWS", "OPA_ALLOWS", "CEDAR_ALLOWS", "APPROVED"})

MAX_DELAY_MS = 20_000
"""Longest `delay` that a rule may oblige to: well within the life of the permission that it holds back."""


class Obligation(Struct, frozen=True, kw_only=True):
    """Something the enforcement point must do with an allowed call (redact, cap, delay …)."""

    kind: str
    arguments: dict[str, Json] = {}
    rule: str | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """One stage's word on a call. No stage can loosen what another tightened."""

    stage: str
    effect: Effect
    reasons: tuple[Reason, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    charges: tuple[tuple[str, int], ...] = ()
    """(budget, amount) to reserve atomically when the call is committed."""
    approvers: tuple[str, ...] = ()
    """Groups of which a person may approve, for a hold."""


class SessionState(Struct, frozen=True, kw_only=True):
    """What a decision tells of its session."""

    id: str
    risk: int = 0
    labels: tuple[str, ...] = ()


class PolicyRef(Struct, frozen=True, kw_only=True):
    """Which policy judged: its id and the digest of its canonical form."""

    id: str
    digest: str


class RecordRef(Struct, frozen=True, kw_only=True):
    """Where the decision stands in the log."""

    log: str
    index: int
    leaf: str
    checkpoint: int | None = None
    """Tree size of the first checkpoint that covers the record, once it is durable."""


class Decision(Struct, frozen=True, kw_only=True):
    """The answer. It exists only after its record is durable."""

    decision_id: str
    call_id: str
    action_digest: str
    """What was judged: the enforcement point compares it with what it is about to run."""
    call_digest: str
    effect: Effect
    reasons: tuple[Reason, ...] = ()
    risk: Risk = Risk()
    session: SessionState
    policy: PolicyRef
    record: RecordRef | None = None
    """None only on a `deny` with AUDIT_UNAVAILABLE: there is no log to point at."""
    mandate: str | None = None
    """Id of the mandate that was consumed."""
    approval: str | None = None
    """Id of the approval request, when held."""
    permit: str | None = None
    """Compact JWS bound to the call digest, when allowed."""
    obligations: tuple[Obligation, ...] = ()
    issued_at: int = 0
    """Milliseconds since the epoch, the gateway's clock."""
    expires_at: int = 0
    """Milliseconds since the epoch; the decision must not be acted on after it."""

    @property
    def allowed(self) -> bool:
        return self.effect is Effect.ALLOW


class Outcome(Struct, frozen=True, kw_only=True):
    """What happened when an allowed call ran, as reported by the enforcement point."""

    decision_id: str
    status: str = "ok"
    """ok, error (ran and failed), no_effect (proven not to have run), unknown (in doubt)."""
    result: Json = None
    error: str | None = None
    unread: bool = False
    """The agent was given a result that nobody here could read."""


class OutcomeFacts(Struct, frozen=True, kw_only=True):
    """What the gate saw in a result; the ledger remembers it."""

    decision_id: str
    status: str
    result_digest: str
    size: int
    values: tuple[tuple[str, str], ...] = ()
    """(string value, origin name) of every leaf, for provenance."""
    labels: tuple[str, ...] = ()
    """Session labels this result sets: read_untrusted, read_secret …"""
    findings: tuple[Finding, ...] = ()
    truncated: bool = False
    stages: tuple[tuple[str, str], ...] = ()
    """(automaton, state) that the policy says the tool's success leads to."""
