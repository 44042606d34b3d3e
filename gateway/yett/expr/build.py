"""Checked tree -> closures. Each closure takes a frame and gives a value or `ABSENT`; none raises on purpose.

Truth is three-valued (Kleene): `and` is false if any operand is false, else absent if any is absent, else
true; `or` is its dual; `not` keeps absent. So the order of operands never matters, and a missing value can
only ever weaken "true" and "false" to "absent", never turn one into the other.
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import msgspec

from yett.expr import joins, nodes
from yett.expr.functions import LIBRARY
from yett.expr.types import ABSENT, ANY

MAX_STEPS = 50_000
"""Loop turns of one evaluation; beyond, the result is ABSENT."""

_MAX_NUMBER = 1 << 63
_NO_OWNERS = (str, int, float, list, tuple, frozenset)
_PLAIN = frozenset({str, int, bool, tuple, frozenset})


class OverBudget(Exception):
    """More loop turns than one evaluation may take."""


class Frame:
    """One evaluation: the environment, the loop variables, and the turns left."""

    __slots__ = ("env", "left", "memo", "slots")

    def __init__(self, env: Mapping[str, Any], slots: int, memo: joins.Memo | None = None) -> None:
        self.env = env
        self.memo = memo
        self.slots: list[Any] = [ABSENT] * slots
        self.left = MAX_STEPS


Closure = Callable[[Frame], Any]


def number(value: Any) -> Any:
    """An exact number of an int, float or Fraction; ABSENT of anything else, booleans included."""
    kind = type(value)
    if kind is int or kind is Fraction:
        return value
    if kind is float:
        return Fraction(repr(value)) if value - value == 0 else ABSENT
    return ABSENT


def equal(left: Any, right: Any) -> Any:
    """Equality of two scalars of one kind; ABSENT across kinds."""
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if left is True or left is False or right is True or right is False:
        return left is right if isinstance(left, bool) and isinstance(right, bool) else ABSENT
    a, b = number(left), number(right)
    return ABSENT if a is ABSENT or b is ABSENT else a == b


def build(node: nodes.Node) -> Closure:
    """The closure of a checked tree."""
    return _BUILDERS[type(node)](node)


def _const(node: nodes.Const) -> Closure:
    value = node.value
    return lambda frame: value


def _name(node: nodes.Name) -> Closure:
    name = node.name

    def read(frame: Frame) -> Any:
        value = frame.env.get(name, ABSENT)
        return ABSENT if value is None else value

    return read


def _slot(node: nodes.Slot) -> Closure:
    index = node.index
    return lambda frame: frame.slots[index]


def _attr(node: nodes.Attr) -> Closure:
    base, name = build(node.base), node.name
    if isinstance(node.base, nodes.Name) and node.base.name == "args":
        # By far the most frequent: one look-up less. Arguments are a plain dict of JSON values.
        def argument(frame: Frame) -> Any:
            arguments = frame.env.get("args")
            value = arguments.get(name) if type(arguments) is dict else None
            return ABSENT if value is None else value

        return argument

    if isinstance(node.base, nodes.Name):
        known = node.base.name

        def of_name(frame: Frame) -> Any:
            # As often in a detection: a field of the fact it looks at.
            owner = frame.env.get(known)
            if isinstance(owner, msgspec.Struct):
                value = getattr(owner, name, ABSENT)
                if type(value) in _PLAIN:
                    return value
            return _member(base(frame), name)

        return of_name
    return lambda frame: _member(base(frame), name)


def _member(owner: Any, name: str) -> Any:
    if isinstance(owner, msgspec.Struct):
        value = getattr(owner, name, ABSENT)
    elif type(owner) is dict:
        value = owner.get(name)
        return ABSENT if value is None else value
    elif owner is ABSENT or isinstance(owner, _NO_OWNERS):
        return ABSENT
    elif isinstance(owner, Mapping):
        value = owner.get(name, ABSENT)
    else:
        value = getattr(owner, name, ABSENT)
    if type(value) in _PLAIN:
        return value
    if isinstance(value, enum.Enum):
        return value.value  # a str enum does not hash like the string it equals
    return ABSENT if value is None else value


def _item(node: nodes.Item) -> Closure:
    base, key = build(node.base), build(node.key)

    def read(frame: Frame) -> Any:
        owner, index = base(frame), key(frame)
        value = ABSENT
        if isinstance(owner, Mapping) and isinstance(index, str):
            value = owner.get(index, ABSENT)
        elif isinstance(owner, list | tuple) and type(index) is int and -len(owner) <= index < len(owner):
            value = owner[index]
        return ABSENT if value is None else value

    return read


def _list(node: nodes.ListLit) -> Closure:
    items = tuple(build(item) for item in node.items)
    if all(isinstance(item, nodes.Const) for item in node.items):
        constant = tuple(item.value for item in node.items if isinstance(item, nodes.Const))
        return lambda frame: constant
    return lambda frame: tuple(item(frame) for item in items)


def _not(node: nodes.Not) -> Closure:
    operand = build(node.operand)

    def negate(frame: Frame) -> Any:
        value = operand(frame)
        return (not value) if isinstance(value, bool) else ABSENT

    return negate


def _bools(node: nodes.Bools) -> Closure:
    operands = tuple(build(operand) for operand in node.operands)
    decisive = node.op == "or"
    other = not decisive

    def combine(frame: Frame) -> Any:
        unsure = False
        for operand in operands:
            value = operand(frame)
            if value is decisive:
                return decisive
            if value is not other:
                unsure = True
        return ABSENT if unsure else other

    return combine


def _compare(node: nodes.Compare) -> Closure:
    if node.op in ("in", "not in"):
        return _membership(node)
    left, right = build(node.left), build(node.right)
    if node.op in ("==", "!="):
        wanted = node.op == "=="

        def same(frame: Frame) -> Any:
            value = equal(left(frame), right(frame))
            return value if value is ABSENT else value is wanted

        return same
    order = _ORDER[node.op]
    if isinstance(node.right, nodes.Const) and type(node.right.value) is int:
        bound = node.right.value

        def against(frame: Frame) -> Any:
            a = left(frame)
            if type(a) is not int:
                a = number(a)
                if a is ABSENT:
                    return ABSENT
            return order(a, bound)

        return against

    def compare(frame: Frame) -> Any:
        a, b = left(frame), right(frame)
        if type(a) is not int or type(b) is not int:
            a, b = number(a), number(b)
            if a is ABSENT or b is ABSENT:
                return ABSENT
        return order(a, b)

    return compare


_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def contains(needle: Any, haystack: Any) -> Any:
    """Membership: of a scalar in a list or set, a substring in a string, a key in a map."""
    if needle is ABSENT or haystack is ABSENT:
        return ABSENT
    if isinstance(haystack, str | Mapping):
        return needle in haystack if isinstance(needle, str) else ABSENT
    if not isinstance(haystack, list | tuple | frozenset | set):
        return ABSENT
    unsure = False
    for item in haystack:
        if type(item) is str and type(needle) is str:
            if item == needle:
                return True
            continue
        same = equal(needle, item)
        if same is True:
            return True
        unsure = unsure or same is ABSENT
    return ABSENT if unsure else False


def _membership(node: nodes.Compare) -> Closure:
    left, right = build(node.left), build(node.right)
    wanted = node.op == "in"
    literal = isinstance(node.right, nodes.ListLit) and all(
        isinstance(item, nodes.Const) and isinstance(item.value, str) for item in node.right.items
    )
    if literal and isinstance(node.right, nodes.ListLit) and node.right.items:
        known = frozenset(item.value for item in node.right.items if isinstance(item, nodes.Const))

        def among(frame: Frame) -> Any:
            value = left(frame)
            return (value in known) is wanted if isinstance(value, str) else ABSENT

        return among

    def member(frame: Frame) -> Any:
        value = contains(left(frame), right(frame))
        return value if value is ABSENT else value is wanted

    return member


def _arith(node: nodes.Arith) -> Closure:
    left, right = build(node.left), build(node.right)
    operation = _ARITHMETIC[node.op]
    divides = node.op in ("//", "%")

    def compute(frame: Frame) -> Any:
        a, b = left(frame), right(frame)
        if type(a) is not int or type(b) is not int:
            a, b = number(a), number(b)
            if a is ABSENT or b is ABSENT:
                return ABSENT
        if divides and b == 0:
            return ABSENT
        result = operation(a, b)
        return result if -_MAX_NUMBER <= result <= _MAX_NUMBER else ABSENT

    return compute


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
}


def _has(node: nodes.Has) -> Closure:
    operand = build(node.operand)
    return lambda frame: operand(frame) is not ABSENT


def _call(node: nodes.Call) -> Closure:
    args = tuple(build(arg) for arg in node.args)
    if not node.library:
        name = node.function
        if len(args) == 1:
            only = args[0]

            def of_one(frame: Frame) -> Any:
                function, value = frame.env.get(name), only(frame)
                if function is None or value is ABSENT:
                    return ABSENT
                result = function(value)
                if type(result) is str:
                    return result
                return result.value if isinstance(result, enum.Enum) else ABSENT if result is None else result

            return of_one

        def from_environment(frame: Frame) -> Any:
            function = frame.env.get(name)
            values = [arg(frame) for arg in args]
            if function is None or any(value is ABSENT for value in values):
                return ABSENT
            result = function(*values)
            if isinstance(result, enum.Enum):
                return result.value
            return ABSENT if result is None else result

        return from_environment
    function = LIBRARY[node.function]
    if function.name == "len":
        measured = args[0]

        def length(frame: Frame) -> Any:
            value = measured(frame)
            return len(value) if isinstance(value, str | list | tuple | frozenset | set | Mapping) else ABSENT

        return length
    if function.make is not None and isinstance(node.args[1], nodes.Const):
        prepared, subject = function.make(node.args[1].value), args[0]

        def matcher(frame: Frame) -> Any:
            value = subject(frame)
            return prepared(value) if isinstance(value, str) else ABSENT

        return matcher
    plain = function.call
    if function.params == (ANY,):
        subject = args[0]

        def anything(frame: Frame) -> Any:
            value = subject(frame)
            return ABSENT if value is ABSENT else plain(value)

        return anything

    def strings(frame: Frame) -> Any:
        values = [arg(frame) for arg in args]
        for value in values:
            if not isinstance(value, str):
                return ABSENT
        return plain(*values)

    return strings


def _quant(node: nodes.Quant) -> Closure:
    closure = _loops(node)
    if not joins.constant(node):
        return closure

    def once(frame: Frame) -> Any:
        if frame.memo is None:
            return closure(frame)
        if id(node) not in frame.memo:
            frame.memo[id(node)] = closure(frame)
        return frame.memo[id(node)]

    return once


def _loops(node: nodes.Quant) -> Closure:
    loops = tuple(
        (loop.slot, build(loop.source), tuple(build(condition) for condition in loop.conditions))
        for loop in node.loops
    )
    body = build(node.body)
    depth = len(loops)

    def turns(frame: Frame, level: int, sure: bool) -> Any:
        """Yields (certain, value) of every turn whose conditions are not false."""
        if level == depth:
            yield sure, body(frame)
            return
        slot, source, conditions = loops[level]
        items = source(frame)
        if not isinstance(items, list | tuple | frozenset | set):
            yield False, ABSENT
            return
        for item in items:
            frame.left -= 1
            if frame.left < 0:
                raise OverBudget
            frame.slots[slot] = ABSENT if item is None else item
            certain = sure
            for condition in conditions:
                value = condition(frame)
                if value is False:
                    break
                if value is not True:
                    certain = False
            else:
                yield from turns(frame, level + 1, certain)

    if node.kind == "sum":

        def total(frame: Frame) -> Any:
            result: Any = 0
            for sure, value in turns(frame, 0, True):
                amount = number(value)
                if not sure or amount is ABSENT:
                    return ABSENT
                result += amount
                if not -_MAX_NUMBER <= result <= _MAX_NUMBER:
                    return ABSENT
            return result

        return total
    decisive = node.kind == "any"
    if depth == 1 and not loops[0][2]:
        return _single(node, loops[0][1], body, decisive)

    def quantify(frame: Frame) -> Any:
        unsure = False
        for sure, value in turns(frame, 0, True):
            if value is decisive and sure:
                return decisive
            if value is not (not decisive):
                unsure = True
        return ABSENT if unsure else not decisive

    return quantify


def _single(node: nodes.Quant, source: Closure, body: Closure, decisive: bool) -> Closure:
    """The usual quantifier, one loop without a condition, without the generators of the general one."""
    other, slot = not decisive, node.loops[0].slot
    join = joins.of(node)
    wanted = build(join.key) if join is not None else None

    def quantify(frame: Frame) -> Any:
        items = source(frame)
        if not isinstance(items, list | tuple | frozenset | set):
            return ABSENT
        if join is not None and wanted is not None and frame.memo is not None:
            items = join.narrow(items, wanted(frame), frame.memo)
        unsure = False
        for item in items:
            frame.left -= 1
            if frame.left < 0:
                raise OverBudget
            frame.slots[slot] = ABSENT if item is None else item
            value = body(frame)
            if value is decisive:
                return decisive
            if value is not other:
                unsure = True
        return ABSENT if unsure else other

    return quantify


_BUILDERS: dict[type, Callable[[Any], Closure]] = {
    nodes.Const: _const,
    nodes.Name: _name,
    nodes.Slot: _slot,
    nodes.Attr: _attr,
    nodes.Item: _item,
    nodes.ListLit: _list,
    nodes.Not: _not,
    nodes.Bools: _bools,
    nodes.Compare: _compare,
    nodes.Arith: _arith,
    nodes.Has: _has,
    nodes.Call: _call,
    nodes.Quant: _quant,
}
