"""Detections: what is worth noticing in the facts of a call, as data.

One YAML file is one family. An entry:

```yaml
- id: ssrf-metadata
  title: A request to a cloud's metadata service
  level: critical                       # info low medium high critical
  tags: [ASI02, AML.T0053]              # OWASP Agentic Security, MITRE ATLAS
  why: It hands out the machine's credentials to whoever asks.
  each: urls                            # optional: `it` is then one of these facts at a time
  when: it.address == "metadata"        # expression over Facts (and `it`)
  examples:
    positive: ["http://169.254.169.254/", {tool: fetch, arguments: {url: "http://2852039166/"}}]
    negative: [...]
```

`each: commands` goes over the commands that would run, not over those that merely stand in a value.
Or `pattern` (or a list `patterns`) holds RE2 matched anywhere in the texts, without regard to case;
`in: texts|keys|results` says in which (texts for people only with `prose: true`), `short: 300` only in texts of at most that many characters, and a `when`
beside it must hold too, with `it` being the text. `only: [words]` beside `each` spares the expression where a fact carries none of the words. Patterns of all families share one set scan a text. Everything is checked when it loads: unknown names, counted gaps, RE2's refusals, two
examples of each kind. The examples themselves run as tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from yett import expr
from yett.errors import PolicyError
from yett.expr.joins import Memo
from yett.extract.facts import Command, Facts, Later, Meaning, Text
from yett.extract.patterns import PatternSet, ScanFailed, check
from yett.model import Finding, Json, Level
from yett.risk.index import Index

_RUNS = frozenset(("exec",))
EACH = (
    "texts",
    "programs",
    "commands",
    "statements",
    "paths",
    "urls",
    "code",
    "secrets",
    "contacts",
    "amounts",
    "signals",
    "later",
)
PLACES = ("texts", "keys", "results")
MAX_TEXT = 1 << 16
SMALL = 1_000
"""Characters of a text up to which the patterns of short values are looked for at all."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_FINDINGS = 200
MIN_EXAMPLES = 2

Example = str | dict[str, Json]


class _Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    positive: list[Example]
    negative: list[Example]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    title: str
    level: Level
    why: str
    examples: _Examples
    tags: list[str] = []
    each: str = ""
    when: str = ""
    pattern: str = ""
    patterns: list[str] = []
    place: str = msgspec.field(name="in", default="texts")
    short: int = MAX_TEXT
    prose: bool = False
    """Patterns look at texts for people too."""
    only: list[str] = []
    """Quick look: the fact must carry one of these words (program, dialect, flag, effect, opacity, category …)."""
    points: int = -1
    """Weight in the score; without it, the level's."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    family: str
    detections: list[_Entry]
    title: str = ""


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """One loaded detection."""

    id: str
    family: str
    title: str
    level: Level
    why: str
    tags: tuple[str, ...]
    points: int | None
    each: str = ""
    place: str = ""
    short: int = MAX_TEXT
    prose: bool = False
    only: frozenset[str] = frozenset()
    program: expr.Program | None = None
    positive: tuple[Example, ...] = ()
    negative: tuple[Example, ...] = ()


class _Scan:
    """Patterns and whose they are."""

    def __init__(self, patterns: Sequence[tuple[int, str]]) -> None:
        self._owners = [owner for owner, _ in patterns]
        self._engine = PatternSet([source for _, source in patterns], fold=True) if patterns else None

    def __call__(self, text: bytes) -> list[int]:
        return [self._owners[hit] for hit in self._engine.scan(text)] if self._engine is not None else []


def _parted(
    patterns: Sequence[tuple[int, str]], chosen: Callable[[int], bool]
) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Those of chosen owners, and the others."""
    return [each for each in patterns if chosen(each[0])], [each for each in patterns if not chosen(each[0])]


