"""What a call writes into which file: bodies, pieces that an editor puts in the place of others, patches.

Nothing here asks what the tool is called. A string that names a file which runs by itself is its path wherever it stands,
and the strings beside it, or below, are what it is to hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from yett.extract import patches, views
from yett.extract.arguments import Leaf
from yett.extract.files.table import Entry, entries_of

MAX_NAME: Final = 4_096  # no system opens a longer one
_ASKED: Final = frozenset(("pattern", "query", "regex", "glob"))
_BODIES: Final = frozenset(("content", "file", "data", "code", "label"))
_BEFORE: Final = frozenset(("old", "original", "search", "find", "before", "previous"))
_PATCH: Final = frozenset(("diff", "patch"))
_PIECE: Final = (
    frozenset(("new", "insert", "append", "add", "added", "replace", "replacement", "after")) | _PATCH
)


class Written(NamedTuple):
    """A body, or a piece of one."""

    file: str
    entry: Entry
    pointer: str
    text: str
    before: str = ""
    """What stood in its place."""
    whole: bool = True
    """Whether the file holds nothing else."""


def written(leaves: Iterable[Leaf]) -> Iterator[Written]:
    """Bodies of files that run by themselves, among the strings of a call."""
    strings = [leaf for leaf in leaves if isinstance(leaf.value, str)]
    names = {_parent(leaf.pointer): leaf.value for leaf in reversed(strings) if _names(leaf)}
    before = {_parent(leaf.pointer): leaf.value for leaf in strings if _said(leaf) & _BEFORE}
    for leaf in strings:
        if (leaf.kind not in _BODIES or _said(leaf) & _ASKED) and not patches.looks_like(leaf.value):
            continue
        beside = _parent(leaf.pointer)
        file = leaf.name if "." in leaf.name and entries_of(leaf.name) else _nearest(names, beside)
        pieces = list(patches.pieces(leaf.value))
        for piece in pieces:
            yield from _of(piece.path or file, leaf, piece.after, piece.before, piece.whole)
        # What has a patch somewhere in it may be a whole file all the same, unless it is said to be one.
        if leaf.value != file and not _said(leaf) & _BEFORE and not (pieces and _said(leaf) & _PATCH):
            whole = beside not in before and not _said(leaf) & _PIECE
            yield from _of(file, leaf, leaf.value, before.get(beside, ""), whole)


def _of(file: str, leaf: Leaf, text: str, before: str, whole: bool) -> Iterator[Written]:
    for entry in entries_of(file) if file and text else ():
        yield Written(file, entry, leaf.pointer, text, before, whole)


def _names(leaf: Leaf) -> bool:
    text = leaf.value
    return (
        0 < len(text) <= MAX_NAME
        and (leaf.kind == "path" or "." in text or "/" in text or text.lower().endswith(("file", "tab")))
        and "\n" not in text
        and bool(entries_of(text))
    )


def _said(leaf: Leaf) -> frozenset[str]:
    return frozenset(views.tokens(leaf.name))


def _parent(pointer: str) -> str:
    return pointer.rpartition("/")[0]


def _nearest(names: dict[str, str], beside: str) -> str:
    """The file that is named beside a value, or nearest above it."""
    while beside and beside not in names:
        beside = _parent(beside)
    return names.get(beside, "")
