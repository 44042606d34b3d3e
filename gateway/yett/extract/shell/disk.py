"""What a program itself puts on disk, so that running it later in the same program is followed.

`echo 'rm -rf /' > a.sh; sh a.sh` and `cp /bin/sh /tmp/x; /tmp/x` hide nothing from whoever reads both halves.
Files go by their base name: a working directory may be unknown, and two files of one name in one program are
rarer than one file by two paths.
"""

from __future__ import annotations

_MAX_CONTENT = 16_384
_FETCHERS = frozenset(("curl", "wget", "fetch", "aria2c", "nc", "ncat", "scp", "ftp", "lwp-download"))


class Disk:
    """Files written, their content where it is known, and copies of programs."""

    def __init__(self) -> None:
        self.origin: dict[str, str] = {}
        """base name -> `written` or `download`"""
        self.content: dict[str, str] = {}
        self.bodies: list[tuple[str, str, bool]] = []
        """Of each file with known content its path, that content, and whether it holds nothing else."""
        self.copies: dict[str, str] = {}
        """base name -> the program that it is a copy of or a link to"""

    def note(self, path: str, program: str, upstream: tuple[str, ...], network: bool) -> None:
        """A command wrote this path."""
        name = base(path)
        if name:
            fetched = network or program in _FETCHERS or not _FETCHERS.isdisjoint(upstream)
            self.origin[name] = "download" if fetched else self.origin.get(name, "written")

    def store(self, path: str, text: str | None, append: bool) -> None:
        """The content of a file that was just written; None = not known."""
        name = base(path)
        if text:
            self.bodies.append((path, text, not append))
        if append and text is not None:
            before = self.content.get(name, "" if name not in self.origin else None)
            text = None if before is None else before + text
        if text is None or len(text) > _MAX_CONTENT:
            self.content.pop(name, None)
        elif name:
            self.content[name] = text

    def copy(self, source: str, target: str) -> None:
        """A file was copied, moved or linked."""
        name = base(source)
        where = base(target) or name
        for table in (self.origin, self.content):
            if name in table:
                table[where] = table[name]
        self.copies[where] = self.copies.get(name, name)


def base(path: str) -> str:
    """The base name; empty for a folder written with its slash, and for `.` and `..`."""
    name = path.rpartition("/")[2]
    return "" if name in (".", "..") else name


def language(text: str) -> str:
    """What a file of this content is run by: shell, or another language by its shebang."""
    if not text.startswith("#!"):
        return "shell"
    line = text.partition("\n")[0]
    for name in ("python", "node", "perl", "ruby", "php"):
        if name in line:
            return "javascript" if name == "node" else name
    return "shell"
