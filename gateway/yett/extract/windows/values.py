"""PowerShell's constants: what the operators, indices and methods that hide commands make of them.

A value is known, or it is known but for variables (`partly`), or it is not known and its text is only what is written.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from yett.extract.patterns import pattern
from yett.extract.windows import cmd
from yett.extract.words import words

MAX_TEXT = 16_384
AUTOMATIC = {
    **cmd.ENVIRONMENT,
    **cmd.GUESSED,
    "pshome": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0",
    "shellid": "Microsoft.PowerShell",
    "verbosepreference": "SilentlyContinue",
}
"""Variables that every session has: obfuscators take letters out of them (`$pshome[4]`)."""


class Value(NamedTuple):
    text: str
    known: bool
    items: tuple[str, ...] = ()
    partly: bool = False
    """Not known, but only for the variables that stand in the text: `$dir\\build.ps1`."""
    built: bool = False
    """Put together from pieces."""


def combined(left: Value, operator: str, right: Value) -> Value:
    """What an operator makes of two values."""
    if operator == "+" and (left.known or left.partly) and (right.known or right.partly):
        known = left.known and right.known
        return Value((left.text + right.text)[:MAX_TEXT], known, left.items + right.items, not known, known)
    if operator == "," and (left.known or right.known):
        items = (left.items or (left.text,)) + (right.items or (right.text,))
        return Value(" ".join(items)[:MAX_TEXT], left.known and right.known, items[:4_096])
    if operator == "-join" and left.known:
        text = right.text.join(left.items or (left.text,))
        return Value(text[:MAX_TEXT], right.known, built=True)
    if operator == "-f" and left.known:
        text = left.text
        for number, item in enumerate((right.items or (right.text,))[:64]):
            text = text.replace(f"{{{number}}}", item)
        return Value(text[:MAX_TEXT], right.known, partly=right.partly, built=True)
    if (
        operator in ("-replace", "-creplace", "-ireplace")
        and left.known
        and right.known
        and len(right.items) == 2
    ):
        text = left.text.replace(right.items[0].replace("\\", ""), right.items[1])
        return Value(text[:MAX_TEXT], True, built=True)
    if operator in ("-split", "-csplit", "-isplit") and left.known and right.known and right.text:
        items = tuple(left.text.split(right.text))
        return Value(left.text, True, items)
    return Value(left.text or right.text, False)


def looked_up(words: list[str]) -> Value:
    """What a command hands back, if it is the name of a file or program that stands in it."""
    name = words[0].lower() if words else ""
    arguments = words[1:]
    if name == "join-path":
        arguments = [w for w in arguments if w.lower() not in ("-path", "-childpath", "-additionalchildpath")]
        if len(arguments) > 1 and not any(w.startswith("-") for w in arguments):
            return Value("\\".join(w.strip("\\/") for w in arguments), False, partly=True)
    elif name in _LOOK_UP:
        if arguments and arguments[0].lower() in ("-name", "-path", "-literalpath"):
            del arguments[0]
        if arguments and not _NO_NAME.search(arguments[0]):
            return Value(arguments[0], "$" not in arguments[0], partly=True)
    return Value(" ".join(words), False)


_LOOK_UP = words("get-command gcm resolve-path rvpa convert-path cvpa get-item gi")
_NO_NAME = pattern(r"^-|[*?\[\]]|^$")


def indexed(value: Value, index: Value) -> Value:
    if not (value.known and index.known):
        return Value(value.text, False)
    source: tuple[str, ...] | str = value.items or value.text
    out = []
    for item in index.items or (index.text,):
        digits = item.lstrip("-")
        if not digits.isdigit() or len(digits) > 5 or not -len(source) <= int(item) < len(source):
            return Value(value.text, False)
        out.append(source[int(item)])
    return Value("".join(out), True, tuple(out))


def character(text: str) -> str:
    if text.isdigit() and len(text) < 7 and int(text) < 0x110000:
        return chr(int(text))
    return text[:1]


def decode_base64(text: str, *, wide: bool = True) -> str | None:
    """Base64 to text; UTF-16LE if `wide` or if it looks like it. None if it is neither."""
    cleaned = text.strip().replace("\n", "")
    try:
        data = base64.b64decode(cleaned + "=" * (-len(cleaned) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    if wide or data[1:2] == b"\0":
        return data.decode("utf-16-le", "replace")
    return data.decode("utf-8", "replace")
