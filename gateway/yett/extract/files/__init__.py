"""Files that run by themselves: what of a body that is written somewhere will be run, by somebody else and later.

A `postinstall` in `package.json`, a step of a workflow, a recipe of make, a hook of git: whoever writes such a file plants a
command that nobody judges again. Which files do so, and what of them is a program, is data: `policies/files.yaml`.

1. `entries_of` a path's entries, by its name;
2. `readers`    a body's values by the names that lead to them: JSON, YAML, sections; `lines`: make, Dockerfiles;
3. `programs`   those values that the entry calls programs.

Of a file that is changed and not written anew, only what the piece before the change did not have is a program.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final, NamedTuple

from yett.extract import shell, views
from yett.extract.budget import Budget
from yett.extract.files import lines, readers
from yett.extract.files.readers import Leaf, Path, Reader, TooDeep
from yett.extract.files.table import Entry, Run, entries_of, patterns_of, runs_ending
from yett.extract.files.written import Written, written

__all__ = ["Entry", "Program", "TooDeep", "Written", "entries_of", "programs", "written"]

_READERS: dict[str, Reader] = {
    "json": readers.read_json,
    "yaml": readers.read_yaml,
    "sections": readers.read_sections,
    "make": lines.read_make,
    "docker": lines.read_docker,
}


MATCHED: Final = 4
"""Values for a step, where it is asked of each whether it is a program."""


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
    budget.spend(len(leaves) // MATCHED)
    return [
        program
        for program in _programs(entry, leaves, body.whole)
        if program.sure or shell.looks_like(program.text)
    ]


def _shebang(text: str) -> str:
    first, _, _ = text.partition("\n")
    words = views.tokens(first) if first.startswith("#!") else ()
    return next((views.spoken(word) for word in words if views.spoken(word) != "script"), "")


class _Group:
    """A program while its values come in: a text, or the members of a list."""

    def __init__(self, run: Run, sure: bool) -> None:
        self.run = run
        self.sure = sure
        self.texts: list[str] = []
        self.listed = False

    def text(self, args: list[str]) -> str:
        """The program as the shell reads it."""
        text = shlex.join(self.texts) if self.run.words and self.listed else "\n".join(self.texts)
        return f"{text} {shlex.join(args)}" if args else text


def _programs(entry: Entry, leaves: list[Leaf], whole: bool) -> Iterator[Program]:
    """Those values of a body that its entry calls programs."""
    groups: dict[Path, _Group] = {}
    for leaf in leaves:
        for place in (leaf.path, leaf.path[:-1]) if leaf.path and leaf.path[-1].isdecimal() else (leaf.path,):
            if place not in groups:
                found = _run_at(entry, place, rooted=whole and leaf.rooted)
                if found is None:
                    continue
                groups[place] = _Group(*found)
            group = groups[place]
            group.texts.append(_stripped(leaf.text, group.run.strip))
            group.listed = place != leaf.path
            break
    beside = {leaf.path: leaf.text for leaf in leaves} if groups else {}
    lists: dict[Path, list[str]] = {}
    for path, text in beside.items():
        lists.setdefault(path[:-1], []).append(text)
    for place, group in groups.items():
        run = group.run
        said = beside.get((*place[:-1], run.language_in), "").split() if run.language_in else []
        language = views.spoken(said[0]) if said else run.language
        args = lists.get((*place[:-1], run.args), []) if run.args else []
        yield Program(group.text(args), language, "/".join(place), group.sure)


def _run_at(entry: Entry, place: Path, *, rooted: bool) -> tuple[Run, bool] | None:
    """What stands at a place that is a program, and whether it surely is one: names before a piece are not known."""
    if not place:
        return None if rooted or not entry.runs else (entry.runs[0], False)
    for run in runs_ending(entry, place[-1]):
        known = list(zip(reversed(place), run.names, strict=False))
        if all(want in (name, "*") for name, want in known) and (not rooted or len(known) == len(run.names)):
            return run, any(want != "*" for _, want in known)
    return None


def _stripped(text: str, signs: str) -> str:
    return "\n".join(line.lstrip(signs) for line in text.split("\n")) if signs else text
