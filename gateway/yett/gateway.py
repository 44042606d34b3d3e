"""The gate and the ledger behind one face: what the SDK, the sidecar, the proxies and the CLI call.

The way of one call:

1. the ledger says which session this is and shows what it remembers of it (a snapshot);
2. the call is admitted: checked, canonicalised, bound to the credential's identity and that session;
3. the gate judges it, the ledger's session layer adds its word (`yett.judging`);
4. the ledger commits, its mandate check included: if the snapshot is stale, judge again; else the record is
   appended;
5. once the record is durable there is a `Decision`, and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType

from yett import plans
from yett.clock import wall_clock
from yett.errors import LedgerError, YettError
from yett.extract.own import Own
from yett.gate import Gate
from yett.judging import DECISION_LIFETIME_MS, Judging, load_gate
from yett.ledger import Ledger, Pending
from yett.ledger.projection.store import Store
from yett.model import Decision, Identity, Outcome, PolicyRef, ToolCall
from yett.plans import JudgedPlan, Plan
from yett.risk import Assessor
from yett.settling import settled
from yett_audit.note import Checkpoint

__all__ = ["DECISION_LIFETIME_MS", "LOCAL", "Gateway"]

LOCAL = Identity(principal="local", agent="local", role="operator", credential="local")
"""Who calls when a program embeds the gateway and names nobody."""


class Gateway(Judging):
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
        super().__init__(gate=gate, memory=ledger, policy_paths=policy_paths, clock=clock)
        self.ledger = ledger
        self.identity = identity

    @classmethod
    def open(
        cls,
        policy: str | Path | Sequence[str | Path],
        state: str | Path,
        *,
        origin: str | None = None,
        identity: Identity = LOCAL,
        own: Sequence[Path] = (),
        clock: Callable[[], int] | None = None,
        floor: Checkpoint | None = None,
        postgres: str | None = None,
    ) -> Gateway:
        """Load the policy, open (or create) the state directory, recover what the log remembers.

        Args:
            policy: one policy file or several (layers and manifests); the strictest layer wins.
            state: directory of keys, log and ledger; created with mode 0700 when missing.
            origin: the log's name in its checkpoints, `host/path`; fixed when the log is created.
            identity: who calls, for programs that embed the gateway.
            own: files of the gateway beside its state and policy that no agent may touch (sockets, keys).
            clock: milliseconds since the epoch; the wall clock unless a test passes its own.
            postgres: libpq connection string of a database that keeps the projection, instead of `ledger.db`.
            floor: a checkpoint of the log that was kept elsewhere; a log that does not hold it is not opened.

        Raises:
            PolicyError: a policy does not load.
            LedgerError, AuditUnavailable: the state cannot be opened, is in use, or was tampered with.
        """
        given = [policy] if isinstance(policy, (str, Path)) else list(policy)
        paths = tuple(Path(p) for p in given)
        assessor = Assessor.load()
        gate = load_gate(paths, assessor, Own.of(Path(state), own))
        now = clock or wall_clock
        ledger = Ledger.open(
            Path(state),
            origin=origin,
            clock=now,
            store=None if postgres is None else _postgres(postgres),
            writer_options={"floor": floor},
        )
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
        """As `decide`, without blocking the event loop; a deny after ten seconds in which the disk has not answered."""
        return await self._settled(self.submit(call, identity), call)

    def submit(self, call: ToolCall, identity: Identity | None = None, *, ahead: bool = False) -> Pending:
        """Judge one call; the result is there when its record is durable."""
        return super().submit(call, identity or self.identity, ahead=ahead)

    # -- outcomes and sessions -------------------------------------------------------------------------

    def report(self, outcome: Outcome, identity: Identity | None = None) -> None:
        """Record what an allowed call returned, and what the session learned from it.

        Raises:
            LedgerError: UNKNOWN_DECISION, NOT_YOURS, ALREADY_REPORTED, AUDIT_UNAVAILABLE.
        """
        self.submit_report(outcome, identity).result()

    async def areport(self, outcome: Outcome, identity: Identity | None = None) -> None:
        """As `report`, without blocking the event loop."""
        await settled(self.submit_report(outcome, identity))

    def submit_report(self, outcome: Outcome, identity: Identity | None = None) -> Pending:
        """As `report`; the result is there when the outcome's record is durable."""
        return super().submit_report(outcome, identity or self.identity)

    async def _settled(self, pending: Pending, call: ToolCall) -> Decision:
        try:
            return await settled(pending)
        except YettError as error:
            return self._unrecorded(call, error).result()

    def enforcing(self) -> Enforcing:
        """This gateway, as whoever runs the tools in the same process asks it."""
        return Enforcing(self)

    def _release(self, outcome: Outcome, identity: Identity | None) -> None:
        who = identity or self.identity
        self.ledger.release(self._examined(outcome, who), who)

    def open_session(
        self, *, prompt: str | None = None, parent: str | None = None, identity: Identity | None = None
    ) -> str:
        """Mint a session id. The prompt is remembered as the origin of what the principal asked for."""
        return self.ledger.open_session(identity or self.identity, prompt=prompt, parent=parent)

    def judge_plan(self, plan: Plan, identity: Identity | None = None) -> JudgedPlan:
        """Judge a list of calls as a whole, and record what came of it. Nothing is consumed. See `plans`.

        Raises:
            InvalidCall: BAD_PLAN. AuditUnavailable.
            LedgerError: PLAN_PINNED, PLAN_TOO_LONG, SESSION_UNKNOWN, SESSION_NOT_YOURS.
        """
        who, gate, ledger = identity or self.identity, self.gate, self.ledger
        view = ledger.snapshot(who, plan.session)
        steps = plans.judge(gate, view, plan, who, ledger.now())
        ref = PolicyRef(id=gate.policy.id, digest=gate.policy.digest)
        entry = ledger.record_plan(
            who,
            view.session,
            policy=ref.digest,
            steps=plans.recorded(steps),
            pin=plans.pins(gate, plan) if plan.pin else (),
            ordered=plan.order,
        )
        return JudgedPlan(
            category=plans.overall(steps),
            steps=steps,
            session=view.session,
            policy=ref,
            pinned=plan.pin,
            record=entry,
        )

    def await_approval(self, approval: str, timeout: float) -> bool:
        """Wait for a held call's approval. `True`: repeat the call now; `False`: time ran out.

        Raises:
            LedgerError: APPROVAL_REFUSED and its like: it never may.
        """
        view = self.ledger.wait_for_approval(approval, self.identity, timeout)
        if view.status not in ("approved", "waiting"):
            raise LedgerError(f"APPROVAL_{view.status.upper()}", f"the request for approval is {view.status}")
        return view.status == "approved"

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


