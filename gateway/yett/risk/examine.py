"""Results: what came back from a tool, how far it can be trusted, and what it carries.

Every string leaf of a result becomes a (value, origin) pair for the session's provenance. Where a leaf came
from is what the manifest's `result:` says of it: a pointer, else a field name at any depth, else `trust` for
all of it, else untrusted, because a tool that nobody described may return anything.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from yett import canonical
from yett.errors import YettError
from yett.extract import decode, secrets, signals
from yett.extract.budget import Budget, OverBudget
from yett.extract.facts import Text
from yett.extract.patterns import ScanFailed
from yett.model import Finding, Json, Level, Origin, Outcome, OutcomeFacts, ToolSpec
from yett.risk.detections import Detections

MAX_VALUES = 5_000
MAX_VALUE = 4_096
"""Characters of one value kept for provenance; of a longer one, the start."""
MAX_DEPTH = 64
SIGNAL_LEVELS = ((60, Level.HIGH), (30, Level.MEDIUM), (1, Level.LOW))

_ORIGINS = {origin.value: origin for origin in Origin}
_READING_SECRETS = ("secret", "credential", "password", "token")


def examine(outcome: Outcome, spec: ToolSpec | None, detections: Detections) -> OutcomeFacts:
    """Facts of one result. Never raises: what could not be read is `truncated`."""
    budget = Budget(size=4 << 20)
    values: list[tuple[str, str]] = []
    findings: dict[tuple[str, str | None], Finding] = {}
    labels: set[str] = set()
    truncated = False
    try:
        encoded = canonical.encode(outcome.result)
    except (YettError, RecursionError, ValueError, TypeError, OverflowError):
        encoded, truncated = repr(type(outcome.result)).encode(), True
    trust = spec.result if spec is not None else {}
    try:
        for text, pointer, name in _leaves(outcome.result):
            if len(values) >= MAX_VALUES:
                truncated = True
                break
            budget.spend(1, len(text))
            origin = origin_of(trust, pointer, name)
            if text:
                values.append((text[:MAX_VALUE], origin.value))
            if origin.rank >= Origin.UNTRUSTED.rank:
                labels.add("read_untrusted")
            for finding in _look(text, pointer, name, detections, budget):
                findings.setdefault((finding.id, finding.path), finding)
        if outcome.error:
            values.append((outcome.error[:MAX_VALUE], Origin.UNTRUSTED.value))
            labels.add("read_untrusted")
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


def origin_of(trust: dict[str, str], pointer: str, name: str) -> Origin:
    """Where a leaf came from, by the manifest: its pointer, its field's name, `trust`, else untrusted."""
    for key in (pointer, name, "trust"):
        said = trust.get(key)
        if said is not None:
            if said == "sender":
                return Origin.UNTRUSTED  # whoever wrote the message chose it
            if said == "secret":
                return Origin.RECORDS
            return _ORIGINS.get(said, Origin.UNTRUSTED)
    return Origin.UNTRUSTED


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


def _look(text: str, pointer: str, name: str, detections: Detections, budget: Budget) -> Iterator[Finding]:
    if len(text) < 6:
        return
    for fact in secrets.scan(text, pointer, name=name):
        yield Finding(
            id="result-secret",
            title="A secret arrived in a result",
            level=Level.HIGH,
            tags=("ASI03", "AML.T0055"),
            path=pointer,
            detail=fact.kind,
        )
    limits: set[str] = set()
    readings = [Text(pointer=pointer, value=text)]
    readings += [
        Text(pointer=pointer, value=layer.value, chain=layer.chain)
        for layer in decode.layers(text, budget, limits)
    ]
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
