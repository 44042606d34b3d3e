"""The gate and the ledger behind one face: what the SDK, the sidecar, the proxies and the CLI call.

The way of one call:

1. the ledger says which session this is and shows what it remembers of it (`snapshot`);
2. the call is admitted: checked, canonicalised, bound to the credential's identity and that session;
3. the gate judges it, the ledger's session layer and mandate check add their word;
4. the ledger commits: if the snapshot is stale, judge again; else the record is appended;
5. once the record is durable there is a `Decision`, and not before.

Whatever goes wrong on the way is a `deny` with a reason. Only when the log itself cannot be written is that
`deny` unrecorded, with the code AUDIT_UNAVAILABLE.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import structlog

from yett import policy as policy_language
from yett.admit import admit, read_call, refused
from yett.errors import InvalidCall, LedgerError, PolicyError, YettError
from yett.gate import Gate
from yett.ledger import Conflict, Ledger, Pending, Proposal, Snapshot, assess
from yett.model import (
    AdmittedCall,
    Decision,
    Effect,
    Identity,
    Outcome,
    PolicyRef,
    Reason,
    SessionState,
    ToolCall,
    Verdict,
)
from yett.risk import Assessor

log = structlog.get_logger("yett")


DECISION_LIFETIME_MS = 30_000
"""How long an `allow` may be acted on after it was given."""
_ATTEMPTS = 8
"""Times a call is judged again because its session changed meanwhile; then it is denied as contended."""

LOCAL = Identity(principal="local", agent="local", role="operator", credential="local")
"""Who calls when a program embeds the gateway and names nobody."""


class Gateway:
    """An open gateway. Thread-safe; close it when done, or use it as a context manager."""

    def __init__(
        self,
        *,
        gate: Gate,
        ledger: Ledger,
        policy_paths: tuple[Path, ...],
        identity: Identity = LOCAL,
        clock: Callable[[], int],
    ) -> None:
        self._gate = gate
        self.ledger = ledger
        self.identity = identity
        self.policy_error: PolicyError | None = None
        """Why the last reload was refused; None when the policy on disk is the one in force."""
        self._paths = policy_paths
        self._clock = clock
        self._reload_lock = threading.Lock()
        ledger.record_policy(self.policy_ref, gate.policy.sources)

    @classmethod
    def open(
        cls,
        policy: str | Path | Sequence[str | Path],
        state: str | Path,
        *,
        origin: str | None = None,
        identity: Identity = LOCAL,
        clock: Callable[[], int] | None = None,
    ) -> Gateway:
        """Load the policy, open (or create) the state directory, recover what the log remembers.

        Args:
            policy: one policy file or several (layers and manifests); the strictest layer wins.
            state: directory of keys, log and ledger; created with mode 0700 when missing.
            origin: the log's name in its checkpoints, `host/path`; fixed when the log is created.
            identity: who calls, for programs that embed the gateway.
            clock: milliseconds since the epoch; the wall clock unless a test passes its own.

        Raises:
            PolicyError: a policy does not load.
            LedgerError, AuditUnavailable: the state cannot be opened, is in use, or was tampered with.
        """
        given = [policy] if isinstance(policy, (str, Path)) else list(policy)
        paths = tuple(Path(p) for p in given)
        assessor = Assessor.load()
        gate = Gate(policy_language.load(paths, assess=assessor.assess), assessor)
        now = clock or wall_clock
        ledger = Ledger.open(Path(state), origin=origin, clock=now)
        try:
            return cls(gate=gate, ledger=ledger, policy_paths=paths, identity=identity, clock=now)
        except BaseException:
            ledger.close()
            raise

    # -- judging ---------------------------------------------------------------------------------------

    def decide(self, call: ToolCall, identity: Identity | None = None) -> Decision:
        """Judge one call and wait until its record is durable. Everything that goes wrong is a deny."""
        return self.submit(call, identity).result()

    async def adecide(self, call: ToolCall, identity: Identity | None = None) -> Decision:
        """As `decide`, without blocking the event loop while the record becomes durable."""
        return await _awaited(self.submit(call, identity))

    def submit(self, call: ToolCall, identity: Identity | None = None) -> Pending:
        """Judge one call; the result is there when its record is durable."""
        who = identity or self.identity
        return self._guarded(call, who, lambda session: admit(call, who, session), call.session)

    def submit_bytes(self, body: bytes, identity: Identity) -> Pending:
        """As `submit`, from the JSON of a call as it came over a wire."""
        try:
            call = read_call(body)
        except InvalidCall as error:
            return self._refuse(None, identity, error)
        return self.submit(call, identity)

    def _guarded(
        self, call: ToolCall, who: Identity, admitting: Callable[[str], AdmittedCall], session: str
    ) -> Pending:
        try:
            return self._submit(call, who, admitting, session)
        except YettError as error:
            return Pending.done(_unrecorded(call, who, self.policy_ref, error))
        except Exception as error:
            log.error("judging failed", stage="gateway", kind=type(error).__name__, exc_info=True)
            failure = YettError("INTERNAL", f"judging failed ({type(error).__name__})")
            return Pending.done(_unrecorded(call, who, self.policy_ref, failure))

    def _submit(
        self, call: ToolCall, who: Identity, admitting: Callable[[str], AdmittedCall], session: str
    ) -> Pending:
        for _ in range(_ATTEMPTS):
            try:
                snapshot = self.ledger.snapshot(who, session)
                admitted = admitting(snapshot.session)
            except InvalidCall as error:
                return self._refuse(call, who, error)
            except LedgerError as error:
                if error.code == "AUDIT_UNAVAILABLE":
                    raise
                return self._refuse(call, who, InvalidCall(error.code, error.message, path="/session"))
            outcome = self.ledger.commit(self._propose(admitted, snapshot))
            if not isinstance(outcome, Conflict):
                return outcome
        contended = _denial("record", "CONTENDED", "the session changed faster than the call could be judged")
        proposal = self._propose(admitted, snapshot, extra=(contended,))
        return self._commit_denial(proposal)

    def _propose(
        self, admitted: AdmittedCall, snapshot: Snapshot, extra: tuple[Verdict, ...] = ()
    ) -> Proposal:
        now = self._clock()
        gate = self._gate  # one policy for the whole judgement, also while another thread reloads
        judged = gate.judge(admitted, snapshot, now)
        session = assess(snapshot, admitted, judged.facts, judged.risk, judged.verdicts[0], judged.spec)
        return Proposal(
            admitted=admitted,
            facts=judged.facts,
            risk=judged.risk,
            verdicts=(*judged.verdicts, session, *extra),
            policy=_ref(gate),
            snapshot=snapshot,
            mandate=self.ledger.check_mandate(admitted, now),
            lifetime_ms=DECISION_LIFETIME_MS,
            preview=gate.policy.preview,
        )

    def _refuse(self, call: ToolCall | None, who: Identity, error: InvalidCall) -> Pending:
        """A call that could not even be read is a recorded deny as well."""
        try:
            snapshot = self.ledger.snapshot(who, "")
            admitted = refused(call, who, snapshot.session, error)
            denial = _denial("admit", error.code, error.message, error.path)
            proposal = self._propose(admitted, snapshot, extra=(denial,))
            return self._commit_denial(proposal)
        except YettError as failure:
            return Pending.done(_unrecorded(call, who, self.policy_ref, failure))

    def _commit_denial(self, proposal: Proposal) -> Pending:
        outcome = self.ledger.commit(proposal)
        if isinstance(
            outcome, Conflict
        ):  # the ledger takes a deny whatever its snapshot; anything else is a fault
            raise LedgerError("INTERNAL", "a denial was refused as stale")
        return outcome

    # -- outcomes and sessions -------------------------------------------------------------------------

    def report(self, outcome: Outcome, identity: Identity | None = None) -> None:
        """Record what an allowed call returned, and what the session learned from it.

        Raises:
            LedgerError: UNKNOWN_DECISION, NOT_YOURS, ALREADY_REPORTED, AUDIT_UNAVAILABLE.
        """
        self.submit_report(outcome, identity).result()

    async def areport(self, outcome: Outcome, identity: Identity | None = None) -> None:
        """As `report`, without blocking the event loop."""
        await _awaited(self.submit_report(outcome, identity))

    def submit_report(self, outcome: Outcome, identity: Identity | None = None) -> Pending:
        """As `report`; the result is there when the outcome's record is durable."""
        who = identity or self.identity
        decided = self.ledger.decided(outcome.decision_id, who)
        seen = self._gate.examine(outcome, decided.tool, decided.server)
        return self.ledger.report(seen, who)

    def open_session(
        self, *, prompt: str | None = None, parent: str | None = None, identity: Identity | None = None
    ) -> str:
        """Mint a session id. The prompt is remembered as the origin of what the principal asked for."""
        return self.ledger.open_session(identity or self.identity, prompt=prompt, parent=parent)

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
                loaded = policy_language.load(self._paths, assess=self._gate.assessor.assess)
            except PolicyError as error:
                self.policy_error = error
                raise
            gate = Gate(loaded, self._gate.assessor)
            self.ledger.record_policy(_ref(gate), loaded.sources)
            self._gate = gate
            self.policy_error = None
            return self.policy_ref

    # -- life ------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Seal the log and release the state directory."""
        self.ledger.close()

    def __enter__(self) -> Gateway:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def wall_clock() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def _ref(gate: Gate) -> PolicyRef:
    return PolicyRef(id=gate.policy.id, digest=gate.policy.digest)


def _denial(stage: str, code: str, message: str, path: str | None = None) -> Verdict:
    reason = Reason(stage=stage, code=code, message=message, path=path)
    return Verdict(stage=stage, effect=Effect.DENY, reasons=(reason,))


def _unrecorded(call: ToolCall | None, who: Identity, policy: PolicyRef, error: YettError) -> Decision:
    """The only answer that has no record: a deny, because there is no log to write it to."""
    return Decision(
        decision_id="",
        call_id=call.call_id if call is not None else "",
        action_digest="",
        call_digest="",
        effect=Effect.DENY,
        reasons=(Reason(stage="record", code=error.code, message=error.message, path=error.path),),
        session=SessionState(id=""),
        policy=policy,
    )


async def _awaited(pending: Pending) -> Decision:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    def durable(_: Pending) -> None:
        loop.call_soon_threadsafe(wake)

    pending.add_done_callback(durable)
    await future
    return pending.result(0)
