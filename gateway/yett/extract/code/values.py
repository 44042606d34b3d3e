"""Values as far as they can be known without running the program.

A constant is itself (`str`, `bytes`, `int`, `list` …). What is only named is a `Ref`; what a call returned is a
`Made`; a string with unknown parts is a `Partly`; everything else is `UNKNOWN`.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Ref(NamedTuple):
    """A module, function or attribute, by its resolved dotted name (`os.system`)."""

    name: str


class Made(NamedTuple):
    """What calling `name` returned, with the constant it was made from, if that matters (a path, a URL)."""

    name: str
    text: str | None = None


class Partly(NamedTuple):
    """A string of which only parts are known; `…` stands for the rest."""

    text: str


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
HOLE = "…"
MAX_TEXT = 20_000


def text_of(value: Any) -> str | None:
    """The text of a value that is, or was made from, a string; None of others."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Partly):
        return value.text
    if isinstance(value, Made):
        return value.text
    return None


def exact(value: Any) -> bool:
    return isinstance(value, (str, bytes))


def join(parts: list[Any]) -> Any:
    """The concatenation of strings, some of which may be unknown."""
    texts = []
    whole = True
    for part in parts:
        text = text_of(part) if not isinstance(part, Made) or part.text is not None else None
        if isinstance(part, (bool, int, float)):
            text = str(part)
        if text is None:
            texts.append(HOLE)
            whole = False
        else:
            texts.append(text)
            whole = whole and not isinstance(part, Partly)
    joined = "".join(texts)[:MAX_TEXT]
    if whole:
        return joined
    return Partly(joined) if joined.strip(HOLE) else UNKNOWN
