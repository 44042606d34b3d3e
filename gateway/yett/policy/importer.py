"""Progent policies -> Yett policies, with a warning for every hole that the translation closes.

Read are Progent's tuple form, `{tool: [(priority, effect, {argument: restriction}, fallback), …]}`, as a Python
file or literal, and the same as JSON. A restriction is a JSON Schema or a regular expression. Progent takes the
first rule that matches, by priority; here order never matters, so each rule also says that no earlier rule of
another effect matches.

Where Progent lets through what its author did not mean, the translation does not:

    ABSENT_ARGUMENT      a condition on an argument that is left out was skipped, so an allow matched
    UNCHECKED_ARGUMENT   arguments that the rule does not name passed unchecked
    PREFIX_MATCH         a plain pattern matched a beginning (`re.match`): now it must match the whole value
    PARTIAL_MATCH        a schema's `pattern` matched anywhere: now it must match the whole value
    STRING_FOR_LIST      `items` said nothing of a value that is no list: now it must be one
    BROKEN_FORBID        a forbid that could not be evaluated was skipped: now it always forbids
    BROKEN_ALLOW         an allow that cannot be expressed is left out
    POLICY_UPDATE        policies that replace themselves are not carried over
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, field
from typing import Any

from yett.errors import PolicyError
from yett.expr import check_pattern
from yett.model import Json
from yett.policy.fmt import render

ALLOW, FORBID = 0, 1
_FALLBACK = {0: "deny", 1: "deny", 2: "hold"}


class _Unsupported(Exception):
    """A restriction that the language does not express; the argument is why."""


@dataclass(frozen=True)
class Hole:
    """Something Progent would have let through."""

    code: str
    tool: str
    message: str


@dataclass
class Imported:
    """The translation and what is different about it."""

    document: dict[str, Json]
    holes: list[Hole] = field(default_factory=list)

    @property
    def text(self) -> str:
        return render(self.document)


def read_progent(text: str, file: str) -> dict[str, list[Any]]:
    """Progent's policy of a JSON file, or of the first suitable literal of a Python file.

    Raises:
        PolicyError: IMPORT_INVALID.
    """
    try:
        value = json.loads(text)
    except ValueError:
        value = _python_literal(text, file)
    if isinstance(value, dict) and isinstance(value.get("policies"), dict):
        value = value["policies"]
    if not isinstance(value, dict) or not all(isinstance(rules, list | tuple) for rules in value.values()):
        raise PolicyError("IMPORT_INVALID", "not a Progent policy: {tool: [rule, …]}", path=file)
    return {str(tool): list(rules) for tool, rules in value.items()}


def _python_literal(text: str, file: str) -> Any:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise PolicyError("IMPORT_INVALID", "neither JSON nor Python", path=file) from None
    for statement in tree.body:
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr) else None
        if isinstance(value, ast.Dict):
            try:
                return ast.literal_eval(value)
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                raise PolicyError(
                    "IMPORT_INVALID",
                    "the policy is not a literal (a function as a restriction cannot be imported)",
                    path=f"{file}:{statement.lineno}",
                ) from None
    raise PolicyError("IMPORT_INVALID", "no policy literal in this Python file", path=file)


def import_progent(policy: dict[str, list[Any]], name: str = "imported") -> Imported:
    """Translate; never raises for what a rule says, the holes tell what was not carried over.

    The tools are described as `open`, since Progent does not say what arguments there are: put a manifest in
    place (`yett tools infer`) and remove them, and unknown arguments are denied as well.
    """
    result = Imported({"policy": name, "tools": {}, "rules": []})
    for tool, entries in policy.items():
        result.document["tools"][tool] = {"open": True}
        result.holes.append(
            Hole(
                "UNCHECKED_ARGUMENT",
                tool,
                "arguments that no rule names still pass: give the tool a manifest",
            )
        )
        _import_tool(
            tool, [_Rule(tool, index, entry, result.holes) for index, entry in enumerate(entries)], result
        )
    return result


class _Rule:
    """One rule of Progent, its condition translated."""

    def __init__(self, tool: str, index: int, entry: Any, holes: list[Hole]) -> None:
        self.index = index
        self.priority, self.effect, restrictions, fallback, updates = _fields(entry)
        self.word = "allow" if self.effect == ALLOW else _FALLBACK.get(fallback, "deny")
        if updates:
            holes.append(
                Hole(
                    "POLICY_UPDATE", tool, f"rule {index} replaces policies when it matches; that is left out"
                )
            )
        self.broken = False
        self.conditions: list[str] = []
        for argument, restriction in restrictions.items():
            term = _term(argument)
            before = len(holes)
            try:
                condition = _restriction(term, restriction, tool, holes)
            except _Unsupported as why:
                del holes[before:]
                self.broken = True
                code = "BROKEN_ALLOW" if self.effect == ALLOW else "BROKEN_FORBID"
                holes.append(Hole(code, tool, f"rule {index}, argument {argument}: {why}"))
                continue
            if self.effect == ALLOW:
                holes.append(
                    Hole(
                        "ABSENT_ARGUMENT", tool, f"rule {index} no longer allows a call without `{argument}`"
                    )
                )
                self.conditions.append(f"has({term}) and {condition}" if condition else f"has({term})")
            elif condition:
                self.conditions.append(f"(not has({term}) or {condition})")

    @property
    def order(self) -> tuple[Any, int, int]:
        return self.priority, -self.effect, self.index

    @property
    def condition(self) -> str:
        return " and ".join(self.conditions)


def _fields(entry: Any) -> tuple[int, int, dict[str, Any], int, Any]:
    if isinstance(entry, dict):
        effect = entry.get("effect", ALLOW)
        effect = {"allow": ALLOW, "forbid": FORBID, "deny": FORBID}.get(effect, effect)
        values = [
            entry.get("priority", 100),
            effect,
            entry.get("conditions", {}),
            entry.get("fallback", 0),
            entry.get("update"),
        ]
    elif isinstance(entry, list | tuple) and 3 <= len(entry) <= 5:
        values = [*entry, *[0, None][len(entry) - 3 :]]
    else:
        raise PolicyError("IMPORT_INVALID", "a rule is (priority, effect, conditions, fallback)")
    if (
        not isinstance(values[0], int)
        or values[1] not in (ALLOW, FORBID)
        or not isinstance(values[2] or {}, dict)
    ):
        raise PolicyError(
            "IMPORT_INVALID", "a rule is (priority, 0 allow or 1 forbid, {argument: restriction}, fallback)"
        )
    return values[0], values[1], values[2] or {}, values[3], values[4]


def _import_tool(tool: str, rules: list[_Rule], result: Imported) -> None:
    earlier: list[_Rule] = []
    for rule in sorted(rules, key=lambda r: r.order):
        if rule.broken and rule.effect == ALLOW:
            continue
        parts = [rule.condition] if rule.condition and not rule.broken else []
        # The first match decides: what an earlier rule of another effect matches is not this rule's.
        for other in earlier:
            if other.effect != rule.effect and rule.word != "allow":
                parts.append(f"not ({other.condition})" if other.condition else "false")
        if "false" not in parts:
            entry: dict[str, Json] = {"id": f"{tool}-{rule.index}", rule.word: tool}
            if parts:
                entry["when"] = " and ".join(f"({part})" if len(parts) > 1 else part for part in parts)
            result.document["rules"].append(entry)
        earlier.append(rule)
        if rule.broken or not rule.condition:
            return  # it matches every call: Progent never comes to the rules behind it


def _term(argument: str) -> str:
    return f"args.{argument}" if argument.isidentifier() else f"args[{json.dumps(argument)}]"


def _restriction(term: str, restriction: Any, tool: str, holes: list[Hole]) -> str:
    """A condition for one argument; empty if it says nothing."""
    if isinstance(restriction, str):
        holes.append(Hole("PREFIX_MATCH", tool, f"{term}: the pattern must now match the whole value"))
        return f"matches({term}, {_pattern(restriction)})"
    if not isinstance(restriction, dict):
        raise _Unsupported("a restriction that is neither a schema nor a pattern")
    return _schema(term, restriction, tool, holes, 0)


_IGNORED = {"description", "title", "default", "examples", "$comment"}


def _schema(term: str, schema: dict[str, Any], tool: str, holes: list[Hole], depth: int) -> str:
    known = {"type", "enum", "const", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
             "minLength", "maxLength", "minItems", "maxItems", "items", "anyOf", "allOf", "not"}  # fmt: skip
    unknown = set(schema) - known - _IGNORED
    if unknown:
        raise _Unsupported(f"`{sorted(unknown)[0]}` has no counterpart")
    parts: list[str] = []
    if "enum" in schema:
        parts.append(f"{term} in {_constants(schema['enum'])}")
    if "const" in schema:
        parts.append(f"{term} == {_constant(schema['const'])}")
    if "pattern" in schema:
        pattern = schema["pattern"]
        if not (isinstance(pattern, str) and pattern.startswith("^") and pattern.endswith("$")):
            holes.append(Hole("PARTIAL_MATCH", tool, f"{term}: the pattern must now match the whole value"))
        parts.append(f"matches({term}, {_pattern(pattern)})")
    for keyword, operator in (
        ("minimum", ">="),
        ("maximum", "<="),
        ("exclusiveMinimum", ">"),
        ("exclusiveMaximum", "<"),
    ):
        if keyword in schema:
            parts.append(f"{term} {operator} {_number(schema[keyword])}")
    for keyword, operator in (
        ("minLength", ">="),
        ("minItems", ">="),
        ("maxLength", "<="),
        ("maxItems", "<="),
    ):
        if keyword in schema:
            parts.append(f"len({term}) {operator} {_number(schema[keyword])}")
    if "items" in schema:
        if schema.get("type") != "array":
            holes.append(Hole("STRING_FOR_LIST", tool, f"{term}: it must now be a list"))
        variable = f"item{depth}"
        inner = (
            _schema(variable, schema["items"], tool, holes, depth + 1)
            if isinstance(schema["items"], dict)
            else ""
        )
        parts.append(
            f"all({inner or 'true'} for {variable} in {term})".replace("all(true", "all(len([]) == 0")
        )
    for keyword, joint in (("allOf", " and "), ("anyOf", " or ")):
        if keyword in schema:
            inner_parts = [_schema(term, inner, tool, holes, depth) for inner in schema[keyword]]
            if not all(inner_parts):
                raise _Unsupported(f"a branch of `{keyword}` says nothing that can be checked")
            parts.append("(" + joint.join(inner_parts) + ")")
    if "not" in schema:
        inner = _schema(term, schema["not"], tool, holes, depth)
        if not inner:
            raise _Unsupported("a `not` of nothing that can be checked")
        parts.append(f"not ({inner})")
    parts = parts or _type_only(term, schema.get("type"))
    return " and ".join(parts)


def _type_only(term: str, kind: Any) -> list[str]:
    """A schema that only names a type: the condition that is decided exactly for values of it."""
    return {
        "string": [f"len({term}) >= 0", f"lower({term}) == lower({term})"],
        "number": [f"{term} <= {1 << 53}"],
        "integer": [f"{term} % 1 == 0"],
        "boolean": [f"({term} or not {term})"],
        "array": [f"all(len([]) == 0 for item in {term})"],
    }.get(kind if isinstance(kind, str) else "", [])


def _pattern(pattern: Any) -> str:
    if not isinstance(pattern, str):
        raise _Unsupported("a pattern that is no string")
    try:
        check_pattern(pattern)
    except ValueError as problem:
        raise _Unsupported(str(problem)) from None
    return repr(pattern)


def _constants(values: Any) -> str:
    if not isinstance(values, list) or not values:
        raise _Unsupported("an enum that is no list")
    return "[" + ", ".join(_constant(value) for value in values) + "]"


def _constant(value: Any) -> str:
    if isinstance(value, bool | str | int | float) and not (isinstance(value, float) and value != value):
        return repr(value)
    raise _Unsupported("a constant that is no string, number or boolean")


def _number(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    raise _Unsupported("a bound that is no number")
