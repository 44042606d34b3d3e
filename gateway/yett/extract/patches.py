"""Patches as coding agents hand them over: which files they touch, and what they put there.

The form is the envelope of Codex's `apply_patch` (its grammar stands in the program's own instructions):
`*** Begin Patch`, then of each file one line (`*** Add File: `, `*** Update File: `, `*** Delete File: `, and
`*** Move to: ` for a new name), and lines that begin with `+`, `-`, a space or `@@`.
"""

from __future__ import annotations

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
