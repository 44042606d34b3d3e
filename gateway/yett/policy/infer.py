"""Proposes a manifest from what a tool says of itself; a person reads it, corrects it, and owns it.

Read are an MCP `tools/list` answer, OpenAI-style function lists, an OpenAPI document, JSON Schemas by tool
name, and Python source (never run). What a tool *does*, what each argument is *for* and how far its results can
be *trusted* follow from names, types and descriptions, by the word lists below; every guess carries its reason.

A guess errs towards more care: an argument that may name somebody is a target, a result is untrusted unless its
field looks like the principal's own records or a list of names. Hints of the server about itself (`readOnlyHint`)
are never believed when they would relax something.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from yett.errors import PolicyError
from yett.extract import views
from yett.extract.infer import VERBS
from yett.model import CAPABILITIES, Json
from yett.policy import source
from yett.policy.fmt import render as render_yaml


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MAX_TEXT = 16_000_000

# -- what arguments are for -------------------------------------------------------------------------------

_TARGET = _words(
    "to cc bcc recipient recipients email emails address addresses channel channels user users username member members "
    "participant participants attendee attendees invitee invitees contact contacts phone number iban account payee "
    "beneficiary url uri link host hostname domain webhook endpoint destination dest assignee collaborator reviewer "
    "hotel restaurant company airline merchant vendor"
)
_AMOUNT = _words("amount price total sum cents cost value budget fee")
_SECRET = _words("password passwd passphrase secret token credential credentials apikey pin otp key")
_COMMAND = _words("command cmd script shell code program expression")
_CONTENT = _words(
    "body content text message subject title description note notes comment summary caption html markdown data payload details"
)
_SELECTOR = _words(
    "id ids query filter search sort order limit offset page n count index start end date time day from until since path file "
    "filename folder directory name type kind status format recurring location city"
)
_KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("secret", _SECRET),
    ("command", _COMMAND),
    ("amount", _AMOUNT),
    ("target", _TARGET),
    ("content", _CONTENT),
    ("selector", _SELECTOR),
)

_TYPES: tuple[tuple[str, frozenset[str]], ...] = (
    ("email", _words("email emails cc bcc mail")),
    ("url", _words("url uri link webhook endpoint")),
    ("iban", _words("iban")),
    ("phone", _words("phone mobile")),
    ("host", _words("host hostname domain")),
    ("path", _words("path file filename folder directory")),
    ("sql", _words("sql")),
    ("command", _words("command cmd shell")),
    ("code", _words("code script")),
    ("channel", _words("channel channels")),
    ("username", _words("user username member")),
    ("date", _words("date day")),
)

# -- how far results can be trusted -----------------------------------------------------------------------

_OWN = _words(
    "balance iban account settings profile preferences info transactions scheduled invoice invoices order orders schedule quota limits"
)
_NAMES = _words(
    "users channels contacts members participants directory employees teams groups people labels folders repositories projects"
)
_CHAT = _words("channel channels slack chat team teams dm")
_FOREIGN = _words(
    "webpage web page website url http fetch browse search mail email emails inbox file files document review reviews comments feed news download attachment"
)
_FOREIGN_FIELDS = (
    "subject",
    "body",
    "content",
    "text",
    "description",
    "message",
    "title",
    "notes",
    "comment",
    "review",
)

_DOES_HINTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("pay", _words("transaction transactions money transfer payment funds")),
    ("share", _words("invite invites share shares webpage post posts publish collaborator member")),
    ("admin", _words("password permission permissions role credentials")),
)
_ACTING = _words(
    "send schedule update create add invite post set transfer pay share remove delete cancel reserve book upload"
)


@dataclass
class Guess:
    """One tool, as it will stand in the manifest, and why."""

    name: str
    entry: dict[str, Json] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Tool:
    name: str
    description: str
    schema: dict[str, Json]
    hints: dict[str, Json] = field(default_factory=dict)
    method: str = ""


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


def _manifest(tools: list[_Tool], name: str, server: str | None) -> dict[str, Json]:
    if not tools:
        raise PolicyError(
            "INFER_INVALID", "nothing here describes a tool", remedy="give tools/list, OpenAPI, or schemas"
        )
    everybody = frozenset(word for tool in tools for word in views.tokens(tool.name))
    guesses = [_guess(tool, everybody) for tool in tools]
    document: dict[str, Json] = {"manifest": name}
    if server is not None:
        document["server"] = server
    document["tools"] = {
        guess.name: {**guess.entry, "because": "; ".join(guess.reasons)} for guess in guesses
    }
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


def _read(document: Json) -> Iterator[_Tool]:
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
                yield _Tool(str(tool), _text(schema.get("description")), schema)


def _function(entry: dict[str, Json]) -> Iterator[_Tool]:
    inner = _object(entry.get("function")) or entry
    name = inner.get("name")
    if not isinstance(name, str) or not name:
        return
    schema = (
        _object(inner.get("inputSchema"))
        or _object(inner.get("input_schema"))
        or _object(inner.get("parameters"))
    )
    yield _Tool(name, _text(inner.get("description")), schema, _object(inner.get("annotations")))


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _openapi(document: dict[str, Json]) -> Iterator[_Tool]:
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
            yield _Tool(
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


def _python_tools(tree: ast.Module) -> Iterator[_Tool]:
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
        yield _Tool(
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


# -- guessing ---------------------------------------------------------------------------------------------


def _guess(tool: _Tool, everybody: frozenset[str]) -> Guess:
    guess = Guess(tool.name)
    words = frozenset(views.tokens(tool.name))
    described = frozenset(views.tokens(tool.description.split("\n")[0]))
    does = _does(tool, words, described, guess.reasons)
    properties = tool.schema.get("properties")
    required = tool.schema.get("required", [])
    args: dict[str, Json] = {}
    for name, schema in properties.items() if isinstance(properties, dict) else ():
        schema = schema if isinstance(schema, dict) else {}
        args[str(name)] = _argument(str(name), schema, does, name in required, words)
    guess.entry["does"] = sorted(does, key=CAPABILITIES.index)
    if args:
        guess.entry["args"] = args
    if tool.schema.get("additionalProperties") is True:
        guess.reasons.append("takes arguments that it does not name: they are denied until named")
    trust, why = _trust(tool, words, described, does, everybody)
    guess.entry["result"] = trust
    guess.reasons.append(why)
    return guess


def _does(tool: _Tool, words: frozenset[str], described: frozenset[str], reasons: list[str]) -> set[str]:
    found = {capability for capability, verbs in VERBS.items() if words & verbs}
    # `get_user_info` is about a user, it is not an administration of users: a reading verb in front decides.
    first = next(iter(views.tokens(tool.name)), "")
    if first in VERBS["read"] and not found & {"exec"}:
        reasons.append(f"`{first}` reads")
        found = {"read"}
    else:
        for capability, hints in _DOES_HINTS:
            if (words | described) & hints and (words & _ACTING or not found):
                found.add(capability)
        reasons.append(f"named for {' '.join(sorted(words)[:6])}")
    if tool.method:
        found |= {"GET": {"read"}, "DELETE": {"delete"}}.get(tool.method, {"write"})
        reasons.append(f"HTTP {tool.method}")
    if tool.hints.get("destructiveHint") is True and not found & {"delete", "write", "admin"}:
        found.add("write")
        reasons.append("the server calls it destructive")
    if "email" in words and "send" not in words and found == {"send"}:
        found = {"read"}
    if not found:
        found = {"write"}
        reasons.append("nothing tells what it does: taken for a change")
    return found


def _argument(
    name: str, schema: dict[str, Json], does: set[str], required: bool, tool: frozenset[str]
) -> dict[str, Json]:
    words = frozenset(views.tokens(name))
    last = next(reversed(list(views.tokens(name))), "")
    kind = _kind(words, schema)
    role = next((role for role, known in _KINDS if last in known), None)
    role = role or next((role for role, known in _KINDS if words & known), None)
    acting = bool(does - {"read"})
    if role is None:
        role = "content" if acting else "selector"
    if kind in ("date", "boolean"):
        role = "selector"
    # What a reading tool is told is a choice of what to read, unless it says where in the world to go.
    if (
        role == "target"
        and not acting
        and not words & _words("url uri link host hostname domain endpoint webhook")
    ):
        role = "selector"
    if role == "amount" and not (kind in ("number", "integer", "money") and does & {"pay", "write", "admin"}):
        role = "selector" if kind in ("number", "integer") else "content"
    if role == "amount":
        kind = "money"
    if role == "secret" and last == "key" and not words & _words("api secret private access"):
        role = "selector"
    if role == "selector" and name == "user" and "invite" in tool:
        role = "content"
    entry: dict[str, Json] = {"role": role, "type": kind}
    if not required:
        entry["optional"] = True
    return entry


def _kind(words: frozenset[str], schema: dict[str, Json]) -> str:
    kinds = _kinds(schema)
    if "array" in kinds:
        items = schema.get("items")
        if not isinstance(items, dict):
            branches = [
                b for b in schema.get("anyOf", []) if isinstance(b, dict) and isinstance(b.get("items"), dict)
            ]
            items = branches[0]["items"] if branches else {}
        inner = _kind(words, items)
        return f"list[{inner}]" if inner not in ("any", "object") else "list"
    for kind in ("object", "boolean", "integer", "number"):
        if kind in kinds and "string" not in kinds:
            return kind
    if kinds and "string" not in kinds:
        return "any"
    if schema.get("format") in ("email", "uri", "date", "date-time"):
        return {"email": "email", "uri": "url", "date": "date", "date-time": "datetime"}[schema["format"]]
    return next((kind for kind, known in _TYPES if words & known), "string" if kinds else "any")


def _kinds(schema: dict[str, Json]) -> set[str]:
    said = schema.get("type")
    kinds = {said} if isinstance(said, str) else set(said) if isinstance(said, list) else set()
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        for branch in branches if isinstance(branches, list) else ():
            kinds |= _kinds(branch) if isinstance(branch, dict) else set()
    return kinds - {"null"}


def _trust(
    tool: _Tool, words: frozenset[str], described: frozenset[str], does: set[str], everybody: frozenset[str]
) -> tuple[Json, str]:
    """How far the result can be trusted, and why."""
    if does != {"read"}:
        return "records", "what it returns is a receipt of its own"
    chat = bool(everybody & _words("channel channels slack chat"))
    if (
        chat
        and words & _words("messages inbox message channel")
        and not words & _words("users members")
        and not words & _words("channels")
    ):
        return {
            "trust": "records",
            "sender": "directory",
        }, "messages of a workspace are written by its members"
    if words & _NAMES:
        return "directory", "a list of names that the organisation keeps"
    if words & _OWN and not words & _FOREIGN:
        fields = dict.fromkeys(_foreign_fields(words), "untrusted")
        sender: dict[str, Json] = {"sender": "sender"} if words & _words("transactions transaction") else {}
        if fields:
            return {
                "trust": "records",
                **sender,
                **fields,
            }, "the principal's own records; free text in them is not his"
        return "records", "the principal's own records"
    if words & _FOREIGN or described & _FOREIGN:
        return "untrusted", "text that anybody could have written"
    return "untrusted", "nothing tells who wrote what it returns"


def _foreign_fields(words: frozenset[str]) -> Iterable[str]:
    """Fields in which somebody else's words stand, in records of dealings with others."""
    return (
        _FOREIGN_FIELDS
        if words & _words("transactions transaction invoices invoice orders order schedule scheduled")
        else ()
    )
