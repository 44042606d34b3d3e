"""Results: what came back from a tool, how far it can be trusted, and what it carries.

Every string leaf of a result becomes a (value, origin) pair for the session's provenance. Where a leaf came
from is what the manifest's `result:` says of it: a pointer, else a field name at any depth, else `trust` for
all of it, else untrusted, because a tool that nobody described may return anything.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import msgspec

from yett import canonical
from yett.errors import YettError
from yett.extract import decode
from yett.extract.budget import Budget, OverBudget
from yett.extract.facts import Text
from yett.extract.patterns import ScanFailed, pattern
from yett.extract.values import secrets, signals
from yett.extract.views import tokens
from yett.model import Finding, Json, Level, Origin, Outcome, OutcomeFacts, ToolSpec
from yett.risk.detections import Detections

MAX_VALUES = 5_000
MAX_VALUE = 4_096
"""Characters of one value kept for provenance; of a longer one, the start."""
OVERLAP = 256
"""Characters that neighbouring pieces of a long value share."""
PROSE = 8
"""Words beyond which a text is no name, number or title any more."""
MAX_LINES = 2_000
"""Of a text that is read field by field."""
MAX_DEPTH = 64
_OPENLY = frozenset(("json", "xml", "percent"))
"""Encodings that every value is read without."""
SIGNAL_LEVELS = ((60, Level.HIGH), (30, Level.MEDIUM), (1, Level.LOW))

_ORIGINS = {origin.value: origin for origin in Origin}
_SENTENCE = pattern(r"\pL[\pL\d'-]*\p{Ll}{2}[.!?][\"')]*(?:\s|$)")
"""A word in small letters and a full stop behind it: no abbreviation."""
_SPOKEN = pattern(r"\p{Ll}{2}[.!?][\"')]* +\S")
"""A sentence, and something behind it."""
_LOOSE = pattern(r"[@\n]|:(?:\D|$)")
"""What no mere name, number, date or time has."""
_LINE = pattern(r"[^\n]+")
_NAME = pattern(r"\pL[\pL\d _./-]*")
_FIELD = pattern(r"(?:[-*] )?(\pL[\pL\d _/-]*):(?:[ \t]+(.*))?")
_BETWEEN_NAMES = {ord(char): "\n" for char in ",;:|<>()[]\r"}


def examine(outcome: Outcome, spec: ToolSpec | None, detections: Detections) -> OutcomeFacts:
    """Facts of one result. Never raises: what could not be read is `truncated`."""
    budget = Budget(size=4 << 20)
    values: list[tuple[str, str]] = []
    findings: dict[tuple[str, str | None], Finding] = {}
    labels: set[str] = set()
    truncated = outcome.unread
    try:
        encoded = canonical.encode(outcome.result)
    except (YettError, RecursionError, ValueError, TypeError, OverflowError):
        encoded, truncated = repr(type(outcome.result)).encode(), True
    trust = spec.result if spec is not None else {}
    try:
        documents = list(_documents(outcome.result))
        if trust.get("trust") == "receipt" and any(map(_is_table, documents)):
            trust = {}
        for text, pointer, name in itertools.chain.from_iterable(map(_leaves, documents)):
            if len(values) >= MAX_VALUES:
                truncated = True
                break
            budget.spend(1, len(text))
            readings = _readings(text, pointer, budget)
            for piece, said in _told(trust, pointer, name, text):
                origin = _origin(said)
                if piece and said != "receipt":
                    kind = said if said == "sender" else origin.value
                    values.extend((part, kind) for part in _parts(piece, origin))
                if said != "receipt" and origin.rank >= Origin.UNTRUSTED.rank:
                    labels.add("read_untrusted")
                    values.extend(_hidden(readings))
            for finding in _look(readings, name, detections, budget):
                findings.setdefault((finding.id, finding.path), finding)
        if outcome.error:
            budget.spend(1, len(outcome.error))
            values.extend((part, Origin.UNTRUSTED.value) for part in _parts(outcome.error, Origin.UNTRUSTED))
            labels.add("read_untrusted")
            for finding in _look(_readings(outcome.error, "/error", budget), "", detections, budget):
                findings.setdefault((finding.id, finding.path), finding)
    except (OverBudget, ScanFailed, RecursionError):
        truncated = True
    if truncated:
        labels.add("read_untrusted")
    if any(finding.id == "result-secret" for finding in findings.values()) or "secret" in trust.values():
        labels.add("read_secret")
    return OutcomeFacts(
        decision_id=outcome.decision_id,
        status=outcome.status,
        result_digest=canonical.digest("yett/result/v1", encoded),
        size=len(encoded),
        values=tuple(values),
        labels=tuple(sorted(labels)),
        findings=tuple(findings.values()),
        truncated=truncated,
    )


def trust_of(trust: dict[str, str], pointer: str, name: str, text: str) -> str:
    """What the manifest says of a leaf: its pointer, its field's name, `*_id` for its name's end, `trust`, else untrusted.
    A field that ends like an untrusted one (`delivery_note`, `patientNote`) is as untrusted.

    A word of `manifest.TRUST`; `receipt` is what a call that acted says of itself, possibly in an attacker's words:
    it makes nothing known. Where the manifest knows of other people's words in the result, prose in a field it does
    not name may be theirs, and so may a text in no field, unless it is a mere name, number or date. A directory
    holds names; prose in it is no name.
    """
    parts = tokens(name)
    for key in (pointer, name, f"*_{parts[-1]}" if len(parts) > 1 else name):
        if key in trust:
            return trust[key]
    if parts and trust.get(parts[-1]) == "untrusted":
        return "untrusted"
    said = trust.get("trust", "untrusted")
    foreign = any(each in ("untrusted", "sender") for each in trust.values())
    if not foreign and said != "directory":
        return said
    prose = len(text) > 2 * PROSE and (
        len(text.translate(_BETWEEN_NAMES).split(None, PROSE)) > PROSE or _SENTENCE.search(text) is not None
    )
    loose = not name and _LOOSE.search(text) is not None
    if (foreign and (prose or loose)) or (said == "directory" and prose and (name or not _is_list(text))):
        return "untrusted"
    return said


def _told(trust: dict[str, str], pointer: str, name: str, text: str) -> Iterator[tuple[str, str]]:
    """A leaf, and what the manifest says of it; a text whose lines name their fields, field by field.

    Up to the first that others wrote: what follows may be theirs however it looks, for a text has no quotes. Not
    at all where the whole is others' unless the manifest says more: they may have written the names as well.
    """
    said = trust_of(trust, pointer, name, text)
    others = Origin.UNTRUSTED.rank
    known = name or _origin(said).rank < others or _origin(trust.get("trust", "")).rank >= others
    fields = [] if known else _fields(text)
    for start, field, value in fields:
        said = trust_of(trust, pointer, field, value)
        if _origin(said).rank >= others:
            yield text[start:], said
            return
        yield value, said
    if not fields:
        yield text, said


def _fields(text: str) -> list[tuple[int, str, str]]:
    """(place, name, value) of each `name: value` line or cell under a heading; nothing if any line is another thing."""
    lines = [
        (found.start(), found.group().strip(" |\t"))
        for found in itertools.islice(_LINE.finditer(text), MAX_LINES + 1)
    ]
    lines = [(start, line) for start, line in lines if line.strip("-:|+ ")]
    if not 2 <= len(lines) <= MAX_LINES:
        return []
    pairs = [(start, _FIELD.fullmatch(line)) for start, line in lines]
    if all(pair is not None for _, pair in pairs):
        return [
            (start, "_".join(tokens(pair.group(1))), pair.group(2) or "") for start, pair in pairs if pair
        ]
    for mark in ";\t|,":
        rows = [(start, [cell.strip() for cell in line.split(mark)]) for start, line in lines]
        heading = ["_".join(tokens(cell)) for cell in rows[0][1] if _NAME.fullmatch(cell)]
        if len(heading) > 1 and all(len(row) == len(heading) for _, row in rows):
            return [
                (text.index(cell, start), name, cell)
                for start, row in rows[1:]
                for name, cell in zip(heading, row, strict=True)
            ]
    return []


def _is_list(text: str) -> bool:
    """Whether a text is names one after the other, none of them long."""
    if _SPOKEN.search(text) is not None:
        return False
    parts = text.translate(_BETWEEN_NAMES).split("\n")
    return len(parts) > 1 and all(len(part.split(None, PROSE)) <= PROSE for part in parts)


def _is_table(value: Json) -> bool:
    """Whether a result is a list of records: no receipt of one act, whatever the tool was taken for."""
    return isinstance(value, list) and any(isinstance(item, dict | list) for item in value)


def _documents(value: Json) -> Iterator[Json]:
    """What a result says, without what it came in: JSON in a text, and the content blocks of MCP."""
    blocks = value.get("content") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(blocks, list):
        yield _parsed(value)
        return
    yield from (
        _parsed(b["text"] if isinstance(b, dict) and set(b) == {"type", "text"} else b) for b in blocks
    )
    yield value.get("structuredContent")
    yield {key: said for key, said in value.items() if key not in ("content", "structuredContent")}


def subject(value: Json) -> Json:
    """What a result is about, for conditions on it: the structured content of MCP, else its one text, else itself."""
    if not isinstance(value, dict) or not isinstance(value.get("content"), list):
        return _parsed(value)
    if value.get("structuredContent") is not None:
        return value["structuredContent"]
    said = list(_documents({"content": value["content"]}))[: len(value["content"])]
    return said[0] if len(said) == 1 else said


def _parsed(value: Json) -> Json:
    """The structure of a text that is one JSON document; a duplicate key makes it a text like any other."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(YettError, UnicodeError):
            return canonical.parse(value.encode())
    return value


