"""What builtins and program handlers may ask of the walk that runs them: the seam that breaks the circle.

A shell runs programs, and programs run shells. `walk.Walker` implements this protocol; `builtins`, `actions`,
`programs` and `resolve` only know the protocol, so that every import points one way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from yett.extract.shell.draft import Analysis, Context, Draft
from yett.extract.shell.expansion.expand import Expander, Field, State
from yett.extract.shell.grammar.nodes import Node, Seq, Word
from yett.extract.shell.options import Parsed

Redirect = Callable[[Draft], None] | None
"""Adds a command's redirections to the draft they belong to."""


class Machine(Protocol):
    """One shell's state, and the means to run more text or commands in it."""

    analysis: Analysis
    state: State
    expander: Expander

    def command(
        self, argv: list[Field], ctx: Context, redirect: Redirect = None, *, functions: bool = True
    ) -> None:
        """One command with known fields."""

    def inline(
        self,
        field: Field,
        ctx: Context,
        positional: list[Field] | None = None,
        zero: Field | None = None,
    ) -> None:
        """A program text, run by a shell of its own."""

    def evaluate(self, field: Field, ctx: Context) -> None:
        """A program text, run by this shell."""

    def later(self, field: Field, ctx: Context) -> None:
        """A program text that this shell runs when it ends, with the variables that it then has."""

    def reevaluate(self, field: Field, ctx: Context, reason: str) -> None:
        """Data whose substitutions bash runs."""

    def arithmetic(self, parts: Word, ctx: Context) -> None:
        """An arithmetic expression, which evaluates the values of variables."""

    def exported(self, name: str, value: str, ctx: Context, program: str) -> None:
        """A variable was set that later programs may see."""

    def output(self, seq: Seq) -> str | None:
        """What a program prints, if that can be computed."""

    def programs(self, node: Node) -> list[str]:
        """The names of the programs in a node."""


class Handler(Protocol):
    """What knows more about a program than its profile. True = it has emitted everything itself."""

    def __call__(self, walker: Machine, draft: Draft, parsed: Parsed, ctx: Context, /) -> bool: ...
