"""Many hosts: one chain each, under one registry log.

Every writer keeps its own chain, so no host waits for another. Once in a while each hands its head to the registry,
a log like any other, whose records are `registry.head {origin, size, root, note}`; only the registry has to be
witnessed, however many writers there are. `registry.expect {origins}` says who should be there, so that a
writer whose whole log vanished is missed. Order between writers is known per registry record only.

A record of a writer is proven under the registry by two receipts: its own, and the registry's for the head that
covers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from yett_audit import note
from yett_audit.errors import Broken
from yett_audit.reader import records
from yett_audit.record import Record
from yett_audit.writer import Entry, Writer

HEAD, EXPECT = "registry.head", "registry.expect"


class Registry:
    """Takes heads into the registry's log; one that does not verify or goes back is refused."""

    def __init__(self, log: Writer, keys: Sequence[note.VerifierKey]) -> None:
        self._log = log
        self._keys = {key.name: key for key in keys}
        known = standing(records(log.directory), self._keys).heads
        self._sizes = {origin: (point.size, point.root) for origin, point in known.items()}
        log.wait(log.append(EXPECT, {"origins": sorted(self._keys)}))

    def take(self, signed: str) -> Entry:
        """Appends one writer's checkpoint note; durable once `Writer.wait` returns.

        Raises:
            Broken: unknown writer, bad signature, or an older or different head than the last one.
        """
        parsed = note.parse(signed)
        point = note.Checkpoint.parse(parsed.text)
        key = self._keys.get(point.origin)
        if key is None or key not in note.verified(parsed, [key]):
            raise Broken("key", "the head is not signed by a known writer")
        size, root = self._sizes.get(point.origin, (0, b""))
        if point.size < size:
            raise Broken("rollback", f"the writer had {size} records and now shows {point.size}")
        if point.size == size and point.root != root:
            raise Broken("fork", f"the writer shows another history of {size} records")
        body = {
            "note": signed,
            "origin": point.origin,
            "root": note.to_base64(point.root),
            "size": point.size,
        }
        entry = self._log.append(HEAD, body)
        self._sizes[point.origin] = (point.size, point.root)
        return entry


@dataclass
class Standing:
    """What the registry knows of its writers."""

    heads: dict[str, note.Checkpoint] = field(default_factory=dict)
    """Newest registered head of each writer."""
    notes: dict[str, str] = field(default_factory=dict)
    expected: frozenset[str] = frozenset()
    silent: tuple[str, ...] = ()
    """Expected writers that never registered a head."""
    problems: tuple[str, ...] = ()
    """Writers whose heads went back or contradict each other."""


def standing(log: Iterable[Record], keys: Mapping[str, note.VerifierKey]) -> Standing:
    """Reads a verified registry log. Heads are checked again, against the caller's own keys."""
    found = Standing()
    problems: list[str] = []
    for each in log:
        if each.event == EXPECT:
            found.expected |= frozenset(str(origin) for origin in each.body["origins"])
        elif each.event == HEAD:
            parsed = note.parse(str(each.body["note"]))
            point = note.Checkpoint.parse(parsed.text)
            key = keys.get(point.origin)
            last = found.heads.get(point.origin)
            if key is None or key not in note.verified(parsed, [key]):
                problems.append(f"record {each.index}: a head that no known key signed")
            elif last is not None and (
                point.size < last.size or (point.size == last.size and point.root != last.root)
            ):
                problems.append(f"record {each.index}: {point.origin} went back or forked")
            else:
                found.heads[point.origin] = point
                found.notes[point.origin] = str(parsed)
    found.silent = tuple(sorted(found.expected - found.heads.keys()))
    found.problems = tuple(problems)
    return found
