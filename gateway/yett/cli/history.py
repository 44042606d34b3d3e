"""`yett scan-history`: which of your agents' past calls would a policy have stopped?

Reads the transcripts that Claude Code and Codex keep on this machine. Nothing is executed, nothing is
recorded, nothing leaves the machine.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from yett.cli.options import Policies
from yett.cli.words import say_line

SHOWN = 160
"""Characters of a call's arguments that are shown."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scan-history")(scan)


def scan(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Transcripts or folders; default: where the agents keep them.")
    ] = None,
    policy: Policies = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON line for each call that would be stopped.")
    ] = False,
) -> None:
    """Show which past tool calls would have been held or denied."""
    from yett.cli.check import open_gate
    from yett.proxy.survey.history import Unreadable, past_calls, transcripts

    files = transcripts(paths or [])
    if not files:
        typer.echo("no transcripts found; name files or folders", err=True)
        raise typer.Exit(2)
    gate = open_gate(policy)
    counts: Counter[str] = Counter()
    for path in files:
        for past in past_calls(path):
            if isinstance(past, Unreadable):
                counts["unreadable"] += 1
                continue
            counts["calls"] += 1
            answer = _judged(gate, past)
            counts[answer["effect"]] += 1
            if answer["effect"] != "allow":
                _print(answer, as_json)
    typer.echo(
        f"{counts['calls']} calls in {len(files)} transcripts: {counts['allow']} allowed, {counts['hold']} held, "
        f"{counts['deny']} denied"
        + (f"; {counts['unreadable']} unreadable lines" if counts["unreadable"] else ""),
        err=as_json,
    )
    raise typer.Exit(0)


def _judged(gate: Any, past: Any) -> dict[str, Any]:
    """The answer of a gate without memory: each call alone."""
    from yett.admit import admit
    from yett.clock import wall_clock
    from yett.errors import InvalidCall
    from yett.gateway import LOCAL
    from yett.history import NoHistory
    from yett.model import ToolCall, strictest

    answer: dict[str, Any] = {"file": str(past.where), "line": past.line, "tool": past.tool}
    try:
        call = ToolCall(tool=past.tool, server=past.server, arguments=past.arguments)
        admitted = admit(call, LOCAL, "history")
    except InvalidCall as error:
        return answer | {"effect": "deny", "risk": 0, "why": error.code, "arguments": ""}
    judged = gate.judge(admitted, NoHistory(), wall_clock())
    secrets = bool(judged.facts.secrets)
    reasons = [r for v in judged.verdicts for r in v.reasons if r.objects]
    return answer | {
        "effect": strictest(*(v.effect for v in judged.verdicts)).value,
        "risk": judged.risk.score,
        "why": (reasons[0].rule or reasons[0].code) if reasons else "",
        "findings": [f.id for f in judged.risk.findings],
        "arguments": "(holds a secret)" if secrets else admitted.canonical.decode()[:SHOWN],
    }


def _print(answer: dict[str, Any], as_json: bool) -> None:
    import json

    from yett.ledger.deciding.show import visible

    if as_json:
        sys.stdout.write(json.dumps(answer) + "\n")
        return
    findings = ", ".join(answer.get("findings", ()))
    tool = visible(answer["tool"])
    say_line(f"{answer['effect']:5} {answer['risk']:4}  {tool}  {answer['why']}  {findings}")
    say_line(f"            {visible(answer['arguments'])}")
    say_line(f"            {answer['file']}:{answer['line']}")
