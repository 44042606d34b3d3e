"""Which files run by themselves, and where in them the programs stand: `policies/files.yaml`."""

from __future__ import annotations

from functools import lru_cache

import msgspec
import yaml

from yett import resources
from yett.errors import PolicyError
from yett.extract.patterns import Pattern, PatternSet, check, pattern
from yett.extract.values import paths

FORMATS = ("json", "yaml", "sections", "make", "docker", "lines", "program")


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where in a file a program stands."""

    at: str
    """The last names that lead to it; `*` is any name."""
    words: bool = False
    """A list there is one command's words; else its members are lines."""
    args: str = ""
    """A name beside it that holds further words."""
    language: str = "shell"
    language_in: str = ""
    """A name beside it that says the language."""
    strip: str = ""
    """Signs before a line that are not the shell's."""

    @property
    def names(self) -> tuple[str, ...]:
        """`at`, the last name first."""
        return tuple(reversed(self.at.split("/")))


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of file."""

    title: str
    paths: str
    """As in `locations.yaml`."""
    format: str = "program"
    """json, yaml, sections, make, docker; `lines`: what `patterns` find; `program`: the whole file."""
    runs: list[Run] = []
    patterns: list[str] = []
    language: str = "shell"


class _Table:
    def __init__(self) -> None:
        path = resources.policies() / "files.yaml"
        try:
            self.entries = msgspec.convert(yaml.safe_load(path.read_text("utf-8"))["files"], list[Entry])
        except (OSError, yaml.YAMLError, TypeError, KeyError, msgspec.ValidationError) as broken:
            raise PolicyError(
                "FILES", f"the table of files that run does not load: {broken}", path=str(path)
            ) from broken
        self.globs: list[int] = []
        self.endings: dict[str, dict[str, list[Run]]] = {}
        """Of each entry, by title, its programs by the last name that leads to them; `*` those that end in any."""
        self.patterns: dict[str, list[Pattern]] = {}
        sources: list[str] = []
        for index, entry in enumerate(self.entries):
            if entry.format not in FORMATS:
                raise PolicyError(
                    "FILES", f"{entry.title}: no format is called {entry.format}", path=str(path)
                )
            for source in entry.patterns:
                check(source, where=f"{path}:{entry.title}")
            self.patterns[entry.title] = [pattern(source) for source in entry.patterns]
            self.endings[entry.title] = {
                name: [run for run in entry.runs if run.names[0] in (name, "*")]
                for name in ("*", *(run.names[0] for run in entry.runs))
            }
            for glob in entry.paths.split(","):
                sources.append(paths.regex(" ".join(glob.split())))
                self.globs.append(index)
        self.set = PatternSet(sources)


@lru_cache(maxsize=1)
def _table() -> _Table:
    return _Table()


def runs_ending(entry: Entry, name: str) -> list[Run]:
    """The entry's programs whose last name may be this one, in its order."""
    endings = _table().endings[entry.title]
    return endings.get(name) or endings["*"]


def patterns_of(entry: Entry) -> list[Pattern]:
    """Patterns that find the programs of a file whose format is `lines`."""
    return _table().patterns[entry.title]


@lru_cache(maxsize=4096)
def entries_of(name: str) -> tuple[Entry, ...]:
    """What a file of this path runs, if it does."""
    table = _table()
    # Tools strip what they are given, and Windows the dots and blanks at a name's end.
    text = name.replace("\\", "/").lower().strip().rstrip(". ")
    found = table.set.scan(("/" + text.lstrip("/")).encode("utf-8", "replace"))
    return tuple(table.entries[index] for index in sorted({table.globs[glob] for glob in found}))
