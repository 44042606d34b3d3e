"""The checked tree of an expression: what the compiler turns into closures and the analysis into formulas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yett.expr.types import Type


@dataclass(frozen=True)
class Node:
    """One operation. `type` is what it gives if nothing it needs is absent."""

    type: Type
    source: str
    """The piece of source it stands for, for explanations."""


@dataclass(frozen=True)
class Const(Node):
    value: Any


@dataclass(frozen=True)
class Name(Node):
    name: str


@dataclass(frozen=True)
class Slot(Node):
    """A loop variable."""

    index: int


@dataclass(frozen=True)
class Attr(Node):
    base: Node
    name: str


@dataclass(frozen=True)
class Item(Node):
    base: Node
    key: Node


@dataclass(frozen=True)
class ListLit(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Not(Node):
    operand: Node


@dataclass(frozen=True)
class Bools(Node):
    """`and` / `or`."""

    op: str
    operands: tuple[Node, ...]


@dataclass(frozen=True)
class Compare(Node):
    """`== != < <= > >= in not in` between two operands."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Arith(Node):
    """`+ - * // %` on numbers."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Call(Node):
    """A function of the library, or one of the environment (`library` false)."""

    function: str
    args: tuple[Node, ...]
    library: bool


@dataclass(frozen=True)
class Has(Node):
    operand: Node


@dataclass(frozen=True)
class Loop:
    slot: int
    source: Node
    conditions: tuple[Node, ...]


@dataclass(frozen=True)
class Quant(Node):
    """`any`, `all` or `sum` over nested loops."""

    kind: str
    loops: tuple[Loop, ...]
    body: Node


def children(node: Node) -> tuple[Node, ...]:
    """Direct operands, in order of the source."""
    if isinstance(node, Attr):
        return (node.base,)
    if isinstance(node, Item):
        return (node.base, node.key)
    if isinstance(node, ListLit):
        return node.items
    if isinstance(node, Not | Has):
        return (node.operand,)
    if isinstance(node, Bools):
        return node.operands
    if isinstance(node, Compare | Arith):
        return (node.left, node.right)
    if isinstance(node, Call):
        return node.args
    if isinstance(node, Quant):
        inner: list[Node] = []
        for loop in node.loops:
            inner += [loop.source, *loop.conditions]
        return (*inner, node.body)
    return ()


def walk(node: Node) -> list[Node]:
    """The node and everything under it."""
    found, todo = [], [node]
    while todo:
        current = todo.pop()
        found.append(current)
        todo.extend(children(current))
    return found
