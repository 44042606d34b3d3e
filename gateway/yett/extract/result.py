"""What the analysers of shell programs hand back: one shape for POSIX, cmd and PowerShell."""

from __future__ import annotations

from yett.extract.budget import Nested
from yett.extract.facts import Command, ShellProgram
from yett.model import Struct


class ShellResult(Struct, frozen=True, kw_only=True):
    """One shell source, taken apart."""

    program: ShellProgram
    commands: tuple[Command, ...] = ()
    """Every effective command, wrappers removed, in source order."""
    nested: tuple[Nested, ...] = ()
    """Texts inside it that are to be analysed in their turn: inline code, SQL, decoded scripts."""
    written: tuple[tuple[str, str, bool], ...] = ()
    """Of each file that it writes with known content the path, that content, and whether the file holds nothing else."""
