"""The characters of a program, and what a scan over them may cost.

What lexer, expansions and grammar share: a position, line continuations, blanks and comments, and the `Fuel`
that caps the work of one program, inline programs included.
"""

from __future__ import annotations

from yett.extract.shell.grammar.nodes import Here

MAX_DEPTH = 32
"""Substitutions, groups and inline programs within one another."""

UNQUOTED = str.maketrans(dict.fromkeys(" \t\n;&|<>()'\"\\$`", "\0"))
"""Marks where a run of ordinary characters ends: a scan jumps there with `str.find`."""
QUOTED = str.maketrans(dict.fromkeys('"\\$`', "\0"))
BREAK = frozenset(" \t\n;&|<>()")
NAME_START = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
NAME = NAME_START | frozenset("0123456789")
_ANSI = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_HEX = frozenset("0123456789abcdefABCDEF")


class ShellSyntaxError(Exception):
    """The text is not a shell program, or not one this parser understands; carries the position."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


class TooMuch(Exception):
    """Out of fuel or too deep; the argument is the name of the limit."""


class Fuel:
    """Parts and commands one program may still cost, inline programs included."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def burn(self, amount: int = 1) -> None:
        self.left -= amount
        if self.left < 0:
            raise TooMuch("steps")


def is_name(text: str) -> bool:
    return bool(text) and text[0] in NAME_START and NAME.issuperset(text)


def integer(text: str, digits: int = 9) -> int | None:
    """The number that `text` is, in ASCII digits with an optional sign; None if it is none or too long."""
    body = text[1:] if text[:1] in ("-", "+") else text
    if not body or len(body) > digits or not body.isascii() or not body.isdigit():
        return None
    return int(text)


class Scanner:
    """A position in a source text."""

    def __init__(self, source: str, fuel: Fuel, depth: int = 0) -> None:
        self.src = source
        self.n = len(source)
        self.i = 0
        self.fuel = fuel
        self.depth = depth
        self.marks = source.translate(UNQUOTED)
        self._quoted_marks = ""
        self.continued = "\\\n" in source
        self.pending: list[Here] = []
        """Here-documents whose line has not ended yet."""

    def skip_continuations(self) -> None:
        while self.src.startswith("\\\n", self.i):
            self.i += 2

    def peek(self, text: str) -> int:
        """Where `text` ends if it stands here, line continuations between its characters removed; or -1."""
        src, i = self.src, self.i
        if not self.continued:
            return i + len(text) if src.startswith(text, i) else -1
        for char in text:
            while src.startswith("\\\n", i):
                i += 2
            if i >= self.n or src[i] != char:
                return -1
            i += 1
        return i

    def blanks(self) -> None:
        """Skip spaces, tabs, continuations and a comment; stop at a newline."""
        src, n, i = self.src, self.n, self.i
        while i < n:
            c = src[i]
            if c == " " or c == "\t":
                i += 1
            elif c == "\\" and src.startswith("\\\n", i):
                i += 2
            elif c == "#":
                i = src.find("\n", i)
                if i < 0:
                    i = n
                break
            else:
                break
        self.i = i


def unescape(src: str, i: int) -> tuple[str, int]:
    r"""The character of the escape whose backslash stands before `i`, and where it ends (bash `$'…'`)."""
    c = src[i]
    if c in _ANSI:
        return _ANSI[c], i + 1
    if c in "01234567":
        j = i + 1
        while j < i + 3 and j < len(src) and src[j] in "01234567":
            j += 1
        return chr(int(src[i:j], 8) & 0xFF), j
    if c in "xuU":
        most = {"x": 2, "u": 4, "U": 8}[c]
        j = i + 1
        while j < len(src) and j < i + 1 + most and src[j] in _HEX:
            j += 1
        if j > i + 1:
            code = int(src[i + 1 : j], 16)
            return (chr(code) if code < 0x110000 else "\ufffd"), j
        return "\\" + c, i + 1
    if c == "c" and i + 1 < len(src):
        return chr(ord(src[i + 1]) & 0x1F), i + 2
    return "\\" + c, i + 1
