"""The policy language once more: slow, obvious, and sharing nothing with the real one but the facts it is given.

`judge(documents, call, given)` walks the YAML values and the syntax tree of each condition anew for every call.
"""

from __future__ import annotations

import ast
import fnmatch
import operator
from fractions import Fraction
from typing import Any

UNKNOWN = object()
"""Neither true nor false: something is missing or mistyped."""
RANK = {"allow": 0, "hold": 1, "deny": 2}
ORIGINS = ["mandate", "prompt", "config", "records", "directory", "untrusted", "novel"]
OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Eq: operator.eq, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
NUMBERS = {"integer", "number", "money"}


def judge(documents: list[dict], call: dict, given: dict) -> tuple[str, set[str]]:
    """(effect, rules and codes that were decisive)."""
    tools = {name: entry or {} for document in documents for name, entry in document.get("tools", {}).items()}
    if call["tool"] not in tools:
        return "deny", {"UNKNOWN_TOOL"}
    tool = tools[call["tool"]]
    specs = {
        name: {"type": "string", "role": "content"} | spec for name, spec in tool.get("args", {}).items()
    }
    wrong = set()
    for name, value in call["args"].items():
        if name not in specs:
            if not tool.get("open"):
                wrong.add("UNKNOWN_ARGUMENT")
        elif not fits(value, specs[name]["type"]) and not (value is None and specs[name].get("optional")):
            wrong.add("ARGUMENT_TYPE")
    wrong |= {
        "ARGUMENT_MISSING"
        for name, spec in specs.items()
        if not spec.get("optional") and name not in call["args"]
    }
    if wrong:
        return "deny", wrong
    effects, fired = [], set()
    for document in documents:
        if "policy" in document:
            effect, names = layer(document, tool, specs, call, given)
            effects.append((effect, names))
    strictest = max((effect for effect, _ in effects), key=RANK.__getitem__)
    for effect, names in effects:
        if effect == strictest:
            fired |= names
    return strictest, fired


def fits(value: Any, kind: str) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "integer":
        return number and value == int(value)
    if kind in NUMBERS:
        return number and (kind != "money" or value >= 0)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind.startswith("list"):
        return isinstance(value, list) and all(fits(item, kind[5:-1]) for item in value)
    return kind == "any" or isinstance(value, str)


def layer(document: dict, tool: dict, specs: dict, call: dict, given: dict) -> tuple[str, set[str]]:
    fired: dict[str, set[str]] = {"allow": set(), "hold": set(), "deny": set()}
    for rule in document["rules"]:
        effect = next(e for e in RANK if e in rule)
        if not selects(rule[effect], effect, tool, call):
            continue
        source = rule.get("when")
        if given.get("limits") and effect != "deny" and not (source and "facts.truncated" in source):
            continue
        value: Any = True
        if source is not None:
            scope = Scope(specs, call, given, document.get("data", {}))
            value = scope.value(ast.parse("(" + source + ")", mode="eval").body, {})
        if value is True or (value is not False and effect != "allow"):
            fired[effect].add(f"{document['policy']}/{rule['id']}")
    for effect in ("deny", "hold", "allow"):
        if fired[effect]:
            return effect, fired[effect]
    return "deny", {"FACTS_TRUNCATED" if given.get("limits") else "NO_RULE_ALLOWS"}


def selects(selector: Any, effect: str, tool: dict, call: dict) -> bool:
    if isinstance(selector, str):
        selector = {"tool": [selector]}
    if "tool" in selector and not any(fnmatch.fnmatchcase(call["tool"], p) for p in listed(selector["tool"])):
        return False
    if "agent" in selector and not any(
        fnmatch.fnmatchcase(call["agent"], p) for p in listed(selector["agent"])
    ):
        return False
    if "does" in selector:
        wanted, does = set(listed(selector["does"])), set(tool.get("does", []))
        return bool(does) and (does <= wanted if effect == "allow" else bool(does & wanted))
    return True


def listed(value: Any) -> list:
    return value if isinstance(value, list) else [value]


