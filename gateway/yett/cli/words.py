"""Words of a command line: arguments of a call coming in, and lines of output going out."""

from __future__ import annotations

from typing import Any

import typer


def read_arguments(words: list[str]) -> dict[str, Any]:
    """`key=text` and `key:=JSON` to arguments.

    Raises:
        typer.BadParameter: a word is neither. InvalidCall: the JSON is refused.
    """
    from yett import canonical

    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.rstrip(":"):
            raise typer.BadParameter(f"{word!r} is not key=value")
        found[name.removesuffix(":")] = canonical.parse(text.encode()) if name.endswith(":") else text
    return found


def say_line(text: str, *, err: bool = False) -> None:
    """Print a line that holds somebody else's words: what a terminal would act on is written out."""
    typer.echo("".join(c if c.isprintable() or c in "\n\t" else f"\\u{{{ord(c):x}}}" for c in text), err=err)
