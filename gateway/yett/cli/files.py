"""Changing settings of other programs: shown and asked for first, in folders that somebody else may have filled."""

from __future__ import annotations

import difflib
import os
import sys
import tempfile
from pathlib import Path

import typer

from yett.cli.words import say_line


def propose(path: Path, before: str | None, after: str, yes: bool, *, backup: Path | None = None) -> bool:
    """Show what would change in a file, and write it if wanted; whether it is now as it should be. A link is neither
    replaced nor written through.

    Args:
        before: what it holds now; None if there is no file.
        yes: write without asking.
        backup: where to keep what it held, unless something stands there already.
    """
    lines = (before or "").splitlines(), after.splitlines()
    difference = list(difflib.unified_diff(*lines, str(path), str(path), lineterm=""))
    if not difference:
        say_line(f"{path} is as it should be.")
        return True
    for line in difference:
        say_line(line)
    if not yes and not (sys.stdin.isatty() and typer.confirm("Write this?")):
        typer.echo("Nothing was written; give --yes to write it.", err=True)
        return False
    if path.is_symlink():
        say_line(f"{path} is a link to {path.resolve()}; nothing was written.")
        return False
    if (path.read_text(encoding="utf-8") if path.exists() else None) != before:
        say_line(f"{path} has been changed meanwhile; nothing was written. Try again.")
        return False
    mode = 0o644 if before is None else path.stat().st_mode & 0o777
    if backup is not None:
        keep(backup, before or "", mode)
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, after, mode)
    say_line(f"Wrote {path}." if backup is None else f"Wrote {path}; the old file is {backup.name}.")
    return True


def put(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file in one step. A link that stands beside it under a name to be guessed is not written through."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".yett-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(beside, mode)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def keep(path: Path, text: str, mode: int) -> None:
    """Make a file unless something stands there already, be it a link to nowhere."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
