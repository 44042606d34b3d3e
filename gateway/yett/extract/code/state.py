"""What a reading of a Python program has found so far, and the texts in it that are worth another look."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from typing import Any

from yett.extract.budget import Budget, Nested
from yett.extract.code import places
from yett.extract.code.values import Made, text_of
from yett.extract.facts import CodeFact
from yett.extract.files import entries_of
from yett.extract.patterns import pattern

MAX_NODES = 30_000
NODES = 2
"""Nodes that are looked at for one step."""
PAID = 16
"""Nodes that are paid for at once."""
MAX_NESTED = 64
MAX_STRINGS = 64

_CODE_LIKE = pattern(
    r"(?m)(?:^|;)\s*(?:import\s+\w|from\s+[\w.]+\s+import\s|def\s+\w+\(|exec\(|eval\(|open\(|__import__\(|os\.\w+\()"
)


_TELLING = pattern(
    r"__(?:import__\s*\(|subclasses__|globals__|builtins__|mro__)|(?i)\b(?:wscript\.shell|shell\.application)\b|winmgmts:"
)
"""In a string: what is there for somebody else's evaluation, or to name what starts programs."""

EFFECTS = {
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


TEMPORARY = "tempfile"
"""Stands for whatever `tempfile` made."""


class State(ABC):
    """What names stand for and what was seen. `Calls` and `Reader` add what to do with it."""

    def __init__(self, pointer: str, budget: Budget) -> None:
        self.pointer = pointer
        self.budget = budget
        self.calls: dict[str, None] = {}
        self.imports: dict[str, None] = {}
        self.flags: set[str] = set()
        self.strings: dict[str, None] = {}
        self.opaque: list[str] = []
        self.made: set[str] = set()
        """Files by relative names that the program writes itself: to remove them takes nothing away."""
        self.deleted: list[tuple[str | None, bool]] = []
        """What it removes, and whether with everything below it; None = not known."""
        self.loaded = False
        """It deserialises a file of its own folder."""
        self.nested: list[Nested] = []
        self.names: dict[str, Any] = {}
        self.functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
        self.entered: set[str] = set()
        self.shared: set[str] = set()
        """Names that functions bind for others."""
        self.classes = 0
        """How many class bodies are around the current node."""
        self.loops: list[bool] = []
        """For each loop around the current node: whether it never ends."""
        self.many = 0
        """How many of those loops go round hundreds of times."""
        self.depth = 0
        self.nodes = 0

    def fact(self, declared: bool) -> CodeFact:
        self.budget.spend(self.nodes % PAID // NODES)
        taken = [(path, deep) for path, deep in self.deleted if path not in self.made and path != TEMPORARY]
        if self.deleted and not taken:
            self.flags.discard("file_delete")
        for path, deep in taken:
            if (command := places.deletion(path, deep)) is not None:
                self.nest("shell", command, "python:delete")
            else:
                self.flags.add("computed_delete")
        if self.loaded and "network" in self.flags:
            self.flags.add("deserialise")  # the file may have been fetched
        return CodeFact(
            pointer=self.pointer,
            language="python",
            calls=tuple(self.calls),
            imports=tuple(self.imports),
            effects=frozenset(EFFECTS[flag] for flag in self.flags if flag in EFFECTS),
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

    def remember(self, text: str) -> None:
        if _TELLING.search(text):
            self.flags.add("reflection")
        if (
            len(self.strings) < MAX_STRINGS
            and len(text) < 4_096
            and ("/" in text or "\\" in text or "." in text or " " in text)
        ):
            self.strings[text] = None

    def _written(self, value: Any, path: str | None) -> None:
        """Text a program writes into a file: if it is itself a program, it is to be looked at."""
        text = text_of(value)
        if text and path and entries_of(path):
            self.nest("file", text, path)
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

    def _count(self) -> bool:
        self.nodes += 1
        if self.nodes % PAID == 0:
            self.budget.spend(PAID // NODES)
        if self.nodes > MAX_NODES:
            if "too_many_nodes" not in self.opaque:
                self.opaque.append("too_many_nodes")
            return False
        return True

    @abstractmethod
    def value(self, node: ast.expr) -> Any:
        """What an expression stands for."""

    @abstractmethod
    def resolve(self, node: ast.expr) -> Any:
        """What an expression stands for that is only named."""

    @abstractmethod
    def item(self, owner: Any, index: Any) -> Any:
        """What `owner[index]` is."""

    @abstractmethod
    def enter(
        self,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        args: list[Any],
        keywords: dict[str, Any],
    ) -> Any:
        """Read a function of the program itself with what is known of its arguments."""
