"""Escapes undone: percent signs, entities of HTML, backslashes, octets in hex.

Each function reads what stands behind a sign and puts in its place what a lenient receiver would. They split at the
sign instead of matching a pattern: with 20,000 escapes in a text that takes a tenth of the time.
"""

from __future__ import annotations

import contextlib
import html.entities
from urllib.parse import unquote_to_bytes

_HEX = {a + b: int(a + b, 16) for a in "0123456789abcdefABCDEF" for b in "0123456789abcdefABCDEF"}
_SIMPLE = {**{char: char for char in "\\/\"'"}, "n": "\n", "r": "\r", "t": "\t"}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_LONGEST_ENTITY = 34


def begins(text: str, at: int) -> bool:
    """Whether the sign at a place may begin an escape."""
    following = text[at + 1 : at + 2]
    if text[at] == "%":
        return text[at + 1 : at + 3] in _HEX or following in ("u", "U")
    if text[at] == "&":
        end = text.find(";", at + 2, at + _LONGEST_ENTITY)
        return text[at + 1 : end].removeprefix("#").isalnum() if end > 0 else False
    return following in _SIMPLE or following in _HEX_DIGITS or following in ("0", "1", "2", "3")


def percent(text: str) -> str:
    """Percent escapes undone, `%uXXXX` of old browsers too; octets are UTF-8, overlong or not, else Latin-1."""
    if "%u" not in text and "%U" not in text:
        # What is whole UTF-8 together is so run by run: a run never ends within a character.
        with contextlib.suppress(UnicodeError):
            return unquote_to_bytes(text).decode("utf-8")
    head, *parts = text.split("%")
    out = [head]
    octets = bytearray()
    for part in parts:
        octet = _HEX.get(part[:2])
        if octet is not None:
            octets.append(octet)
            rest = part[2:]
        else:
            out.append(utf8(bytes(octets)))
            octets.clear()
            wide = _number(part[1:5], 4) if part[:1] in ("u", "U") else None
            out.append("%" if wide is None else chr(wide))
            rest = part if wide is None else part[5:]
        if rest:
            out.append(utf8(bytes(octets)))
            octets.clear()
            out.append(rest)
    out.append(utf8(bytes(octets)))
    return "".join(out).encode("utf-8", "replace").decode("utf-8")


def entities(text: str) -> str:
    """Character references of HTML undone, named and numbered."""
    head, *parts = text.split("&")
    out = [head]
    known: dict[str, str | None] = {}
    for part in parts:
        end = part.find(";", 1, _LONGEST_ENTITY)
        name = part[: end + 1]
        if name not in known:
            known[name] = _entity(name)
        value = known[name]
        out.append("&" + part if value is None else value + part[end + 1 :])
    return "".join(out)


def _entity(name: str) -> str | None:
    if name[:1] != "#":
        return html.entities.html5.get(name) if name.endswith(";") else None
    digits = name[1:-1]
    if digits[:1] in ("x", "X"):
        code = _number(digits[1:], len(digits) - 1)
    else:
        code = int(digits) if digits.isascii() and digits.isdecimal() else None
    return None if code is None or len(digits) > 9 else character(code)


def backslashes(text: str) -> str:
    """Backslash escapes of JSON, JavaScript, Python and C undone; octets alone are read as UTF-8."""
    parts = text.split("\\")
    out = [parts[0]]
    known: dict[str, tuple[str, int] | None] = {}
    index = 1
    while index < len(parts):
        part = parts[index]
        index += 1
        if not part:  # two in a row stand for one, and what follows is no escape
            out.append("\\")
            if index < len(parts):
                out.append(parts[index])
                index += 1
            continue
        first = part[0]
        if first in _SIMPLE:
            out.append(_SIMPLE[first] + part[1:])
            continue
        start = part[:11] if part[:2] == "u{" else part[: 1 + _HEX_DIGITS.get(first, 2)]
        if start not in known:
            known[start] = _backslash(start)
        found = known[start]
        out.append("\\" + part if found is None else found[0] + part[found[1] :])
    value = "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "\\u" not in text and "\\U" not in text and not value.isascii() and max(value) <= "\xff":
        return utf8(value.encode("latin-1"))
    return value


def _backslash(start: str) -> tuple[str, int] | None:
    """What an escape stands for, and how many characters behind the backslash it takes."""
    first = start[0]
    if start.startswith("u{"):
        end = start.find("}")
        code = _number(start[2:end], end - 2) if end > 2 else None
        return None if code is None else (character(code), end + 1)
    if first in _HEX_DIGITS:
        code = _number(start[1:], _HEX_DIGITS[first])
        if code is not None and 0xD800 <= code <= 0xDFFF:
            return chr(code), len(start)  # half of a character beyond the first 65,536
        return None if code is None else (character(code), len(start))
    if first in "0123" and len(start) >= 3 and start[1] in "01234567" and start[2] in "01234567":
        return character(int(start[:3], 8)), 3
    return None


def hex_bytes(text: str) -> str:
    """Octets in C's spelling (`0x41`) undone."""
    head, *parts = text.split("0x")
    out = [head]
    for part in parts:
        octet = _HEX.get(part[:2])
        out.append("0x" + part if octet is None else chr(octet) + part[2:])
    return "".join(out)


def _number(digits: str, count: int) -> int | None:
    """`count` hexadecimal digits as a number; None if they are not."""
    if len(digits) != count or not digits.isascii() or not digits.isalnum():
        return None
    with contextlib.suppress(ValueError):
        return int(digits, 16)
    return None


def character(code: int) -> str:
    """The character of a code, or the sign for one that there is not."""
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        return "�"
    return chr(code)


def utf8(data: bytes) -> str:
    """UTF-8, and the overlong forms that lenient decoders accept (`C0 AE` for a dot); else Latin-1."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if not any(lead in data for lead in (0xC0, 0xC1, 0xE0, 0xF0)):
        return data.decode("latin-1")
    out: list[str] = []
    position = 0
    while position < len(data):
        lead = data[position]
        length = 2 if lead in (0xC0, 0xC1) else 3 if lead == 0xE0 else 4 if lead == 0xF0 else 0
        tail = data[position + 1 : position + length]
        if length and len(tail) == length - 1 and all(0x80 <= octet < 0xC0 for octet in tail):
            code = 0
            for octet in tail:
                code = code << 6 | octet & 0x3F
            if lead == 0xC1:
                code |= 0x40
            out.append(chr(code))
            position += length
            continue
        out.append(chr(lead))
        position += 1
    return "".join(out)