class Detections:
    """A loaded set. Immutable; any number of threads may ask it."""

    def __init__(self, detections: Sequence[Detection], patterns: Sequence[tuple[int, str]]) -> None:
        self.all = tuple(detections)
        by_pattern = {owner for owner, _ in patterns}
        self._whole = [
            index for index, entry in enumerate(self.all) if not entry.each and index not in by_pattern
        ]
        self._each: dict[str, Index] = {}
        for index, entry in enumerate(self.all):
            if entry.each and entry.program is not None:
                self._each.setdefault(entry.each, Index()).add(index, entry.only, entry.program)
        results, calls = _parted(patterns, lambda owner: self.all[owner].place == "results")
        small, large = _parted(calls, lambda owner: self.all[owner].short <= SMALL)
        people, _ = _parted(calls, lambda owner: self.all[owner].prose)
        self._small, self._large, self._prose, self._results = map(_Scan, (small, large, people, results))

    def find(self, facts: Facts) -> tuple[Finding, ...]:
        """Findings in the facts of a call: each detection at most once a pointer. Never raises."""
        found: dict[tuple[int, str | None], Finding] = {}
        environment = _environment(facts)
        memo: Memo = {}
        for index in self._whole:
            self._judge(index, environment, None, found, memo)
        for name, entries in self._each.items():
            for fact in _run_commands(facts) if name == "commands" else getattr(facts, name):
                environment["it"] = fact
                for index in entries.of(fact):
                    self._judge(index, environment, fact, found, memo)
                if len(found) > MAX_FINDINGS:
                    break
        self._scan(facts.texts, found, environment, memo)
        return tuple(found.values())

    def find_later(self, facts: Facts, later: Later) -> tuple[Finding, ...]:
        """Findings in programs that the call writes into a file, as if they ran now."""
        meaning = {name: getattr(later, name) for name in Meaning.__struct_fields__}
        found = self.find(Facts(tool=facts.tool, server=facts.server, does=_RUNS, size=facts.size, **meaning))
        return tuple(
            msgspec.structs.replace(
                finding, detail=f"{finding.detail} in {later.title} {_shown(later.file)}, run later".lstrip()
            )
            for finding in found
        )

    def find_in_result(self, texts: Iterable[Text]) -> tuple[Finding, ...]:
        """Findings of the patterns that look at results."""
        found: dict[tuple[int, str | None], Finding] = {}
        self._scan(texts, found, {}, {}, in_result=True)
        return tuple(found.values())

    def _judge(
        self,
        index: int,
        environment: Mapping[str, Any],
        fact: Any,
        found: dict[tuple[int, str | None], Finding],
        memo: Memo,
    ) -> None:
        entry = self.all[index]
        assert entry.program is not None
        # What cannot be decided (over budget, a missing value) counts as seen: fail closed.
        if entry.program.evaluate(environment, memo) is not False:
            pointer = getattr(fact, "pointer", None)
            if (index, pointer) not in found:
                found[index, pointer] = _finding(entry, pointer, _describe(fact))

    def _scan(
        self,
        texts: Iterable[Text],
        found: dict[tuple[int, str | None], Finding],
        environment: dict[str, Any],
        memo: Memo,
        *,
        in_result: bool = False,
    ) -> None:
        for text in texts:
            value = text.value[:MAX_TEXT]
            try:
                data = value.encode("utf-8", "replace")
                if in_result:
                    hits = self._results(data)
                elif text.prose:
                    hits = self._prose(data)
                else:
                    hits = self._large(data) + (self._small(data) if len(value) <= SMALL else [])
            except ScanFailed:
                found[-1, text.pointer] = Finding(
                    id="scan-failed", title="A text could not be scanned", level=Level.HIGH, path=text.pointer
                )
                continue
            for index in hits:
                entry = self.all[index]
                known = (index, text.pointer) in found or len(found) > MAX_FINDINGS
                if known or len(text.value) > entry.short or (entry.place == "keys" and not text.key):
                    continue
                environment["it"] = text
                if entry.program is None or entry.program.evaluate(environment, memo) is not False:
                    how = f"after {', '.join(text.chain)}" if text.chain else ""
                    found[index, text.pointer] = _finding(entry, text.pointer, how)


def _run_commands(facts: Facts) -> tuple[Command, ...]:
    """The commands that the call would run. One that merely stands in a value is judged by its program."""
    run = {program.pointer for program in facts.programs if program.declared}
    values = {program.pointer for program in facts.programs} - run
    return tuple(command for command in facts.commands if command.pointer not in values)


