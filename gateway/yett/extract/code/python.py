"""Python: what a program would do, read from its syntax tree.

A small abstract interpreter walks the statements in order, keeps what names stand for (imports, aliases, constant
strings, objects made from them), enters the functions the program itself defines, and looks up what is called in
`apis`. It decides nothing that depends on data: whatever it can't know is unknown, and what hides its target
(`getattr(x, name())`, `eval(data)`) is a flag of its own. Nothing is ever executed.
"""

from __future__ import annotations

import ast
import shlex
from typing import Any

import re2

from yett.extract.budget import Budget, Nested
from yett.extract.code import apis, folding, places
from yett.extract.code.values import UNKNOWN, Made, Partly, Ref, exact, join, text_of
from yett.extract.facts import CodeFact

MAX_LENGTH = 32_768
MAX_NODES = 30_000
MAX_INLINING = 3
MAX_NESTED = 64
MAX_STRINGS = 64
HUGE = 50_000_000
"""Elements or bytes: a constant size beyond it is a memory or disk bomb, not a program's need."""

_MAGIC = re2.compile(r"(?m)^[ \t]*(?:[A-Za-z_]\w*[ \t]*=[ \t]*)?!{1,2}([^\n=][^\n]*)$")
_CELL = re2.compile(r"(?s)^\s*%%(?:bash|sh|script \w+|system|!)[^\n]*\n(.*)$")
_LINE_MAGIC = re2.compile(r"(?m)^[ \t]*%{1,2}(\w+)[ \t]*([^\n]*)$")
_FENCE = re2.compile(r"(?s)^\s*```[a-zA-Z0-9]*\n(.*?)\n?```\s*$")
_TEXTUAL = re2.compile(
    r"\b(os\.(?:system|popen|exec\w+|remove|unlink|fork|kill)|subprocess\.\w+|commands\.getoutput|shutil\.rmtree|socket\.socket|"
    r"urllib2?\.\w+|requests\.\w+|pickle\.loads?|marshal\.loads|ctypes\.\w+|__import__|eval|exec|compile)\s*\(?"
)
_CODE_LIKE = re2.compile(
    r"(?m)(?:^|;)\s*(?:import\s+\w|from\s+[\w.]+\s+import\s|def\s+\w+\(|exec\(|eval\(|open\(|__import__\(|os\.\w+\()"
)


def analyse(
    source: str, pointer: str, *, declared: bool, budget: Budget
) -> tuple[CodeFact, tuple[Nested, ...]]:
    """Facts of one Python program, and the texts in it that are to be looked at again."""
    reader = Reader(pointer, budget)
    fenced = _FENCE.match(source)
    if fenced:
        source = fenced.group(1)
    cell = _CELL.match(source)
    if cell:
        reader.flags |= {"process", "shell"}
        reader.nest("shell", cell.group(1), "cell magic")
        return reader.fact(declared), tuple(reader.nested)
    if len(source) > MAX_LENGTH:
        reader.opaque.append("too_long")
        return reader.fact(declared), ()
    source = _magics(source, reader)
    tree = _parse(source, reader)
    if tree is not None:
        reader.run(tree)
    return reader.fact(declared), tuple(reader.nested)


def _magics(source: str, reader: Reader) -> str:
    """Notebook lines (`!cmd`, `%sx cmd`) become shell to look at, and disappear from the Python."""
    if "!" not in source and "%" not in source:
        return source
    for match in _MAGIC.finditer(source):
        reader.flags |= {"process", "shell"}
        reader.nest("shell", match.group(1), "line magic")
    for match in _LINE_MAGIC.finditer(source):
        if match.group(1) in ("sx", "system", "bash", "sh"):
            reader.flags |= {"process", "shell"}
            reader.nest("shell", match.group(2), "line magic")
    return str(_LINE_MAGIC.sub("pass", _MAGIC.sub("pass", source)))


def _parse(source: str, reader: Reader) -> ast.Module | None:
    text = source
    for attempt in (0, 1):
        try:
            return ast.parse(text)
        except SyntaxError:
            if attempt == 0 and text[:1] in " \t":
                text = "if 1:\n" + "\n".join("  " + line for line in text.split("\n"))
                continue
            break
        except (ValueError, RecursionError, MemoryError, OverflowError):
            reader.opaque.append("unparsed")
            reader.flags.add("obfuscated")
            return None
    reader.opaque.append("unparsed")
    for match in _TEXTUAL.finditer(source):
        name = match.group(1)
        reader.call_name(name if "." in name else f"builtins.{name}", [], {}, None)
    return None


