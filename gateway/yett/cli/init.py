"""`yett init`: find what acts through tools in a directory, and show what would put a gate before it."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yett.cli.files import keep, put
from yett.cli.words import say_line

if TYPE_CHECKING:
    from yett.proxy.survey import Change


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    folder: Annotated[Path, typer.Argument(help="Project directory.", exists=True, file_okay=False)] = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
) -> None:
    """Find agents, MCP servers and frameworks here; show and write what would guard them."""
    from yett.proxy.survey import find

    found = find(folder)
    if not found:
        typer.echo("Nothing here acts through tools that Yett knows: no MCP servers, agents or frameworks.")
        raise typer.Exit(0)
    for each in found:
        mark = "guarded" if each.guarded else "open   "
        say_line(f"{mark}  {each.kind:9}  {each.name:24}  {each.where}")
        if each.note:
            say_line(f"         {each.note}")
    changes = {each.change.path: each.change for each in found if each.change and not each.guarded}
    written = [_propose(change, yes) for change in changes.values()]
    raise typer.Exit(0 if all(written) else 1)


def _propose(change: Change, yes: bool) -> bool:
    """Show a difference; write it, keeping the old file beside the new one, if wanted."""
    name = str(change.path)
    lines = change.before.splitlines(), change.after.splitlines()
    typer.echo("")
    for line in difflib.unified_diff(*lines, name, name, lineterm=""):
        say_line(line)
    if not yes and not (sys.stdin.isatty() and typer.confirm("Write this?")):
        typer.echo("Nothing was written; give --yes to write it.", err=True)
        return False
    mode = change.path.stat().st_mode & 0o777
    kept = change.path.with_name(change.path.name + ".before-yett")
    keep(kept, change.before, mode)
    put(change.path, change.after, mode)
    say_line(f"Wrote {change.path}; the old file is {kept.name}.")
    return True
