"""Source -> checked tree: Python's grammar read by `ast`, allow-listed node by node, typed as it goes.

Whatever is not on the list does not load: calls of anything but the library and the environment's own
functions, attributes that the types do not have, lambdas, comprehensions outside `any`, `all` and `sum`,
strings built at run time, `None` (ask `has(x)`), comparisons across types, or with a value that the other
side can never have.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from fractions import Fraction
from typing import NoReturn

from yett.errors import PolicyError
from yett.expr import nodes
from yett.expr.functions import LIBRARY
from yett.expr.types import ANY, BOOL, NUM, STR, Type, list_of

MAX_SOURCE = 16_384
MAX_DEPTH = 60
MAX_NESTED_LOOPS = 3

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}


def parse(source: str, types: Mapping[str, Type], where: str) -> tuple[nodes.Node, int]:
    """The checked tree of a boolean expression, and how many loop variables it needs.

    Raises:
        PolicyError: EXPR_SYNTAX, EXPR_NAME, EXPR_TYPE, EXPR_LIMIT or EXPR_PATTERN, at `where`.
    """
    if len(source) > MAX_SOURCE:
        raise PolicyError("EXPR_LIMIT", f"an expression may have {MAX_SOURCE} characters", path=where)
    checker = _Checker(source, types, where)
    root = checker.check(_python_tree(source, where), 0)
    if root.type.kind not in ("bool", "any"):
        checker.refuse(
            "EXPR_TYPE", f"a condition is true or false, not a {root.type}", "compare it with something"
        )
    return root, checker.slots


def _python_tree(source: str, where: str) -> ast.expr:
    # The source stands as the one argument of a call, so that line breaks need no backslashes, a comment
    # ends with its line, and unbalanced parentheses cannot pass: they change the shape that is checked.
    try:
        with warnings.catch_warnings():
            # A pattern's `\.` in a plain string: Python keeps the backslash and grumbles, people write it so.
            warnings.simplefilter("ignore")
            body = ast.parse(f"_(\n{source}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        line = (getattr(problem, "lineno", None) or 2) - 1
        raise PolicyError(
            "EXPR_SYNTAX",
            f"not an expression (line {line} of it): {getattr(problem, 'msg', type(problem).__name__)}",
            path=where,
            remedy="write Python's expression grammar: and, or, not, comparisons, in, any/all(… for …)",
        ) from None
    if not (
        isinstance(body, ast.Call)
        and isinstance(body.func, ast.Name)
        and body.func.id == "_"
        and len(body.args) == 1
        and not body.keywords
    ):
        raise PolicyError(
            "EXPR_SYNTAX", "not one expression", path=where, remedy="check parentheses and commas"
        )
    return body.args[0]


class _Checker:
    def __init__(self, source: str, types: Mapping[str, Type], where: str) -> None:
        self.lines = f"_(\n{source}\n)".encode().splitlines()
        self.types = types
        self.where = where
        self.slots = 0
        self.locals: dict[str, tuple[int, Type]] = {}
        self.nesting = 0

    def refuse(self, code: str, message: str, remedy: str | None = None) -> NoReturn:
        raise PolicyError(code, message, path=self.where, remedy=remedy)

    def text(self, node: ast.expr) -> str:
        """The node's source, on one line. (`ast.get_source_segment` splits the whole anew for each.)"""
        assert node.end_lineno is not None
        lines = self.lines[node.lineno - 1 : node.end_lineno]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return " ".join(b" ".join(lines).decode().split())

    def check(self, node: ast.expr, depth: int) -> nodes.Node:
        if depth > MAX_DEPTH:
            self.refuse("EXPR_LIMIT", f"nested deeper than {MAX_DEPTH}")
        depth += 1
        if isinstance(node, ast.BoolOp):
            operands = tuple(self.boolean(value, depth) for value in node.values)
            return nodes.Bools(
                BOOL, self.text(node), "and" if isinstance(node.op, ast.And) else "or", operands
            )
        if isinstance(node, ast.UnaryOp):
            return self.unary(node, depth)
        if isinstance(node, ast.Compare):
            return self.comparison(node, depth)
        if isinstance(node, ast.BinOp):
            return self.arithmetic(node, depth)
        if isinstance(node, ast.Constant):
            return self.constant(node)
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.Attribute):
            return self.attribute(node, depth)
        if isinstance(node, ast.Subscript):
            return self.subscript(node, depth)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            items = tuple(self.check(item, depth) for item in node.elts)
            if any(item.type.kind not in ("bool", "num", "str", "any") for item in items):
                self.refuse("EXPR_TYPE", f"a list holds numbers, strings and booleans: {self.text(node)}")
            kinds = {item.type.kind for item in items}
            same = Type(items[0].type.kind) if len(kinds) == 1 else ANY
            return nodes.ListLit(list_of(same), self.text(node), items)
        if isinstance(node, ast.Call):
            return self.call(node, depth)
        self.refuse(
            "EXPR_SYNTAX",
            f"{type(node).__name__} is not part of the language: {self.text(node)}",
            "see docs/policy.md, section Expressions",
        )

    def boolean(self, node: ast.expr, depth: int) -> nodes.Node:
        result = self.check(node, depth)
        if result.type.kind not in ("bool", "any"):
            self.refuse("EXPR_TYPE", f"`{self.text(node)}` is a {result.type}, not true or false")
        return result

    def numeric(self, node: ast.expr, depth: int) -> nodes.Node:
        result = self.check(node, depth)
        if result.type.kind not in ("num", "any"):
            self.refuse("EXPR_TYPE", f"`{self.text(node)}` is a {result.type}, not a number")
        return result

    def unary(self, node: ast.UnaryOp, depth: int) -> nodes.Node:
        if isinstance(node.op, ast.Not):
            return nodes.Not(BOOL, self.text(node), self.boolean(node.operand, depth))
        if isinstance(node.op, ast.USub):
            operand = self.numeric(node.operand, depth)
            if isinstance(operand, nodes.Const):
                return nodes.Const(NUM, self.text(node), -operand.value)
            return nodes.Arith(NUM, self.text(node), "-", nodes.Const(NUM, "0", 0), operand)
        self.refuse("EXPR_SYNTAX", f"operator not in the language: {self.text(node)}")

    def arithmetic(self, node: ast.BinOp, depth: int) -> nodes.Node:
        op = _ARITHMETIC.get(type(node.op))
        if op is None:
            self.refuse("EXPR_SYNTAX", f"operator not in the language: {self.text(node)}", "use + - * // %")
        left, right = self.numeric(node.left, depth), self.numeric(node.right, depth)
        return nodes.Arith(NUM, self.text(node), op, left, right)

    def constant(self, node: ast.Constant) -> nodes.Node:
        value, text = node.value, self.text(node)
        if isinstance(value, bool):
            return nodes.Const(BOOL, text, value)
        if isinstance(value, int):
            if abs(value) > 1 << 53:
                self.refuse("EXPR_LIMIT", "a number lies within ±2^53")
            return nodes.Const(NUM, text, value)
        if isinstance(value, float):
            if value != value or abs(value) > 1 << 53:
                self.refuse("EXPR_LIMIT", "a number lies within ±2^53")
            return nodes.Const(NUM, text, Fraction(repr(value)))
        if isinstance(value, str):
            return nodes.Const(STR, text, value)
        self.refuse(
            "EXPR_SYNTAX", f"`{text}` is not part of the language", "ask has(x) for what may be missing"
        )

    def name(self, node: ast.Name) -> nodes.Node:
        if node.id in self.locals:
            slot, kind = self.locals[node.id]
            return nodes.Slot(kind, node.id, slot)
        kind_of = self.types.get(node.id)
        if kind_of is None:
            self.unknown("name", node.id, list(self.types))
        if kind_of.kind == "fn":
            self.refuse("EXPR_TYPE", f"`{node.id}` is a function; call it")
        return nodes.Name(kind_of, node.id, node.id)

    def unknown(self, what: str, name: str, known: list[str]) -> NoReturn:
        near = get_close_matches(name, known, 1)
        remedy = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(sorted(known)[:30])}"
        self.refuse("EXPR_NAME", f"unknown {what} `{name}`", remedy)

    def attribute(self, node: ast.Attribute, depth: int) -> nodes.Node:
        base, text = self.check(node.value, depth), self.text(node)
        if node.attr.startswith("_"):
            self.refuse("EXPR_NAME", f"`{text}`: names that start with _ cannot be read")
        if base.type.kind == "any":
            return nodes.Attr(ANY, text, base, node.attr)
        if base.type.kind == "map" and base.type.item is not None:
            return nodes.Attr(base.type.item, text, base, node.attr)
        if base.type.kind != "struct":
            self.refuse("EXPR_TYPE", f"`{self.text(node.value)}` is a {base.type} and has no attributes")
        kind = base.type.fields.get(node.attr)
        if kind is None:
            self.unknown(f"attribute of {base.type}", node.attr, list(base.type.fields))
        return nodes.Attr(kind, text, base, node.attr)

    def subscript(self, node: ast.Subscript, depth: int) -> nodes.Node:
        base, key, text = self.check(node.value, depth), self.check(node.slice, depth), self.text(node)
        kind = base.type.kind
        if kind == "any":
            return nodes.Item(ANY, text, base, key)
        if kind == "struct":
            if not (isinstance(key, nodes.Const) and isinstance(key.value, str)):
                self.refuse("EXPR_TYPE", f"`{text}`: the attribute's name must be a constant string")
            field = base.type.fields.get(key.value)
            if field is None:
                self.unknown(f"attribute of {base.type}", key.value, list(base.type.fields))
            return nodes.Attr(field, text, base, key.value)
        if kind == "map" and base.type.item is not None and key.type.kind in ("str", "any"):
            return nodes.Item(base.type.item, text, base, key)
        if kind == "list" and base.type.item is not None and key.type.kind in ("num", "any"):
            return nodes.Item(base.type.item, text, base, key)
        if kind == "tuple" and isinstance(key, nodes.Const) and isinstance(key.value, int):
            if not 0 <= key.value < len(base.type.items):
                self.refuse("EXPR_TYPE", f"`{text}`: it has {len(base.type.items)} members")
            return nodes.Item(base.type.items[key.value], text, base, key)
        self.refuse("EXPR_TYPE", f"`{text}`: a {base.type} is not indexed by a {key.type}")

    def comparison(self, node: ast.Compare, depth: int) -> nodes.Node:
        operands = [self.check(node.left, depth)] + [self.check(c, depth) for c in node.comparators]
        parts = []
        for position, operator in enumerate(node.ops):
            op = _COMPARISONS.get(type(operator))
            if op is None:
                self.refuse("EXPR_SYNTAX", f"`is` is not part of the language: {self.text(node)}", "use ==")
            left, right = operands[position], operands[position + 1]
            text = self.text(node) if len(node.ops) == 1 else f"{left.source} {op} {right.source}"
            (self.member if op in ("in", "not in") else self.comparable)(op, left, right, text)
            parts.append(nodes.Compare(BOOL, text, op, left, right))
        return parts[0] if len(parts) == 1 else nodes.Bools(BOOL, self.text(node), "and", tuple(parts))

    def comparable(self, op: str, left: nodes.Node, right: nodes.Node, text: str) -> None:
        kinds = {left.type.kind, right.type.kind} - {"any"}
        wanted = {"bool", "num", "str"} if op in ("==", "!=") else {"num"}
        if not kinds <= wanted or len(kinds) > 1:
            hint = (
                "order is defined for numbers only; for levels use severity(x)" if wanted == {"num"} else None
            )
            self.refuse("EXPR_TYPE", f"`{text}` compares a {left.type} with a {right.type}", hint)
        self.possible(left, right, text)
        self.possible(right, left, text)

    def member(self, op: str, left: nodes.Node, right: nodes.Node, text: str) -> None:
        kind, item = right.type.kind, right.type.item or ANY
        if kind == "any":
            return
        if kind == "str":
            if left.type.kind not in ("str", "any"):
                self.refuse("EXPR_TYPE", f"`{text}` looks for a {left.type} in a string")
            return
        if kind == "map":
            item = STR
        elif kind != "list":
            self.refuse("EXPR_TYPE", f"`{text}`: nothing can be in a {right.type}")
        if left.type.kind not in ("bool", "num", "str", "any"):
            self.refuse("EXPR_TYPE", f"`{text}`: a {left.type} is not looked up", "use any(… for …)")
        if "any" not in (item.kind, left.type.kind) and item.kind != left.type.kind:
            self.refuse("EXPR_TYPE", f"`{text}` looks for a {left.type} in a {right.type}")
        for member in right.items if isinstance(right, nodes.ListLit) else ():
            self.possible(left, member, text)
        if isinstance(left, nodes.Const) and item.choices and left.value not in item.choices:
            self.refuse("EXPR_TYPE", f"`{text}` can never be: it is one of {', '.join(sorted(item.choices))}")

    def possible(self, value: nodes.Node, constant: nodes.Node, text: str) -> None:
        choices = value.type.choices
        if choices and isinstance(constant, nodes.Const) and constant.value not in choices:
            near = get_close_matches(str(constant.value), sorted(choices), 1)
            self.refuse(
                "EXPR_TYPE",
                f"`{text}`: {constant.source} is never the value of {value.source}",
                f"did you mean `{near[0]}`?" if near else f"it is one of {', '.join(sorted(choices))}",
            )

    def call(self, node: ast.Call, depth: int) -> nodes.Node:
        text = self.text(node)
        if not isinstance(node.func, ast.Name) or node.keywords:
            self.refuse(
                "EXPR_SYNTAX", f"only plain functions are called: {text}", "write lower(x), not x.lower()"
            )
        name = node.func.id
        if name in ("any", "all", "sum"):
            return self.quantifier(name, node, depth)
        if name == "has":
            if len(node.args) != 1 or not isinstance(node.args[0], ast.Attribute | ast.Subscript | ast.Name):
                self.refuse("EXPR_TYPE", f"has() takes one name, attribute or item: {text}")
            return nodes.Has(BOOL, text, self.check(node.args[0], depth))
        own = self.types.get(name)
        if own is not None and own.kind == "fn" and own.returns is not None:
            args = self.arguments(node, own.params, depth)
            return nodes.Call(own.returns, text, name, args, False)
        function = LIBRARY.get(name)
        if function is None:
            functions = [n for n, kind in self.types.items() if kind.kind == "fn"]
            self.unknown("function", name, [*LIBRARY, "any", "all", "sum", "has", *functions])
        args = self.arguments(node, function.params, depth)
        if name == "len" and args[0].type.kind not in ("str", "list", "map", "any"):
            self.refuse("EXPR_TYPE", f"`{text}`: a {args[0].type} has no length")
        for position in function.constants:
            if not isinstance(args[position], nodes.Const):
                self.refuse("EXPR_TYPE", f"`{text}`: argument {position + 1} must be a constant string")
        if function.make is not None and isinstance(args[1], nodes.Const):
            try:
                function.make(args[1].value)
            except ValueError as problem:
                self.refuse("EXPR_PATTERN", f"`{text}`: {problem}")
        return nodes.Call(function.returns, text, name, args, True)

    def arguments(self, node: ast.Call, params: tuple[Type, ...], depth: int) -> tuple[nodes.Node, ...]:
        text = self.text(node)
        if len(node.args) != len(params):
            self.refuse("EXPR_TYPE", f"`{text}` takes {len(params)} arguments, not {len(node.args)}")
        args = tuple(self.check(arg, depth) for arg in node.args)
        for arg, param in zip(args, params, strict=True):
            if "any" not in (arg.type.kind, param.kind) and arg.type.kind != param.kind:
                self.refuse("EXPR_TYPE", f"`{text}`: `{arg.source}` is a {arg.type}, not a {param}")
            self.possible(nodes.Node(param, text), arg, text)
        return args

    def quantifier(self, kind: str, node: ast.Call, depth: int) -> nodes.Node:
        text = self.text(node)
        if len(node.args) != 1 or not isinstance(node.args[0], ast.GeneratorExp):
            self.refuse("EXPR_SYNTAX", f"{kind}() takes `… for x in …`: {text}")
        generator = node.args[0]
        self.nesting += len(generator.generators)
        if self.nesting > MAX_NESTED_LOOPS:
            self.refuse("EXPR_LIMIT", f"loops nest at most {MAX_NESTED_LOOPS} deep: {text}")
        outer = dict(self.locals)
        loops = []
        for part in generator.generators:
            if part.is_async or not isinstance(part.target, ast.Name):
                self.refuse("EXPR_SYNTAX", f"a loop has one plain variable: {text}")
            variable = part.target.id
            if variable in self.types or variable in self.locals or variable in LIBRARY:
                self.refuse("EXPR_NAME", f"loop variable `{variable}` hides a known name", "rename it")
            source = self.check(part.iter, depth)
            if source.type.kind not in ("list", "any"):
                self.refuse("EXPR_TYPE", f"`{source.source}` is a {source.type}, not a list")
            self.locals[variable] = (self.slots, source.type.item or ANY)
            slot, self.slots = self.slots, self.slots + 1
            conditions = tuple(self.boolean(condition, depth) for condition in part.ifs)
            loops.append(nodes.Loop(slot, source, conditions))
        body = (self.numeric if kind == "sum" else self.boolean)(generator.elt, depth)
        self.locals = outer
        self.nesting -= len(generator.generators)
        return nodes.Quant(NUM if kind == "sum" else BOOL, text, kind, tuple(loops), body)
