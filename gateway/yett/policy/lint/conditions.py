"""What can be said of a condition without a solver: what it constrains, and what follows from what.

A condition is read as a conjunction of atoms; an atom over one term (`args.amount`, `origin(targets)`) and
constants is a set of values: an interval of numbers, or a set of strings. That is enough to see most rules
that can never fire and most that a stricter one always precedes; `diff` has the solver for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from yett.expr import nodes

Number = int | Fraction


def conjuncts(node: nodes.Node | None) -> list[nodes.Node]:
    """The operands of the outermost `and`s."""
    if node is None:
        return []
    if isinstance(node, nodes.Bools) and node.op == "and":
        return [part for operand in node.operands for part in conjuncts(operand)]
    return [node]


def disjuncts(node: nodes.Node) -> list[nodes.Node]:
    """The operands of the outermost `or`s."""
    if isinstance(node, nodes.Bools) and node.op == "or":
        return [part for operand in node.operands for part in disjuncts(operand)]
    return [node]


MEANINGS = {
    "target": frozenset({"facts.urls", "facts.paths", "facts.contacts"}),
    "command": frozenset(
        {"facts.commands", "facts.programs", "facts.statements", "facts.code", "risk.score"}
    ),
    "amount": frozenset({"facts.amounts"}),
}
"""What the gate's own knowledge says of an argument in that role, as well as its text."""


def constrains(node: nodes.Node, argument: str, role: str, role_list: str, *, positive: bool = True) -> bool:
    """Whether a condition that is true (or false, if not positive) says something of an argument's value.

    Every branch of an `or` must; one operand of an `and` is enough. `has(x)` says nothing of the value.
    """
    if isinstance(node, nodes.Not):
        return constrains(node.operand, argument, role, role_list, positive=not positive)
    if isinstance(node, nodes.Bools):
        said = [
            constrains(operand, argument, role, role_list, positive=positive) for operand in node.operands
        ]
        return any(said) if (node.op == "and") is positive else all(said)
    if isinstance(node, nodes.Has):
        # Absent is a value like any other: `not has(args.cc)` pins it down.
        return not positive and is_argument(node.operand) == argument
    return any(
        is_argument(part) == argument
        or (isinstance(part, nodes.Name) and part.name == role_list)
        or (isinstance(part, nodes.Attr) and part.source in MEANINGS[role])
        for part in nodes.walk(node)
    )


def is_argument(node: nodes.Node) -> str | None:
    """The name of `args.name` or `args["name"]`."""
    base = node.base if isinstance(node, nodes.Attr | nodes.Item) else None
    if not isinstance(base, nodes.Name) or base.name != "args":
        return None
    if isinstance(node, nodes.Attr):
        return node.name
    key = node.key if isinstance(node, nodes.Item) else None
    return str(key.value) if isinstance(key, nodes.Const) else None


@dataclass(frozen=True)
class Values:
    """The values a term may have: an interval (numbers) or a set (strings; `negated` = anything but)."""

    low: Number | None = None
    low_open: bool = False
    high: Number | None = None
    high_open: bool = False
    members: frozenset[str | bool] | None = None
    negated: bool = False

    def meet(self, other: Values) -> Values:
        """The values that both allow."""
        if self.members is not None and other.members is not None:
            if self.negated and other.negated:
                return Values(members=self.members | other.members, negated=True)
            if self.negated:
                return Values(members=other.members - self.members)
            if other.negated:
                return Values(members=self.members - other.members)
            return Values(members=self.members & other.members)
        if self.members is not None or other.members is not None:
            return self if self.members is not None else other
        low = max(((v.low, v.low_open) for v in (self, other) if v.low is not None), default=(None, False))
        highs = [(v.high, not v.high_open) for v in (self, other) if v.high is not None]
        high = min(highs, default=(None, True))
        return Values(low[0], low[1], high[0], not high[1])

    @property
    def empty(self) -> bool:
        if self.members is not None:
            return not self.members and not self.negated
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def within(self, other: Values) -> bool:
        """Whether every value here is one of the other's."""
        met = self.meet(other)
        return met == self


def atom(node: nodes.Node) -> tuple[str, Values] | None:
    """(term, values) of an atom; None if it is not one over a single term and constants."""
    if isinstance(node, nodes.Not):
        inner = atom(node.operand)
        return (inner[0], _negate(inner[1])) if inner and inner[1].members is not None else None
    if not isinstance(node, nodes.Compare):
        return _truth(node)
    if isinstance(node.right, nodes.Const):
        return _compared(node.op, node.left.source, node.right.value)
    if isinstance(node.left, nodes.Const):
        flipped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(node.op, node.op)
        return None if "in" in flipped else _compared(flipped, node.right.source, node.left.value)
    if node.op in ("in", "not in") and isinstance(node.right, nodes.ListLit):
        constants = [item.value for item in node.right.items if isinstance(item, nodes.Const)]
        if len(constants) == len(node.right.items) and all(isinstance(value, str) for value in constants):
            return node.left.source, Values(members=frozenset(constants), negated=node.op == "not in")
    return None


def _truth(node: nodes.Node) -> tuple[str, Values] | None:
    return (node.source, Values(members=frozenset({True}))) if node.type.kind == "bool" else None


def _negate(values: Values) -> Values:
    if values.members == frozenset({True}):
        return Values(members=frozenset({False}))
    return Values(members=values.members, negated=not values.negated)


def _compared(op: str, term: str, value: object) -> tuple[str, Values] | None:
    if isinstance(value, str | bool):
        if op in ("==", "!="):
            return term, Values(members=frozenset({value}), negated=op == "!=")
        return None
    if not isinstance(value, int | Fraction):
        return None
    if op == "==":
        return term, Values(low=value, high=value)
    if op in ("<", "<="):
        return term, Values(high=value, high_open=op == "<")
    if op in (">", ">="):
        return term, Values(low=value, low_open=op == ">")
    return None


def table(parts: list[nodes.Node]) -> dict[str, Values]:
    """Per term, the values that a conjunction allows."""
    allowed: dict[str, Values] = {}
    for part in parts:
        found = atom(part)
        if found is not None:
            term, values = found
            allowed[term] = allowed[term].meet(values) if term in allowed else values
    return allowed


def impossible(node: nodes.Node | None) -> bool:
    """Whether a condition is plainly never true."""
    if node is None:
        return False
    if isinstance(node, nodes.Const):
        return node.value is False
    branches = disjuncts(node)
    if len(branches) > 1:
        return all(impossible(branch) for branch in branches)
    parts = conjuncts(node)
    if len(parts) > 1 and any(impossible(part) for part in parts):
        return True
    return any(values.empty for values in table(parts).values())


def implies(stronger: nodes.Node | None, weaker: nodes.Node | None) -> bool:
    """Whether the first condition plainly cannot be true without the second; False means "not known"."""
    if weaker is None:
        return True
    if stronger is None:
        return isinstance(weaker, nodes.Const) and weaker.value is True
    parts = conjuncts(stronger)
    sources = {part.source for part in parts}
    known = table(parts)
    return all(_follows(part, sources, known) for part in conjuncts(weaker))


def _follows(part: nodes.Node, sources: set[str], known: dict[str, Values]) -> bool:
    if part.source in sources:
        return True
    branches = disjuncts(part)
    if len(branches) > 1:
        return any(all(_follows(p, sources, known) for p in conjuncts(branch)) for branch in branches)
    found = atom(part)
    return found is not None and found[0] in known and known[found[0]].within(found[1])
