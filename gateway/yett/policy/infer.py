"""Proposes a manifest from what a tool says of itself; a person reads it, corrects it, and owns it.

Read are an MCP `tools/list` answer, OpenAI-style function lists, an OpenAPI document, JSON Schemas by tool
name, and Python source (never run). What is made of it is `guess`'s business. Hints of the server about itself
(`readOnlyHint`) are never believed when they would relax something.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

from yett.errors import PolicyError
from yett.extract import views
from yett.model import Json
from yett.policy import source
from yett.policy.fmt import render as render_yaml
from yett.policy.guess import Described, guess

MAX_TEXT = 16_000_000


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
    entries: dict[str, Json] = {}
    for tool in tools:
        entry, reasons = guess(tool, everybody)
        entries[tool.name] = {**entry, "because": "; ".join(reasons)}
    document: dict[str, Json] = {"manifest": name}
    if server is not None:
        document["server"] = server
    document["tools"] = entries
    return document


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
        for entry in document:
            if isinstance(entry, dict):
                yield from _function(entry)
    elif isinstance(document, dict):
        for tool, schema in document.items():
            if isinstance(schema, dict) and ("properties" in schema or schema.get("type") == "object"):
                yield Described(str(tool), _text(schema.get("description")), schema)


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
    yield Described(name, _text(inner.get("description")), schema, _object(inner.get("annotations")))


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _openapi(document: dict[str, Json]) -> Iterator[Described]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items() if isinstance(methods, dict) else ():
            if method.lower() not in ("get", "post", "put", "patch", "delete") or not isinstance(
                operation, dict
            ):
                continue
            properties: dict[str, Json] = {}
            required: list[str] = []
            for parameter in operation.get("parameters", []):
                parameter = _resolved(document, parameter)
                if isinstance(parameter.get("name"), str):
                    properties[parameter["name"]] = {
                        **_resolved(document, parameter.get("schema", {})),
                        "description": _text(parameter.get("description")),
                    }
                    if parameter.get("required") is True:
                        required.append(parameter["name"])
            body = _resolved(document, operation.get("requestBody", {}))
            for media in body.get("content", {}).values():
                schema = _resolved(document, media.get("schema", {}))
                properties.update(
                    {k: _resolved(document, v) for k, v in schema.get("properties", {}).items()}
                )
                required += [key for key in schema.get("required", []) if isinstance(key, str)]
                break
            fallback = method.lower() + "".join(c if c.isalnum() else "_" for c in str(path))
            described = f"{_text(operation.get('summary'))} {_text(operation.get('description'))}".strip()
            schema = {"type": "object", "properties": properties, "required": required}
            yield Described(
                str(operation.get("operationId") or fallback), described, schema, method=method.upper()
            )


def _resolved(document: dict[str, Json], value: Json, depth: int = 0) -> dict[str, Json]:
    """A value with its local `$ref` followed; anything else that is not an object reads as empty."""
    if not isinstance(value, dict) or depth > 8:
        return {}
    reference = value.get("$ref")
    if not isinstance(reference, str):
        return value
    target: Any = document
    for step in reference.removeprefix("#/").split("/"):
        target = target.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
    return _resolved(document, target, depth + 1)


def _python_tools(tree: ast.Module) -> Iterator[Described]:
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        properties: dict[str, Json] = {}
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        positional = [*node.args.posonlyargs, *node.args.args]
        optional = {arg.arg for arg in positional[len(positional) - len(node.args.defaults) :]}
        optional |= {
            a.arg for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None
        }
        for arg in arguments:
            hint = ast.unparse(arg.annotation) if arg.annotation else ""
            if (
                arg.arg in ("self", "cls")
                or "Depends(" in hint
                or (hint.startswith("Annotated") and "Depends" in hint)
            ):
                continue
            properties[arg.arg] = {"type": _python_type(hint)}
        required = [name for name in properties if name not in optional]
        yield Described(
            node.name, ast.get_docstring(node) or "", {"properties": properties, "required": required}
        )


def _python_type(hint: str) -> str:
    hint = hint.replace("Optional[", "").replace("| None", "").strip(" ]")
    for prefix, kind in (
        ("list", "array"), ("List", "array"), ("tuple", "array"), ("Sequence", "array"), ("dict", "object"), ("Dict", "object"),
        ("int", "integer"), ("float", "number"), ("Decimal", "number"), ("bool", "boolean"),
    ):  # fmt: skip
        if hint.startswith(prefix):
            return kind
    return "string"


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
