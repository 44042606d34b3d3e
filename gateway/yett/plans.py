"""Plans: a list of calls judged as a whole, before the first of them.

Each step is judged as if the former ones had been allowed and had run: what they read labels the session, what
they spend is spent. Nothing is consumed, nothing permitted: each call is decided again when it comes.

A step's argument may be left open: `{"$any": true}` is a value that nobody knows yet, `{"$step": 2}` one out of
the result of step 2, `{"$step": 2, "field": "iban"}` out of a certain field of it. Such a value has the origin
that the manifest gives to that result, the weakest one if no field is named. A number that is left open is
judged as 0, and the step then `depends` on it.

Categories: `allowed`, `held`, `denied`, `depends`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from yett import canonical
from yett.admit import admit
from yett.errors import InvalidCall
from yett.gate import Gate
from yett.judging import propose
from yett.ledger import Snapshot
from yett.ledger.deciding.planned import Step
from yett.ledger.rehearsal import Rehearsal
from yett.model import (
    Effect,
    Identity,
    Json,
    OutcomeFacts,
    PolicyRef,
    Reason,
    RecordRef,
    Struct,
    ToolCall,
    ToolSpec,
)
from yett.risk.examine import trust_of

MAX_CALLS: Final = 64
_CATEGORY: Final = {Effect.ALLOW: "allowed", Effect.HOLD: "held", Effect.DENY: "denied"}


class PlannedCall(Struct, frozen=True, kw_only=True):
    """One step."""

    tool: str
    arguments: dict[str, Json] = msgspec.field(default_factory=dict)
    """Values, or placeholders."""
    server: str | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """What an agent is going to do."""

    calls: tuple[PlannedCall, ...]
    session: str = ""
    """The session it is for; "" = the caller's default session."""
    pin: bool = False
    """Hold every later call of the session that is not one of these."""
    order: bool = False
    """Of a pinned plan: hold what comes out of order, and a step that was made already."""


class JudgedStep(Struct, frozen=True, kw_only=True):
    """What a step would be answered."""

    step: int
    """From 1."""
    tool: str
    category: str
    risk: int
    """0..1000, with everything that came before."""
    explanation: str
    reasons: tuple[Reason, ...] = ()


class JudgedPlan(Struct, frozen=True, kw_only=True):
    """What a plan would be answered: the strictest of its steps."""

    category: str
    steps: tuple[JudgedStep, ...]
    session: str
    policy: PolicyRef
    pinned: bool = False
    record: RecordRef | None = None
    """Where it stands in the log; None if it was judged without one."""


class _Filled(Struct, frozen=True, kw_only=True):
    arguments: dict[str, Json]
    opened: frozenset[str]
    """Arguments with a placeholder anywhere in them."""
    numbers: tuple[str, ...]
    """Opened ones whose value is a number or a flag: what they would be answered is not known."""


def judge(gate: Gate, view: Snapshot, plan: Plan, identity: Identity, now: int) -> tuple[JudgedStep, ...]:
    """Judge every step from where a session stands. Pure.

    Raises:
        InvalidCall: BAD_PLAN, a placeholder points nowhere, or there are too many calls; BAD_NAME.
    """
    if not 0 < len(plan.calls) <= MAX_CALLS:
        raise InvalidCall("BAD_PLAN", f"a plan has 1 to {MAX_CALLS} calls", path="/calls")
    if plan.order and not plan.pin:
        raise InvalidCall("BAD_PLAN", "only a pinned plan is held to its order", path="/order")
    _check(plan)
    rehearsal = Rehearsal.after(view)
    steps = []
    for number, call in enumerate(plan.calls, start=1):
        spec = gate.policy.spec(call.tool, call.server)
        filled = _fill(call, spec, number)
        asked = ToolCall(tool=call.tool, server=call.server, arguments=filled.arguments)
        try:
            admitted = admit(asked, identity, view.session)
        except InvalidCall as error:
            if error.code == "BAD_NAME":  # it would end in the log
                raise InvalidCall(
                    error.code, error.message, path=f"/calls/{number - 1}{error.path}"
                ) from None
            reason = Reason(stage="admit", code=error.code, message=error.message, path=error.path)
            steps.append(
                JudgedStep(
                    step=number,
                    tool=call.tool,
                    category="denied",
                    risk=0,
                    explanation=error.message,
                    reasons=(reason,),
                )
            )
            continue
        proposal = propose(gate, admitted, rehearsal.snapshot(identity, view.session, now=now), now)
        found, risk = rehearsal.conclude(proposal, now=now)
        decision = rehearsal.run(proposal, found, at=now)
        rehearsal.report(decision, _outcome(gate, plan, number, decision), at=now)
        first = found.reasons[0].message if found.reasons else "nothing objects"
        depends = found.effect is Effect.ALLOW and bool(filled.numbers)
        steps.append(
            JudgedStep(
                step=number,
                tool=call.tool,
                category="depends" if depends else _CATEGORY[found.effect],
                risk=risk,
                explanation=f"it hangs on {', '.join(filled.numbers)}" if depends else first,
                reasons=found.reasons,
            )
        )
    return tuple(steps)


