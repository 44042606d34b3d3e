"""Words of a command line: arguments of a call coming in, and lines of output going out."""

from __future__ import annotations

from typing import Any

import typer


def read_arguments(words: list[str]) -> dict[str, Any]:
    """`key=text` and `key:=JSON` to arguments.

    Raises:
        typer.BadParameter: a word is neither, or its JSON is refused.
    """
    from yett import canonical
    from yett.errors import InvalidCall

    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.rstrip(":"):
            raise typer.BadParameter(f"{word!r} is not key=value")
        try:
            found[name.removesuffix(":")] = canonical.parse(text.encode()) if name.endswith(":") else text
        except InvalidCall as error:
            raise typer.BadParameter(f"{word!r}: {error.message}") from None
    return found


_UNITS = {"m": 60, "h": 3600, "d": 86_400}


def milliseconds(text: str) -> int:
    """`90m`, `12h`, `30d` in milliseconds.

    Raises:
        typer.BadParameter: it is none of these.
    """
    unit = _UNITS.get(text[-1:])
    if unit is None or not (text.isascii() and text[:-1].isdigit()):
        raise typer.BadParameter(f"{text!r} is no time: give a number and m, h or d, such as 90m, 12h, 30d")
    return int(text[:-1]) * unit * 1000


def install(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install '.[{extra}]' in yett's checkout"


def say_line(text: str, *, err: bool = False) -> None:
    """Print a line that holds somebody else's words: what a terminal would act on is written out."""
    typer.echo("".join(c if c.isprintable() or c in "\n\t" else f"\\u{{{ord(c):x}}}" for c in text), err=err)
