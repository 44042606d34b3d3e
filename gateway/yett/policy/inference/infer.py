"""Proposes a manifest from what a tool says of itself; a person reads it, corrects it, and owns it.

Read are an MCP `tools/list` answer, OpenAI-style function lists, an OpenAPI document, JSON Schemas by tool
name, and Python source (never run). What is made of it is `guess`'s business. Hints of the server about itself
(`readOnlyHint`) are never believed when they would relax something.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace

from yett.errors import PolicyError
from yett.extract import views
from yett.model import Json
from yett.policy import source
from yett.policy.fmt import render as render_yaml
from yett.policy.globs import is_glob
from yett.policy.inference.guess import Described, guess
from yett.policy.words import lexicon

MAX_TEXT = 16_000_000
MAX_DEPTH = 12
MAX_NODES = 10_000
"""How much of one schema is read."""


def infer(document: Json, *, name: str = "inferred", server: str | None = None) -> dict[str, Json]:
    """A manifest document for the tools that a description lists.

    Args:
        document: an MCP `tools/list` result, a list of functions, an OpenAPI document, or {name: schema}.
        server: the server that offers them.

    Raises:
        PolicyError: INFER_INVALID, nothing in it describes a tool.
    """
    tools = list(_read(document))
    return _manifest(tools, name, server)


def infer_python(text: str, *, name: str = "inferred", server: str | None = None) -> dict[str, Json]:
    """A manifest document for the public functions of Python source, by their signatures and docstrings."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise PolicyError("INFER_INVALID", "not Python source") from None
    return _manifest(list(_python_tools(tree)), name, server)


def render(manifest: dict[str, Json]) -> str:
    """The manifest as YAML, each tool's reasons in its `because`."""
    return (
        "# Proposed by `yett tools infer`. Read every line: a target that is called content is a hole.\n"
        + render_yaml(manifest)
    )


def _manifest(tools: list[Described], name: str, server: str | None) -> dict[str, Json]:
    if not tools:
        raise PolicyError(
            "INFER_INVALID", "nothing here describes a tool", remedy="give tools/list, OpenAPI, or schemas"
        )
    everybody = frozenset(word for tool in tools for word in views.tokens(tool.name))
    vendor = _vendor(tools)
    entries: dict[str, Json] = {}
    for tool in tools:
        if not tool.name.isprintable() or is_glob(tool.name):
            raise PolicyError(
                "INFER_INVALID",
                f"no tool is named {tool.name[:80]!r}: in a manifest that would stand for others too",
                remedy="take it out, and ask who described it",
            )
        bare = "_".join(views.tokens(tool.name)[1:]) if vendor else tool.name
        guessed, reasons = guess(replace(tool, name=bare), everybody)
        entry: dict[str, Json] = {**guessed, "because": "; ".join(reasons)}
        if entries.setdefault(tool.name, entry) != entry:
            raise PolicyError("INFER_INVALID", f"`{tool.name}` is described twice, and not alike")
    _spare_keys([_object(entry) for entry in entries.values()])
    document: dict[str, Json] = {"manifest": name}
    if server is not None:
        document["server"] = server
    document["tools"] = entries
    return document


def _vendor(tools: list[Described]) -> bool:
    """Whether all names begin with the same word, which is no verb then: `slack_get_users`, `API-delete-a-block`."""
    names = [views.tokens(tool.name) for tool in tools]
    return (
        len(names) > 2
        and len({name[:1] for name in names}) == 1
        and all(len(name) > 1 for name in names)
        and not lexicon.is_verb(names[0][0])
    )


def _spare_keys(entries: list[dict[str, Json]]) -> None:
    """What a tool must be told to find a thing (`request`) is the thing's name in the others' results, not its text."""
    keys = {
        name
        for entry in entries
        for name, arg in _object(entry.get("args")).items()
        if _object(arg).get("role") == "selector" and not _object(arg).get("optional")
    }
    for entry in entries:
        result = _object(entry["result"])
        for name in keys & result.keys():
            if result.get("trust") != "untrusted" and result[name] == "untrusted":
                del result[name]


