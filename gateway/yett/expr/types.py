"""The types of the expression language, and how they derive from the seam structs.

A type is a small frozen value. `types_of(Facts)` turns a msgspec struct into a type by its annotations,
properties included, so that a condition can only name what really exists: a misspelt field is an error
when the policy loads, not a rule that never fires.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union, cast

import msgspec


class Absent:
    """The value of what is missing or of the wrong type. There is one: `ABSENT`.

    It has no truth value on purpose: who asks must say what a missing fact means (`is True`).
    """

    _one: Absent | None = None

    def __new__(cls) -> Absent:
        if cls._one is None:
            cls._one = super().__new__(cls)
        return cls._one

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        raise TypeError("ABSENT is neither true nor false; compare with `is True`")


ABSENT = Absent()


@dataclass(frozen=True)
class Type:
    """What an expression can be.

    Args:
        kind: bool, num, str, list, map, struct, tuple, fn, any.
        name: for messages.
        item: element type of a list or map.
        fields: attributes of a struct.
        items: element types of a tuple.
        params, returns: of a fn.
        choices: the only values a str can have, if they are known; empty = any.
        optional: may be absent.
    """

    kind: str
    name: str = ""
    item: Type | None = None
    fields: Mapping[str, Type] = field(default_factory=dict, hash=False)
    items: tuple[Type, ...] = ()
    params: tuple[Type, ...] = ()
    returns: Type | None = None
    choices: frozenset[str] = frozenset()
    optional: bool = False

    def __str__(self) -> str:
        if self.kind == "list" and self.item is not None:
            return f"list of {self.item}"
        if self.kind == "map" and self.item is not None:
            return f"map to {self.item}"
        return self.name or {"num": "number", "str": "string"}.get(self.kind, self.kind)

    def maybe(self) -> Type:
        """The same type, possibly absent."""
        if self.optional:
            return self
        return Type(
            self.kind,
            self.name,
            self.item,
            self.fields,
            self.items,
            self.params,
            self.returns,
            self.choices,
            True,
        )


ANY = Type("any")
BOOL = Type("bool")
NUM = Type("num")
STR = Type("str")


def list_of(item: Type) -> Type:
    """A list, tuple or set of one type; order is not visible to the language except by index."""
    return Type("list", item=item)


def map_of(item: Type) -> Type:
    """A JSON object used as a table: string keys, values of one type."""
    return Type("map", item=item)


def struct_of(name: str, fields: Mapping[str, Type]) -> Type:
    """Named attributes; anything else is an error at load."""
    return Type("struct", name=name, fields=dict(fields))


def choice_of(*values: str) -> Type:
    """A string that is one of these; comparing it with anything else is an error at load."""
    return Type("str", choices=frozenset(values))


def fn_of(*params: Type, returns: Type) -> Type:
    """A function handed in with the environment. Called only with present values."""
    return Type("fn", params=params, returns=returns)


_CACHE: dict[type, Type] = {}


def types_of(struct: type[msgspec.Struct]) -> Type:
    """The type of a struct: its fields and its properties, recursively."""
    known = _CACHE.get(struct)
    if known is not None:
        return known
    fields = {
        name: _from_hint(hint) for name, hint in typing.get_type_hints(struct).items() if name[:1] != "_"
    }
    for name, member in vars(struct).items():
        if isinstance(member, property) and member.fget is not None and not name.startswith("_"):
            fields[name] = _from_hint(typing.get_type_hints(member.fget).get("return", Any))
    result = struct_of(struct.__name__, fields)
    _CACHE[struct] = result
    return result


def _from_hint(hint: Any) -> Type:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        rest = [arg for arg in args if arg is not type(None)]
        if len(rest) == 1:
            return _from_hint(rest[0]).maybe()
        return ANY
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return list_of(_from_hint(args[0]))
        return Type("tuple", items=tuple(_from_hint(arg) for arg in args))
    if origin in (frozenset, set, list):
        return list_of(_from_hint(args[0]) if args else ANY)
    if origin is dict:
        return map_of(_from_hint(args[1]))
    if hint is bool:
        return BOOL
    if hint in (int, float):
        return NUM
    if hint is str:
        return STR
    if isinstance(hint, type):
        if issubclass(hint, enum.Enum) and issubclass(hint, str):
            return choice_of(*(str(member.value) for member in cast(Any, hint)))
        if issubclass(hint, msgspec.Struct):
            return types_of(hint)
    return ANY


def of_value(value: Any) -> Type:
    """The type of a constant table (`data`), as narrow as its members agree on."""
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int | float):
        return NUM
    if isinstance(value, str):
        return STR
    if isinstance(value, list | tuple):
        return list_of(_common([of_value(member) for member in value]))
    if isinstance(value, dict):
        return map_of(_common([of_value(member) for member in value.values()]))
    return ANY


def _common(members: list[Type]) -> Type:
    first = members[0] if members else ANY
    return first if all(member == first for member in members) else ANY
