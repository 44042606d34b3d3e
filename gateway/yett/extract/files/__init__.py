"""Files that run by themselves: what of a body that is written somewhere will be run, by somebody else and later.

A `postinstall` in `package.json`, a step of a workflow, a recipe of make, a hook of git: whoever writes such a file plants a
command that nobody judges again. Which files do so, and what of them is a program, is data: `policies/files.yaml`.

1. `entry_of`   a path's entry, by its name;
2. `readers`    a body's values by the names that lead to them: JSON, YAML, sections; `lines`: make, Dockerfiles;
3. `programs`   those values that the entry calls programs.

Of a file that is changed and not written anew, only what the piece before the change did not have is a program.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

from yett.extract import shell, views
from yett.extract.budget import Budget
from yett.extract.files import lines, readers
from yett.extract.files.readers import Leaf, Path, Reader, TooDeep
from yett.extract.files.table import Entry, Run, entry_of, patterns_of
from yett.extract.files.written import Written, written

__all__ = ["Entry", "Program", "TooDeep", "Written", "entry_of", "programs", "written"]

_READERS: dict[str, Reader] = {
    "json": readers.read_json,
    "yaml": readers.read_yaml,
    "sections": readers.read_sections,
    "make": lines.read_make,
    "docker": lines.read_docker,
}


class Program(NamedTuple):
    """What of a file will be run."""

    text: str
    language: str
    """shell, windows, python, javascript, or one that is read by its tokens."""
    place: str
    """Names that lead to it in the file, after slashes; empty for the whole."""
    sure: bool = True
    """Whether it is known to be one; else it only looks like it."""


# -- what of a body is a program --------------------------------------------------------------------------------------


def programs(body: Written, budget: Budget) -> list[Program]:
    """Programs in a file's body, or in a piece of it that were not there before.

    Raises:
        OverBudget: the call's budget ran out.
        TooDeep: the body is nested deeper than anything honest.
    """
    before = {program.text for program in _read(body, body.before, budget)} if body.before else ()
    return [program for program in _read(body, body.text, budget) if program.text not in before]


def _read(body: Written, text: str, budget: Budget) -> list[Program]:
    entry = body.entry
    budget.spend(1 + len(text) // 1_024)
    if entry.format == "program":
        return [Program(text, _shebang(text) or entry.language, "")]
    if entry.format == "lines":
        found = [line for source in patterns_of(entry) for line in source.findall(text)]
        return [Program("\n".join(found), entry.language, "")] if found else []
    leaves = list(_READERS[entry.format](text, budget))
    return [
        program
        for program in _Matching(entry, leaves, body.whole).programs()
        if program.sure or shell.looks_like(program.text)
    ]


def _shebang(text: str) -> str:
    first, _, _ = text.partition("\n")
    words = views.tokens(first) if first.startswith("#!") else ()
    return next((views.spoken(word) for word in words if views.spoken(word) != "script"), "")


def _stripped(text: str, signs: str) -> str:
    return "\n".join(line.lstrip(signs) for line in text.split("\n")) if signs else text


class _Matching:
    """The values of one body, and which of them an entry calls programs."""

    def __init__(self, entry: Entry, leaves: list[Leaf], whole: bool) -> None:
        self.entry = entry
        self.leaves = leaves
        self.whole = whole
        self.values = {leaf.path: leaf.text for leaf in leaves}

    def programs(self) -> Iterator[Program]:
        groups: dict[tuple[int, Path], tuple[list[str], bool, bool]] = {}
        for leaf in self.leaves:
            for number, run in enumerate(self.entry.runs):
                found = self._place(leaf, run)
                if found is not None:
                    place, sure = found
                    texts, _, _ = groups.setdefault((number, place), ([], sure, place != leaf.path))
                    texts.append(_stripped(leaf.text, run.strip))
        for (number, place), (texts, sure, listed) in groups.items():
            run = self.entry.runs[number]
            text = shlex.join(texts) if run.words and listed else "\n".join(texts)
            rest = (
                [leaf.text for leaf in self.leaves if leaf.path[:-1] == (*place[:-1], run.args)]
                if run.args
                else []
            )
            yield Program(
                f"{text} {shlex.join(rest)}" if rest else text,
                self._language(run, place),
                "/".join(place),
                sure,
            )

    def _language(self, run: Run, place: Path) -> str:
        said = self.values.get((*place[:-1], run.language_in), "") if run.language_in else ""
        return views.spoken(said.split()[0]) if said.strip() else run.language

    def _place(self, leaf: Leaf, run: Run) -> tuple[Path, bool] | None:
        """Where the program stands that a value belongs to, and whether it surely is one."""
        for place in (
            (leaf.path, leaf.path[:-1]) if leaf.path[-1:] and leaf.path[-1].isdecimal() else (leaf.path,)
        ):
            wanted = tuple(run.at.split("/"))
            rooted = self.whole and leaf.rooted
            known = list(zip(reversed(place), reversed(wanted), strict=False))
            if all(name == want or want == "*" for name, want in known) and (
                not rooted or len(known) == len(wanted)
            ):
                return place, any(want != "*" for _, want in known)
        return None
