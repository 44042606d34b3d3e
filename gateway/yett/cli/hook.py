"""`yett hook install|uninstall|test AGENT`: Yett as the hook of a coding agent."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from yett.cli.files import propose
from yett.cli.options import State, Yes
from yett.cli.words import say_line
from yett.errors import YettError

app = typer.Typer(
    no_args_is_help=True, help="Stand in a coding agent's hooks: Claude Code, Codex, Gemini, Copilot, Cursor."
)

_Agent = Annotated[str, typer.Argument(help="claude-code, codex, gemini, copilot or cursor.")]
_User = Annotated[
    bool | None,
    typer.Option(
        "--user/--project",
        help="The user's own settings, or this project's: Codex, Gemini and Copilot skip a project's in folders "
        "they do not trust.",
        show_default="this project's for Claude Code and Cursor",
    ),
]


@app.command("install")
def install(
    agent: _Agent,
    user: _User = None,
    state: State = Path("state"),
    address: Annotated[str | None, typer.Option(help="Socket path or host:port of the gateway.")] = None,
    http: Annotated[
        str | None,
        typer.Option(help="Claude Code: call the gateway at this URL instead of running a command."),
    ] = None,
    yes: Yes = False,
) -> None:
    """Show what would change in the agent's settings, and write it."""
    from yett.proxy.hooks import install as hooks
    from yett.proxy.hooks.heeded import ignored

    path = _settings_path(agent, user)
    token = _token(agent, state)
    before = _read(path)
    if http is None:
        line = hooks.command(agent, _address(state, address), token)
        after = hooks.settings(agent, before, line)
    elif agent == "claude-code":
        after = hooks.settings_over_http(before, http)
    else:
        raise YettError("AGENT_UNKNOWN", f"{agent} calls no URLs", remedy="leave out --http")
    _write(path, before, after, yes)
    if http is not None:
        typer.echo(f'Start Claude Code with {hooks.TOKEN_VARIABLE}="$(cat {token})".')
    why = ignored(agent, path, Path.cwd())
    if why:
        typer.echo(f"Not in force yet: {why}.")
    typer.echo(f"Now run `yett serve --state {state}`, then `yett hook test {agent}`.")


@app.command("uninstall")
def uninstall(agent: _Agent, user: _User = None, yes: Yes = False) -> None:
    """Take our entries out of the agent's settings."""
    from yett.proxy.hooks import install as hooks

    path = _settings_path(agent, user)
    before = _read(path)
    if before is None:
        say_line(f"no settings in {path}")
        return
    _write(path, before, hooks.without(agent, before), yes)


@app.command("test")
def prove(
    agent: _Agent,
    user: _User = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Run a gateway with the baseline for the test, if none runs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Prove that the installed hook blocks: a hostile call, a garbled event, a dead gateway."""
    from yett.proxy.hooks.heeded import ignored
    from yett.proxy.hooks.install import our_hook
    from yett.proxy.hooks.probe import RUNS, check

    path = _settings_path(agent, user)
    hook = our_hook(_read(path))
    if hook is None:
        typer.echo(f"no hook of ours in {path}; run `yett hook install {agent}`", err=True)
        raise typer.Exit(1)
    with _gateway(agent, hook) if serve else contextlib.nullcontext():
        results = check(agent, hook)
    why = ignored(agent, path, Path.cwd())
    runs = f"is not run by the agent: {why}" if why else "is run by the agent"
    results["checks"].append({"what": runs, "ok": not why, "told": ""})
    if as_json:
        typer.echo(json.dumps(results))
    else:
        for result in results["checks"]:
            typer.echo(f"{'ok  ' if result['ok'] else 'OPEN'} {result['what']}")
        typer.echo(f"     the agent reads: {results['checks'][0]['told']}")
        typer.echo(f"     {results['p50_ms']:.1f} ms a call, interpreter start included (median of {RUNS})")
    raise typer.Exit(0 if all(result["ok"] for result in results["checks"]) else 1)


def register(parent: typer.Typer) -> None:
    """Add the commands."""
    parent.add_typer(app, name="hook")


@contextlib.contextmanager
def _gateway(agent: str, hook: dict[str, Any]) -> Iterator[None]:
    """A sidecar on the socket that the hook asks, in the state directory of its token; none if one answers, or
    if the hook asks over TCP, where it is somebody else's."""
    from yett.proxy.hooks.install import client_words

    *_, where, token = client_words(agent, hook.get("command", hook.get("bash", ""))) or ("", "")
    address, state = Path(where), Path(token).parent
    with socket.socket(socket.AF_UNIX) as probe:
        if not address.is_absolute() or (address.is_socket() and probe.connect_ex(str(address)) == 0):
            yield
            return
    serve = [sys.executable, "-c", "from yett.cli import main; main()", "serve", "--no-tcp"]
    serve += ["--state", str(state), "--socket", str(address)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            if not process.stdout.readline():
                raise YettError(
                    "NO_GATEWAY", "no gateway starts", remedy=f"`yett serve --state {state}` says why"
                )
            yield
        finally:
            process.terminate()


def _settings_path(agent: str, user: bool | None) -> Path:
    from yett.proxy.hooks.install import place

    found = place(agent)
    own = found.own if user is None else user
    # One's own settings may be a link into a folder of dotfiles; a project's link may lead anywhere.
    return Path(found.user).expanduser().resolve() if own else Path(found.project)


def _address(state: Path, address: str | None) -> str:
    return address or str((state / "yett.sock").absolute())


def _token(agent: str, state: Path) -> Path:
    """The hook's own token, made on first use: role agent, so that it can neither approve nor read."""
    from yett.clock import wall_clock
    from yett.serve.auth import FILE_NAME, Credentials

    path = (state / f"hook-{agent}.token").absolute()
    if path.exists():
        return path
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    credentials = Credentials(state / FILE_NAME, clock=wall_clock)
    _, token = credentials.create("agent", getpass.getuser(), agent)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(token)
    return path


def _read(path: Path) -> str | None:
    from yett.proxy import foreign

    found = foreign.text(path)
    if found is None and os.path.lexists(path):
        raise YettError("SETTINGS_UNREADABLE", f"{path} is no file of text", remedy="it is left as it is")
    return found


def _write(path: Path, before: str | None, after: str, yes: bool) -> None:
    if not propose(path, before, after, yes):
        raise typer.Exit(1)
