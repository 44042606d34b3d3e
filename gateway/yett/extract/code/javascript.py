"""JavaScript: what a program would do, read from tree-sitter's syntax tree.

One walk binds what names stand for (`require`, `import`, destructuring, constant strings), then every call is looked
up by its resolved dotted name, as for Python. The tree (`trees`) is walked without recursion.
"""

from __future__ import annotations

from tree_sitter import Node

from yett.extract.budget import Budget, Nested
from yett.extract.code import javascript_apis as apis
from yett.extract.code import places, trees
from yett.extract.facts import CodeFact
from yett.extract.patterns import pattern
from yett.extract.words import words

MAX_LENGTH = 16_384
MAX_NESTED = 64
MAX_CHAIN = 20
MAX_NAME = 200

_PASSED_ON = words("await_expression parenthesized_expression sequence_expression assignment_expression")
"""An expression that is what one of its parts is."""
_NO_USE = words("expression_statement import_specifier import_clause named_imports namespace_import")
_ENDLESS = pattern(r"^\(\s*(?:true|1|!0|!false|!!1|1\s*===?\s*1)\s*\)$")
_LEAVES = pattern(r"\b(?:break|return|throw|yield|await|exit)\b")
_GROWS = pattern(r"\b(?:appendFile|fork|spawn|exec)(?:Sync)?\s*\(")
"""What an endless repetition must not do."""
_SENDS = pattern(r"\b(?:method|body|data)\b")
_ESCAPE = pattern(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|([^xu]))")


def analyse(
    source: str, pointer: str, *, declared: bool, budget: Budget
) -> tuple[CodeFact, tuple[Nested, ...]]:
    """Facts of one JavaScript program, and the texts in it that are to be looked at again."""
    data = source.encode("utf-8", "replace")
    reader = _Reader(pointer, data)
    if len(source) > MAX_LENGTH:
        reader.opaque.append("too_long")
        return reader.fact(declared), ()

    tree = trees.grow(data, budget)
    if tree.root_node.has_error:
        reader.opaque.append("has_error")
    nodes, whole = trees.nodes(tree, budget)
    if not whole:
        reader.opaque.append("too_many_nodes")
    for node in nodes:
        reader.bind(node)
    reader.settled = True
    for node in reversed(nodes):  # inner names first, so that each is put together once
        if node.type in ("member_expression", "subscript_expression"):
            reader.dotted(node)
    for node in nodes:
        reader.note(node)
    return reader.fact(declared), tuple(reader.nested)


