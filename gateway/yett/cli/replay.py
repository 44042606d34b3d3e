"""`yett replay`: recorded sessions, judged call by call as if all before had run.

Reads a line a session:

    {"session", "principal", "prompt"?, "events": [{"tool", "arguments", "result"?, "at"?, "label"?}]}

`at` is in seconds from the session's start (one second a call if left out). Sessions of one principal follow
each other without a pause: whoever splits an attack over sessions gains nothing. Writes a line an event,

    {"session", "event", "effect", "risk", "session_risk", "reasons"}

and, if events carry labels (`benign`, `malicious`), ends with how well the two are told apart, on standard
error. Nothing is recorded; nothing runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from yett.cli.replay_stats import Judged, Scores

if TYPE_CHECKING:
    from yett.gate import Gate
    from yett.ledger.rehearsal import Rehearsal
    from yett.model import Identity

EPOCH_MS = 1_800_000_000_000
"""When the first session of every principal begins: the same sessions give the same answers every day."""
MAX_LINE = 64 << 20


class Event(msgspec.Struct, frozen=True):
    """One recorded call."""

    tool: str
    arguments: dict[str, Any] = {}
    result: Any = msgspec.UNSET
    at: float | int | None = None
    label: str | None = None
    server: str | None = None


class Recording(msgspec.Struct, frozen=True):
    """One recorded session."""

    session: str
    principal: str = "principal"
    prompt: str | None = None
    events: list[Event] = []
    agent: str = "agent"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    sessions: Annotated[list[Path], typer.Argument(help="JSONL files of sessions; - reads standard input.")],
    policy: Annotated[
        list[Path] | None,
        typer.Option("--policy", help="Policy or manifest file, repeatable; the baseline if none is given."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the summary, no line an event.")] = False,
) -> None:
    """Judge recorded sessions, event by event."""
    from yett.cli.check import open_gate
    from yett.errors import YettError
    from yett.ledger.rehearsal import Rehearsal

    gate = open_gate(policy)
    scores = Scores()
    rehearsal = Rehearsal()
    clocks: dict[str, int] = {}
    bad = 0
    out = sys.stdout.buffer
    for number, line in _lines(sessions):
        try:
            recording = msgspec.json.decode(line, type=Recording)
            for event, judged in _play(gate, rehearsal, recording, clocks):
                scores.add(recording.session, judged, event.label)
                if not quiet:
                    out.write(msgspec.json.encode(judged) + b"\n")
        except (msgspec.DecodeError, YettError) as error:
            bad += 1
            out.write(msgspec.json.encode({"error": f"line {number}: {error}"}) + b"\n")
    out.flush()
    for sentence in scores.summary():
        typer.echo(sentence, err=True)
    raise typer.Exit(1 if bad else 0)


def _lines(files: list[Path]) -> Iterator[tuple[int, bytes]]:
    for path in files:
        stream = sys.stdin.buffer if str(path) == "-" else path.open("rb")
        with stream:
            number = 0
            while line := stream.readline(MAX_LINE):
                number += 1
                if line.strip():
                    yield number, line


def _play(
    gate: Gate, rehearsal: Rehearsal, recording: Recording, clocks: dict[str, int]
) -> Iterator[tuple[Event, Judged]]:
    from yett.model import Identity

    identity = Identity(principal=recording.principal, agent=recording.agent)
    start = clocks.get(recording.principal, EPOCH_MS)
    session = rehearsal.open_session(identity, at=start, prompt=recording.prompt)
    now = start
    for index, event in enumerate(recording.events):
        at = now + 1000 if event.at is None else start + max(0, int(event.at * 1000))
        now = max(now, at)
        yield event, _judge(gate, rehearsal, identity, session, recording, index, now)
    clocks[recording.principal] = now + 1000


def _judge(
    gate: Gate,
    rehearsal: Rehearsal,
    identity: Identity,
    session: str,
    recording: Recording,
    index: int,
    now: int,
) -> Judged:
    from yett.admit import admit, refused
    from yett.errors import InvalidCall
    from yett.ledger import Proposal, assess
    from yett.model import Context, Effect, Outcome, PolicyRef, Reason, ToolCall, Verdict

    event = recording.events[index]
    view = rehearsal.snapshot(identity, session, now=now)
    call = ToolCall(
        tool=event.tool,
        arguments=event.arguments,
        server=event.server,
        context=Context(prompt=recording.prompt),
    )
    extra: tuple[Verdict, ...] = ()
    try:
        admitted = admit(call, identity, session)
    except InvalidCall as error:
        admitted = refused(call, identity, session, error)
        reason = Reason(stage="admit", code=error.code, message=error.message, path=error.path)
        extra = (Verdict(stage="admit", effect=Effect.DENY, reasons=(reason,)),)
    judged = gate.judge(admitted, view, now)
    told = assess(view, admitted, judged.facts, judged.risk, judged.verdicts[0], judged.spec)
    proposal = Proposal(
        admitted=admitted,
        facts=judged.facts,
        risk=judged.risk,
        verdicts=(*judged.verdicts, told, *extra),
        policy=PolicyRef(id=gate.policy.id, digest=gate.policy.digest),
        snapshot=view,
        preview=False,
    )
    found, combined = rehearsal.conclude(proposal, now=now)
    decision = rehearsal.run(proposal, found, at=now)
    if event.result is not msgspec.UNSET:
        outcome = Outcome(decision_id=decision, result=event.result)
        rehearsal.report(decision, gate.examine(outcome, event.tool, event.server), at=now)
    return Judged(
        session=recording.session,
        event=index,
        effect=found.effect.value,
        risk=judged.risk.score,
        session_risk=combined,
        reasons=[msgspec.to_builtins(reason) for reason in found.reasons],
    )