class Scope:
    def __init__(self, specs: dict, call: dict, given: dict, data: dict) -> None:
        self.specs, self.call, self.given, self.data = specs, call, given, data

    def value(self, node: Any, local: dict) -> Any:
        """Any value, or UNKNOWN."""
        go = lambda part: self.value(part, local)  # noqa: E731
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return local[node.id] if node.id in local else self.root(node.id)
            case ast.Attribute():
                owner = go(node.value)
                found = owner.get(node.attr) if isinstance(owner, dict) else None
                return UNKNOWN if found is None else found
            case ast.List() | ast.Tuple():
                return [go(item) for item in node.elts]
            case ast.UnaryOp(op=ast.Not()):
                value = go(node.operand)
                return (not value) if isinstance(value, bool) else UNKNOWN
            case ast.UnaryOp():
                return go(ast.BinOp(ast.Constant(0), ast.Sub(), node.operand))
            case ast.BoolOp():
                return kleene([go(part) for part in node.values], isinstance(node.op, ast.Or))
            case ast.BinOp():
                a, b = exact(go(node.left)), exact(go(node.right))
                if UNKNOWN in (a, b) or (isinstance(node.op, ast.FloorDiv | ast.Mod) and b == 0):
                    return UNKNOWN
                result = OPERATORS[type(node.op)](a, b)
                return result if abs(result) <= 2**63 else UNKNOWN
            case ast.Compare():
                sides = [go(node.left), *(go(part) for part in node.comparators)]
                return kleene([compare(op, sides[i], sides[i + 1]) for i, op in enumerate(node.ops)], False)
            case _ if node.func.id in ("any", "all", "sum"):
                return self.over(node.func.id, node.args[0], local)
        return self.call_of(node.func.id, [go(arg) for arg in node.args])

    def root(self, name: str) -> Any:
        if name in ("targets", "amounts", "contents"):
            named = [
                self.call["args"].get(arg) for arg, spec in self.specs.items() if spec["role"] + "s" == name
            ]
            return [item for value in named if value is not None for item in listed(value)]
        labels = self.given.get("labels", [])
        return {
            "args": self.call["args"],
            "data": self.data,
            "agent": self.call["agent"],
            "tool": self.call["tool"],
            "facts": {"truncated": bool(self.given.get("limits")), "size": self.given["size"]},
            "risk": {"score": self.given.get("risk", 0)},
            "session": {"risk": self.given.get("session_risk", 0), "labels": labels}
            | {label: label in labels for label in ("read_untrusted", "read_secret", "exec_done")},
        }[name]

    def call_of(self, name: str, values: list) -> Any:
        first, given = values[0], self.given
        if name == "has":
            return first is not UNKNOWN
        if UNKNOWN in values:
            return UNKNOWN
        if name == "origin":
            return max(
                (given["origins"].get(t, "novel") for t in texts(first)), key=ORIGINS.index, default="config"
            )
        if name == "seen":
            return all(text in given["seen"] for text in texts(first))
        if name == "mentioned":
            return any(text in given["mentioned"] for text in texts(first))
        if name in ("spent", "count"):
            return given[name].get(first, 0)
        if name == "len":
            return len(first) if isinstance(first, str | list | dict) else UNKNOWN
        if not all(isinstance(value, str) for value in values):
            return UNKNOWN
        if name == "matches":
            return first != "" and set(first) <= set("abc")
        return {"lower": first.lower, "startswith": lambda: first.startswith(values[1])}[name]()

    def over(self, name: str, generator: Any, local: dict) -> Any:
        loop = generator.generators[0]
        items = self.value(loop.iter, local)
        if not isinstance(items, list):
            return UNKNOWN
        found = []
        for item in items:
            inner = local | {loop.target.id: UNKNOWN if item is None else item}
            keep = kleene([self.value(condition, inner) for condition in loop.ifs], False)
            if keep is not False:
                value = self.value(generator.elt, inner)
                neutral = name != "sum" and value is (name == "all")
                found.append(value if keep is True or neutral else UNKNOWN)
        if name != "sum":
            return kleene(found, name == "any")
        numbers = [exact(value) for value in found]
        return UNKNOWN if UNKNOWN in numbers else sum(numbers)


def kleene(values: list, decisive: bool) -> Any:
    if any(value is decisive for value in values):
        return decisive
    return UNKNOWN if any(not isinstance(value, bool) for value in values) else not decisive


def exact(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return UNKNOWN
    return Fraction(str(value)) if isinstance(value, float) else value


def texts(value: Any) -> list[str]:
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, int | float):
        return [str(int(value)) if value == int(value) else str(value)]
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    return [text for part in parts for text in texts(part)]


def compare(op: ast.cmpop, left: Any, right: Any) -> Any:
    if isinstance(op, ast.NotIn | ast.NotEq):
        value = compare(ast.In() if isinstance(op, ast.NotIn) else ast.Eq(), left, right)
        return UNKNOWN if value is UNKNOWN else not value
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    if isinstance(op, ast.In):
        if isinstance(right, str | dict):
            return left in right if isinstance(left, str) else UNKNOWN
        return kleene([compare(ast.Eq(), left, item) for item in right], True)
    if isinstance(op, ast.Eq):
        if isinstance(left, str) and isinstance(right, str):
            return left == right
        if isinstance(left, bool) or isinstance(right, bool):
            return left is right if isinstance(left, bool) and isinstance(right, bool) else UNKNOWN
    a, b = exact(left), exact(right)
    if a is UNKNOWN or b is UNKNOWN:
        return UNKNOWN
    return OPERATORS[type(op)](a, b)
