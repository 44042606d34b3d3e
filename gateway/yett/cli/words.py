"""Arguments of a call, written on a command line."""

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