def _postgres(conninfo: str) -> Callable[[str], Store]:
    from yett.ledger.projection.postgres import PostgresStore  # its library is an extra

    return partial(PostgresStore, conninfo)


class Enforcing:
    """A gateway as an enforcement point in its own process asks it.

    An outcome counts for every later call when `report` returns, and its record is durable a moment after that: the
    result need not wait for the disk (docs/adr/0016).
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.open_session = gateway.open_session
        self.await_approval = gateway.await_approval

    @property
    def gate(self) -> Gate:
        """The gateway's, in force."""
        return self._gateway.gate

    def decide(self, call: ToolCall, identity: Identity | None = None) -> Decision:
        """As the gateway."""
        return self._gateway.submit(call, identity, ahead=True).result()

    async def adecide(self, call: ToolCall, identity: Identity | None = None) -> Decision:
        """As the gateway."""
        return await self._gateway._settled(self._gateway.submit(call, identity, ahead=True), call)

    def report(self, outcome: Outcome, identity: Identity | None = None) -> None:
        """As the gateway, but returns once the session knows what was read."""
        self._gateway._release(outcome, identity)

    async def areport(self, outcome: Outcome, identity: Identity | None = None) -> None:
        """As `report`, which waits for nothing."""
        self._gateway._release(outcome, identity)
