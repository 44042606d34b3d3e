"""Tool manifests: what a tool does, what its arguments are for, how far its results can be trusted.

An argument is required unless it says `optional: true`. An entry's name may be a glob (`"mcp__files__*"`,
`"*"`): it is the manifest of every tool that has none of its own; the longest literal part wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import jsonschema_rs

from yett.errors import PolicyError
from yett.expr import ANY, BOOL, NUM, STR, Type, list_of
from yett.model import CAPABILITIES, ROLES, ArgSpec, Json, ToolSpec
from yett.policy.globs import any_glob, glob, is_glob
from yett.policy.source import Document

TEXT_TYPES = frozenset(
    """string text email url uri host domain ip iban card phone account wallet path file folder command shell bash
    powershell cmd sql code python javascript html markdown json yaml date time datetime id name username channel
    """.split()  # noqa: SIM905 - a list of words reads better than forty literals
)
"""Types whose values are strings; the name tells extraction and provenance how to read them."""

TRUST = frozenset({"records", "directory", "config", "untrusted", "sender", "prompt", "novel", "receipt"})

_TOOL_KEYS = {"does", "args", "open", "result", "server", "because", "free"}
_ARG_KEYS = {"role", "type", "free", "optional", "required", "schema", "because"}


@dataclass(frozen=True)
class Tool:
    """A manifest entry, and where it stands."""

    spec: ToolSpec
    where: str
    source: Json = field(hash=False, default=None)


def read_tools(
    document: Document, value: Json, path: tuple[str | int, ...], server: str | None
) -> list[Tool]:
    """The manifest entries of a `tools:` mapping.

    Raises:
        PolicyError: MANIFEST_INVALID with file, line and remedy.
    """
    if not isinstance(value, dict):
        _refuse(
            document, path, "`tools` maps tool names to what they do", "tools: {send_money: {does: [pay]}}"
        )
    return [_tool(document, name, entry, (*path, name), server) for name, entry in value.items()]


def _tool(
    document: Document, name: str, entry: Json, path: tuple[str | int, ...], server: str | None
) -> Tool:
    entry = {} if entry is None else entry
    _only(document, entry, _TOOL_KEYS, path, "a tool")
    does = _words(document, entry.get("does", []), CAPABILITIES, (*path, "does"))
    opened = _flag(document, entry, "open", path)
    everything_free = _flag(document, entry, "free", path)
    args = entry.get("args") or {}
    if not isinstance(args, dict):
        _refuse(document, (*path, "args"), "`args` maps argument names to what they are for")
    specs = {arg: _arg(document, said, (*path, "args", arg), everything_free) for arg, said in args.items()}
    own_server = entry.get("server", server)
    if own_server is not None and not isinstance(own_server, str):
        _refuse(document, (*path, "server"), "`server` is a name")
    spec = ToolSpec(
        name=name,
        does=does,
        args=specs,
        open=opened,
        result=_result(document, entry.get("result"), (*path, "result")),
        server=own_server,
    )
    return Tool(spec, document.where(*path), entry)


def _arg(document: Document, said: Json, path: tuple[str | int, ...], free: bool) -> ArgSpec:
    if isinstance(said, str):
        said = {"role": said} if said in ROLES else {"type": said}
    said = {} if said is None else said
    _only(document, said, _ARG_KEYS, path, "an argument")
    role = said.get("role", "content")
    if role not in ROLES:
        _refuse(document, (*path, "role"), f"unknown role `{role}`", f"one of {', '.join(ROLES)}")
    kind = said.get("type", "string")
    if not isinstance(kind, str) or kind_of(kind) is None:
        _refuse(
            document, (*path, "type"), f"unknown type `{kind}`", "string, integer, number, money, boolean, …"
        )
    schema = said.get("schema")
    if schema is not None:
        try:
            jsonschema_rs.validator_for(schema)
        except (ValueError, TypeError) as problem:
            _refuse(document, (*path, "schema"), f"not a JSON Schema: {str(problem)[:120]}")
    if "optional" in said and "required" in said:
        _refuse(document, path, "give `optional` or `required`, not both")
    required = not _flag(document, said, "optional", path)
    if "required" in said:
        required = _flag(document, said, "required", path)
    return ArgSpec(
        role=role,
        type=kind,
        free=free or _flag(document, said, "free", path),
        required=required,
        schema=schema,
    )


def _result(document: Document, value: Json, path: tuple[str | int, ...]) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, str):
        value = {"trust": value}
    if not isinstance(value, dict):
        _refuse(document, path, "`result` maps fields to their trust", "result: {trust: records}")
    for name, trust in value.items():
        if not isinstance(trust, str) or trust not in TRUST:
            _refuse(document, (*path, name), f"unknown trust `{trust}`", f"one of {', '.join(sorted(TRUST))}")
    return dict(value)


def _words(
    document: Document, value: Json, known: tuple[str, ...], path: tuple[str | int, ...]
) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list):
        _refuse(document, path, "a list of words is expected here")
    for word in words:
        if word not in known:
            _refuse(document, path, f"unknown word `{word}`", f"one of {', '.join(known)}")
    return tuple(dict.fromkeys(words))


def _flag(document: Document, value: dict[str, Json], key: str, path: tuple[str | int, ...]) -> bool:
    flag = value.get(key, False)
    if not isinstance(flag, bool):
        _refuse(document, (*path, key), f"`{key}` is true or false")
    return flag


def _only(document: Document, value: Json, known: set[str], path: tuple[str | int, ...], what: str) -> None:
    if not isinstance(value, dict):
        _refuse(document, path, f"{what} is described by a mapping")
    for key in value:
        if key not in known:
            _refuse(document, (*path, key), f"{what} has no `{key}`", f"known: {', '.join(sorted(known))}")


def _refuse(
    document: Document, path: tuple[str | int, ...], message: str, remedy: str | None = None
) -> NoReturn:
    raise PolicyError("MANIFEST_INVALID", message, path=document.where(*path), remedy=remedy)


# -- types of arguments -----------------------------------------------------------------------------------


def kind_of(name: str) -> Type | None:
    """The expression type of a manifest type; None if there is no such type."""
    if name in TEXT_TYPES:
        return STR
    if name in ("integer", "number", "money"):
        return NUM
    if name == "boolean":
        return BOOL
    if name in ("any", "object"):
        return ANY
    if name in ("list", "array"):
        return list_of(ANY)
    for opening, closing in (("list[", "]"), ("list of ", "")):
        if name.startswith(opening) and name.endswith(closing):
            inner = kind_of(name[len(opening) : len(name) - len(closing)])
            return None if inner is None else list_of(inner)
    return None


def checker(spec: ArgSpec) -> Callable[[Json], bool]:
    """Whether a value has the declared type; no conversion is ever made."""
    typed = _typed(spec.type)
    if spec.schema is None:
        return typed
    validator = jsonschema_rs.validator_for(spec.schema)
    return lambda value: typed(value) and validator.is_valid(value)


def _typed(name: str) -> Callable[[Json], bool]:
    if name in TEXT_TYPES:
        return lambda value: type(value) is str
    if name == "integer":
        return lambda value: type(value) is int or (type(value) is float and value.is_integer())
    if name == "number":
        return lambda value: type(value) is int or type(value) is float
    if name == "money":
        return lambda value: (type(value) is int or type(value) is float) and value >= 0
    if name == "boolean":
        return lambda value: type(value) is bool
    if name == "object":
        return lambda value: type(value) is dict
    if name in ("list", "array"):
        return lambda value: type(value) is list
    if name.startswith("list"):
        inner = _typed(name[5:-1] if name.startswith("list[") else name[8:])
        return lambda value: type(value) is list and all(inner(item) for item in value)
    return lambda value: True


class Toolbox:
    """All manifests of a policy set, by name."""

    def __init__(self, tools: list[Tool]) -> None:
        self.exact: dict[tuple[str, str | None], Tool] = {}
        globs: list[Tool] = []
        for tool in tools:
            key = (tool.spec.name, tool.spec.server)
            known = self.exact.get(key)
            if known is not None:
                if known.spec == tool.spec:
                    continue
                raise PolicyError(
                    "MANIFEST_CONFLICT",
                    f"tool `{tool.spec.name}` is described differently at {known.where}",
                    path=tool.where,
                    remedy="keep one of the two, or give them different servers",
                )
            self.exact[key] = tool
            if is_glob(tool.spec.name):
                globs.append(tool)
        self.globs = sorted(globs, key=lambda tool: (-len(tool.spec.name.strip("*?")), tool.spec.name))
        self.all = list(self.exact.values())
        self.named: dict[str, list[ToolSpec]] = {}
        for spec in self.literal():
            self.named.setdefault(spec.name, []).append(spec)

    def find(self, name: str, server: str | None) -> ToolSpec | None:
        """The manifest of a tool: its own on that server, its own anywhere, else the longest glob's."""
        own = self.exact.get((name, server)) or self.exact.get((name, None))
        if own is not None and not is_glob(own.spec.name):
            return own.spec
        for tool in self.globs:
            if tool.spec.server in (None, server) and glob(tool.spec.name, name):
                return tool.spec
        return None

    def matching(self, patterns: tuple[str, ...]) -> list[ToolSpec]:
        """Manifests with a name of their own that any of the patterns matches; no patterns match all."""
        if not patterns:
            return self.literal()
        if any(is_glob(pattern) for pattern in patterns):
            return [spec for spec in self.literal() if any_glob(patterns, spec.name)]
        return [spec for pattern in dict.fromkeys(patterns) for spec in self.named.get(pattern, ())]

    def literal(self) -> list[ToolSpec]:
        return [tool.spec for tool in self.all if not is_glob(tool.spec.name)]


def values_of(spec: ToolSpec | None, arguments: dict[str, Any], role: str) -> list[Any]:
    """Every value in one role, lists and objects flattened; nulls and missing ones are left out.

    A key of an object counts as a value unless it is a field's name; of a target it may be a person's.
    """
    found: list[Any] = []
    todo = [arguments.get(name) for name, arg in spec.args.items() if arg.role == role] if spec else []
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            found += [key for key in value if role == "target" or not key.isidentifier()]
            todo += value.values()
        elif isinstance(value, list):
            todo += value
        elif value is not None:
            found.append(value)
    return found
