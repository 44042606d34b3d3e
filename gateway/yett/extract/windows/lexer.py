"""The lexer of PowerShell: comments, backticks, the four kinds of strings, variables, brackets.

After Microsoft, "PowerShell Language Specification 3.0", chapter 2.
"""

from __future__ import annotations

from typing import NamedTuple

from yett.extract.patterns import pattern
from yett.extract.words import words

MAX_TOKENS = 8_000
MAX_COMMANDS = 400
"""Of one source, in either dialect."""


class Token(NamedTuple):
    kind: str
    """word, text (constant), mixed (string with parts unknown), var, type, op, nl, or one of `( { [ ) } ] $( @( @{`."""
    text: str
    spaced: bool
    """A blank stands before it."""


_NAME = pattern(r"(?:[A-Za-z_][\w]*:)?[\w?^]+")
_QUOTES = frozenset("'\"‘’“”")
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "e": "\x1b",
}
_OPERATORS = words(
    "-join -f -replace -creplace -ireplace -split -csplit -isplit -eq -ne -gt -lt -ge -le -like -notlike -match -notmatch -contains -in -notin "
    "-and -or -not -xor -band -bor -bxor -shl -shr -is -isnot -as -ceq -ieq -cmatch -imatch -notcontains"
)


class TooMuch(Exception):
    """The script is larger or deeper than this reader goes: `too_long` or `too_deep`, as the caller marks it."""


def tokens(source: str) -> list[Token]:
    """The tokens of a script; raises `TooMuch`."""
    found: list[Token] = []
    index, size = 0, len(source)
    spaced = True
    while index < size:
        if len(found) > MAX_TOKENS:
            raise TooMuch("too_long")
        character = source[index]
        if character in " \t\r\xa0\u2000\u2001\u2002\u2003\u2009":
            spaced = True
            index += 1
            continue
        if character == "`" and source[index + 1 : index + 2] in ("\n", "\r"):
            index += 3 if source[index + 1 : index + 3] == "\r\n" else 2
            spaced = True
            continue
        if character == "\n" or character == ";":
            found.append(Token("nl", character, spaced))
            index += 1
        elif character == "#" and (spaced or not found or found[-1].kind != "word"):
            stop = source.find("\n", index)
            index = size if stop < 0 else stop
            continue
        elif source.startswith("<#", index):
            stop = source.find("#>", index + 2)
            index = size if stop < 0 else stop + 2
            continue
        elif (
            character == "@"
            and source[index + 1 : index + 2] in _QUOTES
            and source[index + 2 : index + 3] in ("\r", "\n")
        ):
            quote = source[index + 1]
            start = source.find("\n", index) + 1
            stop = source.find(f"\n{quote}@", start - 1)
            stop = size if stop < 0 else stop
            body = source[start:stop]
            found.append(Token("text" if quote == "'" or "$" not in body else "mixed", body, spaced))
            index = stop + 3
        elif character in "'‘’‚‛":
            text, index = _single(source, index + 1)
            found.append(Token("text", text, spaced))
        elif character in '"“”„':
            text, index, whole = _double(source, index + 1)
            found.append(Token("text" if whole else "mixed", text, spaced))
        elif character == "$" and source[index + 1 : index + 2] == "(":
            found.append(Token("$(", "$(", spaced))
            index += 2
        elif character == "$":
            text = _name(source, index + 1)
            found.append(Token("var", text.strip("{}").lower(), spaced))
            index += 1 + len(text)
        elif character == "@" and source[index + 1 : index + 2] in ("(", "{"):
            found.append(Token("@" + source[index + 1], "", spaced))
            index += 2
        elif character in "(){}[]":
            found.append(Token(character, character, spaced))
            index += 1
        elif character in "|&,=+<>" or (
            character == "%" and (not found or found[-1].kind in ("nl", "op", "{", "("))
        ):
            double = source[index : index + 2] in ("||", "&&", ">>", "+=")
            found.append(Token("op", source[index : index + (2 if double else 1)], spaced))
            index += 2 if double else 1
        else:
            text, index = _word(source, index)
            found.append(Token("op" if text.lower() in _OPERATORS else "word", text, spaced))
        spaced = False
    return found


def _single(source: str, index: int) -> tuple[str, int]:
    out = []
    while index < len(source):
        if source[index] in "'‘’‚‛":
            if source[index + 1 : index + 2] in ("'", "‘", "’"):
                out.append("'")
                index += 2
                continue
            return "".join(out), index + 1
        out.append(source[index])
        index += 1
    return "".join(out), index


def _double(source: str, index: int) -> tuple[str, int, bool]:
    out = []
    whole = True
    depth = 0
    while index < len(source):
        character = source[index]
        if character == "`" and index + 1 < len(source):
            out.append(_ESCAPES.get(source[index + 1], source[index + 1]))
            index += 2
            continue
        if depth == 0 and character in '"“”':
            if source[index + 1 : index + 2] == '"':
                out.append('"')
                index += 2
                continue
            return "".join(out), index + 1, whole
        if (
            character == "$"
            and index + 1 < len(source)
            and (source[index + 1].isalnum() or source[index + 1] in "({_?")
        ):
            whole = False
            if source[index + 1] == "(":
                depth += 1
        elif character == ")" and depth:
            depth -= 1
        out.append(character)
        index += 1
    return "".join(out), index, whole


def _name(source: str, index: int) -> str:
    """The name of a variable that begins here, `""` if none does."""
    if source[index : index + 1] == "{":
        return source[index : source.find("}", index) + 1]
    width = 64
    while True:
        # A position given to RE2 is counted from the start of the text, every time.
        match = _NAME.match(source[index : index + width])
        text = str(match.group(0)) if match else ""
        if len(text) < width - 1 or index + width >= len(source):
            return text
        width *= 8


def _word(source: str, index: int) -> tuple[str, int]:
    out = []
    size = len(source)
    start = index
    while index < size:
        character = source[index]
        if character == "`" and index + 1 < size:
            out.append(source[index + 1])
            index += 2
            continue
        if (
            character in " \t\r\n;|&(){},'\"“”‘’[]=<>"
            or (character == "$" and index > start)
            or (character == "+" and (index == start or source[start].isdigit()))
        ):
            if character in "=" and out and out[-1] not in "!=" and index > start and source[start] in "-/":
                out.append(character)
                index += 1
                continue
            break
        out.append(character)
        index += 1
    if index == start:
        return source[index], index + 1
    return "".join(out), index