def _finding(entry: Detection, pointer: str | None, detail: str) -> Finding:
    return Finding(
        id=entry.id, title=entry.title, level=entry.level, tags=entry.tags, path=pointer, detail=detail
    )


def _describe(fact: Any) -> str:
    """What was seen, in a few safe words: names of programs, tables, hosts and kinds, never whole values."""
    if fact is None:
        return ""
    for name in ("program", "host", "kind", "normal", "language", "dialect"):
        value = getattr(fact, name, None)
        if isinstance(value, str) and value:
            return _shown(value)
    return ""


def _shown(value: str) -> str:
    return value[:80].encode("unicode_escape").decode("ascii")


def _environment(facts: Facts) -> dict[str, Any]:
    environment: dict[str, Any] = {name: getattr(facts, name) for name in facts.__struct_fields__}
    environment["truncated"] = facts.truncated
    environment["facts"] = facts
    return environment


def _types(each: str) -> dict[str, expr.Type]:
    whole = expr.types_of(Facts)
    types = {**whole.fields, "facts": whole}
    if each:
        item = whole.fields[each].item
        assert item is not None
        types["it"] = item
    return types


# -- loading -----------------------------------------------------------------------------------------------


def load(directories: Sequence[Path]) -> Detections:
    """Every `*.yaml` of the directories, sorted by name.

    Raises:
        PolicyError: a file that does not parse, an unknown field or name, a refused pattern, too few
            examples, an id that occurs twice, or no detection at all.
    """
    detections: list[Detection] = []
    patterns: list[tuple[int, str]] = []
    ids: set[str] = set()
    for path in sorted(path for directory in directories for path in directory.glob("*.yaml")):
        document = _read(path)
        for entry in document.detections:
            where = f"{path}:{entry.id}"
            if entry.id in ids:
                raise PolicyError("DETECTION_TWICE", f"the id {entry.id} is taken", path=where)
            ids.add(entry.id)
            for source in _sources(entry):
                check(source, where=where)
                patterns.append((len(detections), source))
            detections.append(_load_entry(entry, document.family, where))
    if not detections:
        raise PolicyError("NO_DETECTIONS", "no detection was found", path=", ".join(map(str, directories)))
    return Detections(detections, patterns)


def _read(path: Path) -> _File:
    try:
        return msgspec.convert(yaml.load(path.read_text("utf-8"), Loader=_LOADER), _File)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as broken:
        raise PolicyError(
            "DETECTION_FILE", f"the detections do not load: {broken}", path=str(path)
        ) from broken


def _sources(entry: _Entry) -> list[str]:
    return [*([entry.pattern] if entry.pattern else []), *entry.patterns]


def _load_entry(entry: _Entry, family: str, where: str) -> Detection:
    by_pattern = bool(_sources(entry))
    if (not by_pattern and not entry.when) or (by_pattern and entry.each):
        raise PolicyError("DETECTION_FORM", "a detection has `when`, or `pattern` without `each`", path=where)
    if entry.each and entry.each not in EACH:
        raise PolicyError("DETECTION_EACH", f"`each` is one of {', '.join(EACH)}", path=where)
    if entry.place not in PLACES:
        raise PolicyError("DETECTION_IN", f"`in` is one of {', '.join(PLACES)}", path=where)
    if min(len(entry.examples.positive), len(entry.examples.negative)) < MIN_EXAMPLES:
        raise PolicyError(
            "DETECTION_EXAMPLES", f"{MIN_EXAMPLES} examples of each kind are the least", path=where
        )
    program = (
        expr.compile(entry.when, _types("texts" if by_pattern else entry.each), where=where)
        if entry.when
        else None
    )
    return Detection(
        id=entry.id, family=family, title=entry.title, level=entry.level, why=entry.why, tags=tuple(entry.tags),
        points=entry.points if entry.points >= 0 else None, each=entry.each, place=entry.place, short=entry.short, prose=entry.prose, only=frozenset(entry.only), program=program,
        positive=tuple(entry.examples.positive), negative=tuple(entry.examples.negative),
    )  # fmt: skip