class _Reader:
    def __init__(self, pointer: str, data: bytes) -> None:
        self.pointer = pointer
        self.data = data
        self.settled = False
        """All names are bound: what an expression is called will not change any more."""
        self._memory: dict[int, str] = {}
        self.names: dict[str, str] = {}
        """What an identifier stands for: a dotted module path."""
        self.texts: dict[str, str] = {}
        """Identifiers bound to constant strings."""
        self.calls: dict[str, None] = {}
        self.imports: dict[str, None] = {}
        self.flags: set[str] = set()
        self.strings: dict[str, None] = {}
        self.opaque: list[str] = []
        self.nested: list[Nested] = []

    def fact(self, declared: bool) -> CodeFact:
        return CodeFact(
            pointer=self.pointer,
            language="javascript",
            calls=tuple(self.calls),
            imports=tuple(self.imports),
            flags=frozenset(self.flags),
            strings=tuple(self.strings),
            opaque=tuple(dict.fromkeys(self.opaque)),
            declared=declared,
        )

    def nest(self, kind: str, text: str, via: str) -> None:
        if not text:
            return
        if len(self.nested) >= MAX_NESTED:
            self.opaque.append("too_many")
            return
        self.nested.append(Nested(kind=kind, text=text, pointer=self.pointer, via=f"javascript:{via}"))

    def _raw(self, node: Node) -> str:
        # Not `node.text`: that asks the read callback again, for ever once the budget is spent.
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    # -- what names stand for ----------------------------------------------------------------------------------

    def bind(self, node: Node) -> None:
        if node.type == "import_statement":
            source = node.child_by_field_name("source")
            module = _module(self.text(source) or "") if source else ""
            self.imports[module] = None
            for clause in node.named_children:
                if clause.type == "import_clause":
                    self._import(clause, module)
        elif node.type in ("variable_declarator", "assignment_expression"):
            left = node.child_by_field_name("name") or node.child_by_field_name("left")
            right = node.child_by_field_name("value") or node.child_by_field_name("right")
            if left is None or right is None:
                return
            target = self.dotted(right)
            if left.type == "identifier":
                text = self.text(right)
                if text is not None:
                    self.texts[self._raw(left)] = text
                elif target:
                    self.names[self._raw(left)] = target
            elif left.type == "object_pattern" and target:
                for part in left.named_children:
                    if part.type == "rest_pattern" and part.named_children:
                        self.names[self._raw(part.named_children[0])] = target
                    if part.type == "shorthand_property_identifier_pattern":
                        self.names[self._raw(part)] = f"{target}.{self._raw(part)}"
                    elif part.type == "pair_pattern":
                        key, value = part.child_by_field_name("key"), part.child_by_field_name("value")
                        if key is not None and value is not None:
                            self.names[self._raw(value)] = f"{target}.{self._raw(key)}"
        elif node.type == "call_expression":
            self._promised(node)

    def _promised(self, node: Node) -> None:
        """`import("fs").then(m => …)`: the parameter is the module."""
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        if function is None or arguments is None or self._part(function) != "then":
            return
        owner = function.child_by_field_name("object")
        module = self.dotted(owner) if owner is not None and owner.type == "call_expression" else ""
        first = arguments.named_children[0] if arguments.named_children else None
        parameter = first.child_by_field_name("parameter") if first is not None else None
        if parameter is None and first is not None:
            listed = first.child_by_field_name("parameters")
            parameter = listed.named_children[0] if listed is not None and listed.named_children else None
        if module and parameter is not None and parameter.type == "identifier":
            self.names[self._raw(parameter)] = module

    def _import(self, clause: Node, module: str) -> None:
        for part in clause.named_children:
            if part.type == "identifier":
                self.names[self._raw(part)] = module
            elif part.type == "namespace_import":
                self.names[self._raw(part.named_children[0])] = module
            elif part.type == "named_imports":
                for one in part.named_children:
                    name, alias = one.child_by_field_name("name"), one.child_by_field_name("alias")
                    if name is not None:
                        self.names[self._raw(alias or name)] = f"{module}.{self._raw(name)}"

    def dotted(self, node: Node, depth: int = 0) -> str:
        """The resolved dotted name of an expression; `""` if it has none, or an absurdly long one."""
        if not self.settled:
            return self._dotted(node, depth)
        found = self._memory.get(node.id)
        if found is None:
            found = self._dotted(node, depth)
            self._memory[node.id] = found
        return found

    def _dotted(self, node: Node, depth: int) -> str:
        if depth > MAX_CHAIN:
            return ""
        if node.type == "identifier":
            return self.names.get(self._raw(node), self._raw(node))
        if node.type == "meta_property":
            return self._raw(node)
        if node.type in ("member_expression", "subscript_expression"):
            owner = node.child_by_field_name("object")
            part = node.child_by_field_name("property") or node.child_by_field_name("index")
            if owner is None or part is None:
                return ""
            name = self.text(part) if node.type == "subscript_expression" else _unescape(self._raw(part))
            head = self.dotted(owner, depth + 1)
            if not head or not name or len(head) > MAX_NAME:
                return ""
            return name if head in ("globalThis", "window", "global", "self") else f"{head}.{name}"
        if node.type == "call_expression":
            function = node.child_by_field_name("function")
            arguments = node.child_by_field_name("arguments")
            if function is None or arguments is None:
                return ""
            called = self.dotted(function, depth + 1)
            args = arguments.named_children
            if called in apis.REQUIRE or function.type == "import":
                name = self.text(args[-1]) if args else None
                return _module(name or "")
            if called == "util.promisify" and args:
                return self.dotted(args[0], depth + 1)
            return ""
        if node.type in _PASSED_ON or node.type == "new_expression":
            inner = node.child_by_field_name("constructor") or (
                node.named_children[-1] if node.named_children else None
            )
            return self.dotted(inner, depth + 1) if inner is not None else ""
        return ""

    def text(self, node: Node | None, depth: int = 0) -> str | None:
        """The constant string of an expression, `…` for unknown parts; None if nothing of it is known."""
        if node is None or depth > 40:
            return None
        if node.type == "string":
            return _unescape(self._raw(node)[1:-1])
        if node.type == "identifier":
            return self.texts.get(self._raw(node))
        if node.type == "template_string":
            parts = [
                (
                    _unescape(self._raw(c))
                    if c.type in ("string_fragment", "escape_sequence")
                    else (self.text(c.named_children[0], depth + 1) if c.named_children else None) or "…"
                )
                for c in node.named_children
            ]
            return "".join(parts)
        if node.type == "binary_expression":
            operator = node.child_by_field_name("operator")
            if operator is not None and self._raw(operator) == "+":
                left = self.text(node.child_by_field_name("left"), depth + 1)
                right = self.text(node.child_by_field_name("right"), depth + 1)
                return None if left is None and right is None else (left or "…") + (right or "…")
        if node.type == "parenthesized_expression" and node.named_children:
            return self.text(node.named_children[0], depth + 1)
        return None

    # -- what is done --------------------------------------------------------------------------------------------

    def note(self, node: Node) -> None:
        if node.type in ("call_expression", "new_expression"):
            self._call(node)
        elif node.type == "string" and len(self.strings) < MAX_NESTED:
            text = _unescape(self._raw(node)[1:-1])
            if len(text) > 2 and any(c in text for c in "/\\. "):
                self.strings[text] = None
        elif node.type == "assignment_expression":
            target = node.child_by_field_name("left")
            if target is not None and self.dotted(target).startswith("Object.prototype."):
                self.flags.add("reflection")  # every object of the program has it from now on
        elif node.type == "member_expression":
            name = self.dotted(node)
            if name in apis.SURFACE and not _assigned(node):
                self.flags.add("sensitive_read")
            if name == "process.env":
                self.flags.add("env_read")
            if self._part(node) in ("__proto__", "mainModule"):
                self.flags.add("reflection")
        if node.type in ("member_expression", "subscript_expression") and self._part(node) == "constructor":
            owner = node.child_by_field_name("object")
            if owner is not None and self._part(owner) == "constructor":
                self.flags |= {"reflection", "dynamic_code"}  # the way to Function without naming it
        if node.type in ("while_statement", "do_statement", "for_statement"):
            self._loop(node)
        if node.type in ("identifier", "member_expression", "subscript_expression", "call_expression"):
            self._handed_on(node)

    def _handed_on(self, node: Node) -> None:
        """A module or function that starts programs, kept or given to something else: somebody calls it with anything."""
        name = self.dotted(node)
        starts = name.split(".")[0] == "child_process" or name in apis.SHELL or name in apis.SPAWN
        if not starts and name not in apis.DYNAMIC and name not in apis.NETWORK:
            return
        inner, parent = node, node.parent
        while parent is not None and parent.type in _PASSED_ON and parent.named_children[-1] == inner:
            if parent.type == "assignment_expression" and not _bound(parent.child_by_field_name("left")):
                break
            inner, parent = parent, parent.parent
        if parent is None or parent.type in _NO_USE:
            return
        if inner in (
            parent.child_by_field_name(field) for field in ("function", "constructor", "name", "left")
        ):
            return
        if parent.type in ("member_expression", "subscript_expression") and inner == parent.named_children[0]:
            return  # what is asked of it is looked at in its turn
        if parent.type == "variable_declarator" and _bound(parent.child_by_field_name("name")):
            return
        if parent.type == "arguments" and parent.parent is not None and self.dotted(parent.parent):
            return  # `promisify(exec)`
        if name in apis.NETWORK:
            self.flags.add("network")
        elif starts:
            self.flags.add("process")
            self.opaque.append("dynamic_command")
        else:
            self.flags.add("dynamic_code")
            self.opaque.append("dynamic_code")

    def _part(self, node: Node) -> str | None:
        """The name of the member that `a.b` or `a["b"]` asks for."""
        if node.type == "member_expression":
            part = node.child_by_field_name("property")
            return self._raw(part) if part is not None else None
        if node.type == "subscript_expression":
            return self.text(node.child_by_field_name("index"))
        return None

    def _loop(self, node: Node) -> None:
        body = node.child_by_field_name("body")
        test = node.child_by_field_name("condition")
        text = self._raw(test) if test is not None else ""
        endless = bool(_ENDLESS.match(text)) or (node.type == "for_statement" and text in ("", ";"))
        if endless and body is not None and not _LEAVES.search(self._raw(body)):
            self.flags.add("resource_bomb")

    def _call(self, node: Node) -> None:
        function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        arguments = node.child_by_field_name("arguments")
        if function is None:
            return
        name = "import" if function.type == "import" else self.dotted(function)
        args = arguments.named_children if arguments is not None else []
        head, _, last = name.rpartition(".")
        if last in ("call", "apply", "bind") and head:
            name, args = head, args[1:]
        first = self.text(args[0]) if args else None
        if not name:
            if function.type == "subscript_expression" or function.type == "call_expression":
                self.flags.add("computed_call")
            member = function.child_by_field_name("property")
            name = f"?.{self._raw(member)}" if member is not None else ""
        if not name:
            return
        self.calls[name] = None
        last = name.rpartition(".")[2]
        if name in apis.REQUIRE:
            if first is None or first.startswith(("/tmp/", "/var/tmp/", "/dev/shm/")):
                self.flags.add("dynamic_code")
            else:
                self.imports[_module(first)] = None
                if args[0].type not in ("string", "template_string"):
                    self.flags.add("obfuscated")  # a name that is put together is meant not to be read
        elif name in apis.SHELL:
            self.flags |= {"process", "shell"}
            self._nest_command(first, name)
        elif name in apis.SPAWN and not (last == "Worker" and first and first.startswith("./")):
            self.flags.add("process")
            words = [first or "…"]
            if len(args) > 1 and args[1].type == "array":
                words += [self.text(part) or "…" for part in args[1].named_children]
            self._nest_command(" ".join(words) if first else None, name)
        elif (
            name in apis.DYNAMIC
            or name.endswith("constructor.constructor")
            or (last == "constructor" and "Function" in name)
        ):
            self.flags.add("dynamic_code")
            body = self.text(args[-1]) if args else None
            if body and "…" not in body:
                self.nest("javascript", body, name)
            elif args:
                self.opaque.append("dynamic_code")
        elif name == "setInterval" and args and _GROWS.search(self._raw(args[0])):
            self.flags.add("resource_bomb")
        elif name in ("setTimeout", "setInterval") and first is not None:
            self.flags.add("dynamic_code")
            self.nest("javascript", first, name)
        elif name in apis.NETWORK or name.startswith(("axios.", "got.", "superagent.")):
            self.flags.add("network")
            if len(args) > 1 and "function" not in args[1].type and _SENDS.search(self._raw(args[1])):
                self.flags.add("sends")
            if first:
                self.nest("url", first, name)
        elif name in apis.NATIVE:
            self.flags.add("native")
        elif name in ("process.setuid", "process.setgid", "process.seteuid"):
            self.flags.add("privilege")
        elif name in apis.DESERIALISE:
            self.flags.add("deserialise")
        elif (name.startswith(apis.FS_MODULES) and last in apis.FILE_ROLE) or name in (
            "rimraf",
            "rimraf.sync",
            "del",
        ):
            self._file(last, first, args)
        elif last in ("query", "execute", "raw") and first and len(first) > 5:
            self.nest("sql", first, last)
        elif name in ("atob", "Buffer.from", "String.fromCharCode", "unescape", "decodeURIComponent"):
            self.flags.add(
                "decodes_constant" if first and len(first) > 12 and name != "decodeURIComponent" else "decode"
            )
            self.flags.discard("decode")
        elif name in ("process.kill", "process.abort"):
            self.flags.add("kill")
        elif name in apis.SURFACE:
            self.flags.add("sensitive_read")

    def _nest_command(self, text: str | None, name: str) -> None:
        if text:
            self.nest("shell", text.replace("…", "$_"), name)
        else:
            self.opaque.append("dynamic_command")

    def _file(self, last: str, path: str | None, args: list[Node]) -> None:
        role = apis.FILE_ROLE.get(last, "delete")
        if role != "read":
            self.flags.add(f"file_{role}")
        if role == "delete":
            command = places.deletion(path, not last.startswith("unlink"))
            if command is not None:
                self.nest("shell", command, last)
            else:
                self.flags.add("computed_delete")
        if path and not path.startswith("…"):
            self.flags |= places.flags(path, f"path.{role}")
            self.nest("path", path, f"{role}:{last}")
        elif path and path.startswith("…/"):
            self.flags |= places.flags("~" + path[1:], f"path.{role}")  # `process.env.HOME + "/.bashrc"`
        if last.startswith(("copyFile", "cp", "rename")) and len(args) > 1:
            second = self.text(args[1])
            if second and not second.startswith("…"):
                self.flags |= places.flags(second, "path.write")
                self.nest("path", second, f"write:{last}")


def _bound(left: Node | None) -> bool:
    """Whether what is put there is known by its name from then on."""
    return left is not None and left.type in ("identifier", "object_pattern")


def _assigned(node: Node) -> bool:
    """Whether something is put there and nothing read: `document.cookie = …`."""
    parent = node.parent
    if parent is None or parent.type != "assignment_expression":
        return False
    left = parent.child_by_field_name("left")
    return left is not None and left.id == node.id


def _module(name: str) -> str:
    return name.removeprefix("node:").replace("/", ".") if name.startswith(("node:", "fs/")) else name


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    out, last = [], 0
    for match in _ESCAPE.finditer(text):
        start, end = match.span()
        out.append(text[last:start])
        digits = match.group(1) or match.group(2) or match.group(3)
        if digits:
            code = int(digits, 16)
            out.append(chr(code) if code < 0x110000 else "\ufffd")
        else:
            out.append({"n": "\n", "t": "\t", "r": "\r", "\n": ""}.get(match.group(4), match.group(4)))
        last = end
    out.append(text[last:])
    return "".join(out)