class Reader:
    """The state of one reading: what names stand for, and what was seen."""

    def __init__(self, pointer: str, budget: Budget) -> None:
        self.pointer = pointer
        self.budget = budget
        self.calls: dict[str, None] = {}
        self.imports: dict[str, None] = {}
        self.flags: set[str] = set()
        self.strings: dict[str, None] = {}
        self.opaque: list[str] = []
        self.nested: list[Nested] = []
        self.names: dict[str, Any] = {}
        self.functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
        self.entered: set[str] = set()
        self.loops: list[bool] = []
        """For each loop around the current node: whether it never ends."""
        self.depth = 0
        self.nodes = 0

    def fact(self, declared: bool) -> CodeFact:
        return CodeFact(
            pointer=self.pointer,
            language="python",
            calls=tuple(self.calls),
            imports=tuple(self.imports),
            effects=frozenset(_EFFECTS[flag] for flag in self.flags if flag in _EFFECTS),
            flags=frozenset(self.flags),
            strings=tuple(self.strings),
            opaque=tuple(self.opaque),
            declared=declared,
        )

    def nest(self, kind: str, text: str, via: str) -> None:
        if text and len(self.nested) < MAX_NESTED:
            found = Nested(kind=kind, text=text, pointer=self.pointer, via=via)
            if found not in self.nested:
                self.nested.append(found)
        elif text and "too_many" not in self.opaque:
            self.opaque.append("too_many")

    def run(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
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

    def _count(self) -> bool:
        self.nodes += 1
        if self.nodes % 1_000 == 0:
            self.budget.spend(1)
        if self.nodes > MAX_NODES:
            if "too_many_nodes" not in self.opaque:
                self.opaque.append("too_many_nodes")
            return False
        return True

    def statement(self, node: ast.stmt) -> None:
        if not self._count():
            return
        match node:
            case ast.Import():
                for alias in node.names:
                    self.imports[alias.name] = None
                    self.names[alias.asname or alias.name.split(".")[0]] = Ref(
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            case ast.ImportFrom():
                for alias in node.names:
                    full = f"{node.module or ''}.{alias.name}".strip(".")
                    self.imports[node.module or full] = None
                    if alias.name != "*":
                        self.names[alias.asname or alias.name] = Ref(full)
                    else:
                        for api in apis.APIS:
                            module, _, last = api.rpartition(".")
                            if module == node.module:
                                self.names.setdefault(last, Ref(api))
            case ast.Assign():
                value = self.value(node.value)
                for target in node.targets:
                    self.bind(target, value, node.value)
            case ast.AnnAssign() if node.value is not None:
                self.bind(node.target, self.value(node.value), node.value)
            case ast.AugAssign():
                before = self.value(node.target)
                after = self.value(node.value)
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
                for default in [*node.args.defaults, *node.args.kw_defaults]:
                    if default is not None:
                        self.value(default)
            case ast.ClassDef():
                for base in [*node.bases, *[k.value for k in node.keywords], *node.decorator_list]:
                    self.value(base)
                for inner in node.body:
                    if (
                        isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef))
                        and inner.name == "__reduce__"
                    ):
                        self.flags.add("deserialise")
                self.block(node.body)
            case ast.While():
                endless = _endless(node)
                self.value(node.test)
                self.loops.append(endless)
                self.block(node.body)
                self.loops.pop()
                self.block(node.orelse)
            case ast.For() | ast.AsyncFor():
                items = self.value(node.iter)
                first = items[0] if isinstance(items, list) and items else UNKNOWN
                endless = isinstance(items, Made) and items.name in _ENDLESS and not _leaves(node)
                self.loops.append(endless)
                for item in items[:32] if isinstance(items, list) and len(items) > 1 else [first]:
                    self.bind(node.target, item, node.iter)
                    self.block(node.body)
                self.loops.pop()
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
                    self.block(handler.body)
                self.block(node.orelse)
                self.block(node.finalbody)
            case ast.Delete():
                pass
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.value(child)
                    elif isinstance(child, ast.stmt):
                        self.statement(child)
                    elif isinstance(child, ast.match_case):
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
            owner = self.value(target.value)
            if (
                isinstance(owner, Ref)
                and owner.name.split(".")[0] in self.imports
                and not owner.name.startswith("self")
            ):
                self.names[f"{owner.name}.{target.attr}"] = value
            elif isinstance(target.value, ast.Name):
                self.names[f"{target.value.id}.{target.attr}"] = value
        elif isinstance(target, ast.Subscript):
            owner = self.value(target.value)
            self.value(target.slice)
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

    # -- expressions -----------------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Any:
        """What an expression stands for, after noting everything that evaluating it would do."""
        if not self._count():
            return UNKNOWN
        match node:
            case ast.Constant():
                if isinstance(node.value, str) and len(node.value) >= 3:
                    self.remember(node.value)
                return node.value
            case ast.Name():
                if node.id in self.names:
                    return self.names[node.id]
                return Ref(node.id) if node.id not in self.functions else UNKNOWN
            case ast.Attribute():
                return self.attribute(node)
            case ast.Call():
                return self.call(node)
            case ast.BinOp():
                left, right = self.value(node.left), self.value(node.right)
                self._size(node.op, left, right)
                if isinstance(node.op, ast.Div) and _is_path(left):
                    return Made("pathlib.Path", text_of(join([left, "/", right])))
                return folding.binary(node.op, left, right)
            case ast.JoinedStr():
                return join([self.value(part) for part in node.values])
            case ast.FormattedValue():
                return self.value(node.value)
            case ast.List() | ast.Tuple() | ast.Set():
                return [self.value(element) for element in node.elts]
            case ast.Dict():
                for key in node.keys:
                    if key is not None:
                        self.value(key)
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
        for generator in node.generators:
            items = self.value(generator.iter)
            if isinstance(items, Made) and items.name in _ENDLESS and not isinstance(node, ast.GeneratorExp):
                self.flags.add("resource_bomb")
            self.bind(generator.target, UNKNOWN, generator.iter)
            for test in generator.ifs:
                self.value(test)
        result: Any = UNKNOWN
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
        self.names = outer
        return result

    def attribute(self, node: ast.Attribute) -> Any:
        owner = self.value(node.value)
        if node.attr in apis.REFLECTION:
            self.flags.add("reflection")
        if isinstance(node.value, ast.Name) and f"{node.value.id}.{node.attr}" in self.names:
            return self.names[f"{node.value.id}.{node.attr}"]
        if isinstance(owner, Ref):
            name = f"{owner.name}.{node.attr}"
            if name == "os.environ":
                self.flags.add("env_read")
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
        owner = self.value(node.value)
        index = self.value(node.slice) if not isinstance(node.slice, ast.Slice) else UNKNOWN
        if isinstance(node.slice, ast.Slice):
            return folding.sliced(owner, node.slice)
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

    # -- calls -----------------------------------------------------------------------------------------------

    def call(self, node: ast.Call) -> Any:
        args = [self.value(argument) for argument in node.args]
        keywords = {k.arg: self.value(k.value) for k in node.keywords if k.arg}
        for keyword in node.keywords:
            if keyword.arg is None:
                self.value(keyword.value)
        if (
            isinstance(node.func, ast.Name)
            and node.func.id in self.functions
            and not isinstance(self.names.get(node.func.id), Ref)
        ):
            function = self.functions[node.func.id]
            if any(self.loops) and "fork" in self.flags:
                self.flags.add("resource_bomb")
            if self.depth and node.func.id in self.entered and self.depth >= MAX_INLINING:
                return UNKNOWN
            return self.enter(function, args, keywords)
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            folded = folding.method(owner, node.func.attr, args)
            if folded is not UNKNOWN:
                self._decoded(node.func.attr, folded)
                return folded
            result = self.method(owner, node.func, args, keywords)
            if result is not None:
                return result
        target = self.value(node.func)
        if isinstance(target, Ref):
            return self.call_name(target.name, args, keywords, node)
        if isinstance(node.func, (ast.Call, ast.Subscript)) and target is UNKNOWN:
            self.flags.add("computed_call")
        return UNKNOWN

    def method(self, owner: Any, func: ast.Attribute, args: list[Any], keywords: dict[str, Any]) -> Any:
        """A call of a method of something that is not a module; None if it is to be looked up by name."""
        name = func.attr
        if name in apis.SQL_METHODS and args:
            text = text_of(args[0])
            if text is not None and len(text) > 5:
                self.calls[f"cursor.{name}"] = None
                self.nest("sql", text, f"python:{name}")
            return UNKNOWN
        if isinstance(owner, Made) and owner.name == "open":
            if name in ("write", "writelines") and args:
                self._written(args[0])
            if name.startswith("read"):
                return Made("file.read", owner.text)
            return UNKNOWN
        if name in ("append", "extend", "appendleft", "add", "insert", "put", "write") and any(self.loops):
            self.flags.add("resource_bomb")
        if _is_path(owner) and name in apis.METHODS:
            self.apply(f"pathlib.Path.{name}", apis.METHODS[name], args, keywords, owner)
            return Made("file.read", text_of(owner)) if name.startswith("read") else UNKNOWN
        if _is_path(owner) and name == "open":
            return self.open_file([owner, *args], keywords)
        if _is_path(owner) and name in (
            "joinpath",
            "with_name",
            "with_suffix",
            "resolve",
            "expanduser",
            "absolute",
            "as_posix",
            "relative_to",
        ):
            return Made("pathlib.Path", text_of(join([owner, *[part for a in args for part in ("/", a)]])))
        if isinstance(owner, Made) and name in apis.NETWORK_METHODS:
            self.flags.add("network")
        if isinstance(owner, Made):
            full = f"{owner.name}.{name}"
            if full in apis.APIS:
                return self.call_name(full, args, keywords, None)
            return UNKNOWN
        return None

    def call_name(self, name: str, args: list[Any], keywords: dict[str, Any], node: ast.Call | None) -> Any:
        """A call of something known by name: note what it does, fold what it returns if that is constant."""
        plain = name.removeprefix("builtins.").removeprefix("__builtins__.")
        self.calls[plain] = None
        if plain in ("getattr", "builtins.getattr"):
            return self.get_attribute(args)
        if plain in ("__import__", "importlib.import_module", "importlib.__import__"):
            if args and isinstance(args[0], str):
                self.imports[args[0]] = None
                if plain == "__import__":
                    self.flags.add("reflection")
                return Ref(args[0])
            self.flags.add("dynamic_code")
            return UNKNOWN
        if plain in ("globals", "locals", "vars"):
            return Made(plain, args[0].name if args and isinstance(args[0], Ref) else None)
        if plain in ("setattr", "delattr") and len(args) > 1 and not isinstance(args[1], str):
            self.flags.add("reflection")
        if plain in ("open", "io.open", "codecs.open", "os.open", "aiofiles.open", "os.fdopen"):
            return self.open_file(args, keywords)
        folded = folding.function(plain, args)
        if folded is not UNKNOWN:
            self._decoded(plain, folded)
            return folded
        if plain.startswith("base64.") and "encode" in plain and args:
            self._hidden(args[0])
            return Made("encoded", text_of(args[0]))
        if plain in ("str", "bytes", "repr", "format") and args:
            return args[0] if text_of(args[0]) is not None else UNKNOWN
        if plain == "range":
            if args and isinstance(args[-1], int) and args[-1] > HUGE:
                return Made("huge")
            return Made("range")
        if plain in ("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.WindowsPath", "Path"):
            return Made(
                "pathlib.Path",
                text_of(join([p for i, a in enumerate(args) for p in (("/", a) if i else (a,))])),
            )
        if plain in ("pathlib.Path.home", "os.path.expanduser") and plain.endswith("home"):
            return Made("pathlib.Path", "~")
        if (
            plain
            in (
                "list",
                "tuple",
                "set",
                "bytearray",
                "bytes",
                "numpy.zeros",
                "numpy.ones",
                "numpy.empty",
                "np.zeros",
            )
            and args
        ):
            if (
                (isinstance(args[0], int) and args[0] > HUGE)
                or args[0] == Made("huge")
                or (isinstance(args[0], Made) and args[0].name in _ENDLESS)
            ):
                self.flags.add("resource_bomb")
            return args[0] if isinstance(args[0], list) else UNKNOWN
        if plain == "sum" and args and args[0] == Made("huge"):
            return UNKNOWN
        api = _lookup(plain)
        if api is not None:
            self.apply(plain, api, args, keywords, None)
        elif plain.split(".")[0] in apis.NETWORK_MODULES and "." in plain:
            self.flags.add("network")
        if plain == "yaml.load" and not _safe_loader(node):
            self.flags.add("deserialise")
        if plain in ("numpy.load", "np.load") and keywords.get("allow_pickle") is True:
            self.flags.add("deserialise")
        if plain in (
            "threading.Thread",
            "multiprocessing.Process",
            "threading.Timer",
            "concurrent.futures.ThreadPoolExecutor",
        ):
            self._target(args, keywords)
            if any(self.loops) and "Process" in plain + "Thread":
                self.flags.add("resource_bomb")
        if (
            plain in ("map", "filter", "functools.reduce", "functools.partial", "sorted")
            and args
            and isinstance(args[0], Ref)
        ):
            inner = args[1] if len(args) > 1 else UNKNOWN
            self.call_name(args[0].name, inner if isinstance(inner, list) else [inner], {}, None)
        if "fork" in (api.flags if api else ()) and self.loops:
            self.flags.add("resource_bomb")
        if plain.startswith("itertools.") and plain.rpartition(".")[2] in ("count", "repeat", "cycle"):
            return Made(plain) if not (plain.endswith("repeat") and len(args) > 1) else UNKNOWN
        return (
            Made(plain, next((text_of(a) for a in args if text_of(a)), None))
            if "." in plain or api
            else UNKNOWN
        )

    def apply(self, name: str, api: apis.Api, args: list[Any], keywords: dict[str, Any], owner: Any) -> None:
        self.flags |= set(api.flags) - {"fork", "decode", "database", "file_read"}
        if "fork" in api.flags:
            self.flags.add("fork")
        self.calls[name] = None
        for where, role in api.roles:
            if where == "self":
                value: Any = owner
            elif where == "*":
                value = args
            elif isinstance(where, int):
                value = args[where] if where < len(args) else None
            else:
                value = keywords.get(where)
            if value is not None:
                self.role(role, value, name, keywords)

    def role(self, role: str, value: Any, name: str, keywords: dict[str, Any]) -> None:
        """Hand on an argument whose meaning is known: a command, path, URL, or program text."""
        if role == "argv" and isinstance(value, list):
            words = [text_of(word) for word in value if not isinstance(word, list)]
            if words and words[0]:
                known = [word if word is not None else "…" for word in words]
                self.nest("shell", " ".join(shlex.quote(word) for word in known), f"python:{name}")
            elif words:
                self.opaque.append("dynamic_command")
            return
        text = text_of(value)
        if role == "argv":
            if keywords.get("shell") is True:
                self.flags.add("shell")
            role = "shell"
        if role == "shell":
            if text:
                self.nest("shell", text.replace("…", "$_"), f"python:{name}")
            elif "dynamic_command" not in self.opaque:
                self.opaque.append("dynamic_command")
        elif role == "python":
            if text and exact(value):
                self.nest("python", text, f"python:{name}")
            elif not (name == "compile" and value is UNKNOWN):
                self.opaque.append("dynamic_code")
        elif role.startswith("path.") and text:
            self.touch(text, role, name)
        elif role == "url" and text:
            self.nest("url", text, f"python:{name}")

    def touch(self, path: str, role: str, name: str) -> None:
        self.flags |= places.flags(path, role)
        if "://" in path:
            self.flags.add("network")
            self.nest("url", path, f"python:{name}")
        elif "…" not in path[:2] and len(path) < 4_096:
            self.nest("path", path, f"{role.rpartition('.')[2]}:python:{name}")

    def open_file(self, args: list[Any], keywords: dict[str, Any]) -> Any:
        self.calls["open"] = None
        mode = args[1] if len(args) > 1 else keywords.get("mode", "r")
        path = text_of(args[0]) if args else text_of(keywords.get("file"))
        writing = not isinstance(mode, str) or any(letter in mode for letter in "wax+")
        if isinstance(mode, str) and mode == "r":
            writing = False
        if writing and isinstance(mode, str):
            self.flags.add("file_write")
        else:
            self.flags.add("file_read")
        if path:
            self.touch(path, "path.write" if writing else "path.read", "open")
        return Made("open", path)

    def get_attribute(self, args: list[Any]) -> Any:
        if len(args) < 2:
            return UNKNOWN
        owner, name = args[0], args[1]
        if isinstance(name, str):
            if name in apis.REFLECTION:
                self.flags.add("reflection")
            if isinstance(owner, (Ref, Made)):
                found = f"{owner.name}.{name}".removeprefix("builtins.").removeprefix("__builtins__.")
                if _lookup(found) is not None and isinstance(owner, Ref) and owner.name in self.imports:
                    self.flags.add("reflection")
                return Ref(found)
            return UNKNOWN
        if isinstance(owner, Ref) and (
            owner.name in self.imports or owner.name.startswith(("__builtins__", "builtins"))
        ):
            self.flags |= {"reflection", "dynamic_code"}
        return UNKNOWN

    # -- texts in the program --------------------------------------------------------------------------------

    def remember(self, text: str) -> None:
        if (
            len(self.strings) < MAX_STRINGS
            and len(text) < 4_096
            and ("/" in text or "\\" in text or "." in text or " " in text)
        ):
            self.strings[text] = None

    def _written(self, value: Any) -> None:
        """Text a program writes into a file: if it is itself a program, it is to be looked at."""
        text = text_of(value)
        if isinstance(value, Made) and value.name == "encoded":
            self.flags.add("obfuscated")
        if text and len(text) > 6:
            if isinstance(value, str) and value.lstrip().startswith(
                ("#!/bin/", "#!/usr/bin/env", "alias ", "export ")
            ):
                self.nest("shell", value, "python:write")
            elif isinstance(value, str) and _CODE_LIKE.search(value):
                self.nest("python", value, "python:write")

    def _hidden(self, value: Any) -> None:
        """A constant that is encoded by the program itself: code that hides is obfuscated."""
        text = text_of(value)
        if text and _CODE_LIKE.search(text):
            self.flags.add("obfuscated")
            self.nest("python", text, "python:encode")

    def _decoded(self, how: str, value: Any) -> None:
        """A constant the program decodes: what comes out is to be looked at."""
        if not any(
            word in how
            for word in ("decode", "fromhex", "decompress", "unhex", "rot", "join", "replace", "translate")
        ):
            return
        text = text_of(value)
        if text and len(text) > 6 and "\ufffd" not in text:
            if how.startswith(("base64", "binascii", "codecs", "bytes.fromhex", "zlib")) and len(text) > 12:
                self.flags.add("decodes_constant")
            if _CODE_LIKE.search(text):
                self.flags.add("obfuscated")
                self.nest("python", text, f"python:{how}")

    def _target(self, args: list[Any], keywords: dict[str, Any]) -> None:
        target = keywords.get("target", args[1] if len(args) > 1 else None)
        inner = keywords.get("args")
        if isinstance(target, Ref):
            self.call_name(target.name, inner if isinstance(inner, list) else [], {}, None)

    def _size(self, op: ast.operator, left: Any, right: Any) -> None:
        if isinstance(op, ast.Mult):
            for many, what in ((left, right), (right, left)):
                if isinstance(many, int) and many > HUGE and isinstance(what, (str, bytes, list)) and what:
                    self.flags.add("resource_bomb")
        elif (isinstance(op, ast.Pow) and isinstance(right, int) and right > 10_000_000) or (
            isinstance(op, ast.LShift) and isinstance(right, int) and right > HUGE
        ):
            self.flags.add("resource_bomb")


