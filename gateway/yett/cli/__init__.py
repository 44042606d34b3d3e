"""`yett …`: one file a command, each loaded only when it is asked for.

Start-up is part of how a command line feels, and the heavy libraries (parsers, servers, solvers) are not
needed to print a help text; so a command's module is imported when its name stands on the line, and all of
them only for `--help`.

Exit status: 0 yes, 1 no (denied, not verified, a bad line), 2 wrong usage or a file that cannot be read.
"""

from __future__ import annotations

import importlib
import sys
from typing import Annotated, Protocol, cast

import typer

from yett.cli.words import install, say_line

COMMANDS: dict[str, tuple[str, ...]] = {
    "demo": ("demo",),
    "check": ("check",),
    "serve": ("serve",),
    "keys": ("keys",),
    "approve": ("approve",),
    "mandate": ("mandate",),
    "freeze": ("freeze", "thaw"),
    "ledger": ("ledger",),
    "replay": ("replay",),
    "policy": ("policy",),
    "tools": ("tools",),
    "eval": ("eval",),
    "mcp": ("mcp",),
    "hook": ("hook",),
    "conformance": ("conformance",),
    "init": ("init",),
    "doctor": ("doctor",),
    "history": ("scan-history",),
}
"""Module under `yett.cli` -> the commands it registers, in the order of the help text."""


EXTRAS: dict[str, str] = {
    **dict.fromkeys(("fastapi", "httptools", "prometheus_client", "starlette", "uvicorn"), "server"),
    **dict.fromkeys(("grpc", "google"), "grpc"),
    "psycopg": "postgres",
    "z3": "analysis",
}
"""Module that may be missing -> the extra that brings it."""


class _Room(Protocol):
    def register(self, app: typer.Typer) -> None: ...


def main() -> None:
    """The console script."""
    # Imported here: the hook of a coding agent goes through this file too, and must start quickly.
    from yett.errors import YettError

    app = build(sys.argv[1:2])
    try:
        app()
    except YettError as error:
        say_line(f"yett: {error}", err=True)
        raise SystemExit(2) from None
    except BrokenPipeError:
        raise SystemExit(2) from None
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        say_line(f"yett: EXTRA_MISSING: this needs the extra `{extra}` ({install(extra)})", err=True)
        raise SystemExit(2) from None
    except OSError as error:
        if error.filename is None:
            raise
        say_line(f"yett: {error.filename}: {error.strerror}", err=True)
        raise SystemExit(2) from None


def build(first: list[str]) -> typer.Typer:
    """The application with the command named by the first word, or with all of them."""
    app = typer.Typer(
        name="yett",
        help="A gate between AI agents and their tools: every call judged before it runs.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    wanted = [name for name, commands in COMMANDS.items() if first and first[0] in commands]
    for name in wanted or COMMANDS:
        cast(_Room, importlib.import_module(f"yett.cli.{name}")).register(app)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"yett {version('yett')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keeps a single registered command a sub-command."""