def _origin(said: str) -> Origin:
    # `sender`: whoever wrote the message chose it.  `secret`: the principal's own, and labelled as well.
    return Origin.RECORDS if said == "secret" else _ORIGINS.get(said, Origin.UNTRUSTED)


def _parts(text: str, origin: Origin) -> Iterator[str]:
    """What of a leaf is kept for provenance: itself, and of a directory in one text each name in it.

    Of a long trusted text the start; a long untrusted one in pieces, so that nothing hides behind padding.
    """
    if origin.rank >= Origin.UNTRUSTED.rank:
        yield from (text[start : start + MAX_VALUE] for start in range(0, len(text), MAX_VALUE - OVERLAP))
        return
    yield text[:MAX_VALUE]
    if origin is Origin.DIRECTORY and len(text) <= MAX_VALUE:
        parts = text.translate(_BETWEEN_NAMES).split("\n")
        if len(parts) > 1:
            yield from (name for part in parts if (name := part.strip(" -*.\t")))


def _leaves(value: Json) -> Iterator[tuple[str, str, str]]:
    stack: list[tuple[Json, str, str, int]] = [(value, "", "", 0)]
    while stack:
        item, pointer, name, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise OverBudget("depth")
        if isinstance(item, str):
            yield item, pointer, name
        elif isinstance(item, dict):
            for key, member in reversed(item.items()):
                stack.append(
                    (
                        member,
                        f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}",
                        str(key),
                        depth + 1,
                    )
                )
        elif isinstance(item, list):
            stack.extend(
                (item[index], f"{pointer}/{index}", name, depth + 1) for index in range(len(item) - 1, -1, -1)
            )
        elif isinstance(item, int | float) and not isinstance(item, bool):
            yield msgspec.json.encode(item).decode(), pointer, name


