"""The policy language once more: slow, obvious, and sharing nothing with the real one but the facts it is given.

`judge(documents, call, given)` walks the YAML values and the syntax tree of each condition anew for every call.
"""

from __future__ import annotations

import ast
import fnmatch
import operator
import re
from fractions import Fraction
from typing import Any

UNKNOWN = object()  # neither true nor false: something is missing or mistyped
EFFECTS = ["allow", "hold", "deny"]
ORIGINS = ["mandate", "prompt", "config", "records", "directory", "untrusted", "novel"]
OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Eq: operator.eq, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


def judge(documents: list[dict], call: dict, given: dict) -> tuple[str, set[str]]:
    """(effect, rules or codes that were decisive)."""
    tools = {name: tool for document in documents for name, tool in document.get("tools", {}).items()}
    tool = tools.get(call["tool"])
    refused = {"UNKNOWN_TOOL"} if tool is None else misfits(tool, call["args"])
    if refused:
        return "deny", refused
    return strictest([layer(document, tool, call, given) for document in documents])


def strictest(said: list[tuple[str, set[str]]]) -> tuple[str, set[str]]:
    effect = max((effect for effect, _ in said), key=EFFECTS.index)
    return effect, {name for each, names in said if each == effect for name in names}


def misfits(tool: dict, args: dict) -> set[str]:
    """What keeps arguments from fitting their manifest."""
    specs = tool["args"]
    wrong = {"ARGUMENT_MISSING" for name in specs.keys() - args if not specs[name].get("optional")}
    wrong |= {"UNKNOWN_ARGUMENT" for name in args.keys() - specs if not tool["open"]}
    there = {n for n in args.keys() & specs if args[n] is not None or not specs[n].get("optional")}
    wrong |= {"ARGUMENT_TYPE" for name in there if not fits(args[name], specs[name]["type"])}
    return wrong


def fits(value: Any, kind: str) -> bool:
    if kind.startswith("list"):
        return isinstance(value, list) and all(fits(item, kind[5:-1]) for item in value)
    if exact(value) is UNKNOWN:
        return isinstance(value, {"any": object, "boolean": bool, "string": str}.get(kind, ()))
    return {"any": True, "number": True, "integer": value % 1 == 0, "money": value >= 0}.get(kind, False)


def layer(document: dict, tool: dict, call: dict, given: dict) -> tuple[str, set[str]]:
    names, blind = environment(document, tool, call, given), bool(given.get("limits"))
    fired, accepted = [], not blind
    for rule in document["rules"]:
        effect = next(effect for effect in EFFECTS if effect in rule)
        when = rule.get("when", "True")
        mute = blind and effect == "allow" and "facts.truncated" not in when
        if not mute and selects(rule[effect], effect, tool, call):
            found = value(ast.parse(f"({when})", mode="eval").body, names)
            if found is True or (found is not False and effect != "allow"):
                fired.append((effect, {f"{document['policy']}/{rule['id']}"}))
                accepted |= effect != "deny" and "facts.truncated" in when
    if not accepted and "deny" not in [effect for effect, _ in fired]:
        return "deny", {"FACTS_TRUNCATED"}
    return strictest(fired or [("deny", {"NO_RULE_ALLOWS"})])


def selects(selector: Any, effect: str, tool: dict, call: dict) -> bool:
    """By capability an allow must name everything the tool does, a hold or deny anything."""
    parts = dict(selector) if isinstance(selector, dict) else {"tool": selector}
    does, wanted = set(tool["does"]), set(parts.pop("does", tool["does"]))
    lists = {part: [globs] if isinstance(globs, str) else globs for part, globs in parts.items()}
    named = [any(fnmatch.fnmatchcase(call[part], glob) for glob in lists[part]) for part in lists]
    return all(named) and bool(does <= wanted if effect == "allow" else does & wanted)


def environment(document: dict, tool: dict, call: dict, given: dict) -> dict[str, Any]:
    """What the names in a condition stand for, functions included."""
    roles: dict[str, list] = {"target": [], "amount": [], "content": []}
    for name, spec in tool["args"].items():
        found = call["args"].get(name)
        roles[spec["role"]] += found if isinstance(found, list) else [found] * (found is not None)
    return {
        "args": call["args"], "agent": call["agent"], "tool": call["tool"], "data": document["data"],
        "targets": roles["target"], "amounts": roles["amount"], "contents": roles["content"],
        "facts": {"truncated": bool(given.get("limits")), "size": given["size"]}, "risk": {"score": given["risk"]},
        "session": {"risk": given["session_risk"], "labels": given["labels"]}
        | {label: label in given["labels"] for label in ("read_untrusted", "read_secret", "exec_done")},
        "origin": lambda value: max(
            (given["origins"].get(text, "novel") for text in texts(value)), key=ORIGINS.index, default="config"
        ),
        "seen": lambda value: all(text in given["seen"] for text in texts(value)),
        "mentioned": lambda value: any(text in given["mentioned"] for text in texts(value)),
        "spent": lambda budget, window: given["spent"].get(budget, 0),
        "count": lambda what, window: given["count"].get(what, 0),
        "len": len, "lower": str.lower, "startswith": str.startswith, "endswith": str.endswith, "contains": str.__contains__,
        "matches": lambda text, p: re.fullmatch(p, text) is not None, "search": lambda text, p: re.search(p, text) is not None,
    }  # fmt: skip


