"""The ledger's public nouns: what the gate hands in, and what it gets back.

The way of a call through the ledger: `snapshot` (a `Snapshot`, the view that judging reads) → `assess`
(the session stage's verdict, pure) → `Proposal` → `commit`, which answers `Pending` (recorded, the
decision comes once the record is durable) or `Conflict` (what judging read has changed: judge again).

What a record says of a call, whatever the commit finds, is drawn up where the call was judged: that is a
`Draft`, and all that the process which commits is sent of most calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from yett.errors import LedgerError
from yett.extract.facts import Facts
from yett.ledger.memory.measure import Measure
from yett.ledger.tokens.mandate import Claims
from yett.ledger.view import Snapshot
from yett.model import (
    AdmittedCall,
    Decision,
    Effect,
    Obligation,
    PolicyRef,
    Reason,
    RecordRef,
    Risk,
    SessionState,
    Struct,
    Verdict,
)


class MandateCheck(Struct, frozen=True, kw_only=True):
    """The stateless half of judging a presented mandate: signature, binding, time. `commit` does the rest.

    With a `refusal` the decision is a deny with that reason, and nothing is consumed.
    """

    claims: Claims | None = None
    """What the mandate says; None if it was refused."""
    chain: tuple[Claims, ...] = ()
    """Claims of its ancestors, root first."""
    kid: str = ""
    """Key that signed it; `""` for one named by its id."""
    digest: str = ""
    """Hash of the presented token."""
    sender: str = ""
    """Who presented it: agent, and thumbprint of the key that proved possession."""
    amounts: tuple[int, ...] = ()
    """What the call counts against the amount of the mandate, then of its ancestors, nearest first; none: nothing."""
    answers: str = ""
    """The challenge that the proof answers; only where it was minted can it be opened."""
    challenge: tuple[int, int] | None = None
    """(epoch, sequence number) of that challenge, opened."""
    refusal: Reason | None = None

    @property
    def ok(self) -> bool:
        return self.refusal is None and self.claims is not None


class Proposal(Struct, frozen=True, kw_only=True):
    """Everything the gate concluded about one call, for the ledger to check and record in one step."""

    admitted: AdmittedCall
    facts: Facts
    risk: Risk
    verdicts: tuple[Verdict, ...]
    """One a stage; the session stage's (`assess`) among them. None at all is a deny."""
    policy: PolicyRef
    snapshot: Snapshot
    mandate: MandateCheck | None = None
    lifetime_ms: int = 30_000
    """How long the answer may be acted on, from now."""
    ahead: bool = False
    """The asker will show the result as soon as the session knows it (`Ledger.release`)."""
    preview: bool = True
    """Record a redacted preview of the arguments beside their commitments."""


class Argument(Struct, frozen=True, kw_only=True, array_like=True):
    """One top-level argument, as the record commits to it."""

    pointer: str
    value: bytes
    """RFC 8785 bytes."""
    preview: str | None = None
    """Redacted; None where the policy wants none."""


class Draft(Struct, frozen=True, kw_only=True, array_like=True):
    """Of a proposal, what the commit checks and records. Made by `record.draft`, which is pure."""

    digest: str
    action: str
    tool: str
    server: str | None
    call_id: str
    attempt: str
    arguments: tuple[Argument, ...]
    verdicts: tuple[Verdict, ...]
    measured: Measure
    risk: int
    findings: tuple[str, ...]
    """Their ids, sorted."""
    limits: tuple[str, ...]
    """What of the call was not looked at (`Facts.limits`)."""
    policy: PolicyRef
    lifetime_ms: int
    ahead: bool = False

    @property
    def denied(self) -> bool:
        """A stage has denied already: nothing that the commit finds can change that."""
        return not self.verdicts or any(verdict.effect is Effect.DENY for verdict in self.verdicts)


