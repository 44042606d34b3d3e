"""Judging calls: one policy's gate, and a ledger that remembers, wherever that ledger is.

`Judging` has no state of its own beyond the policy in force. It knows two things of the ledger: `settle`
(here is a caller and a way to judge; show me the past, take what I conclude, ask again if it was stale) and
`report`. So the same code judges beside the ledger (`yett.Gateway`) and in a worker process whose ledger is
at the other end of a socket.

Whatever goes wrong is a `deny` with a reason. Only when the log itself cannot be written, or the ledger not be
reached, is that `deny` unrecorded, with the code AUDIT_UNAVAILABLE.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from yett import policy as policy_language
from yett.admit import admit, read_call, refused
from yett.errors import AuditUnavailable, InvalidCall, LedgerError, PolicyError, YettError
from yett.extract.own import Own
from yett.gate import Gate
from yett.ledger import Judge, Pending, Proposal, Snapshot, assess
from yett.ledger.proposal import Decided
from yett.log import Logger
from yett.model import (
    AdmittedCall,
    Decision,
    Effect,
    Identity,
    Outcome,
    OutcomeFacts,
    PolicyRef,
    Reason,
    SessionState,
    ToolCall,
    Verdict,
)
from yett.risk import Assessor

log = Logger("yett")

DECISION_LIFETIME_MS = 30_000
"""How long an `allow` may be acted on after it was given."""


class Memory(Protocol):
    """What judging needs of a ledger. `yett.ledger.Ledger` is one, `yett.ledger.workers.remote.RemoteLedger` another."""

    def settle(self, identity: Identity, session: str, judge: Judge) -> Pending: ...

    def decided(self, decision_id: str, identity: Identity) -> Decided: ...

    def report(self, outcome: OutcomeFacts, identity: Identity) -> Pending: ...

    def record_policy(self, ref: PolicyRef, sources: tuple[tuple[str, str], ...] = ()) -> None: ...


class Judging:
    """See the module. Thread-safe."""

    def __init__(
        self, *, gate: Gate, memory: Memory, policy_paths: tuple[Path, ...], clock: Callable[[], int]
    ) -> None:
        self._gate = gate
        self._memory = memory
        self.policy_error: PolicyError | None = None
        """Why the last reload was refused; None when the policy on disk is the one in force."""
        self._paths = policy_paths
        self._clock = clock
        self._reload_lock = threading.Lock()
        memory.record_policy(self.policy_ref, gate.policy.sources)

    # -- calls -----------------------------------------------------------------------------------------

    def submit(self, call: ToolCall, identity: Identity, *, ahead: bool = False) -> Pending:
        """Judge one call; the result is there when its record is durable.

        Args:
            ahead: the caller will show the tool's result as soon as the session knows it (`Proposal.ahead`).
        """

        def judge(snapshot: Snapshot, contended: bool) -> Proposal:
            admitted = admit(call, identity, snapshot.session)
            proposal = self._propose(admitted, snapshot, (_CONTENDED,) if contended else ())
            return msgspec.structs.replace(proposal, ahead=True) if ahead else proposal

        try:
            return self._memory.settle(identity, call.session, judge)
        except AuditUnavailable as error:
            return self._unrecorded(call, error)
        except InvalidCall as error:
            return self._refuse(call, identity, error)
        except LedgerError as error:
            return self._refuse(call, identity, InvalidCall(error.code, error.message, path="/session"))
        except YettError as error:
            return self._unrecorded(call, error)
        except Exception as error:  # noqa: BLE001 -- whatever it was, the call is answered with a deny
            log.error("judging failed", stage="gateway", error=error)
            return self._unrecorded(call, YettError("INTERNAL", f"judging failed ({type(error).__name__})"))

    def submit_bytes(self, body: bytes, identity: Identity) -> Pending:
        """As `submit`, from the JSON of a call as it came over a wire."""
        try:
            call = read_call(body)
        except InvalidCall as error:
            return self._refuse(None, identity, error)
        return self.submit(call, identity)

    def _propose(
        self, admitted: AdmittedCall, snapshot: Snapshot, extra: tuple[Verdict, ...] = ()
    ) -> Proposal:
        # One policy for the whole judgement, also while another thread reloads.
        return propose(self._gate, admitted, snapshot, self._clock(), extra)

    def _refuse(self, call: ToolCall | None, who: Identity, error: InvalidCall) -> Pending:
        """A call that could not even be read is a recorded deny as well."""
        denial = _denial("admit", error.code, error.message, error.path)

        def judge(snapshot: Snapshot, contended: bool) -> Proposal:
            return self._propose(refused(call, who, snapshot.session, error), snapshot, (denial,))

        try:
            return self._memory.settle(who, "", judge)
        except YettError as failure:
            return self._unrecorded(call, failure)

    def _unrecorded(self, call: ToolCall | None, error: YettError) -> Pending:
        """The only answer that has no record: a deny, because there is no log to write it to."""
        decision = Decision(
            decision_id="",
            call_id=call.call_id if call is not None else "",
            action_digest="",
            call_digest="",
            effect=Effect.DENY,
            reasons=(Reason(stage="record", code=error.code, message=error.message, path=error.path),),
            session=SessionState(id=""),
            policy=self.policy_ref,
        )
        return Pending.done(decision)

    # -- outcomes --------------------------------------------------------------------------------------

    def submit_report(self, outcome: Outcome, identity: Identity) -> Pending:
        """Record what an allowed call returned; the result is there when that record is durable.

        Raises:
            LedgerError: UNKNOWN_DECISION, NOT_YOURS, ALREADY_REPORTED. AuditUnavailable.
        """
        return self._memory.report(self._examined(outcome, identity), identity)

    def _examined(self, outcome: Outcome, identity: Identity) -> OutcomeFacts:
        decided = self._memory.decided(outcome.decision_id, identity)
        return self._gate.examine(outcome, decided.tool, decided.server)

    # -- policy ----------------------------------------------------------------------------------------

    @property
    def gate(self) -> Gate:
        """The gate in force."""
        return self._gate

    @property
    def policy_ref(self) -> PolicyRef:
        """Id and digest of the policy in force."""
        return _ref(self._gate)

    def reload(self) -> PolicyRef:
        """Load the policy files again; atomic. A policy that does not load leaves the last good one in force.

        Raises:
            PolicyError: the new policy does not load; `policy_error` keeps it for the readiness probe.
        """
        with self._reload_lock:
            try:
                gate = load_gate(self._paths, self._gate.assessor, self._gate.own)
            except PolicyError as error:
                self.policy_error = error
                raise
            self._memory.record_policy(_ref(gate), gate.policy.sources)
            self._gate = gate
            self.policy_error = None
            return self.policy_ref


def propose(
    gate: Gate, admitted: AdmittedCall, snapshot: Snapshot, now: int, extra: tuple[Verdict, ...] = ()
) -> Proposal:
    """What the gate and the session stage conclude of a call, as the ledger takes it. Pure."""
    judged = gate.judge(admitted, snapshot, now)
    session = assess(snapshot, admitted, judged.facts, judged.risk, judged.spec)
    return Proposal(
        admitted=admitted,
        facts=judged.facts,
        risk=judged.risk,
        verdicts=(*judged.verdicts, session, *extra),
        policy=_ref(gate),
        snapshot=snapshot,
        lifetime_ms=DECISION_LIFETIME_MS,
        preview=gate.policy.preview,
    )


def load_gate(paths: Sequence[Path], assessor: Assessor, own: Own) -> Gate:
    """The gate of these policy files.

    Args:
        own: the gateway's own files; those that were loaded are added.

    Raises:
        PolicyError: a policy does not load.
    """
    policy = policy_language.load(paths, assess=assessor.assess)
    return Gate(policy, assessor, own.with_records(Path(file) for file, _ in policy.sources))


def _ref(gate: Gate) -> PolicyRef:
    return PolicyRef(id=gate.policy.id, digest=gate.policy.digest)


def _denial(stage: str, code: str, message: str, path: str | None = None) -> Verdict:
    reason = Reason(stage=stage, code=code, message=message, path=path)
    return Verdict(stage=stage, effect=Effect.DENY, reasons=(reason,))


_CONTENDED = _denial("record", "CONTENDED", "the session changed faster than the call could be judged")
