"""`yett mcp -- COMMAND…`, `yett mcp --upstream URL`, `yett mcp --sse URL`, `yett mcp call TOOL … -- COMMAND…`, `yett mcp pins`."""

from __future__ import annotations

import contextlib
import getpass
import json
import logging
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from yett.cli.words import install

if TYPE_CHECKING:
    from yett.gateway import Gateway
    from yett.model import Decision, ToolCall
    from yett.proxy.mcp.catalogue import Catalogue
    from yett.sdk.approvals import Waiting
    from yett.sdk.client import Client
    from yett.sdk.connect import Where


class _Passthrough(TyperGroup):
    """What follows `--` is a server's command line, whatever it is called."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta["yett.command"] = args[at + 1 :]
            calls = "call" in args[:at]
            args = [*args[:at], "run"] if at + 1 < len(args) and not calls else args[:at]
        ctx.meta["yett.help"] = "--help" in args
        rest: list[str] = super().parse_args(ctx, args)
        return rest


app = typer.Typer(
    cls=_Passthrough,
    invoke_without_command=True,
    subcommand_metavar="[-- SERVER COMMAND...]",
    help="Stand between an MCP client and an MCP server; every call is judged.",
)
pins_app = typer.Typer(
    invoke_without_command=True, help="What servers say of themselves, as it was accepted."
)
app.add_typer(pins_app, name="pins")

_State = Annotated[str | None, typer.Option(help="State folder (YETT_STATE).")]


@app.callback()
def mcp(
    context: typer.Context,
    server: Annotated[str | None, typer.Option(help="The name policies know this server by.")] = None,
    upstream: Annotated[
        str | None, typer.Option(help="URL of a Streamable HTTP server to stand before.")
    ] = None,
    sse: Annotated[
        str | None, typer.Option(help="URL of an HTTP+SSE server (2024-11-05), spoken to on stdio.")
    ] = None,
    listen: Annotated[str, typer.Option(help="Where to serve, with --upstream.")] = "127.0.0.1:8790",
    header: Annotated[
        list[str] | None,
        typer.Option(
            help="Header for the upstream, `Name: value`; a value may be secret://env/NAME or secret://file/PATH."
        ),
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(help="Socket or URL of a running gateway (YETT_GATEWAY).")
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option(help="Policy files, without a running gateway (YETT_POLICY).")
    ] = None,
    state: _State = None,
    pins: Annotated[bool, typer.Option(help="Pin tool definitions.")] = True,
    wait: Annotated[
        float, typer.Option(help="Seconds a held call waits for its approval; 0 answers at once.")
    ] = 0.0,
) -> None:
    """Judge every call of an MCP client: `yett mcp -- COMMAND…` or `yett mcp --upstream URL`."""
    from yett.errors import YettError
    from yett.sdk.connect import Where

    if context.invoked_subcommand == "pins" or context.meta["yett.help"]:
        return
    command: list[str] = context.meta.get("yett.command", [])
    calling = context.invoked_subcommand == "call"
    if [bool(command), bool(upstream), bool(sse)].count(True) != 1 or (calling and upstream):
        typer.echo("Give a server's command after `--`, or --upstream URL, or --sse URL.", err=True)
        raise typer.Exit(2)
    try:
        where = Where.from_environment(gateway=gateway, policy=tuple(policy or ()), state=state)
        if upstream:
            status = _serve(where, server or _host(upstream), upstream, listen, header or [], pins, wait)
        else:
            if sse:
                server = server or _host(sse)
                command = [sys.executable, "-m", "yett.proxy.mcp.legacy", sse, *(header or [])]
            run = partial(_run, where, server or server_name(command), command, pins, wait)
            if calling:
                context.obj = run
                return
            status = run()
    except YettError as error:
        typer.echo(f"yett: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(status)


@app.command("run", hidden=True)
def run() -> None:
    """Reached after the callback has already served the command; there is nothing left to do."""


@app.command("call")
def call(
    context: typer.Context,
    tool: Annotated[str, typer.Argument(help="Name of the tool.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="key=text or key:=JSON.")] = None,
) -> None:
    """Call one tool of the server whose command follows `--`, through the gate, and print what came back."""
    from yett.cli.words import read_arguments
    from yett.proxy.mcp.trial import attempt, shown

    result = attempt(context.obj, tool, read_arguments(arguments or []))
    typer.echo(shown(result))
    raise typer.Exit(1 if result.get("isError") is True else 0)


def _run(
    where: Where,
    server: str,
    command: list[str],
    pins: bool,
    wait: float,
    *,
    client_in: int = 0,
    client_out: int = 1,
) -> int:
    from yett.clock import wall_clock
    from yett.proxy.mcp.core import Session
    from yett.proxy.stdio import StdioProxy

    with _decider(where, server, wait) as (decider, waiting):
        core = Session(server, "", _catalogue(where, server, pins, decider), clock=wall_clock)
        proxy = StdioProxy(
            core,
            waiting,
            command,
            client_in=client_in,
            client_out=client_out,
            patient=wait > 0,
        )
        return proxy.run()


def _serve(
    where: Where, server: str, upstream: str, listen: str, headers: list[str], pins: bool, wait: float
) -> int:
    from yett.proxy.http import serve

    with _decider(where, server, wait) as (decider, waiting):
        catalogue = _catalogue(where, server, pins, decider)
        return serve(server, upstream, listen, headers, catalogue, waiting)


@contextlib.contextmanager
def _decider(where: Where, server: str, wait: float) -> Iterator[tuple[Client | Gateway, Waiting]]:
    """Whoever judges, and the same for calls that may wait for a person; a gateway of our own with its door."""
    from yett.sdk.approvals import Waiting
    from yett.sdk.connect import connect, own
    from yett.serve.log import configure

    configure(level=logging.WARNING)  # to standard error: standard output belongs to the client
    name = f"mcp-{_safe(server)}"
    if where.gateway:
        with connect(where, name=name) as client:
            yield client, Waiting(client, wait)
        return
    gateway, state = own(where, name=name)

    def tell(call: ToolCall, decision: Decision) -> None:
        how = f"yett approve {decision.approval} --state {state} --token-file APPROVER"
        typer.echo(f"yett: a call of {call.tool!a} waits for a person: {how}", err=True)

    with gateway, _door(gateway, state):
        yield gateway, Waiting(gateway, wait, tell)


@contextlib.contextmanager
def _door(gateway: Gateway, state: Path) -> Iterator[None]:
    """A person's way in, to approve or to freeze; opened beside the work, because it takes a moment to load."""
    leave = threading.Event()

    def stand() -> None:
        from yett.errors import YettError

        try:
            from yett.serve.beside import listening

            with listening(gateway, state):
                leave.wait()
        except ImportError:
            typer.echo(f"yett: nobody can approve held calls without {install('server')}", err=True)
        except YettError as error:
            typer.echo(f"yett: nobody can approve held calls: {error}", err=True)

    thread = threading.Thread(target=stand, name="yett-mcp-door", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leave.set()
        thread.join()


def _catalogue(where: Where, server: str, pins: bool, decider: object) -> Catalogue:
    from yett.clock import wall_clock
    from yett.proxy.mcp.catalogue import Catalogue, Unpinned
    from yett.proxy.pins import PinFile
    from yett.sdk.listing import visible

    book = PinFile.of(where.state_folder(), server) if pins else Unpinned(server)

    return Catalogue(book, lambda tool: visible(decider, tool, server), wall_clock)


@pins_app.callback()
def pins_callback(
    context: typer.Context,
    state: _State = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON lines.")] = False,
) -> None:
    """List what is pinned and what waits for a person."""
    from yett.errors import YettError
    from yett.proxy.pins import books
    from yett.sdk.connect import Where

    folder = Where.from_environment(state=state).state_folder()
    context.obj = folder
    if context.invoked_subcommand is not None:
        return
    waiting = 0
    try:
        files = list(books(folder))
        if not files and not as_json:
            typer.echo(f"nothing is pinned in {folder}")
        for file in files:
            book = file.current()
            waiting += len(book.held)
            for row in _rows(book):
                typer.echo(json.dumps(row) if as_json else _line(row))
    except YettError as error:
        typer.echo(f"yett: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(1 if waiting else 0)


@pins_app.command("accept")
def accept(
    context: typer.Context,
    server: str,
    tool: Annotated[str | None, typer.Argument(help="Without it, everything that waits.")] = None,
    digest: Annotated[str, typer.Option(help="Only the definition that `diff` showed.")] = "",
) -> None:
    """Accept a changed or added definition, after showing the difference (`yett mcp pins diff`)."""
    from yett.clock import wall_clock

    if digest and not tool:
        raise typer.BadParameter("a digest is of one tool's definition")

    def apply(book: Any) -> None:
        if not tool and not book.held:
            typer.echo(f"nothing waits at {server}")
        for name in [tool] if tool else sorted(book.held):
            book.accept(name, getpass.getuser(), wall_clock(), digest)
            typer.echo(f"accepted {server} {name}")

    _change(context.obj, server, apply)


@pins_app.command("forget")
def forget(context: typer.Context, server: str, tool: str) -> None:
    """Drop a pin; the tool is held when it is seen again."""
    _change(context.obj, server, lambda book: book.forget(tool))


@pins_app.command("diff")
def diff(context: typer.Context, server: str, tool: str) -> None:
    """Show what changed in a definition, invisible characters escaped."""
    import difflib
    import shlex

    from yett.proxy.pins import PinFile

    book = PinFile.of(context.obj, server).current()
    before = book.pins.get(tool)
    after = book.held.get(tool)
    if after is None:
        typer.echo(f"nothing waits for {tool}", err=True)
        raise typer.Exit(2)
    old, new = (
        json.dumps(pin.definition if pin else None, indent=1, ensure_ascii=True, sort_keys=True).splitlines()
        for pin in (before, after)
    )
    for line in difflib.unified_diff(old, new, "accepted", "waiting", lineterm=""):
        typer.echo(line)
    if after.definition is None:
        typer.echo("the waiting definition is too large to be kept, and so to be shown", err=True)
    # The server may change it again between this look and a yes.
    typer.echo(
        f"to accept exactly this: yett mcp pins accept {shlex.join([server, tool])} --digest {after.digest}",
        err=True,
    )


def server_name(command: list[str]) -> str:
    """A name for a server from its command line: the package or program it runs, without decoration.

    `npx -y @modelcontextprotocol/server-filesystem /tmp` is `filesystem`, `uvx mcp-server-git` is `git`.
    """
    words = [word for word in command if not word.startswith("-")]
    runners = {"npx", "uvx", "node", "python", "python3", "uv", "run", "bunx", "deno", "docker", "exec"}
    chosen = next((word for word in words if PurePath(word).name not in runners), command[0])
    package, at, version = chosen.rpartition("@")
    path = PurePath(package if at and package and "/" not in version else chosen)
    name = path.stem if path.suffix in (".js", ".py", ".ts", ".mjs") else path.name
    if name in ("index", "main", "server", "__main__"):
        name = next(
            (part for part in reversed(path.parts[:-1]) if part not in ("dist", "build", "src")), name
        )
    for prefix in ("mcp-server-", "server-", "mcp-"):
        name = name.removeprefix(prefix)
    return name or "server"


def _host(url: str) -> str:
    from urllib.parse import urlsplit

    return urlsplit(url).hostname or "upstream"


def _safe(name: str) -> str:
    return (
        "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name).lstrip(".")
        or "server"
    )


def _change(folder: Path, server: str, apply: Any) -> None:
    from yett.errors import YettError
    from yett.proxy.pins import PinFile

    try:
        PinFile.of(folder, server).change(apply)
    except YettError as error:
        typer.echo(f"yett: {error}", err=True)
        raise typer.Exit(2) from None


def _rows(book: Any) -> list[dict[str, Any]]:
    names = sorted({*book.pins, *book.held})
    return [
        {
            "server": book.server,
            "tool": name,
            "state": book.held[name].reason if name in book.held else "pinned",
            "digest": (book.held.get(name) or book.pins[name]).digest,
            "by": book.pins[name].by if name in book.pins else None,
        }
        for name in names
    ]


def _line(row: dict[str, Any]) -> str:
    by = f" ({row['by']})" if row["by"] else ""
    return f"{row['state']:8} {row['server']} {row['tool']} {row['digest'][:19]}…{by}"


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="mcp")