class Settled(Struct, frozen=True, kw_only=True, array_like=True):
    """What a commit came to and where it stands: with the proposal, all that a `Decision` says."""

    id: str
    effect: Effect
    reasons: tuple[Reason, ...]
    risk: int = 0
    """The session's, this call included."""
    at: int = 0
    expires: int = 0
    index: int = -1
    """The record's; -1 = there is none, because the log cannot be written."""
    leaf: bytes = b""
    checkpoint: int = 0
    mandate: str | None = None
    approval: str | None = None
    permit: str | None = None
    obligations: tuple[Obligation, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.effect is Effect.ALLOW

    @classmethod
    def unrecorded(cls, error: LedgerError) -> Settled:
        """The one outcome without a record."""
        reason = Reason(stage="record", code=error.code, message=error.message)
        return cls(id="", effect=Effect.DENY, reasons=(reason,))

    def decision(self, proposal: Proposal, log: str) -> Decision:
        """The decision on the proposal that was settled so.

        Args:
            log: its origin.
        """
        admitted, recorded = proposal.admitted, self.index >= 0
        record = RecordRef(log=log, index=self.index, leaf=self.leaf.hex(), checkpoint=self.checkpoint)
        return Decision(
            decision_id=self.id,
            call_id=admitted.call.call_id,
            action_digest=admitted.action_digest,
            call_digest=admitted.digest,
            effect=self.effect,
            reasons=self.reasons,
            risk=proposal.risk,
            session=SessionState(
                id=proposal.snapshot.row.id,
                risk=self.risk,
                labels=tuple(sorted(proposal.snapshot.labels)) if recorded else (),
            ),
            policy=proposal.policy,
            record=record if recorded else None,
            mandate=self.mandate,
            approval=self.approval,
            permit=self.permit,
            obligations=self.obligations,
            issued_at=self.at,
            expires_at=self.expires,
        )


Judge = Callable[[Snapshot, bool], Proposal]
"""Judges one call against a view of the past. With True the view would not hold still long enough: the
proposal must be a denial, which the ledger records whatever has changed meanwhile."""
ATTEMPTS: Final = 8
"""Times a call is judged again because its session changed meanwhile; then it is denied as contended."""


class Conflict(Struct, frozen=True, kw_only=True):
    """The state that judging read has moved on. Take a new snapshot and judge again; nothing was recorded."""

    session: str
    expected: int
    found: int


class Decided(Struct, frozen=True, kw_only=True):
    """What the ledger knows of an allowed decision whose outcome may still be reported."""

    decision_id: str
    tool: str
    server: str | None
    session: str
    status: str
    """reserved, committed, released, in_doubt."""


class Pending:
    """An answer whose record is in the log's queue. It exists for nobody until that record is durable.

    For a report, the answer is the decision reported on, with `record` pointing at the outcome's record.
    """

    def __init__(
        self,
        settle: Callable[[float | None], Decision],
        subscribe: Callable[[Callable[[], None]], None],
        prepare: Callable[[], object] = lambda: None,
    ) -> None:
        self._settle = settle
        self._subscribe = subscribe
        self.prepare = prepare
        """Does what of the answer does not wait for the disk, while the disk is busy. Need not be called."""
        self._lock = threading.Lock()
        self._decision: Decision | None = None
        self._error: Exception | None = None

    def result(self, timeout: float | None = None) -> Decision:
        """Blocks until the record is durable.

        Returns: the answer. A judged call whose record could not be made durable comes back as a deny with
            `AUDIT_UNAVAILABLE`, never as an exception.
        Raises:
            TimeoutError: not durable within `timeout` seconds; the caller must treat that as a deny.
            AuditUnavailable: (reports only) the log cannot be written.
        """
        with self._lock:
            if self._decision is None and self._error is None:
                try:
                    self._decision = self._settle(timeout)
                except TimeoutError:
                    raise
                except Exception as error:
                    self._error = error
                    raise
            if self._error is not None:
                raise self._error
            assert self._decision is not None
            return self._decision

    def wait(self, timeout: float | None = None) -> None:
        """As `result`, for callers that only need to know that it is durable."""
        self.result(timeout)

    def add_done_callback(self, call: Callable[[Pending], None]) -> None:
        """Calls `call(self)` once `result` would not block; at once if it already would not.

        It may be called from another thread.
        """
        self._subscribe(lambda: call(self))

    @classmethod
    def done(cls, decision: Decision) -> Pending:
        """A `Pending` that holds its answer already."""
        return cls(lambda _timeout: decision, lambda call: call())
