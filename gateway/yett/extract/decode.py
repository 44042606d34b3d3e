"""Layers: what a string reads as after everything a receiver might undo.

A tool, a shell, a web server or a model will percent-decode, unescape or base64-decode what it is given, so
a judgement over the outermost spelling alone is a judgement over nothing. `layers` walks breadth first from
the string through every decoder that applies, up to `MAX_DEPTH` deep and `MAX_LAYERS` wide, and yields each
different reading with the chain that led there. What is left out for lack of budget is reported.

Decoders are cheap to refuse: one RE2 set scan of the raw text tells which of them could apply at all.
"""

from __future__ import annotations

import base64
import binascii
import unicodedata
import zlib
from collections.abc import Callable, Iterator

import msgspec

from yett.extract import escapes
from yett.extract.budget import Budget
from yett.extract.patterns import PatternSet, pattern

MAX_DEPTH = 6
MAX_LAYERS = 40
MAX_FOLDED = 8_192
"""Characters of a text that are also read with look-alikes and invisible characters undone; what is longer is prose
or data, and is read as it is."""
MAX_WHOLE = 8_192
"""Characters of a text of which a reading is whole; of a longer one with few escapes it is their surroundings, because
the rest was read already."""
ESCAPES = frozenset(("percent", "html", "unicode_escape"))
"""The decoders so limited."""
MAX_PLACES = 3_000
"""Signs that may begin an escape; with more, all of the text is their surroundings."""
SURROUNDINGS = 200
"""Characters on either side of an escape."""
MAX_STRINGS = 1_000
"""Strings taken out of one JSON text."""
MAX_TOKENS = 64
"""Encoded tokens looked into a text."""
MAX_BASE32 = 4_096
"""Characters of one base32 token (its decoder is slow); a multiple of 8."""
MAX_INFLATED = 1 << 18
"""Bytes one compressed token may become."""

# In an ASCII text every byte is below 0x80, so three of the four base64 characters of a group have a bit
# that is always clear. Four such groups in a row are chance once in 4096, which keeps hashes and ids out.
_BASE64_ASCII = "(?:[A-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]){4}"

_TRIGGERS = (
    ("percent", r"%(?:25)*(?:[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})"),
    ("html", r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z][A-Za-z0-9]*);"),
    (
        "unicode_escape",
        r"\\(?:u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|U000[0-9a-fA-F]{5}|[0-3][0-7]{2})",
    ),
    ("base64", _BASE64_ASCII + r"|H4sI[A-Za-z0-9+/_-]{10}|^\s*[A-Za-z0-9+/_-]{7,}={0,2}\s*$"),
    ("base32", r"\b(?:[A-Z2-7]{8}){2}"),
    ("hex", r"(?:[2-7][0-9a-fA-F]|0[9aAdD]){6}|(?:0x[0-9a-fA-F]{2}[^0-9a-zA-Z]*){2}"),
    ("json", r'^\s*[\[{"]'),
    ("xml", r"^\s*<[A-Za-z?!]|<\?xml"),
)
_NAMES = tuple(name for name, _ in _TRIGGERS)
_SET = PatternSet([source for _, source in _TRIGGERS])


class Layer(msgspec.Struct, frozen=True):
    """One reading of a string."""

    value: str
    chain: tuple[str, ...] = ()
    name: str = ""
    """Member name inside a JSON text, where the reading is one of its strings."""


def layers(
    text: str,
    budget: Budget,
    limits: set[str],
    hits: list[int] | None = None,
    skip: frozenset[str] = frozenset(),
) -> Iterator[Layer]:
    """Every reading of `text` but the one as given, each once, nearest first.

    `skip` names decoders that do not apply to the text itself (they do to what was decoded from it).
    `hits` may pass the indexes of `triggers` that an earlier scan of the same text already found.
    Adds `expansions` or `depth` to `limits` when readings were left out.
    """
    seen = {text}
    queue: list[tuple[Layer, list[int] | None]] = [(Layer(text), hits)]
    produced = {True: 0, False: 0}
    while queue:
        layer, known = queue.pop(0)
        for reading in _readings(layer, known, budget, limits, frozenset() if layer.chain else skip):
            if reading.value in seen or not reading.value.strip():
                continue
            member = reading.chain[-1] == "json"
            if produced[member] >= (MAX_STRINGS if member else MAX_LAYERS):
                limits.add("expansions")
                return
            if len(reading.chain) > MAX_DEPTH:
                limits.add("depth")
                continue
            seen.add(reading.value)
            produced[member] += 1
            budget.spend(1, len(reading.value))
            yield reading
            queue.append((reading, None))