def parse(text: str, file: str) -> Json:
    """The description of JSON text, or else of YAML text (OpenAPI documents often are).

    Raises:
        PolicyError: INFER_INVALID, or YAML_SYNTAX with its line.
    """
    if len(text) > MAX_TEXT:
        raise PolicyError("INFER_INVALID", f"a description may have {MAX_TEXT} characters", path=file)
    try:
        return json.loads(text)
    except RecursionError:
        raise PolicyError("INFER_INVALID", "nested too deeply", path=file) from None
    except ValueError:
        documents = source.parse(text.encode(), file)
        return documents[0].value if documents else None


# -- reading descriptions ---------------------------------------------------------------------------------


def _read(document: Json) -> Iterator[Described]:
    if isinstance(document, dict) and isinstance(document.get("result"), dict):
        document = document["result"]
    if isinstance(document, dict) and isinstance(document.get("paths"), dict):
        yield from _openapi(document)
        return
    if isinstance(document, dict) and isinstance(document.get("tools"), list):
        document = document["tools"]
    if isinstance(document, list):
        tools = [tool for entry in document if isinstance(entry, dict) for tool in _function(entry)]
        others = any(tool.hints.get("readOnlyHint") is True for tool in tools)
        yield from (replace(tool, others_read=others) for tool in tools)
    elif isinstance(document, dict):
        for tool, schema in document.items():
            if isinstance(schema, dict) and ("properties" in schema or schema.get("type") == "object"):
                yield Described(str(tool), _text(schema.get("description")), _Schemas(schema).plain(schema))


def _function(entry: dict[str, Json]) -> Iterator[Described]:
    inner = _object(entry.get("function")) or entry
    name = inner.get("name")
    if not isinstance(name, str) or not name:
        return
    schema = (
        _object(inner.get("inputSchema"))
        or _object(inner.get("input_schema"))
        or _object(inner.get("parameters"))
    )
    yield Described(
        name,
        _text(inner.get("description")),
        _Schemas(schema).plain(schema),
        _object(inner.get("annotations")),
    )


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _openapi(document: dict[str, Json]) -> Iterator[Described]:
    schemas = _Schemas(document)
    for path, methods in _object(document["paths"]).items():
        of_all = _list(_object(methods).get("parameters"))
        for method, operation in _object(methods).items():
            if method.lower() not in ("get", "post", "put", "patch", "delete") or not isinstance(
                operation, dict
            ):
                continue
            properties: dict[str, Json] = {}
            required: list[Json] = []
            for described in [*of_all, *_list(operation.get("parameters"))]:
                parameter = schemas.plain(described)
                name = parameter.get("name")
                if isinstance(name, str):
                    said = _text(parameter.get("description"))
                    properties[name] = {**_object(parameter.get("schema")), "description": said}
                    required += [name] if parameter.get("required") is True else []
            body = schemas.plain(operation.get("requestBody"))
            for media in _object(body.get("content")).values():
                schema = _object(_object(media).get("schema"))
                properties.update(_object(schema.get("properties")))
                required += _list(schema.get("required"))
                break
            fallback = method.lower() + "".join(c if c.isalnum() else "_" for c in str(path))
            summary = f"{_text(operation.get('summary'))} {_text(operation.get('description'))}".strip()
            yield Described(
                _text(operation.get("operationId")) or fallback,
                summary,
                {"type": "object", "properties": properties, "required": required},
                method=method.upper(),
            )


class _Schemas:
    """Schemas of a document without local `$ref` and `allOf`, as far as a tool is described by them.

    What lies inside an argument that is an object is left out; a schema that refers to itself, or to too much,
    ends in one that says nothing.
    """

    def __init__(self, document: Json) -> None:
        self._document = document
        self._left = 0

    def plain(self, value: Json) -> dict[str, Json]:
        """The schema; empty of what is no object."""
        self._left = MAX_NODES
        return self._plain(value, 0, inside=False)

    def _plain(self, value: Json, depth: int, *, inside: bool) -> dict[str, Json]:
        self._left -= 1
        if not isinstance(value, dict) or depth > MAX_DEPTH or self._left < 0:
            return {}
        found: dict[str, Json] = {}
        for part in [self._referred(value), *_list(value.get("allOf"))]:
            _join(found, self._plain(part, depth + 1, inside=inside))
        own: dict[str, Json] = {}
        for key, said in value.items():
            if key == "properties":
                named = {} if inside else _object(said)
                own[key] = {name: self._plain(part, depth + 1, inside=True) for name, part in named.items()}
            elif isinstance(said, dict):
                own[key] = self._plain(said, depth + 1, inside=inside)
            elif key in ("anyOf", "oneOf") and isinstance(said, list):
                own[key] = [self._plain(part, depth + 1, inside=inside) for part in said]
            elif key not in ("$ref", "allOf"):
                own[key] = said
        _join(found, own)
        return found

    def _referred(self, value: dict[str, Json]) -> Json:
        reference = value.get("$ref")
        if not isinstance(reference, str):
            return None
        target: Json = self._document
        for step in reference.removeprefix("#/").split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            target = target.get(name) if isinstance(target, dict) else None
        return target


