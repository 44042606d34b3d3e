"""`yett replay`: recorded sessions, judged call by call as if all before had run.

Reads a line a session:

    {"session", "principal", "prompt"?, "events": [{"tool", "arguments", "result"?, "at"?, "label"?}]}

`at` is in seconds from the session's start (one second a call if left out); it never goes back. A session without
a principal has one of its own. Sessions of one principal follow each other without a pause: whoever splits an
attack over sessions gains nothing. Writes a line an event,

    {"session", "event", "effect", "risk", "session_risk", "reasons"}

and, if events carry labels (`benign`, `malicious`), ends with how well the two are told apart, on standard
error. Nothing is recorded; nothing runs.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from yett.cli.options import Policies
from yett.cli.replay_stats import Judged, Scores

if TYPE_CHECKING:
    from yett.gate import Gate
    from yett.ledger.rehearsal import Rehearsal
    from yett.model import Identity

EPOCH_MS = 1_800_000_000_000
"""When the first session of every principal begins: the same sessions give the same answers every day."""
MAX_LINE = 64 << 20
ABSOLUTE = 10**8
"""Seconds beyond which a first `at` is taken to count from 1970."""
MAX_SECONDS = 10**11


class Event(msgspec.Struct, frozen=True):
    """One recorded call. What strangers record differs in small things: see `_arguments`, `_seconds`, `_label`."""

    tool: str = ""
    arguments: Any = {}
    result: Any = msgspec.UNSET
    at: Any = None
    label: Any = None
    server: str | None = None


class Recording(msgspec.Struct, frozen=True):
    """One recorded session."""

    session: str | int = ""
    principal: str | int | None = None
    prompt: Any = None
    events: list[Event] | None = []
    agent: str | None = None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    sessions: Annotated[list[Path], typer.Argument(help="JSONL files of sessions; - reads standard input.")],
    policy: Policies = None,
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
    read = bad = 0
    out = sys.stdout.buffer
    for number, line in _lines(sessions):
        read += 1
        try:
            recording = _recording(line)
            for event, judged in _play(
                gate, rehearsal, recording, clocks, name=str(recording.session or f"line {number}")
            ):
                scores.add(judged, _label(event.label))
                if not quiet:
                    out.write(msgspec.json.encode(judged) + b"\n")
        except (ValueError, RecursionError, YettError) as error:
            bad += 1
            out.write(msgspec.json.encode({"error": f"line {number}: {error}"}) + b"\n")
    out.flush()
    if not read:
        raise typer.BadParameter("there is no session in it", param_hint="SESSIONS")
    for sentence in scores.summary():
        typer.echo(sentence, err=True)
    raise typer.Exit(1 if bad else 0)


def _lines(files: list[Path]) -> Iterator[tuple[int, bytes]]:
    for path in files:
        try:
            stream = sys.stdin.buffer if str(path) == "-" else path.open("rb")
        except OSError as error:
            raise typer.BadParameter(f"{path}: {error.strerror}") from error
        with stream:
            number = 0
            while line := stream.readline(MAX_LINE):
                number += 1
                line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield number, line


def _recording(line: bytes) -> Recording:
    """Raises: ValueError, if it is no JSON object of this shape."""
    try:
        return msgspec.json.decode(line, type=Recording)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # `NaN`, lone surrogates: an admission refuses the one call that has them, not the whole session.
        return msgspec.convert(json.loads(line), type=Recording)


def _arguments(given: Any) -> dict[str, Any]:
    """The arguments as an object: some record it as a JSON text, or one bare value."""
    if isinstance(given, str):
        with contextlib.suppress(ValueError, RecursionError):
            given = msgspec.json.decode(given)
    if isinstance(given, dict):
        return given
    return {} if given in (None, "") else {"value": given}


def _seconds(given: Any) -> float | None:
    """A number, also in a text; anything else is not known."""
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        found = float(given)
        return min(found, MAX_SECONDS) if found >= 0 else 0.0
    return None


def _label(given: Any) -> str | None:
    if isinstance(given, bool):
        return "malicious" if given else "benign"
    return given.strip().lower() if isinstance(given, str) else None


def _play(
    gate: Gate, rehearsal: Rehearsal, recording: Recording, clocks: dict[str, int], *, name: str
) -> Iterator[tuple[Event, Judged]]:
    from yett.model import Identity

    principal = str(recording.principal or f"session {name}")
    identity = Identity(principal=principal, agent=recording.agent or "agent")
    prompt = recording.prompt
    if prompt is not None and not isinstance(prompt, str):
        prompt = msgspec.json.encode(prompt).decode()
    start = clocks.get(principal, EPOCH_MS)
    session = rehearsal.open_session(identity, at=start, prompt=prompt)
    now = start
    events = recording.events or []
    times = [_seconds(event.at) for event in events]
    # Seconds since 1970 instead of since the session's start.
    first = next((at for at in times if at is not None), 0)
    zero = first if first > ABSOLUTE else 0
    for index, (event, seconds) in enumerate(zip(events, times, strict=True)):
        at = now + 1000 if seconds is None else start + max(0, int((seconds - zero) * 1000))
        now = max(now, at)
        yield (
            event,
            _judge(gate, rehearsal, identity, session, name, index, event, prompt, now),
        )
    clocks[principal] = now + 1000


def _judge(
    gate: Gate,
    rehearsal: Rehearsal,
    identity: Identity,
    session: str,
    name: str,
    index: int,
    event: Event,
    prompt: str | None,
    now: int,
) -> Judged:
    from yett.admit import admit, refused
    from yett.errors import InvalidCall
    from yett.ledger import Proposal, assess
    from yett.model import Context, Effect, Outcome, PolicyRef, Reason, ToolCall, Verdict

    view = rehearsal.snapshot(identity, session, now=now)
    call = ToolCall(
        tool=event.tool,
        arguments=_arguments(event.arguments),
        server=event.server,
        context=Context(prompt=prompt),
    )
    extra: tuple[Verdict, ...] = ()
    try:
        admitted = admit(call, identity, session)
    except InvalidCall as error:
        admitted = refused(call, identity, session, error)
        reason = Reason(stage="admit", code=error.code, message=error.message, path=error.path)
        extra = (Verdict(stage="admit", effect=Effect.DENY, reasons=(reason,)),)
    judged = gate.judge(admitted, view, now)
    told = assess(view, admitted, judged.facts, judged.risk, judged.spec)
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
        session=name,
        event=index,
        effect=found.effect.value,
        risk=judged.risk.score,
        session_risk=combined,
        reasons=[msgspec.to_builtins(reason) for reason in found.reasons],
    )
