"""The forms in which a file says what is to be run: every value that it holds, with the names that lead to it.

A reader yields `Leaf`s in the order of the text. It needs no whole file: an editor hands over a piece that begins and ends
anywhere. What names lead to such a piece is not known; its leaves are not `rooted`. What fits to nothing is passed over,
as the program that the file is meant for would not run it either.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Generator, Iterator
from typing import Any, Final, NamedTuple

import yaml

from yett.extract.budget import Budget
from yett.extract.patterns import pattern

MAX_DEPTH: Final = 40
"""Names that lead to a value. Deeper, and the parser of YAML takes time by the square of the depth."""
LEAVES: Final = 3
"""Values, names or lines for a step."""
_LOADER: Final[Any] = getattr(yaml, "CLoader", yaml.Loader)

Path = tuple[str, ...]


class Leaf(NamedTuple):
    """One value."""

    path: Path
    """Names that lead to it; a list's members go by their number."""
    text: str
    rooted: bool = True
    """Whether `path` begins at the top of the file."""


class TooDeep(Exception):
    """The text is nested deeper than anything honest; it counts as not read."""


Reader = Callable[[str, Budget], Iterator[Leaf]]


class _Frames:
    """The open lists and tables around a value."""

    def __init__(self) -> None:
        self.open: list[tuple[Path, bool]] = []
        """Of each where it stands, and whether in the place of a name (`? [a, b] : value`)."""
        self.prefix: Path = ()
        """The names that lead into the innermost of them."""
        self.counts: list[int] = [-1]
        """Members so far of a list; -1 of a table, and of what is around the text."""
        self.key: str | None = None
        """The name that was read for the next value of a table."""

    @property
    def unnamed(self) -> bool:
        """What comes next in a table is a name."""
        return self.key is None and len(self.counts) > 1 and self.counts[-1] < 0

    def path(self) -> Path:
        """Where the value stands that comes next."""
        count = self.counts[-1]
        name = self.key if count < 0 else str(count)
        return self.prefix if not name or name == "<<" else (*self.prefix, name)

    def took(self) -> None:
        """That value was read."""
        if self.counts[-1] >= 0:
            self.counts[-1] += 1
        self.key = None

    def enter(self, *, table: bool) -> None:
        """That value is a list or a table, and begins."""
        if len(self.open) == MAX_DEPTH:
            raise TooDeep
        self.open.append((self.prefix, self.unnamed))
        self.prefix = self.path()
        self.took()
        self.counts.append(-1 if table else 0)

    def leave(self) -> None:
        """The innermost of them ends."""
        self.prefix, as_name = self.open.pop()
        self.counts.pop()
        self.key = "?" if as_name else None


# -- JSON, with the comments and commas that settings of editors have ----------------------------------------------

_TOKEN = pattern(
    r"""[^"'\[\]{}/]+|//[^\n]*|/\*(?:[^*]|\*+[^*/])*\*+/|("(?:[^"\\]|\\(?s:.))*"|'(?:[^'\\]|\\(?s:.))*')(\s*:)?|([\[\]{}])|(?s:.)"""
)


def read_json(text: str, budget: Budget) -> Iterator[Leaf]:
    """Strings of a JSON text; what is no string is passed over."""
    rooted = text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")
    frames = _Frames()
    for number, match in enumerate(_TOKEN.finditer(text)):
        if number % LEAVES == 0:
            budget.spend()
        string, named, bracket = match.groups()
        if bracket in ("{", "["):
            frames.enter(table=bracket == "{")
        elif bracket is not None:
            if frames.open:
                frames.leave()
            rooted = rooted and bool(frames.open)
        elif named is not None:
            frames.key = _unquoted(string)
        elif string is not None:
            yield Leaf(frames.path(), _unquoted(string), rooted)
            frames.took()


def _unquoted(text: str) -> str:
    """The value of a string in quotes; `'…'` has no escapes."""
    if text[:1] == '"':
        try:
            return str(json.loads(text, strict=False))
        except ValueError:
            pass
    return text[1:-1]


# -- YAML -----------------------------------------------------------------------------------------------------------