def triggers(data: bytes) -> list[int]:
    """Which decoders could apply to the text; feed the answer to `layers`."""
    return _SET.scan(data)


def _readings(
    layer: Layer, known: list[int] | None, budget: Budget, limits: set[str], skip: frozenset[str]
) -> Iterator[Layer]:
    text = layer.value
    hits = _SET.scan(text.encode("utf-8", "replace")) if known is None else known
    for index in sorted(hits):
        name = _NAMES[index]
        if name in skip:
            continue
        budget.spend(1)
        for value, member in _DECODERS[name](text, limits):
            yield Layer(value, (*layer.chain, name), member or layer.name)
    if not text.isascii():
        for name, fold in _FOLDS:
            start = text[:MAX_FOLDED]
            folded = fold(start) if name not in skip else start
            if folded != start:
                yield Layer(folded, (*layer.chain, name), layer.name)
        hidden = tag_text(text[:MAX_FOLDED])
        if hidden:
            yield Layer(hidden, (*layer.chain, "invisible"), layer.name)


Decoded = Iterator[tuple[str, str]]


def _around(text: str, sign: str) -> str:
    """The text, or if it is long the places where `sign` begins an escape, one a line."""
    if len(text) <= MAX_WHOLE or sum(map(text.count, "%&\\")) > MAX_PLACES:
        return text
    places: list[tuple[int, int]] = []
    at = text.find(sign)
    while at >= 0:
        if escapes.begins(text, at):
            if places and at - 2 * SURROUNDINGS <= places[-1][1]:
                places[-1] = (places[-1][0], at)
            else:
                places.append((at, at))
        at = text.find(sign, at + 1)
    return "\n".join(text[max(0, start - SURROUNDINGS) : end + SURROUNDINGS] for start, end in places)


# -- escapes, and the values of markup ----------------------------------------------------------------------

_TOO_DEEP = pattern(r"%(?:25){7,}")


def _percent(text: str, limits: set[str]) -> Decoded:
    text = _around(text, "%")
    if _TOO_DEEP.search(text):
        limits.add("depth")
        text = _TOO_DEEP.sub("%25", text)
    yield escapes.percent(text), ""
    if "+" in text and " " not in text:
        yield escapes.percent(text.replace("+", " ")), ""


def _html(text: str, limits: set[str]) -> Decoded:
    yield escapes.entities(_around(text, "&")), ""


def _unicode_escape(text: str, limits: set[str]) -> Decoded:
    yield escapes.backslashes(_around(text, "\\")), ""


_MARKUP_VALUE = pattern(
    r"<(?:code|pre|kbd|samp|tt)\b[^>]*>[^<]*|=\s*\"([^\"<]+)\"|=\s*'([^'<]+)'|>([^<>]+)|<!\[CDATA\[([^\]]*)\]\]>|(?:SYSTEM|PUBLIC)\s+\"([^\"]*)\""
)


def _xml(text: str, limits: set[str]) -> Decoded:
    for number, found in enumerate(_MARKUP_VALUE.finditer(text)):
        if number >= MAX_TOKENS:
            return  # the whole text is looked at too; markup is only an extra reading of its parts
        value = next(
            (group for group in found.groups() if group), ""
        ).strip()  # none of what is shown as code
        if len(value) > 2:
            yield value, ""


# -- binary-to-text ----------------------------------------------------------------------------------------

