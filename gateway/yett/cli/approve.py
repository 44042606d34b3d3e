"""`yett approve`: what waits for a person, exactly what would run, and the person's yes or no."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yett.cli.options import State
from yett.cli.remote import Gateway, TokenFile, reach, say
from yett.cli.words import read_arguments

if TYPE_CHECKING:
    from yett.sdk import Client


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("approve")(approve)


def approve(
    request: Annotated[str | None, typer.Argument(help="Id of the request; without it, list them.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Approve without asking again.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the record (with --refuse).")] = "",
    narrow: Annotated[
        list[str] | None, typer.Option(help="Permit less: key=value or key:=JSON, e.g. cents:=5000; repeat.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; decides only with --yes or --refuse.")
    ] = False,
    gateway: Gateway = None,
    token_file: TokenFile = None,
    state: State = Path("state"),
) -> None:
    """List held calls, show one exactly as it would run, approve or refuse it."""
    with reach(gateway, token_file, state) as client:
        if request is None:
            raise typer.Exit(_list(client, as_json))
        raise typer.Exit(_decide(client, request, yes, refuse, reason, narrow or [], as_json))


def _list(client: Client, as_json: bool) -> int:
    from yett.ledger.deciding.show import visible

    answer: Any = client.request("GET", "/v1/approvals")
    waiting = answer["approvals"] if isinstance(answer, dict) else answer
    if as_json:
        say(waiting)
        return 0
    for view in waiting:
        who = f"{visible(view['principal'])}/{visible(view['agent'])}"
        typer.echo(f"{view['id']}  {who}  {visible(view['tool'])}  risk {view['risk']}")
    if not waiting:
        typer.echo("nothing waits")
    return 0


def _decide(
    client: Client, request: str, yes: bool, refuse: bool, reason: str, narrow: list[str], as_json: bool
) -> int:
    from urllib.parse import quote

    target = "/v1/approvals/" + quote(request, safe="")
    view: Any = client.request("GET", target)
    if as_json and not (yes or refuse):
        say(view)
        return 0
    if not as_json:
        _show(view)
    if view["status"] != "waiting":
        typer.echo(f"the request is {view['status']}", err=True)
        return 1
    if refuse:
        answer = client.request("POST", target + "/refuse", {"reason": reason})
    elif yes or typer.confirm("Approve exactly this, once?", default=False):
        answer = client.request(
            "POST", target + "/approve", {"narrow": read_arguments(narrow)} if narrow else {}
        )
    else:
        return 1
    if as_json:
        say(answer)
    else:
        typer.echo("refused" if refuse else "approved")
    return 0


def _show(view: Any) -> None:
    """The request with nothing invisible, and nothing a terminal would act on."""
    from yett.ledger.deciding.show import visible

    server = f" on {visible(view['server'])}" if view["server"] else ""
    after = f" after {(view['decided_at'] - view['at']) // 1000} s" if view["decided_at"] else ""
    typer.echo(f"{view['id']}  {view['status']}{after}")
    typer.echo(f"who       {visible(view['principal'])}/{visible(view['agent'])}, session {view['session']}")
    typer.echo(f"tool      {visible(view['tool'])}{server}  risk {view['risk']}/1000")
    shown = view.get("shown")
    if shown is None:
        return
    typer.echo(f"arguments {shown['arguments']}")
    for name, label in (("commands", "runs"), ("statements", "sql"), ("why", "why"), ("findings", "saw")):
        for line in shown[name]:
            typer.echo(f"{label:9} {line}")
    for where in shown["targets"]:
        typer.echo(f"goes to   {where['value']}  (from: {where['origin']})")
    if shown["permits"]:
        typer.echo(f"a yes permits {shown['permits']}")
    if shown["truncated"]:
        typer.echo("this call is too long to be shown whole, so it cannot be approved")
