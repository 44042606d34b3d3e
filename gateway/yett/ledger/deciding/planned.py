"""Plans: what a session was going to do, entered in the log, and pinned if that was asked for.

A pinned plan is a list of calls. A later call that is none of them, by tool or by any argument, is held with the
code OUTSIDE_PLAN, whatever else would allow it. If its order counts, each step may be made once, when the one before
it has been allowed; any other of its calls is held with the code PLAN_ORDER. Who lets a later step through has
skipped those before it. Values are kept as keyed hashes: the log tells which arguments were fixed, not to what. A session is pinned once, so nobody who talks an agent
into something can talk it into another plan first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from yett import canonical
from yett.errors import LedgerError
from yett.ledger.memory.session import Pinned, Session
from yett.ledger.memory.taint import Hasher
from yett.ledger.projection.changes import plan
from yett.model import AdmittedCall, Identity, Json, RecordRef

if TYPE_CHECKING:
    from yett.ledger.core import Core

MAX_STEPS: Final = 64
MAX_ARGUMENTS: Final = 32
"""Arguments of one step of a pinned plan."""
ANY: Final = -1
"""In place of a hash: the argument may have any value."""


Step = tuple[str, str | None, Mapping[str, Json], frozenset[str]]
"""Tool, server, arguments, names of arguments that are left open."""


def pinned(hasher: Hasher, steps: Sequence[Step]) -> Pinned:
    """Steps as a session keeps them."""
    return tuple(
        (
            _name(tool, server),
            tuple(
                (name, ANY if name in opened else _hash(hasher, arguments[name]))
                for name in sorted(arguments)
            ),
        )
        for tool, server, arguments, opened in steps
    )


def objection(row: Session, hasher: Hasher, admitted: AdmittedCall) -> tuple[str, str] | None:
    """Code and message of what a session's pinned plan has against a call."""
    steps = _steps(row.plan, hasher, admitted)
    if not row.plan or row.step in steps or (steps and row.step < 0):
        return None
    if not steps:
        return "OUTSIDE_PLAN", "it is no step of the session's pinned plan"
    if steps[-1] < row.step:
        return (
            "PLAN_ORDER",
            f"{_called(row.plan, steps[-1])} of the pinned plan is not due again in this session",
        )
    later = next(step for step in steps if step > row.step)
    first = _called(row.plan, row.step)
    return "PLAN_ORDER", f"{_called(row.plan, later)} of the pinned plan comes after {first}"


def step_after(row: Session, hasher: Hasher, admitted: AdmittedCall) -> int:
    """How many steps of an ordered plan are behind once a call has run; 0 if that changes nothing."""
    steps = _steps(row.plan, hasher, admitted) if row.step >= 0 else []
    return next((step + 1 for step in steps if step >= row.step), 0)


def _steps(plan: Pinned, hasher: Hasher, admitted: AdmittedCall) -> list[int]:
    """Which steps, from 0, a call could be."""
    call = admitted.call
    name, names = _name(call.tool, call.server), sorted(call.arguments)
    return [
        step
        for step, (tool, arguments) in enumerate(plan)
        if tool == name
        and [argument for argument, _ in arguments] == names
        and all(mark in (ANY, _hash(hasher, call.arguments[argument])) for argument, mark in arguments)
    ]


def _called(plan: Pinned, step: int) -> str:
    return f"step {step + 1} ({plan[step][0].rpartition(chr(0))[2]})"


def _name(tool: str, server: str | None) -> str:
    return tool if server is None else f"{server}\0{tool}"


def _hash(hasher: Hasher, value: Json) -> int:
    return hasher("plan\0" + canonical.encode(value).decode())


def enter(
    core: Core, identity: Identity, row: Session, policy: str, steps: list[Json], pins: Pinned, ordered: bool
) -> RecordRef:
    """Records a judged plan, and pins it if `pins` has any. The caller holds no lock.

    Raises:
        LedgerError: PLAN_PINNED, PLAN_TOO_LONG. AuditUnavailable.
    """
    if len(steps) > MAX_STEPS or any(len(arguments) > MAX_ARGUMENTS for _, arguments in pins):
        raise LedgerError("PLAN_TOO_LONG", f"at most {MAX_STEPS} steps of {MAX_ARGUMENTS} arguments")
    who: Json = {"tenant": identity.tenant, "principal": identity.principal, "agent": identity.agent}
    with core.lock:
        row = core.state.sessions.get(row.id) or row
        if pins and row.plan:
            raise LedgerError(
                "PLAN_PINNED", "this session has its plan already", remedy="open another session"
            )
        body: dict[str, Json] = {
            "id": core.token("n_"),
            "at": core.now(),
            "who": who,
            "policy": policy,
            "steps": steps,
            "session": {"id": row.id},
        }
        if pins:
            body["pinned"] = [[tool, [list(each) for each in arguments]] for tool, arguments in pins]
            if ordered:
                body["ordered"] = True
            body["session"]["before"] = core.hash_of(row)
            changes = plan(core.state, "plan", body)
            after = next(found for table, _, found in changes if table == "session")
            assert isinstance(after, Session)
            body["session"]["after"] = core.hash_of(after)
            entry = core.write("plan", body, changes)
        else:
            entry = core.write("plan", body)
    core.wait(entry)
    return core.ref(entry)
