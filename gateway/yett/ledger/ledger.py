"""`Ledger`: the one object the gate talks to. See the package for the way of a call through it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from yett.clock import wall_clock
from yett.errors import AuditUnavailable, LedgerError
from yett.extract.facts import Facts
from yett.ledger.administration import clearing, credentials, freeze, upkeep
from yett.ledger.administration.approvals import Approvals
from yett.ledger.administration.mandates import Mandates, Shown
from yett.ledger.administration.sessions import Sessions
from yett.ledger.commit import Committed, Show, commit, current, shown_of
from yett.ledger.core import Core
from yett.ledger.deciding import planned, record
from yett.ledger.deciding.approval import ApprovalView
from yett.ledger.deciding.assess import assess
from yett.ledger.memory.budget import DEFAULT_CAPS, Cap
from yett.ledger.memory.taint import Hasher
from yett.ledger.outcome import release, report
from yett.ledger.projection import rows
from yett.ledger.projection.rows import Decided as DecidedRow
from yett.ledger.projection.store import Store
from yett.ledger.proposal import (
    ATTEMPTS,
    Conflict,
    Decided,
    Draft,
    Judge,
    MandateCheck,
    Pending,
    Proposal,
    Settled,
)
from yett.ledger.tokens.challenge import Challenges
from yett.ledger.tokens.keys import Issuer
from yett.ledger.view import Snapshot
from yett.model import (
    AdmittedCall,
    Decision,
    Identity,
    Json,
    OutcomeFacts,
    PolicyRef,
    RecordRef,
    Risk,
    ToolSpec,
    Verdict,
)
from yett_audit.anchor import Anchored, Anchorer, Sink
from yett_audit.errors import Broken
from yett_audit.trust import Trust
from yett_audit.writer import Head


class Ledger:
    """See the package. Thread-safe; one process has a state directory open at a time."""

    def __init__(
        self, core: Core, *, caps: tuple[Cap, ...] = DEFAULT_CAPS, own_approvals: bool = False
    ) -> None:
        self._core = core
        self._caps = caps
        self._challenges = Challenges(core.keys.derive("challenge"), core.state.meta.epoch)
        self._sessions = Sessions(core, caps)
        self._mandates = Mandates(core, self._challenges)
        self._approvals = Approvals(core, own=own_approvals)

    @classmethod
    def open(
        cls,
        state: Path,
        *,
        origin: str | None = None,
        clock: Callable[[], int] = wall_clock,
        entropy: Callable[[int], bytes] = os.urandom,
        caps: tuple[Cap, ...] = DEFAULT_CAPS,
        own_approvals: bool = False,
        store: Callable[[str], Store] | None = None,
        writer_options: dict[str, Any] | None = None,
    ) -> Ledger:
        """Opens or creates the ledger in a directory: takes the log's lock, recovers, begins a new epoch.

        Args:
            state: directory of keys, log and projection.
            origin: the log's name (`host.example/yett/bank`); fixed when the log is created, None = as it is.
            clock: milliseconds since the epoch. entropy: n random bytes.
            caps: the session layer's budgets.
            own_approvals: let a principal approve calls of its own agents.
            store: opens what keeps the projection of the log of this name; `state/ledger.db` if not given.
        Raises:
            LedgerError: LOCKED, TAMPERED, ROLLBACK, DELETED, WRONG_ORIGIN, WRONG_KEY, KEYS_UNREADABLE, KEYS_MISSING,
                STATE_MISMATCH, STATE_LOST, STATE_UNAVAILABLE.
            AuditUnavailable: the log cannot be opened or written.
        """
        core = Core.open(
            state, origin=origin, clock=clock, entropy=entropy, store=store, writer_options=writer_options
        )
        return cls(core, caps=caps, own_approvals=own_approvals)

    @property
    def origin(self) -> str:
        return self._core.origin

    @property
    def public_key(self) -> bytes:
        """Ed25519 key (32 bytes) under which permits and the ledger's own mandates are signed."""
        return self._core.keys.ledger.public

    @property
    def hasher(self) -> Hasher:
        """What values are compared by."""
        return self._core.hasher

    @property
    def hasher_key(self) -> bytes:
        """The key of `hasher`: for a process that judges beside this one, and nobody else."""
        return self._core.keys.derive("taint")

    @property
    def issuers(self) -> tuple[Issuer, ...]:
        """Whose mandates are accepted: public keys."""
        return tuple(self._core.keys.issuers.values())

    @property
    def log_key(self) -> str:
        """The log's verifier key, for `yett-verify --key`."""
        return self._core.writer.vkey

    @property
    def log_directory(self) -> Path:
        return self._core.writer.directory

    @property
    def failure(self) -> str | None:
        """Why nothing can be answered but deny; None while the log can be written."""
        found = self._core.writer.failure
        return str(found) if found is not None else None

    @property
    def head(self) -> Head:
        """The log's last durable checkpoint: size and root, the signed note, the time of its last record."""
        return self._core.writer.head()

    def receipt(self, index: int) -> str:
        """The `.tlog-proof` of a durable record, its line included.

        Raises:
            LedgerError: UNKNOWN_RECORD.
        """
        try:
            return self._core.writer.receipt(index)
        except Broken as error:
            raise LedgerError("UNKNOWN_RECORD", error.message) from error

    def anchorer(
        self, trust: Trust, sinks: Sequence[Sink] = (), *, on_alarm: Callable[[Anchored], None] | None = None
    ) -> Anchorer:
        """What takes this log's head to witnesses and sinks; it does nothing until it is started."""
        return Anchorer(self._core.writer, trust, sinks, on_alarm=on_alarm)

    def now(self) -> int:
        """The ledger's clock, ms: the wall clock, but never behind the log."""
        return self._core.now()

    @property
    def behind(self) -> int:
        """Milliseconds by which the wall clock is behind the log."""
        return self._core.behind()

    # -- sessions --------------------------------------------------------------------------------------

    def open_session(
        self, identity: Identity, *, prompt: str | None = None, parent: str | None = None
    ) -> str:
        """Mints a session for the caller.

        Args:
            prompt: what the principal asked for; its values become known with origin `prompt`, as keyed hashes.
            parent: a session of the same principal: labels, taint and family budgets are inherited.
        Raises:
            LedgerError: SESSION_UNKNOWN, SESSION_NOT_YOURS (the parent), SESSIONS_EXHAUSTED. AuditUnavailable.
        """
        return self._sessions.open(identity, prompt, parent)

    def default_session(self, identity: Identity) -> str:
        """Id of the session that a caller's calls belong to when they name none."""
        return self._sessions.default(identity)

    def snapshot(self, identity: Identity, session: str = "") -> Snapshot:
        """The view of the past to judge the caller's next call with.

        Args:
            session: "" = the caller's default session.
        Raises:
            LedgerError: SESSION_UNKNOWN, SESSION_NOT_YOURS.
        """
        return self._sessions.snapshot(identity, session)

    def record_plan(
        self,
        identity: Identity,
        session: str,
        *,
        policy: str,
        steps: list[Json],
        pin: Sequence[planned.Step] = (),
        ordered: bool = False,
    ) -> RecordRef:
        """Records what a plan was judged to be; pins its steps to the session if there are any. See `planned`.

        Raises:
            LedgerError: PLAN_PINNED, PLAN_TOO_LONG, SESSION_UNKNOWN, SESSION_NOT_YOURS. AuditUnavailable.
        """
        core, row = self._core, self._sessions.own(identity, session)
        return planned.enter(core, identity, row, policy, steps, planned.pinned(core.hasher, pin), ordered)

    def issue_clearing(
        self, scope: str, by: Identity, *, labels: tuple[str, ...] = (), reason: str = ""
    ) -> str:
        """A token that clears a session as it is now (or `all`: that history was lost). See `clearing`."""
        return clearing.issue(self._core, scope, by, labels, reason)

    def clear(self, token: str, by: Identity) -> RecordRef:
        """Uses a clearing, once. See `clearing`."""
        return clearing.use(self._core, token, by)

    # -- judging ---------------------------------------------------------------------------------------

    def assess(
        self,
        snapshot: Snapshot,
        admitted: AdmittedCall,
        facts: Facts,
        risk: Risk,
        spec: ToolSpec | None = None,
    ) -> Verdict:
        """The session stage's verdict; pure. See `assess`."""
        return assess(snapshot, admitted, facts, risk, spec)

    def check_mandate(self, admitted: AdmittedCall, now: int) -> MandateCheck | None:
        """The stateless half of judging a presented mandate; None if there is none. Never raises."""
        return self._mandates.check(admitted, max(now, self._core.now()))

    def confirm_mandate(self, check: MandateCheck, now: int) -> MandateCheck:
        """What another process has checked, with what only the ledger knows. See `Mandates.confirm`."""
        return self._mandates.confirm(check, now)

    def settle(self, identity: Identity, session: str, judge: Judge) -> Pending:
        """Has a call judged, as often as its session changes meanwhile, and records what came of it.

        Args:
            session: "" = the caller's default session.
            judge: makes the proposal; its exceptions pass through, and then nothing is recorded.
        Raises:
            LedgerError: SESSION_UNKNOWN, SESSION_NOT_YOURS.
        """
        for attempt in range(ATTEMPTS + 1):
            proposal = judge(self.snapshot(identity, session), attempt == ATTEMPTS)
            if proposal.admitted.call.mandate:
                check = self.check_mandate(proposal.admitted, self._core.now())
                proposal = msgspec.structs.replace(proposal, mandate=check)
            outcome = self.commit(proposal)
            if not isinstance(outcome, Conflict):
                return outcome
        raise LedgerError("INTERNAL", "a denial was refused as stale")

    def commit(self, proposal: Proposal) -> Pending | Conflict:
        """Records a decision, or finds that judging must be done again. Never raises for a judged call: a log
        that fails is a deny without a record."""
        origin = self._core.origin

        def answered(settled: Settled) -> Decision:
            return settled.decision(proposal, origin)

        try:
            found = self.enter(
                record.draft(proposal),
                proposal.snapshot,
                shown_of(proposal.admitted, proposal.facts, proposal.risk),
                mandate=proposal.mandate,
            )
        except LedgerError as error:
            return Pending.done(answered(Settled.unrecorded(error)))
        if isinstance(found, Conflict):
            return found

        def settle(timeout: float | None) -> Decision:
            try:
                return answered(found.settled(timeout))
            except AuditUnavailable as error:
                return answered(Settled.unrecorded(error))

        return Pending(settle, partial(self.subscribe, found), found.sign)

    def enter(
        self,
        draft: Draft,
        snapshot: Snapshot,
        show: Show,
        *,
        mandate: MandateCheck | None = None,
        now: int | None = None,
        final: bool | None = None,
    ) -> Committed | Conflict:
        """As `commit`, for what was judged elsewhere. See `commit.commit`.

        Raises:
            LedgerError: there is no record, because the log or the store failed.
        """
        return commit(
            self._core, self._challenges, self._caps, draft, snapshot, show, mandate, now=now, final=final
        )

    def still_holds(self, snapshot: Snapshot) -> bool:
        """Whether everything that was read of a view still reads the same."""
        core = self._core
        with core.lock:
            return snapshot.still_holds(current(core, snapshot, core.now()))

    def subscribe(self, committed: Committed, call: Callable[[], None]) -> None:
        """Calls back once a commit's record is durable, or never will be; from whatever thread finds out."""
        self._core.writer.add_done_callback(committed.entry, lambda _error: call())

    def decided(self, decision_id: str, identity: Identity) -> Decided:
        """What an allowed decision was about.

        Raises:
            LedgerError: UNKNOWN_DECISION, NOT_YOURS.
        """
        row = self._decided(decision_id, identity)
        return Decided(
            decision_id=row.id, tool=row.tool, server=row.server, session=row.session, status=row.status
        )

    def _decided(self, decision_id: str, identity: Identity) -> DecidedRow:
        with self._core.lock:
            row = self._core.state.decided.get(decision_id)
        if row is None:
            raise LedgerError("UNKNOWN_DECISION", "no allowed decision of this id waits for its outcome")
        if (row.tenant, row.principal, row.agent) != (identity.tenant, identity.principal, identity.agent):
            raise LedgerError("NOT_YOURS", "the decision was given to another caller")
        return row

    def report(self, outcome: OutcomeFacts, identity: Identity, *, proven: bool = False) -> Pending:
        """Records what became of an allowed call; its values, labels and findings enter the session.

        Args:
            proven: the reporter is the enforcement point itself, not the agent, so its `no_effect` is believed
                (the use and the budgets are given back). From an agent it leaves a mandate's use in doubt.
        Raises:
            LedgerError: UNKNOWN_DECISION, NOT_YOURS, ALREADY_REPORTED. AuditUnavailable.
        """
        row = self._decided(outcome.decision_id, identity)
        return report(self._core, row, outcome, proven=proven or identity.role == "operator")

    def release(self, outcome: OutcomeFacts, identity: Identity) -> None:
        """As `report`, for an enforcement point in this process: returns once the session knows what was read.

        The record is in the log's order then, and durable a moment later (see `ahead`). If the decision was not
        made to go ahead (`Proposal.ahead`), this waits for it.
        """
        row = self._decided(outcome.decision_id, identity)
        release(self._core, row, outcome, proven=identity.role == "operator")

    @property
    def policy(self) -> PolicyRef:
        """The policy in force."""
        meta = self._core.state.meta
        return PolicyRef(id=meta.policy_id, digest=meta.policy)

    def record_policy(self, ref: PolicyRef, sources: tuple[tuple[str, str], ...] = ()) -> None:
        """Records which policy is in force, if it is another than before.

        Args:
            sources: (name, digest) of each file.
        """
        core = self._core
        if ref == self.policy:
            return
        listed = [[name[-200:], digest] for name, digest in sources[:200]]
        core.record("policy", {"id": ref.id, "digest": ref.digest, "sources": listed, "at": core.now()})

    def note_credentials(self, listed: Iterable[rows.Credential]) -> int:
        """Records which tokens were made, changed, revoked or removed since last time. See `credentials`."""
        return credentials.note(self._core, listed)

    # -- mandates --------------------------------------------------------------------------------------

    def issue_mandate(self, issuer: Identity, **terms: Any) -> str:
        """Signs and records a mandate; returns the token. See `Mandates.issue` for the terms."""
        return self._mandates.issue(issuer, **terms)

    def challenge(self, jti: str) -> str:
        """A fresh challenge to prove possession of a mandate's key with."""
        return self._mandates.challenge(jti)

    def show_mandate(self, jti: str, reader: Identity | None = None) -> Shown:
        """What is known of a mandate. See `Mandates.show`."""
        return self._mandates.show(jti, reader)

    def revoke(self, scope: str, by: Identity) -> RecordRef:
        """Revokes mandates. See `Mandates.revoke`."""
        return self._mandates.revoke(scope, by)

    def in_doubt(self, reader: Identity | None = None) -> tuple[DecidedRow, ...]:
        """Uses of mandates of which nobody knows whether the call ran."""
        return self._mandates.in_doubt(reader)

    def resolve(self, decision: str, to: str, by: Identity, reason: str = "") -> RecordRef:
        """Settles a use that is in doubt. See `Mandates.resolve`."""
        return self._mandates.resolve(decision, to, by, reason)

    def sweep(self) -> int:
        """Forgets what ended long ago; also done by itself, once a minute. Returns how much was forgotten. See `sweep`."""
        return self._core.sweep()

    def retain(self, keep_ms: int, *, by: str, reason: str, archive: Path | None = None) -> upkeep.Retained:
        """Removes what is older from the log. See `upkeep.retain`."""
        return upkeep.retain(self._core, keep_ms, by=by, reason=reason, archive=archive)

    # -- approvals -------------------------------------------------------------------------------------

    def approvals(self, reader: Identity, status: str = rows.WAITING) -> tuple[ApprovalView, ...]:
        """Requests that this credential may see. See `Approvals.list`."""
        return self._approvals.list(reader, status=status)

    def approval(self, request: str, reader: Identity) -> ApprovalView:
        """One request."""
        return self._approvals.show(request, reader)

    def approve(
        self, request: str, approver: Identity, narrow: dict[str, Json] | None = None
    ) -> ApprovalView:
        """A person says yes. See `Approvals.approve`."""
        return self._approvals.approve(request, approver, narrow)

    def refuse(self, request: str, approver: Identity, reason: str = "") -> ApprovalView:
        """A person says no. See `Approvals.refuse`."""
        return self._approvals.refuse(request, approver, reason)

    def withdraw(self, request: str, by: Identity) -> ApprovalView:
        """The asker takes the request back. See `Approvals.withdraw`."""
        return self._approvals.withdraw(request, by)

    def wait_for_approval(self, request: str, reader: Identity, timeout_s: float = 30.0) -> ApprovalView:
        """Long-poll for an answer. See `Approvals.wait_for`."""
        return self._approvals.wait_for(request, reader, timeout_s)

    # -- freezing --------------------------------------------------------------------------------------

    def freeze(self, scope: str, by: Identity, reason: str = "") -> RecordRef:
        """Stops everything in a scope. See `freeze`."""
        return freeze.freeze(self._core, scope, by, reason)

    def thaw(self, scope: str, by: Identity, reason: str = "") -> RecordRef:
        """Lifts a freeze. See `freeze`."""
        return freeze.thaw(self._core, scope, by, reason)

    def frozen(self, reader: Identity | None = None) -> tuple[rows.Frozen, ...]:
        """What is frozen; for a reader, what is so in its tenant or everywhere."""
        with self._core.lock:
            return freeze.seen(self._core.state, reader)

    # -- life ------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Stores the projection now, so that the next start replays less."""
        self._core.save()

    def close(self) -> None:
        """Saves, seals the log, releases the directory."""
        self._core.close()

    def abandon(self) -> None:
        """Releases the directory as a crash would; for drills."""
        self._core.abandon()