def read_yaml(text: str, budget: Budget) -> Iterator[Leaf]:
    """Scalars of every document, aliases in their places."""
    lines = text.replace("\t", "    ").splitlines()
    rooted = not text[:1].isspace()
    while lines:  # anew behind each line that fits to nothing; the steps are its bound
        piece = textwrap.dedent("\n".join(lines))
        budget.spend(1 + len(piece) // 256)
        broken = yield from _documents(piece, rooted, budget)
        lines, rooted = lines[max(broken, 1) :], False


def _documents(text: str, rooted: bool, budget: Budget) -> Generator[Leaf, None, int]:
    """Leaves, and in the end the number of the line that fits to nothing, or behind the last one."""
    reading = _Yaml(budget)
    try:
        for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
            if number % LEAVES == 0:
                budget.spend()
            for path, value in reading.event(event):
                yield Leaf(path, value, rooted)
    except yaml.MarkedYAMLError as broken:
        return broken.problem_mark.line if broken.problem_mark is not None else 0
    except yaml.reader.ReaderError as broken:
        return text.count("\n", 0, broken.position)
    return text.count("\n") + 1


class _Yaml:
    """The tables and lists of a text, as its events open and close them."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.frames = _Frames()
        self.anchors: dict[str, list[tuple[Path, str]]] = {}
        self.marked: list[tuple[int, int, list[tuple[Path, str]]]] = []
        """Of each open collection with an anchor how deep it lies, how many names lead to it, and what is in it."""

    def event(self, event: Any) -> Iterator[tuple[Path, str]]:
        """Values that an event brings."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            if event.anchor is not None:
                self.anchors[event.anchor] = [((), event.value)]
            yield from self._put([((), event.value)])
        elif kind is yaml.AliasEvent:
            # A copy: it may be put into itself, and would then grow while it is read.
            yield from self._put(list(self.anchors.get(event.anchor or "", ())))
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            depth = len(self.frames.path())
            self.frames.enter(table=kind is yaml.MappingStartEvent)
            if event.anchor is not None:
                self.anchors[event.anchor] = []
                self.marked.append((len(self.frames.open), depth, self.anchors[event.anchor]))
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            if self.marked and self.marked[-1][0] == len(self.frames.open):
                self.marked.pop()
            self.frames.leave()

    def _put(self, values: list[tuple[Path, str]]) -> Iterator[tuple[Path, str]]:
        """A scalar, or what an alias stands for, where the next name or value is due."""
        if self.frames.unnamed:
            self.frames.key = values[0][1] if values else "?"
            return
        place = self.frames.path()
        self.budget.spend(len(values) * (1 + len(self.marked)) // LEAVES)
        for below, value in values:
            path = place + below
            for _, depth, inside in self.marked:
                inside.append((path[depth:], value))
            yield path, value
        self.frames.took()


# -- sections of settings: INI, TOML, units of systemd, blocks of Terraform ------------------------------------------

_SECTION = pattern(r"^\s*\[{1,2}([^\[\]]+)\]{1,2}\s*(?:[#;].*)?$")
_BLOCK = pattern(r"^\s*([\w-]+(?:\s+\"[^\"]*\")*)\s*=?\s*\{\s*$")
_PARTS = pattern(r"\"([^\"]*)\"|'([^']*)'|([^\s.\"']+)")
_PAIR = pattern(r"^(\s*)(\"[^\"]*\"|[^\s=:#;\[][^=:]*?)\s*[=:]\s?(.*)$")
_STRINGS = pattern(r"""(?:([\w-]+)\s*=\s*)?("(?:[^"\\\n]|\\.)*"|'[^'\n]*')""")
_HEREDOC = pattern(r"^<<[-~]?\s*\"?(\w+)\"?\s*$")


def read_sections(text: str, budget: Budget) -> Iterator[Leaf]:
    """Values by section and name. Lists, inline tables and texts over several lines are taken apart by their quotes."""
    lines = text.splitlines()
    section: Path = ()
    blocks: list[Path] = []
    number = 0
    while number < len(lines):
        if number % LEAVES == 0:
            budget.spend()
        line = lines[number]
        number += 1
        head = _SECTION.search(line) or _BLOCK.search(line)
        if head is not None:
            names = tuple("".join(parts) for parts in _PARTS.findall(head.group(1)))
            if line.rstrip().endswith("{"):
                blocks.append(names)
            else:
                section, blocks = names, []
            continue
        if line.strip() == "}" and blocks:
            blocks.pop()
            continue
        pair = _PAIR.search(line)
        if pair is None:
            continue
        indent, name, value = pair.groups()
        value, number = _whole(value.strip(), len(indent), lines, number)
        names = (name.strip('"'),) if name[0] == '"' else tuple(name.split("."))
        path = (*section, *(part for block in blocks for part in block), *names)
        rooted = bool(section or blocks)
        if value[:1] in ("[", "{"):
            for index, (key, string) in enumerate(_STRINGS.findall(value)):
                yield Leaf((*path, key or str(index)), _unquoted(string), rooted)
        else:
            yield Leaf(path, value, rooted)


def _whole(value: str, indent: int, lines: list[str], number: int) -> tuple[str, int]:
    """A value with the lines that belong to it, without its quotes, and the number of the line behind it."""
    rest = range(number, len(lines))
    here = _HEREDOC.search(value)
    quotes = value[:3]
    if here is not None:
        end = next((at for at in rest if lines[at].strip() == here.group(1)), len(lines))
        return "\n".join(lines[number:end]), end + 1
    if quotes in ('"""', "'''"):
        end = (
            number - 1
            if quotes in value[3:]
            else next((at for at in rest if quotes in lines[at]), len(lines))
        )
        return "\n".join([value[3:], *lines[number : end + 1]]).partition(quotes)[0], end + 1
    if quotes[:1] in ("[", "{"):
        depth, end = _depth(value), number
        while depth > 0 and end < len(lines):
            depth, end = depth + _depth(lines[end]), end + 1
        return "\n".join([value, *lines[number:end]]), end
    if quotes[:1] in ('"', "'") and value[-1:] == value[0] and len(value) > 1:
        return _unquoted(value), number
    end, last = number, value
    while end < len(lines) and (
        last.endswith("\\") or (lines[end][: indent + 1].isspace() and lines[end].strip())
    ):
        end, last = end + 1, lines[end]
    return "\n".join([value, *lines[number:end]]), end


def _depth(line: str) -> int:
    return line.count("[") + line.count("{") - line.count("]") - line.count("}")
