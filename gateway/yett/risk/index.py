"""Which detections a fact is to be judged by, found by the words that it carries.

Most detections ask in the first place for a program, a flag, a use: `it.program == "git" and …`. What a condition
so needs is read from its checked tree when it loads, and a fact that carries none of the words is not handed to
it. This spares the evaluation and changes no answer: only what would be false is left out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from yett.expr import Program, nodes

_WORDS = ("program", "dialect", "use", "address", "scheme", "kind", "confidence")
"""Fields that hold a word, of the facts that have them; never None."""
_SETS = ("flags", "effects", "opaque", "categories")
"""Fields that hold words."""
_YES = ("declared", "climbs", "absolute", "encoded", "nested")
"""Fields that are true or false: the name is a word of a fact where it is true, with `not` where it is not."""


class Index:
    """The detections of one kind of fact."""

    def __init__(self) -> None:
        self._always: list[int] = []
        self._by_word: dict[str, list[int]] = {}
        self._also: dict[int, frozenset[str]] = {}

    def add(self, index: int, only: frozenset[str], program: Program) -> None:
        """A detection, the words one of which its fact must carry (if any), and its condition."""
        derived = needed(program.tree)
        if only and derived:
            self._also[index] = derived
        words = only or derived
        if not words:
            self._always.append(index)
        for word in words:
            self._by_word.setdefault(word, []).append(index)

    def of(self, fact: Any) -> list[int]:
        """Those that a fact is to be judged by, in the order in which they were added."""
        words = carried(fact)
        found = set(self._always)
        for word in words:
            for index in self._by_word.get(word, ()):
                also = self._also.get(index)
                if also is None or not also.isdisjoint(words):
                    found.add(index)
        return sorted(found)


def carried(fact: Any) -> set[str]:
    """The words of a fact."""
    kind: Any = type(fact)
    words, sets, flags = _fields(kind)
    found = {getattr(fact, name) for name in words}
    for name in sets:
        found.update(getattr(fact, name))
    for name in flags:
        found.add(name if getattr(fact, name) else "not " + name)
    return found


@lru_cache(maxsize=64)
def _fields(kind: Any) -> tuple[tuple[str, ...], ...]:
    has = kind.__struct_fields__
    return tuple(tuple(name for name in names if name in has) for names in (_WORDS, _SETS, _YES))


def needed(node: nodes.Node) -> frozenset[str]:
    """Words one of which `it` must carry for a condition not to be false; none if that cannot be said.

    Behind a loop nothing is read: a loop that runs out of turns makes the whole undecided, and that counts as seen.
    """
    if isinstance(node, nodes.Bools) and node.op == "and":
        for operand in node.operands:
            words = needed(operand)
            if words or any(isinstance(part, nodes.Quant) for part in nodes.walk(operand)):
                return words
        return frozenset()
    if isinstance(node, nodes.Bools):
        parts = [needed(operand) for operand in node.operands]
        return frozenset().union(*parts) if all(parts) else frozenset()
    if isinstance(node, nodes.Not):
        field = _field(node.operand, _YES)
        return frozenset({"not " + field}) if field else frozenset()
    if isinstance(node, nodes.Compare):
        return _compared(node)
    if isinstance(node, nodes.Quant):
        return _any_of(node)
    field = _field(node, _YES)
    return frozenset({field}) if field else frozenset()


def _compared(node: nodes.Compare) -> frozenset[str]:
    if node.op in ("==", "in") and _field(node.left, _WORDS):
        return _constants(node.right)
    if node.op == "in" and _field(node.right, _SETS):
        return _constants(node.left)
    return frozenset()


def _any_of(node: nodes.Quant) -> frozenset[str]:
    """`any(f in ("a", "b") for f in it.flags)`."""
    loop, body = node.loops[0], node.body
    plain = node.kind == "any" and len(node.loops) == 1 and not loop.conditions
    if (
        plain
        and _field(loop.source, _SETS)
        and isinstance(body, nodes.Compare)
        and body.op in ("==", "in")
        and isinstance(body.left, nodes.Slot)
        and body.left.index == loop.slot
    ):
        return _constants(body.right)
    return frozenset()


def _field(node: nodes.Node, names: tuple[str, ...]) -> str:
    """The field of `it` that is read here, if it is one of these."""
    own = isinstance(node, nodes.Attr) and isinstance(node.base, nodes.Name) and node.base.name == "it"
    return node.name if own and isinstance(node, nodes.Attr) and node.name in names else ""


def _constants(node: nodes.Node) -> frozenset[str]:
    items = node.items if isinstance(node, nodes.ListLit) else (node,)
    values = [item.value for item in items if isinstance(item, nodes.Const)]
    if len(values) < len(items) or not all(isinstance(value, str) for value in values):
        return frozenset()
    return frozenset(values)