def _join(found: dict[str, Json], more: dict[str, Json]) -> None:
    """Both must hold: properties and required names of either, else what is said last."""
    for key, said in more.items():
        before = found.get(key)
        if isinstance(before, dict) and isinstance(said, dict):
            found[key] = {**before, **said}
        elif isinstance(before, list) and isinstance(said, list) and key == "required":
            found[key] = [*before, *said]
        else:
            found[key] = said


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _python_tools(tree: ast.Module) -> Iterator[Described]:
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for node in {node.name: node for node in functions}.values():  # a later one replaces an earlier
        if node.name.startswith("_"):
            continue
        properties: dict[str, Json] = {}
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        positional = [*node.args.posonlyargs, *node.args.args]
        optional = {arg.arg for arg in positional[len(positional) - len(node.args.defaults) :]}
        optional |= {
            a.arg for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None
        }
        for arg in arguments:
            if arg.arg not in ("self", "cls") and not _is_injected(arg.annotation):
                properties[arg.arg] = _annotated(arg.annotation)
        required: list[Json] = [name for name in properties if name not in optional]
        yield Described(
            node.name, ast.get_docstring(node) or "", {"properties": properties, "required": required}
        )


def _is_injected(hint: ast.expr | None) -> bool:
    """`Annotated[Mailbox, Depends("mailbox")]`, `ctx: Context`: filled in by the runtime, not by the agent."""
    return hint is not None and any(
        isinstance(node, ast.Name) and node.id in ("Depends", "Context", "RunContext", "ToolRuntime")
        for node in ast.walk(hint)
    )


_PYTHON: dict[str, Json] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "Decimal": {"type": "number"},
    "bool": {"type": "boolean"},
    "dict": {"type": "object"},
    "Mapping": {"type": "object"},
    "None": {"type": "null"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "EmailStr": {"type": "string", "format": "email"},
}
_PYTHON_LISTS = frozenset({"list", "tuple", "set", "frozenset", "sequence", "iterable", "collection"})


def _annotated(hint: ast.expr | None, depth: int = 0) -> dict[str, Json]:
    """The JSON Schema of a type hint; a type that is not known here may be anything."""
    if hint is None or depth > MAX_DEPTH:
        return {}
    match hint:
        case ast.Constant(value=None):
            return {"type": "null"}
        case ast.Constant(value=str(quoted)):
            try:
                return _annotated(ast.parse(quoted, mode="eval").body, depth + 1)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return {}
        case ast.Attribute(attr=name):
            return _annotated(ast.Name(name), depth + 1)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return {"anyOf": [_annotated(left, depth + 1), _annotated(right, depth + 1)]}
        case ast.Name(id=name):
            return {"type": "array"} if name.casefold() in _PYTHON_LISTS else _object(_PYTHON.get(name))
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            if name == "Literal":
                return {"enum": [part.value for part in parts if isinstance(part, ast.Constant)]}
            if name == "Annotated":
                # `Annotated[str, "ID of a page"]`, `Annotated[str, Field(description="ID of a page")]`
                said = " ".join(
                    node.value
                    for part in parts[1:]
                    for node in ast.walk(part)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)
                )
                return {**_annotated(parts[0], depth + 1), "description": said}
            if name in ("Optional", "Union"):
                return {"anyOf": [_annotated(part, depth + 1) for part in parts]}
            if name.casefold() in _PYTHON_LISTS:
                return {"type": "array", "items": _annotated(parts[0], depth + 1)}
            return _annotated(ast.Name(name), depth + 1)
    return {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
