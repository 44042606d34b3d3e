"""What a docstring says of each parameter, in Google's, NumPy's and Sphinx's style."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def parameters(text: str) -> dict[str, str]:
    """By name: Google's `name: …`, NumPy's `name : type` with a line below, Sphinx's `:param name: …`."""
    return {name: said.strip() for name, said in _parameters(text.splitlines())}


def _parameters(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    pending = ""
    for line in lines:
        stripped = line.strip()
        if pending:
            yield pending, stripped
            pending = ""
            continue
        if stripped.startswith((":param ", ":arg ", "@param ")):
            head, _, said = stripped.split(" ", 1)[1].partition(":")
            if head.split():
                yield head.split()[-1], said
            continue
        head, colon, said = stripped.partition(":")
        name = head.split("(")[0].strip()
        if colon and name.isidentifier():
            if said.strip() and head.rstrip() != head:
                pending = name
            yield name, said
