"""The walk over a Python program: statements in order, expressions inside out."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator
from typing import Any

from yett.extract.code import apis, folding
from yett.extract.code.calls import ENDLESS, HUGE, MAX_INLINING, Calls, is_path
from yett.extract.code.values import UNKNOWN, Made, Partly, Ref, join, text_of

_ITEMS = {"paths": Made("pathlib.Path"), "psutil.process_iter": Made("psutil.Process")}
"""What a loop over the result of a call gets hold of."""


class Reader(Calls):
    """Keeps what names stand for, enters the program's own functions, and hands calls to `Calls`."""

    def run(self, tree: ast.Module) -> None:
        for node in _statements(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.functions.setdefault(node.name, node)
        try:
            self.block(tree.body)
            for function in list(self.functions.values()):
                if function.name not in self.entered:
                    self.enter(function, [], {})
        except RecursionError:
            self.opaque.append("too_deep")

    # -- statements ------------------------------------------------------------------------------------------

    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        if not self._count():
            return
        match node:
            case ast.Import():
                for alias in node.names:
                    self.imports[alias.name] = None
                    full = alias.name if alias.asname else alias.name.split(".")[0]
                    self.names[alias.asname or full] = Ref(apis.SAME.get(full, full))
            case ast.ImportFrom():
                for alias in node.names:
                    module = apis.SAME.get(node.module or "", node.module or "")
                    full = f"{module}.{alias.name}".strip(".")
                    self.imports[node.module or full] = None
                    if alias.name != "*":
                        self.names[alias.asname or alias.name] = Ref(full)
                    else:
                        for api in apis.APIS:
                            owner, _, last = api.rpartition(".")
                            if owner == module:
                                self.names.setdefault(last, Ref(api))
            case ast.Assign():
                followed = not self.classes and all(
                    isinstance(target, ast.Name) and target.id not in self.shared for target in node.targets
                )
                value = self.resolve(node.value) if followed else self.value(node.value)
                for target in node.targets:
                    self.bind(target, value, node.value)
            case ast.AnnAssign():
                self.annotation(node.annotation)
                if node.value is not None:
                    self.bind(node.target, self.value(node.value), node.value)
            case ast.AugAssign():
                before = self.resolve(node.target)
                after = self.value(node.value)
                self.search_path(before, after)
                grown = (
                    folding.binary(node.op, before, after)
                    if isinstance(node.op, (ast.Add, ast.Mod))
                    else UNKNOWN
                )
                self.bind(node.target, grown, node.value)
                if (
                    any(self.loops)
                    and isinstance(node.op, (ast.Add, ast.Mult))
                    and isinstance(before, (list, str, bytes, Partly))
                ):
                    self.flags.add("resource_bomb")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for decorator in node.decorator_list:
                    self.value(decorator)
                self.defaults(node.args)
                listed = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                for note in [*[argument.annotation for argument in listed], node.returns]:
                    self.annotation(note)
            case ast.ClassDef():
                for base in [*node.bases, *[k.value for k in node.keywords], *node.decorator_list]:
                    self.value(base)
                for inner in node.body:
                    if (
                        isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef))
                        and inner.name == "__reduce__"
                    ):
                        self.flags.add("deserialise")
                self.classes += 1
                self.block(node.body)
                self.classes -= 1
            case ast.Global() | ast.Nonlocal():
                self.shared |= set(node.names)
            case ast.While():
                endless = _endless(node)
                self.value(node.test)
                self.loops.append(endless)
                self.block(node.body)
                self.loops.pop()
                self.block(node.orelse)
            case ast.For() | ast.AsyncFor():
                items = self.value(node.iter)
                first = (
                    items[0]
                    if isinstance(items, list) and items
                    else _ITEMS.get(getattr(items, "name", ""), UNKNOWN)
                )
                if isinstance(first, Made) and isinstance(items, Made):
                    first = Made(first.name, items.text)
                many = isinstance(items, Made) and items.name in ("many", "huge")
                self.many += many
                endless = isinstance(items, Made) and items.name in ENDLESS and not _leaves(node)
                self.loops.append(endless)
                for item in items[:32] if isinstance(items, list) and len(items) > 1 else [first]:
                    self.bind(node.target, item, node.iter)
                    self.block(node.body)
                self.loops.pop()
                self.many -= many
                self.block(node.orelse)
            case ast.With() | ast.AsyncWith():
                for item_ in node.items:
                    made = self.value(item_.context_expr)
                    if item_.optional_vars is not None:
                        self.bind(item_.optional_vars, made, item_.context_expr)
                self.block(node.body)
            case ast.If():
                self.value(node.test)
                self.block(node.body)
                self.block(node.orelse)
            case ast.Try():
                self.block(node.body)
                for handler in node.handlers:
                    if handler.type is not None:
                        self.value(handler.type)
                    self.block(handler.body)
                self.block(node.orelse)
                self.block(node.finalbody)
            case ast.Delete():
                for target in node.targets:
                    self.resolve(target)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.value(child)
                    elif isinstance(child, ast.stmt):
                        self.statement(child)
                    elif isinstance(child, ast.match_case):
                        if child.guard is not None:
                            self.value(child.guard)
                        self.block(child.body)

    def bind(self, target: ast.expr, value: Any, source: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = value if isinstance(value, list) and len(value) == len(target.elts) else None
            for index, element in enumerate(target.elts):
                self.bind(element, values[index] if values is not None else UNKNOWN, source)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, UNKNOWN, source)
        elif isinstance(target, ast.Attribute):
            owner = self.resolve(target.value)
            if (
                isinstance(owner, Ref)
                and owner.name.split(".")[0] in self.imports
                and not owner.name.startswith("self")
            ):
                self.names[f"{owner.name}.{target.attr}"] = value
                self.search_path(Ref(f"{owner.name}.{target.attr}"), value)
            elif isinstance(target.value, ast.Name):
                self.names[f"{target.value.id}.{target.attr}"] = value
        elif isinstance(target, ast.Subscript):
            owner = self.resolve(target.value)
            self.value(target.slice)
            self.search_path(owner, value)
            if isinstance(owner, Ref) and owner.name == "os.environ":
                self.flags.add("env_write")

    def enter(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, args: list[Any], keywords: dict[str, Any]
    ) -> Any:
        """Read a function of the program itself with what is known of its arguments."""
        if self.depth >= MAX_INLINING:
            return UNKNOWN
        self.entered.add(function.name)
        outer = self.names
        self.names = dict(outer)
        parameters = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
        for name in [*parameters, *[a.arg for a in function.args.kwonlyargs]]:
            self.names[name] = keywords.get(name, UNKNOWN)
        for name, value in zip(reversed(parameters), reversed(function.args.defaults), strict=False):
            if self.names[name] is UNKNOWN:
                self.names[name] = self.value(value)
        for name, value in zip(parameters, args, strict=False):
            self.names[name] = value
        loops, self.loops = self.loops, []
        self.depth += 1
        self.block(function.body)
        returned = [
            node.value for node in function.body if isinstance(node, ast.Return) and node.value is not None
        ]
        result = self.value(returned[-1]) if returned else UNKNOWN
        self.depth -= 1
        self.loops = loops
        self.names = outer
        return result

    def value(self, node: ast.expr) -> Any:
        """What an expression stands for, after noting everything that evaluating it would do."""
        if not self._count():
            return UNKNOWN
        match node:
            case ast.Constant():
                if isinstance(node.value, str) and len(node.value) >= 3:
                    self.remember(node.value)
                return node.value
            case ast.Name() | ast.Attribute():
                return self.handed_on(self.resolve(node))
            case ast.Call():
                return self.call(node)
            case ast.BinOp():
                left, right = self.value(node.left), self.value(node.right)
                self._size(node.op, left, right)
                if isinstance(node.op, ast.Div) and is_path(left):
                    return Made("pathlib.Path", text_of(join([left, "/", right])))
                return folding.binary(node.op, left, right)
            case ast.JoinedStr():
                return join([self.value(part) for part in node.values])
            case ast.FormattedValue():
                if node.format_spec is not None:
                    self.value(node.format_spec)
                return self.value(node.value)
            case ast.List() | ast.Tuple() | ast.Set():
                return [self.value(element) for element in node.elts]
            case ast.Dict():
                for key in node.keys:
                    if key is not None and self.value(key) == "()":
                        self.flags.add("reflection")  # a factory that `logging.config` calls by its name
                pairs = [self.value(element) for element in node.values]
                return Made("dict", " ".join(filter(None, (text_of(value) for value in pairs))) or None)
            case ast.Subscript():
                return self.subscript(node)
            case ast.IfExp():
                self.value(node.test)
                first, second = self.value(node.body), self.value(node.orelse)
                return first if first is not UNKNOWN else second
            case ast.NamedExpr():
                value = self.value(node.value)
                self.bind(node.target, value, node.value)
                return value
            case ast.Await() | ast.Starred():
                return self.value(node.value)
            case ast.Lambda():
                self.defaults(node.args)
                self.value(node.body)
                return UNKNOWN
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return self.comprehension(node)
            case ast.UnaryOp():
                value = self.value(node.operand)
                return (
                    -value if isinstance(node.op, ast.USub) and isinstance(value, (int, float)) else UNKNOWN
                )
            case ast.BoolOp():
                values = [self.value(part) for part in node.values]
                return next((v for v in reversed(values) if v is not UNKNOWN), UNKNOWN)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.value(child)
                    elif isinstance(child, ast.comprehension):
                        self.value(child.iter)
                        for test in child.ifs:
                            self.value(test)
                return UNKNOWN

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Any:
        outer = dict(self.names)
        items: Any = UNKNOWN
        many = 0
        for generator in node.generators:
            items = self.value(generator.iter)
            if isinstance(items, Made) and items.name in ENDLESS and not isinstance(node, ast.GeneratorExp):
                self.flags.add("resource_bomb")
            many += isinstance(items, Made) and items.name in ("many", "huge")
            self.bind(generator.target, UNKNOWN, generator.iter)
            for test in generator.ifs:
                self.value(test)
        result: Any = UNKNOWN
        self.many += many
        if (
            len(node.generators) == 1
            and not node.generators[0].ifs
            and isinstance(items, (list, str, bytes))
            and len(items) <= 4_096
        ):
            made = []
            for item in items:
                self.bind(node.generators[0].target, item, node.generators[0].iter)
                made.append(self.value(node.elt))
                if not self._count():
                    break
            result = made
        else:
            self.value(node.elt)
        self.many -= many
        self.names = outer
        return result

    def resolve(self, node: ast.expr) -> Any:
        """As `value`, of something that is only named, to be called or given another name: nobody else gets it."""
        if isinstance(node, ast.Attribute):
            return self.attribute(node)
        if isinstance(node, ast.Name):
            return self.names.get(node.id, Ref(node.id) if node.id not in self.functions else UNKNOWN)
        return self.value(node)

    def defaults(self, arguments: ast.arguments) -> None:
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if default is not None:
                self.value(default)

    def annotation(self, node: ast.expr | None) -> None:
        """Annotations are evaluated as well; those in quotes by whoever asks for them."""
        for inner in ast.walk(node) if node is not None else ():
            if isinstance(inner, ast.Call):
                self.value(inner)
            elif isinstance(inner, ast.Constant) and isinstance(inner.value, str) and "(" in inner.value:
                self.nest("python", inner.value, "python:annotation")

    def attribute(self, node: ast.Attribute) -> Any:
        owner = self.resolve(node.value)
        if node.attr in apis.REFLECTION:
            self.flags.add("reflection")
        if isinstance(node.value, ast.Name) and f"{node.value.id}.{node.attr}" in self.names:
            return self.names[f"{node.value.id}.{node.attr}"]
        if isinstance(owner, Ref):
            name = f"{owner.name}.{node.attr}"
            if name == "os.environ":
                self.flags.add("env_read")
            if name == "sys.executable":
                return "python"
            module = node.attr.lstrip("_")
            if module in apis.LEAKED and name not in apis.APIS and owner.name.split(".")[0] in self.imports:
                return Ref(module)  # `shutil.os` is os
            return self.names.get(name, Ref(name))
        if (
            isinstance(owner, Made)
            and owner.name.startswith("pathlib.")
            and node.attr in ("parent", "parents")
        ):
            return Made("pathlib.Path", (owner.text or "").rpartition("/")[0] or None)
        if isinstance(owner, Made):
            return Ref(f"{owner.name}.{node.attr}")
        return UNKNOWN

    def subscript(self, node: ast.Subscript) -> Any:
        owner = self.resolve(node.value)
        if isinstance(node.slice, ast.Slice):
            for bound in (node.slice.lower, node.slice.upper, node.slice.step):
                if bound is not None:
                    self.value(bound)
            return folding.sliced(owner, node.slice)
        return self.item(owner, self.value(node.slice))

    def item(self, owner: Any, index: Any) -> Any:
        """What `owner[index]` is, of a list, or of what holds the names of a module."""
        if isinstance(owner, Ref) and owner.name.startswith("ctypes."):
            self.flags.add("native")
        if isinstance(owner, Ref) and owner.name in (
            "sys.modules",
            "globals",
            "locals",
            "vars",
            "__builtins__",
            "builtins.__dict__",
        ):
            self.flags.add("reflection")
            return (
                Ref(str(index) if owner.name == "sys.modules" else f"builtins.{index}")
                if isinstance(index, str)
                else UNKNOWN
            )
        if isinstance(owner, Made) and owner.name in ("globals", "locals", "vars") and isinstance(index, str):
            self.flags.add("reflection")
            return self.names.get(index, Ref(index if owner.text is None else f"{owner.text}.{index}"))
        if (
            isinstance(owner, Ref)
            and owner.name.endswith((".__dict__", ".__builtins__"))
            and isinstance(index, str)
        ):
            self.flags.add("reflection")
            return Ref(f"{owner.name.rpartition('.')[0]}.{index}")
        if isinstance(owner, (list, str)) and isinstance(index, int) and -len(owner) <= index < len(owner):
            return owner[index]
        return UNKNOWN

    def _size(self, op: ast.operator, left: Any, right: Any) -> None:
        if isinstance(op, ast.Mult):
            for many, what in ((left, right), (right, left)):
                if isinstance(many, int) and many > HUGE and isinstance(what, (str, bytes, list)) and what:
                    self.flags.add("resource_bomb")
        elif (isinstance(op, ast.Pow) and isinstance(right, int) and right > 10_000_000) or (
            isinstance(op, ast.LShift) and isinstance(right, int) and right > HUGE
        ):
            self.flags.add("resource_bomb")


def _endless(node: ast.While) -> bool:
    test = node.test
    constant = (isinstance(test, ast.Constant) and bool(test.value)) or (
        isinstance(test, ast.Compare)
        and all(isinstance(part, ast.Constant) for part in [test.left, *test.comparators])
    )
    return constant and not _leaves(node)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """The statements of a program, outer ones first. No function stands in an expression, and most of a tree is those."""
    waiting = deque([tree])
    while waiting:
        node = waiting.popleft()
        for name in ("body", "handlers", "orelse", "finalbody", "cases"):
            waiting.extend(getattr(node, name, ()))
        yield node


def _leaves(loop: ast.AST) -> bool:
    """Whether a loop can end: a break, return, raise, yield or exit in it."""
    for inner in ast.walk(loop):
        if isinstance(inner, (ast.Break, ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await)):
            return True
        if isinstance(inner, ast.Call) and isinstance(inner.func, (ast.Name, ast.Attribute)):
            name = inner.func.id if isinstance(inner.func, ast.Name) else inner.func.attr
            if name in (
                "exit",
                "quit",
                "_exit",
                "abort",
                "sleep",
                "input",
                "accept",
                "recv",
                "next",
                "pop",
                "popleft",
                "get",
            ):
                return True
    return False
