"""YAML -> plain values that remember their lines.

A small, strict subset of YAML 1.2: mappings with unique string keys, lists, strings, integers, decimal
numbers, `true`, `false` and `null`. `no`, `on` and `2026-11-21` stay strings. Anchors, aliases, merge keys
and tags are refused: a policy says what it says where it stands.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import re2
import yaml

from yett.errors import PolicyError
from yett.model import Json

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 32

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re2.compile(r"[-+]?[0-9]{1,16}")
_FLOAT = re2.compile(r"[-+]?[0-9]{1,16}\.[0-9]{1,16}")
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None, "~": None, "": None}
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ["map", "seq", "str", "int", "float", "bool", "null", "timestamp", "value", "merge"]
)


@dataclass(frozen=True)
class Document:
    """One YAML document: its plain value, and the line of every member by its path."""

    file: str
    folder: Path
    value: Json
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)

    def where(self, *path: str | int) -> str:
        """`file:line` of a member, or of the nearest thing around it."""
        steps = path
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return f"{self.file}:{self.lines.get(steps, 1)}"


def read(path: Path) -> list[Document]:
    """The documents of one file.

    Raises:
        PolicyError: FILE_UNREADABLE, FILE_TOO_LARGE or YAML_SYNTAX.
    """
    return parse(read_bytes(path), str(path), path.parent)


def read_bytes(path: Path) -> bytes:
    """A file that a policy is made of; a pipe or a device is none, it could keep a reload waiting for ever.

    Raises:
        PolicyError: FILE_UNREADABLE, FILE_TOO_LARGE.
    """
    try:
        # Looked at after it is open: what a name points to may change in between.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PolicyError("FILE_UNREADABLE", "not a regular file", path=str(path))
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as problem:  # ValueError: a name with a zero byte
        raise PolicyError(
            "FILE_UNREADABLE",
            f"cannot read: {getattr(problem, 'strerror', None) or type(problem).__name__}",
            path=str(path),
            remedy="check the path and its permissions",
        ) from None
    if len(data) > MAX_BYTES:
        raise PolicyError("FILE_TOO_LARGE", f"a policy file may have {MAX_BYTES} bytes", path=str(path))
    return data


def parse(data: bytes, file: str, folder: Path = Path()) -> list[Document]:
    """The documents of YAML bytes; `file` names them in errors, `folder` is where their includes start."""
    try:
        text = data.decode("utf-8")
        trees = list(yaml.compose_all(text, Loader=_LOADER))
    except UnicodeDecodeError as problem:
        raise PolicyError("YAML_SYNTAX", f"not UTF-8 at byte {problem.start}", path=file) from None
    except (yaml.YAMLError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        message = getattr(problem, "problem", None) or type(problem).__name__
        raise PolicyError(
            "YAML_SYNTAX", message, path=f"{file}:{line}", remedy="check the indentation"
        ) from None
    documents = []
    for tree in trees:
        if tree is not None:
            reader = _Reader(file)
            documents.append(Document(file, folder, reader.value(tree, ()), reader.lines))
    return documents


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[tuple[str | int, ...], int] = {}
        self.seen: set[int] = set()

    def refuse(self, message: str, node: Any, remedy: str | None = None) -> NoReturn:
        where = f"{self.file}:{node.start_mark.line + 1}"
        raise PolicyError("YAML_SYNTAX", message, path=where, remedy=remedy)

    def value(self, node: Any, path: tuple[str | int, ...]) -> Json:
        if id(node) in self.seen:
            self.refuse("anchors and aliases are not part of the format", node, "write it out")
        self.seen.add(id(node))
        if len(path) > MAX_DEPTH:
            self.refuse(f"nested deeper than {MAX_DEPTH}", node)
        self.lines[path] = node.start_mark.line + 1
        if node.tag not in _PLAIN_TAGS:
            self.refuse("tags are not part of the format", node)
        if isinstance(node, yaml.MappingNode):
            return dict(self.members(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.scalar(node)

    def members(self, node: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str, Json]]:
        known: set[str] = set()
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.refuse("a key is a plain string", key)
            name = key.value
            if name in known:
                self.refuse(f"key `{name}` is given twice", key, "remove one of them")
            if name == "<<":
                self.refuse("merge keys are not part of the format", key)
            known.add(name)
            yield name, self.value(item, (*path, name))
            self.lines[(*path, name)] = key.start_mark.line + 1

    def scalar(self, node: Any) -> Json:
        text: str = node.value
        if node.style in ("'", '"', "|", ">"):
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            number = int(text)
            if abs(number) >= 1 << 53:
                self.refuse("a number lies within ±2^53", node, "quote it if it is a name")
            return number
        if _FLOAT.fullmatch(text):
            return float(text)
        return text