def overall(steps: tuple[JudgedStep, ...]) -> str:
    """The category of the whole: its strictest step's."""
    order = ("allowed", "depends", "held", "denied")
    return max((step.category for step in steps), key=order.index)


def pins(gate: Gate, plan: Plan) -> list[Step]:
    """The steps as the ledger pins them."""
    found: list[Step] = []
    for number, call in enumerate(plan.calls, start=1):
        filled = _fill(call, gate.policy.spec(call.tool, call.server), number)
        found.append((call.tool, call.server, filled.arguments, filled.opened))
    return found


# -- placeholders -----------------------------------------------------------------------------------------


def _placeholder(value: Json) -> tuple[int, str] | None:
    """(step or 0, field) of a placeholder."""
    if isinstance(value, dict):
        if value == {"$any": True}:
            return 0, ""
        step, field = value.get("$step"), value.get("field", "")
        if value.keys() <= {"$step", "field"} and type(step) is int and isinstance(field, str):
            return step, field
    return None


def _placeholders(value: Json) -> Iterator[tuple[int, str]]:
    found = _placeholder(value)
    if found is not None:
        yield found
    elif isinstance(value, list):
        for item in value:
            yield from _placeholders(item)


def _check(plan: Plan) -> None:
    for number, call in enumerate(plan.calls, start=1):
        for name, value in call.arguments.items():
            for step, _ in _placeholders(value):
                if not 0 <= step < number:
                    path = f"/calls/{number - 1}/arguments/{name}"
                    raise InvalidCall("BAD_PLAN", f"step {step} does not come before this one", path=path)


def _fill(call: PlannedCall, spec: ToolSpec | None, number: int) -> _Filled:
    arguments: dict[str, Json] = {}
    numbers = []
    opened = set()
    for name, value in call.arguments.items():
        declared = spec.args.get(name) if spec is not None else None
        kind = declared.type if declared is not None else "string"
        if any(True for _ in _placeholders(value)):
            opened.add(name)
            if kind.removeprefix("list[").rstrip("]") in (
                "integer",
                "number",
                "money",
                "boolean",
                "object",
                "any",
            ):
                numbers.append(name)
        arguments[name] = _sample(value, kind, f"{number}-{name}")
    return _Filled(arguments=arguments, opened=frozenset(opened), numbers=tuple(numbers))


def _sample(value: Json, kind: str, where: str) -> Json:
    if isinstance(value, list):
        inner = kind.removeprefix("list[").rstrip("]") if kind.startswith("list[") else "string"
        return [_sample(item, inner, where) for item in value]
    found = _placeholder(value)
    if found is None:
        return value
    if kind.startswith(("list", "array")):
        return [_sample(value, kind.removeprefix("list").strip("[]") or "string", where)]
    if kind in ("integer", "number", "money"):
        return 0
    if kind == "boolean":
        return True
    if kind == "object":
        return {}
    return _token(*found) if found[0] else f"yett-unknown-{where}"


def _token(step: int, field: str) -> str:
    """What stands for a value out of a step's result."""
    return f"yett-step-{step}-{field or 'result'}"


def _outcome(gate: Gate, plan: Plan, number: int, decision: str) -> OutcomeFacts:
    """What a step would have returned, as far as its manifest tells: labels, and the values later steps point at."""
    call = plan.calls[number - 1]
    spec = gate.policy.spec(call.tool, call.server)
    trust = spec.result if spec is not None else {}
    words = set(trust.values()) or {"untrusted"}
    foreign = bool(words & {"untrusted", "sender", "novel"}) or "trust" not in trust
    wanted = {
        field
        for later in plan.calls
        for value in later.arguments.values()
        for step, field in _placeholders(value)
        if step == number
    }
    values = []
    for field in sorted(wanted):
        said = trust_of(trust, "", field, "") if field else ("untrusted" if foreign else trust["trust"])
        if said != "receipt":
            values.append((_token(number, field), "records" if said == "secret" else said))
    labels = {
        label for label, there in (("read_untrusted", foreign), ("read_secret", "secret" in words)) if there
    }
    return OutcomeFacts(
        decision_id=decision,
        status="ok",
        result_digest=canonical.digest("yett/result/v1", b"null"),
        size=0,
        values=tuple(values),
        labels=tuple(sorted(labels)),
        stages=gate.policy.moves(call.tool),
    )


def recorded(steps: tuple[JudgedStep, ...]) -> list[Json]:
    """The steps as the log keeps them: no argument, no text that could quote one."""
    return [
        {
            "tool": step.tool,
            "category": step.category,
            "risk": step.risk,
            "codes": [reason.rule or reason.code for reason in step.reasons[:4]],
        }
        for step in steps
    ]
