"""Reading one value of a document: of the expected kind, or refused with file, line and remedy."""

from __future__ import annotations

from typing import NoReturn

from yett.errors import PolicyError
from yett.model import Json
from yett.policy.source import Document

Path = tuple[str | int, ...]
"""Where a value stands in its document."""


def refuse(document: Document, path: Path, message: str, remedy: str | None = None) -> NoReturn:
    raise PolicyError("POLICY_INVALID", message, path=document.where(*path), remedy=remedy)


def strings(document: Document, value: Json, path: Path) -> list[str]:
    """One name, or a list of them."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
        refuse(document, path, "a name or a list of names is expected here")
    return list(items)


def flag(document: Document, value: dict[str, Json], key: str, path: Path) -> bool:
    flag = value.get(key, False)
    if not isinstance(flag, bool):
        refuse(document, (*path, key), f"`{key}` is true or false")
    return flag


def only(document: Document, value: Json, known: set[str] | frozenset[str], path: Path, what: str) -> None:
    if not isinstance(value, dict):
        refuse(document, path, f"{what} is a mapping")
    for key in value:
        if key not in known:
            refuse(document, (*path, key), f"{what} has no `{key}`", f"known: {', '.join(sorted(known))}")
