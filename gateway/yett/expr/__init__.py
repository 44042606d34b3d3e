"""The expression language of policies and detections: small, total, typed, decidable in the main.

A condition is one boolean expression in Python's own grammar. `compile` parses it with `ast`, keeps only
what the language knows, checks every name, attribute and type, and builds closures once; `evaluate` then
runs in microseconds, always ends, and never raises:

1. `parse`     source and types -> checked tree (`nodes`); everything unknown is a `PolicyError` here;
2. `build`     tree -> closures with three-valued truth: missing or mistyped is `ABSENT`;
3. `functions` the library: typed matchers in normal form, RE2 patterns, string helpers.

What `ABSENT` means is up to who asks: for a policy, an `allow` does not fire and a `deny` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yett.expr import nodes
from yett.expr.build import Frame, OverBudget, build
from yett.expr.functions import LIBRARY, check_pattern
from yett.expr.joins import Memo
from yett.expr.parse import parse
from yett.expr.types import (
    ABSENT,
    ANY,
    BOOL,
    NUM,
    STR,
    Absent,
    Type,
    choice_of,
    fn_of,
    list_of,
    map_of,
    of_value,
    struct_of,
    types_of,
)

__all__ = [
    "ABSENT",
    "ANY",
    "BOOL",
    "LIBRARY",
    "NUM",
    "STR",
    "Absent",
    "Program",
    "Type",
    "check_pattern",
    "choice_of",
    "compile",
    "fn_of",
    "list_of",
    "map_of",
    "nodes",
    "of_value",
    "struct_of",
    "types_of",
]


class Program:
    """A compiled condition. Immutable; may be evaluated by many threads at once."""

    __slots__ = ("_run", "_slots", "source", "tree")

    def __init__(self, source: str, tree: nodes.Node, slots: int) -> None:
        self.source = source
        self.tree = tree
        self._slots = slots
        self._run = build(tree)

    def evaluate(self, env: Mapping[str, Any], memo: Memo | None = None) -> bool | Absent:
        """True, False, or `ABSENT` if that hangs on something missing, mistyped or over budget.

        Args:
            env: values by the names given to `compile`; functions by theirs.
            memo: empty at first, and handed again to every evaluation in which nothing but `it` differs.
        """
        try:
            value = self._run(Frame(env, self._slots, memo))
        except (OverBudget, ArithmeticError, ValueError, TypeError, LookupError, AttributeError):
            return ABSENT
        return value if isinstance(value, bool) else ABSENT

    def value_of(self, node: nodes.Node, env: Mapping[str, Any]) -> Any:
        """The value of one part of the tree, for explanations; parts inside loops are ABSENT."""
        try:
            return build(node)(Frame(env, self._slots))
        except (OverBudget, ArithmeticError, ValueError, TypeError, LookupError, AttributeError):
            return ABSENT


def compile(source: str, types: Mapping[str, Type], *, where: str) -> Program:
    """Check and compile a condition.

    Args:
        source: the expression; line breaks and comments are allowed.
        types: what the environment will hold, by name.
        where: file and line (or any place a person finds) for errors.

    Raises:
        PolicyError: with code EXPR_SYNTAX, EXPR_NAME, EXPR_TYPE, EXPR_PATTERN or EXPR_LIMIT.
    """
    tree, slots = parse(source, types, where)
    return Program(source, tree, slots)