def _readings(text: str, pointer: str, budget: Budget) -> list[Text]:
    """A leaf as it is, and decoded; nothing of one too short to say anything."""
    if len(text) < 6:
        return []
    layers = decode.layers(text, budget, set())
    return [
        Text(pointer=pointer, value=text),
        *(Text(pointer=pointer, value=layer.value, chain=layer.chain) for layer in layers),
    ]


def _hidden(readings: list[Text]) -> Iterator[tuple[str, str]]:
    """What somebody has written so that only decoding tells: known as his words, or who decodes it seems to know it himself."""
    for reading in readings:
        if not _OPENLY.issuperset(reading.chain):
            yield from ((part, Origin.UNTRUSTED.value) for part in _parts(reading.value, Origin.UNTRUSTED))


def _look(readings: list[Text], name: str, detections: Detections, budget: Budget) -> Iterator[Finding]:
    if not readings:
        return
    pointer = readings[0].pointer
    for fact in secrets.scan(readings[0].value, pointer, name=name, budget=budget):
        yield Finding(
            id="result-secret",
            title="A secret arrived in a result",
            level=Level.HIGH,
            tags=("ASI03", "AML.T0055"),
            path=pointer,
            detail=fact.kind,
        )
    for reading in readings:
        weight = sum(signal.weight for signal in signals.scan(reading.value, pointer, chain=reading.chain))
        level = next((level for least, level in SIGNAL_LEVELS if weight >= least), None)
        if level is not None:
            yield Finding(
                id="result-instructions",
                title="A result speaks to the model",
                level=level,
                tags=("ASI01", "AML.T0051.001"),
                path=pointer,
                detail=str(weight),
            )
            break
    yield from detections.find_in_result(readings)
