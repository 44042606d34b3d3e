"""`yett conformance TARGET…`: does a way to a tool run the tool exactly when it may?"""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from yett.sdk.conformance import Row


def register(parent: typer.Typer) -> None:
    """Add the command."""
    parent.command("conformance")(conformance)


def conformance(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="client, guard, mcp-stdio, mcp-http, hook:AGENT, or your own as package.module:function or "
            "file.py:function. Without one: all that are built in."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object a row instead of the table.")
    ] = False,
) -> None:
    """Drive a way to a tool through decision points that are dead, hung, slow, lying; it must never fail open."""
    from yett.sdk.conformance import table

    rows: list[Row] = []
    for name in targets or builtin_names():
        rows += _check(name)
    if as_json:
        for row in rows:
            typer.echo(
                json.dumps(
                    {
                        "target": row.target,
                        "scenario": row.scenario,
                        "passed": row.passed,
                        "detail": row.detail,
                    }
                )
            )
    else:
        typer.echo(table(rows), nl=False)
        for row in rows:
            if not row.passed:
                typer.echo(f"OPEN {row.target} / {row.scenario}: {row.detail}", err=True)
    open_rows = sum(not row.passed for row in rows)
    typer.echo(f"{len(rows)} checks, {open_rows} open", err=True)
    raise typer.Exit(1 if open_rows else 0)


def builtin_names() -> list[str]:
    """The targets that need nothing but Yett."""
    from yett.proxy.hooks.agents import DIALECTS

    return [
        "client",
        "async-client",
        "guard",
        "mcp-stdio",
        "mcp-http",
        *(f"hook:{agent}" for agent in DIALECTS),
    ]


def _check(name: str) -> list[Row]:
    from yett.proxy.hooks import kit as hooks
    from yett.proxy.mcp import kit as mcp
    from yett.sdk import targets
    from yett.sdk.conformance import check

    if name.startswith("hook:"):
        return check(name, hooks.target(name.removeprefix("hook:")), hook=hooks.answer)
    built_in = {
        "client": targets.client,
        "async-client": targets.async_client,
        "guard": targets.guard,
        "mcp-stdio": mcp.stdio,
        "mcp-http": mcp.http_,
    }
    if name in built_in:
        return check(name, built_in[name])
    return check(name.rpartition(":")[0].rpartition("/")[2] or name, _own(name))


def _own(name: str) -> Any:
    where, _, function = name.rpartition(":")
    if not where:
        raise typer.BadParameter(f"{name} is neither built in nor module:function")
    if where.endswith(".py"):
        spec = importlib.util.spec_from_file_location(Path(where).stem, where)
        if spec is None or spec.loader is None:
            raise typer.BadParameter(f"{where} can't be loaded")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(where)
    return getattr(module, function)
