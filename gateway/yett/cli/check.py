"""`yett check`: what would the gate say to this call, and why?

One call is explained to the last point of its score. With `--jsonl`, a file of any length is judged line by
line in bounded memory; a line that cannot be read is answered with its error and does not stop the rest.
Nothing is executed and nothing is recorded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from yett.cli.options import Policies
from yett.cli.words import read_arguments

if TYPE_CHECKING:
    from yett.gate import Gate, Judgement
    from yett.model import AdmittedCall, Effect

MAX_LINE = 4 * 1024 * 1024
"""Bytes of one line that are kept; a longer one is refused without being held in memory."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(
    tool: Annotated[str | None, typer.Argument(help="Tool name.")] = None,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="key=value, or key:=JSON for anything but text.")
    ] = None,
    policy: Policies = None,
    jsonl: Annotated[
        str | None, typer.Option("--jsonl", help="Judge each line of this file (- is standard input).")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="Judge the list of calls in this JSON file as a whole.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="What the person asked for.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Explain what a call would be answered, without running or recording it."""
    gate = open_gate(policy)
    if jsonl is not None:
        if tool is not None:
            raise typer.BadParameter("give a tool or --jsonl, not both")
        raise typer.Exit(_check_lines(gate, jsonl))
    if plan is not None:
        from yett.cli.plan import check_plan

        raise typer.Exit(check_plan(gate, plan, prompt, as_json=as_json))
    if tool is None:
        raise typer.BadParameter("name a tool, or give --jsonl FILE or --plan FILE")
    call: dict[str, Any] = {"tool": tool, "arguments": read_arguments(arguments or [])}
    if prompt is not None:
        call["prompt"] = prompt
    admitted, judged = _judge(gate, call)
    if as_json:
        sys.stdout.write(_line(None, judged).decode() + "\n")
    else:
        _explain(admitted, judged)
    raise typer.Exit(0 if _effect(judged).value == "allow" else 1)


def open_gate(policy: list[Path] | None) -> Gate:
    """A gate with the given policy files, or with the baseline."""
    from yett import policy as language
    from yett import resources
    from yett.gate import Gate
    from yett.risk import Assessor

    paths = policy or [resources.baseline()]
    assessor = Assessor.load()
    return Gate(language.load(paths, assess=assessor.assess), assessor)


def _judge(gate: Gate, call: dict[str, Any]) -> tuple[AdmittedCall, Judgement]:
    """Judge a call that stands alone: an empty past, but for what its own prompt names."""
    from yett.admit import admit
    from yett.clock import wall_clock
    from yett.gateway import LOCAL
    from yett.ledger import prompt_history
    from yett.model import Context, ToolCall

    prompt = call.get("prompt")
    asked = ToolCall(
        tool=call["tool"],
        arguments=call["arguments"],
        server=call.get("server"),
        context=Context(prompt=prompt),
    )
    admitted = admit(asked, LOCAL, str(call.get("session") or "check"))
    return admitted, gate.judge(admitted, prompt_history(prompt), wall_clock())


def _effect(judged: Judgement) -> Effect:
    from yett.model import strictest

    return strictest(*(verdict.effect for verdict in judged.verdicts))


def _line(given: object, judged: Judgement) -> bytes:
    import msgspec

    answer: dict[str, Any] = {} if given is None else {"id": given}
    answer["effect"] = _effect(judged).value
    answer["risk"] = judged.risk.score
    answer["reasons"] = [reason for verdict in judged.verdicts for reason in verdict.reasons]
    answer["findings"] = list(judged.risk.findings)
    return msgspec.json.encode(answer)


def _check_lines(gate: Gate, source: str) -> int:
    """Judge every line; 1 when any of them could not be read."""
    import msgspec

    from yett.errors import YettError

    bad = 0
    with _opened(source) as (stream, size), _progress(size) as advance:
        for number, raw in enumerate(_lines(stream), start=1):
            advance(len(raw))
            if raw != OVERLONG and not raw.strip():
                continue
            given: object = None
            try:
                call = _object(raw)
                given = call.get("id")
                _check_fields(call)
                answer = _line(given, _judge(gate, call)[1])
            except YettError as error:
                bad += 1
                named: dict[str, Any] = {} if given is None else {"id": given}
                answer = msgspec.json.encode(named | {"error": f"line {number}: {error}"})
            sys.stdout.buffer.write(answer + b"\n")
    sys.stdout.buffer.flush()
    return 1 if bad else 0


OVERLONG = b"\0overlong"


def _object(raw: bytes) -> dict[str, Any]:
    from yett import canonical
    from yett.errors import InvalidCall

    if raw == OVERLONG:
        raise InvalidCall("TOO_LARGE", f"the line has more than {MAX_LINE} bytes")
    value = canonical.parse(raw.strip())
    if not isinstance(value, dict):
        raise InvalidCall("BAD_CALL", "the line is not an object")
    return value


def _check_fields(call: dict[str, Any]) -> None:
    from yett.errors import InvalidCall

    for field, kind in (("tool", str), ("arguments", dict)):
        if not isinstance(call.get(field), kind):
            raise InvalidCall("BAD_CALL", f"`{field}` is missing or not {_SAID[kind]}", path=f"/{field}")
    for field in ("prompt", "session", "server"):
        if call.get(field) is not None and not isinstance(call[field], str):
            raise InvalidCall("BAD_CALL", f"`{field}` is not a string", path=f"/{field}")


_SAID: dict[type, str] = {str: "a string", dict: "an object"}


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines of bounded length; an overlong one is replaced by a marker and skipped to its end."""
    while line := stream.readline(MAX_LINE + 1):
        if len(line) <= MAX_LINE or line.endswith(b"\n"):
            yield line
            continue
        while rest := stream.readline(MAX_LINE):
            if rest.endswith(b"\n"):
                break
        yield OVERLONG


class _opened:
    """The stream of a file or of standard input, and its size where that is known."""

    def __init__(self, source: str) -> None:
        self._source = source

    def __enter__(self) -> tuple[BinaryIO, int | None]:
        if self._source == "-":
            self._stream: BinaryIO = sys.stdin.buffer
            return self._stream, None
        path = Path(self._source)
        try:
            self._stream = path.open("rb")
        except OSError as error:
            typer.echo(f"yett: {path}: {error.strerror}", err=True)
            raise typer.Exit(2) from None
        return self._stream, path.stat().st_size

    def __exit__(self, *exc: object) -> None:
        if self._stream is not sys.stdin.buffer:
            self._stream.close()


def _progress(size: int | None) -> Any:
    """A bar on standard error when that is a terminal; else nothing."""
    if size is None or not sys.stderr.isatty():
        return nullcontext(lambda _: None)
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    @contextmanager
    def bar() -> Iterator[Any]:
        columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task("judging", total=size)
            yield lambda count: shown.advance(task, count)

    return bar()


def _explain(admitted: AdmittedCall, judged: Judgement) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    effect = _effect(judged).value
    colour = {"allow": "green", "hold": "yellow", "deny": "red"}[effect]
    console.print(f"[bold {colour}]{effect}[/]  risk {judged.risk.score}/1000  {admitted.action_digest}")
    for verdict in judged.verdicts:
        for reason in verdict.reasons:
            rule = f" [{reason.rule}]" if reason.rule else ""
            where = f" at {reason.path}" if reason.path else ""
            console.print(f"  {reason.stage}: {escape(reason.code + rule)} {escape(reason.message + where)}")
    table = Table(box=None, padding=(0, 2), show_header=False)
    for what, points in judged.risk.parts:
        table.add_row(f"{points:+d}", escape(what))
    if judged.risk.parts:
        console.print("score:")
        console.print(table)
    for finding in judged.risk.findings:
        tags = " ".join(finding.tags)
        console.print(f"  {finding.level.value:8} {escape(finding.id)} {escape(finding.title)} {tags}")
        if finding.detail:
            console.print(f"           {escape(finding.detail)}")
    for command in judged.facts.commands:
        effects = ", ".join(sorted(command.effects)) or "no known effect"
        console.print(f"  runs     {escape(' '.join(command.argv)[:200])}  ({effects})")
    for file in judged.facts.later:
        console.print(f"  later    {escape(file.file[:200])}  ({file.title})")
        for command in file.commands:
            console.print(f"           {escape(' '.join(command.argv)[:200])}")
    for statement in judged.facts.statements:
        console.print(f"  sql      {statement.kind} {' '.join(sorted(statement.flags))}")
    for url in judged.facts.urls:
        console.print(f"  url      {escape(url.scheme)}://{escape(url.host)}  ({url.address})")
    for path in judged.facts.paths:
        console.print(f"  path     {escape(path.normal)}  {' '.join(sorted(path.categories))}")
    for limit in judged.facts.limits:
        console.print(f"  [red]cut[/]      {escape(limit)}")