_BASE64_TOKEN = pattern(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_BASE64_WHOLE = pattern(r"[A-Za-z0-9+/_-]{7,}={0,2}")
_BASE64_SIGN = pattern(_BASE64_ASCII + r"|H4sI[A-Za-z0-9+/_-]{10}")
_BASE32_TOKEN = pattern(r"\b(?:[A-Z2-7]{8}){2,}[A-Z2-7]*={0,6}")
_HEX_TOKEN = pattern(r"(?:(?:[2-7][0-9a-fA-F]|0[9aAdD])){6,}")


def _base64(text: str, limits: set[str]) -> Decoded:
    stripped = "".join(text.split())
    if _BASE64_WHOLE.fullmatch(stripped):
        yield from _unbase64(stripped, limits)
        return
    tried = 0
    for found in _BASE64_TOKEN.finditer(text):
        token = found.group(0)
        if not _BASE64_SIGN.search(token):
            continue
        tried += 1
        if tried > MAX_TOKENS:
            limits.add("expansions")
            return
        before = tried
        for reading in _unbase64(token, limits):
            yield reading
            before = 0
        if before and ("/" in token or "-" in token or "_" in token):
            for part in token.replace("-", "/").replace("_", "/").split("/"):
                if len(part) >= 16 and _BASE64_SIGN.search(part):
                    yield from _unbase64(part, limits)


def _unbase64(token: str, limits: set[str]) -> Decoded:
    body = token.rstrip("=").replace("-", "+").replace("_", "/")
    if len(body) % 4 == 1:
        body = body[:-1]
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        return
    if data[:2] == b"\x1f\x8b" or data[:1] == b"\x78":
        data = _inflate(data, limits) or data
    value = readable(data)
    if value is not None:
        yield value, ""


def _inflate(data: bytes, limits: set[str]) -> bytes:
    engine = zlib.decompressobj(47)  # 32 + 15: gzip or zlib, whichever the header says
    try:
        out = engine.decompress(data, MAX_INFLATED)
    except zlib.error:
        return b""
    if engine.unconsumed_tail:
        limits.add("bytes")
    return out


def _base32(text: str, limits: set[str]) -> Decoded:
    for number, found in enumerate(_BASE32_TOKEN.finditer(text)):
        if number >= MAX_TOKENS:
            limits.add("expansions")
            return
        token = found.group(0).rstrip("=")[:MAX_BASE32]
        try:
            data = base64.b32decode(token + "=" * (-len(token) % 8))
        except (binascii.Error, ValueError):
            continue
        value = readable(data)
        if value is not None:
            yield value, ""


def _hex(text: str, limits: set[str]) -> Decoded:
    if "0x" in text:
        joined = escapes.hex_bytes(text)
        if joined != text:
            yield joined, ""
    for number, found in enumerate(_HEX_TOKEN.finditer(text)):
        if number >= MAX_TOKENS:
            limits.add("expansions")
            return
        token = found.group(0)
        value = readable(bytes.fromhex(token))
        # Digits alone are a number far more often than text in hex.
        if value is not None and not (token.isdecimal() and len(token) < 24):
            yield value, ""


def readable(data: bytes) -> str | None:
    """The bytes as text, if they are text (UTF-8, or UTF-16 as PowerShell encodes), else None."""
    if len(data) < 3:
        return None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or (data[1::2].count(0) > 0.4 * len(data) and len(data) > 5):
        try:
            value = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-16-le")
        except UnicodeDecodeError:
            return None
    else:
        try:
            value = data.decode("utf-8")
        except UnicodeDecodeError:
            return None
    sample = value[:2_000]
    strange = (
        0
        if sample.isprintable()
        else sum(1 for char in sample if not (char.isprintable() or char in "\n\r\t"))
    )
    return value if strange * 20 <= len(sample) else None


# -- JSON in a string --------------------------------------------------------------------------------------


def _json(text: str, limits: set[str]) -> Decoded:
    stripped = text.strip()
    if stripped[-1:] not in ("}", "]", '"') or len(stripped) < 3:
        return
    try:
        value = msgspec.json.decode(stripped.encode("utf-8", "replace"))
    except RecursionError:
        limits.add("depth")
        return
    except msgspec.DecodeError:
        return
    for count, found in enumerate(_strings(value)):
        if count >= MAX_STRINGS:
            limits.add("expansions")
            return
        yield found


def _strings(value: object) -> Iterator[tuple[str, str]]:
    stack: list[tuple[object, str]] = [(value, "")]
    while stack:
        item, name = stack.pop()
        if isinstance(item, str):
            if item.strip():
                yield item, name
        elif isinstance(item, dict):
            for key, member in reversed(item.items()):
                stack.append((member, key))
                if not key.isidentifier() or "__" in key:
                    stack.append((key, ""))
        elif isinstance(item, list):
            if len(item) > 1 and all(isinstance(word, str) for word in item):
                yield " ".join(item), name
            stack.extend((member, name) for member in reversed(item))


# -- characters that look like others, or like nothing -----------------------------------------------------

_TAGS = range(0xE0020, 0xE007F)
_TAG = pattern("[\U000e0020-\U000e007e]")


def tag_text(text: str) -> str:
    """ASCII written in Unicode tag characters, which no screen shows and every tokenizer reads."""
    if not _TAG.search(text):
        return ""
    return "".join(chr(ord(char) - 0xE0000) for char in text if ord(char) in _TAGS)


def _invisible(char: str) -> bool:
    """Takes no room on a screen: format characters, variation selectors, fillers, tags."""
    return (
        char in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800"
        or unicodedata.category(char) == "Cf"
        or "\ufe00" <= char <= "\ufe0f"
        or "\U000e0100" <= char <= "\U000e01ef"
    )


_MAYBE_INVISIBLE = pattern(
    r"[\p{Cf}\x{34f}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{3164}\x{ffa0}\x{2800}\x{fe00}-\x{fe0f}\x{e0100}-\x{e01ef}]"
)


def visible(text: str) -> str:
    """Without the characters that take no room."""
    if not _MAYBE_INVISIBLE.search(text):
        return text
    return _without(text, {char: "" for char in set(text) if not char.isascii() and _invisible(char)})


def _without(text: str, replaced: dict[str, str]) -> str:
    """The text with some characters replaced: one by one while they are few, which is much faster."""
    if len(replaced) > 8:
        return text.translate({ord(char): other for char, other in replaced.items()})
    for char, other in replaced.items():
        text = text.replace(char, other)
    return text


def _confusable_table() -> dict[str, str]:
    pairs = (
        "аa", "еe", "оo", "рp", "сc", "уy", "хx", "ѕs", "іi", "јj", "ԁd", "ԛq", "ԝw", "һh", "ӏl", "кk", "мm", "тt", "вb", "нh",
        "АA", "ВB", "ЕE", "ЅS", "ІI", "ЈJ", "КK", "МM", "НH", "ОO", "РP", "СC", "ТT", "ХX", "УY", "ЗZ", "ԌG",
        "αa", "εe", "ιi", "κk", "νv", "οo", "ρp", "τt", "υu", "χx", "ωw", "γy", "Αa", "ΒB", "ΕE", "ΖZ", "ΗH", "ΙI", "ΚK", "ΜM", "ΝN",
        "ΟO", "ΡP", "ΤT", "ΥY", "ΧX", "ɑa", "ɡg", "ıi", "ⅼl", "ᴀa", "ʀr", "ꜱs", "ᴇe", "ᴏo", "ɩi", "ʟl", "ɴn", "ᴛt", "ᴜu",
        "‐-", "‑-", "‒-", "–-", "—-", "−-", "∕/", "⁄/", "⧸/", "∖\\", "⧵\\", "﹨\\", "․.", "‥.", "。.", "｡.", "‚,", "՚'",
        "‘'", "’'", "‛'", "′'", "´'", "ʼ'", "ʹ'", "“\"", "”\"", "″\"", "；;", "︔;", "∣|", "ǀ|", "¦|", "‹<", "›>",
    )  # fmt: skip
    return {pair[0]: pair[1] for pair in pairs}


_CONFUSABLE = _confusable_table()
_CONFUSABLES = frozenset(_CONFUSABLE)


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _confusables(text: str) -> str:
    return _without(text, {char: _CONFUSABLE[char] for char in _CONFUSABLES.intersection(text)})


_FOLDS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("nfkc", _nfkc),
    ("invisible", visible),
    ("confusable", _confusables),
)
_DECODERS: dict[str, Callable[[str, set[str]], Decoded]] = {
    "percent": _percent,
    "html": _html,
    "unicode_escape": _unicode_escape,
    "base64": _base64,
    "base32": _base32,
    "hex": _hex,
    "json": _json,
    "xml": _xml,
}