_EFFECTS = {
    "process": "exec",
    "file_write": "write",
    "file_delete": "delete",
    "file_read": "read",
    "sensitive_read": "read",
    "network": "network",
    "privilege": "privilege",
    "persist": "persist",
    "kill": "kill",
    "dynamic_code": "exec",
    "native": "exec",
    "deserialise": "exec",
}
_ENDLESS = ("itertools.count", "itertools.repeat", "itertools.cycle", "huge")


def _lookup(name: str) -> apis.Api | None:
    found = apis.APIS.get(name)
    if found is None and "." in name:
        # np.random.x is not np.x: only `module.Class.method` of a known class is looked up by its tail
        found = apis.APIS.get(name.removeprefix("six.moves."))
    return found


def _is_path(value: Any) -> bool:
    return isinstance(value, Made) and value.name == "pathlib.Path"


def _safe_loader(node: ast.Call | None) -> bool:
    if node is None:
        return False
    loaders = [*node.args[1:], *[k.value for k in node.keywords if k.arg == "Loader"]]
    return any("Safe" in ast.unparse(loader) or "Base" in ast.unparse(loader) for loader in loaders)


def _endless(node: ast.While) -> bool:
    test = node.test
    constant = (isinstance(test, ast.Constant) and bool(test.value)) or (
        isinstance(test, ast.Compare)
        and all(isinstance(part, ast.Constant) for part in [test.left, *test.comparators])
    )
    return constant and not _leaves(node)


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
