"""Patches as coding agents hand them over: which files they touch, and what they put there.

The form is the envelope of Codex's `apply_patch` (its grammar stands in the program's own instructions):
`*** Begin Patch`, then of each file one line (`*** Add File: `, `*** Update File: `, `*** Delete File: `, and
`*** Move to: ` for a new name), and lines that begin with `+`, `-`, a space or `@@`. `pieces` also reads the two other
forms in use, unified diffs and blocks of `<<<<<<< SEARCH`: what stands in each place before, and what then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

START: Final = "*** Begin Patch"
_HEADERS: Final = {
    "*** Add File: ": "write",
    "*** Update File: ": "write",
    "*** Delete File: ": "delete",
    "*** Move to: ": "write",
}


class Patch(NamedTuple):
    """What a patch would do."""

    files: tuple[tuple[str, str], ...]
    """(use, path), in order; `write` or `delete`."""
    added: str
    """The lines that it adds."""


def looks_like(text: str) -> bool:
    """Whether a text is a patch in this form, and nothing but one."""
    return START in text[:64] and text.lstrip().startswith(START)


def read(text: str) -> Patch:
    """Reads a patch. Linear; a line that fits nothing is passed over, as it adds and touches nothing."""
    files: list[tuple[str, str]] = []
    added: list[str] = []
    for line in text.splitlines():
        if line.startswith("+"):
            added.append(line[1:])
            continue
        for header, use in _HEADERS.items():
            if line.startswith(header):
                files.append((use, line[len(header) :].strip()))
    return Patch(tuple(files), "\n".join(added))


class Piece(NamedTuple):
    """One place that is changed, with the lines around it that stay."""

    path: str
    """The file, where the patch says it."""
    before: str
    after: str
    whole: bool
    """The file is new and holds nothing else."""


_FORMS: Final = (START, "\n+++ ", "\n@@", "<<<<<<< ")


def pieces(text: str) -> Iterator[Piece]:
    """The places that a patch changes; none for what is no patch. Linear."""
    if not any(form in text for form in _FORMS):
        return
    path, new = "", False
    before: list[str] = []
    after: list[str] = []
    side = ""
    lines = text.splitlines()
    for number, line in enumerate([*lines, "@@"]):
        header = next((header for header in _HEADERS if line.startswith(header)), "")
        unified = line.startswith("+++ ") and number > 0 and lines[number - 1].startswith("--- ")
        if header or unified or line.startswith(("@@", "<<<<<<< ", ">>>>>>> ")):
            if after:
                yield Piece(path, "\n".join(before), "\n".join(after), new)
            before, after, side = [], [], "before" if line.startswith("<<<<<<< ") else ""
        if header:
            path, new = line[len(header) :].strip(), header == "*** Add File: "
        elif unified:
            path = line[4:].partition("\t")[0].strip().removeprefix("b/")
            new = lines[number - 1].startswith("--- /dev/null")
        elif side:
            if line == "=======":
                side = "after"
            else:
                (before if side == "before" else after).append(line)
        elif line.startswith("+"):
            after.append(line[1:])
        elif line.startswith("-"):
            before.append(line[1:])
        elif line[:1] in ("", " "):
            before.append(line[1:])
            after.append(line[1:])