def value(node: Any, names: dict[str, Any]) -> Any:
    """What an expression gives: any value, or UNKNOWN."""
    go = lambda part: UNKNOWN if (found := value(part, names)) is None else found  # noqa: E731
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return names[node.id]
        case ast.Attribute():
            owner = go(node.value)
            return owner.get(node.attr) if isinstance(owner, dict) else UNKNOWN
        case ast.List() | ast.Tuple():
            return [go(item) for item in node.elts]
        case ast.BoolOp():
            return kleene([go(part) for part in node.values], decisive=isinstance(node.op, ast.Or))
        case ast.UnaryOp():
            operand = go(node.operand)
            return negated(operand) if isinstance(node.op, ast.Not) else calculate(ast.Sub(), 0, operand)
        case ast.BinOp():
            return calculate(node.op, go(node.left), go(node.right))
        case ast.Compare():
            sides = [go(node.left), *(go(part) for part in node.comparators)]
            return kleene([compare(op, *sides[i : i + 2]) for i, op in enumerate(node.ops)], decisive=False)
        case ast.Call(func=ast.Name("any" | "all" | "sum" as kind), args=[loop]):
            return over(kind, loop, names)
    values = [go(arg) for arg in node.args]
    if node.func.id == "has":
        return values[0] is not UNKNOWN
    try:
        return UNKNOWN if UNKNOWN in values else names[node.func.id](*values)
    except TypeError:  # the length of a number, a list in lower case
        return UNKNOWN


def over(kind: str, loop: Any, names: dict[str, Any]) -> Any:
    """`any` is the `or` of all turns (if and body), `all` the `and` of all (not if or body)."""
    clause = loop.generators[0]
    items, turns = value(clause.iter, names), []
    if not isinstance(items, list):
        return UNKNOWN
    for item in items:
        inner = names | {clause.target.id: item}
        kept = kleene([value(part, inner) for part in clause.ifs], decisive=False)
        body = value(loop.elt, inner)
        number = {True: exact(body), False: 0}.get(kept, UNKNOWN)
        truth = kleene([kept if kind == "any" else negated(kept), body], decisive=kind == "all")
        turns.append(number if kind == "sum" else truth)
    if kind == "sum":
        return UNKNOWN if UNKNOWN in turns else sum(turns)
    return kleene(turns, decisive=kind == "any")


def kleene(values: list, *, decisive: bool) -> Any:
    """`or` if one True decides, `and` if one False does."""
    known = [value for value in values if isinstance(value, bool)]
    return decisive if decisive in known else not decisive if len(known) == len(values) else UNKNOWN


def negated(value: Any) -> Any:
    return not value if isinstance(value, bool) else UNKNOWN


def compare(op: ast.cmpop, left: Any, right: Any) -> Any:
    if isinstance(op, ast.NotIn | ast.NotEq):
        return negated(compare(ast.In() if isinstance(op, ast.NotIn) else ast.Eq(), left, right))
    if isinstance(op, ast.In) and isinstance(right, list):
        return kleene([compare(ast.Eq(), left, item) for item in right], decisive=True)
    if isinstance(op, ast.In):
        return left in right if isinstance(left, str) and isinstance(right, str | dict) else UNKNOWN
    if isinstance(op, ast.Eq) and type(left) is type(right) and isinstance(left, str | bool):
        return left == right
    return calculate(op, left, right)


def calculate(op: ast.AST, left: Any, right: Any) -> Any:
    """Of exact numbers; UNKNOWN for anything else, beyond 2^63, and of a division by zero."""
    a, b = exact(left), exact(right)
    if UNKNOWN in (a, b) or (isinstance(op, ast.FloorDiv | ast.Mod) and b == 0):
        return UNKNOWN
    result = OPERATORS[type(op)](a, b)
    return result if abs(result) <= 2**63 else UNKNOWN


def exact(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return UNKNOWN
    return Fraction(str(value)) if isinstance(value, float) else value


def texts(value: Any) -> list[str]:
    """Every text in a value, keys and numbers included."""
    if isinstance(value, list | dict):
        parts = value if isinstance(value, list) else [*value, *value.values()]
        return [text for part in parts for text in texts(part)]
    if isinstance(value, bool | None):
        return []
    return [value if isinstance(value, str) else str(value).removesuffix(".0")]
