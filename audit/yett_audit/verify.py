"""Verifying a whole log, and saying exactly what that is worth.

1. Every segment goes through a `Chain`: bytes, links, seals, rotations (`scan` judges the end).
2. Some key that sealed must be pinned by the caller. A later key seals the whole history before it and was
   appointed by the one before, so any pinned epoch key speaks for the log.
3. Anchors — checkpoints remembered elsewhere — must lie on this history. A log that is shorter than one of
   them was cut; one with another root at its size was forked; both are proven, with both notes as evidence.
4. The verdict is one rung of a ladder, never a bare "OK":
   WITNESSED (a quorum cosigned a checkpoint) > ANCHORED (a remembered checkpoint lies on it) > SEALED (whole,
   under a pinned key) > UNPINNED (whole in itself, but anybody's). No local log can show that its newest part
   was cut off: `exposure` counts what lies behind the newest anchor.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yett_audit import note, segment
from yett_audit.chain import Chain
from yett_audit.errors import OK, ROLLBACK, UNANCHORED, USAGE, Broken
from yett_audit.scan import End, scan
from yett_audit.seals import Seals, remember
from yett_audit.trust import Trust

LADDER = ("UNPINNED", "SEALED", "ANCHORED", "WITNESSED")


@dataclass
class Anchor:
    """A checkpoint known from elsewhere, with the signed note it stands in if there is one."""

    checkpoint: note.Checkpoint
    source: str
    note: note.Note | None = None

    @classmethod
    def parse(cls, data: bytes, source: str) -> Anchor:
        """Reads a signed checkpoint note."""
        try:
            parsed = note.parse(data)
            return cls(note.Checkpoint.parse(parsed.text), source, parsed)
        except Broken as broken:
            raise Broken(
                "anchor", f"the anchor is not a signed checkpoint: {broken.message}", USAGE
            ) from None


@dataclass(frozen=True)
class Resume:
    """Where an earlier run stopped, right behind a verified seal, for a run over what came since."""

    file: str
    offset: int
    index: int
    at: int
    prev: str
    root: str
    note: str
    closed: bool
    header: dict[str, Any]

    @classmethod
    def behind(cls, chain: Chain, end: End) -> Resume | None:
        """The state behind the last seal; None if unsealed records followed it."""
        if chain.next != chain.sealed + 1:
            return None
        prev, root = note.to_base64(chain.prev), note.to_base64(chain.sealed_root)
        place = (end.file.name, end.sealed_offset, chain.next, chain.at)
        return cls(*place, prev, root, chain.note, chain.closed, chain.header())

    def continue_in(self, paths: Sequence[Path], chain: Chain) -> tuple[Sequence[Path], int]:
        """Puts `chain` into the remembered state; the segments from there on, and the byte to begin at."""
        names = [path.name for path in paths]
        if self.file not in names or os.stat(paths[names.index(self.file)]).st_size < self.offset:
            raise Broken("rollback", "the log ends before the place where it was verified last", ROLLBACK)
        chain.adopt(Chain.resume(self.header, note.from_base64(self.prev), self.index, self.at))
        chain.sealed_root, chain.note, chain.closed = note.from_base64(self.root), self.note, self.closed
        return paths[names.index(self.file) :], self.offset


@dataclass
class Report:
    """What a verification found. `exit_code` 0 means: verified at the demanded assurance."""

    path: str
    exit_code: int = OK
    verdict: str = ""
    origin: str = ""
    log: str = ""
    mode: str = ""
    sealed: int = 0
    """Records under a verified seal."""
    root: str = ""
    checkpoint: str = ""
    first_at: int = 0
    last_at: int = 0
    segments: int = 0
    closed: bool = False
    keys: list[dict[str, Any]] = field(default_factory=list)
    pruned_below: int = 0
    verified_from: int = 0
    """First record that this run read; above `pruned_below` after `--incremental`."""
    torn: dict[str, Any] | None = None
    gaps: list[dict[str, int]] = field(default_factory=list)
    events: dict[str, int] = field(default_factory=dict)
    anchors: list[dict[str, Any]] = field(default_factory=list)
    witnesses: list[str] = field(default_factory=list)
    exposure: dict[str, int] | None = None
    """{records, ms} behind the newest anchor; None without any anchor."""
    warnings: list[str] = field(default_factory=list)
    failure: dict[str, Any] | None = None
    evidence: dict[str, str] | None = None
    bytes: int = 0
    seconds: float = 0.0
    resume: Resume | None = None


Progress = Callable[[int, int], None]
"""(records sealed, byte offset in the current segment)."""


@dataclass
class Demand:
    """What the caller knows and wants."""

    trust: Trust = field(default_factory=Trust)
    anchors: Sequence[Anchor] = ()
    level: str = "SEALED"
    """The rung of the ladder below which the exit code is 3."""
    strict: bool = False
    """A torn tail, a missing close or a heartbeat gap is exit code 3 too."""
    max_exposure_ms: int | None = None
    now: int = 0
    """Milliseconds since the epoch; 0 leaves absolute ages out."""
    progress: Progress | None = None
    jobs: int = 1
    """Processes that verify groups of segments."""
    resume: Resume | None = None
    """Verify only what came after this place."""


def verify_log(where: Path, demand: Demand) -> Report:
    """Verifies a log directory (or one segment that begins with the genesis). Never raises `Broken`."""
    report, began = Report(str(where)), time.perf_counter()
    chain = Chain()
    try:
        paths = segment.paths(where)
        report.segments, report.bytes = (
            len(paths),
            sum(os.stat(p, follow_symlinks=False).st_size for p in paths),
        )
        _run(chain, paths, demand, report)
    except Broken as broken:
        report.exit_code = broken.exit_code
        report.verdict = {1: "TAMPERED", 4: "ROLLBACK"}.get(broken.exit_code, "NOT VERIFIED")
        report.failure = {
            "cause": broken.cause,
            "message": broken.message,
            "file": broken.file,
            "record": broken.record,
            "offset": broken.offset,
        }
    except OSError as error:
        report.exit_code, report.verdict = USAGE, "NOT VERIFIED"
        report.failure = {"cause": "io", "message": error.strerror or "input/output error"}
    _describe(chain, report)
    report.seconds = time.perf_counter() - began
    return report


def _run(chain: Chain, paths: Sequence[Path], demand: Demand, report: Report) -> None:
    wanted = frozenset(a.checkpoint.size for a in demand.anchors)
    seals: Seals = {}
    recent: Seals = {}
    start = 0
    if demand.resume is not None:
        paths, start = demand.resume.continue_in(paths, chain)
        seals[chain.sealed] = (note.from_base64(demand.resume.root), chain.sealed_at)

    def on_seal(offset: int) -> None:
        remember(chain, wanted, seals, recent)
        if demand.progress is not None:
            demand.progress(chain.sealed, offset)

    if demand.jobs > 1 and len(paths) > 1 and not start:
        from yett_audit.parallel import scan_parallel  # not needed, and not loaded, for one process

        end, seals = scan_parallel(paths, chain, wanted, min(demand.jobs, len(paths)))
    else:
        end = scan(paths, chain, on_seal=on_seal, start=start)
        seals = recent | seals
    report.resume = Resume.behind(chain, end)
    report.verified_from = demand.resume.index if demand.resume is not None else chain.start
    _note_end(chain, end, report, demand.resume is not None)
    report.closed, report.gaps = (
        chain.closed,
        [{"record": index, "ms": silence} for index, silence in chain.gaps],
    )
    _check_names(chain, demand.trust)
    anchored = _check_anchors(chain, demand, seals, report)
    witnessed = _check_witnesses(chain, demand, seals, report)
    pinned = any(key in demand.trust.logs for _, key in chain.keys)
    report.verdict = LADDER[3 if witnessed else 2 if anchored else 1 if pinned else 0]
    best = max((a for a in (anchored, witnessed) if a), default=None)
    if best is not None:
        report.exposure = {
            "records": chain.sealed - best[0],
            "ms": max(0, (demand.now or chain.sealed_at) - best[1]),
        }
    report.exit_code = _judge(report, demand)


def _note_end(chain: Chain, end: End, report: Report, resumed: bool) -> None:
    if end.torn:
        report.torn = {
            "bytes": end.torn,
            "records": end.unsealed,
            "file": end.file.name,
            "offset": end.sealed_offset,
        }
        if end.why is not None:
            report.torn["cause"] = end.why.cause
    if resumed:
        return
    if chain.start > chain.pruned:
        text = "the log's beginning is missing, and no retention record says so"
        raise Broken("segment", text)
    report.pruned_below = chain.start


def _check_names(chain: Chain, trust: Trust) -> None:
    """A pinned key of another origin means that this is another log than the one asked about."""
    if trust.logs and all(key.name != chain.origin for key in trust.logs):
        raise Broken("origin", "the log belongs to another origin than the pinned key")
    if trust.logs and not any(key in trust.logs for _, key in chain.keys):
        if chain.start:
            text = f"the pinned key signed nothing from record {chain.start} on; what appointed the next is removed"
            raise Broken("key", f"{text}: pin the key that was in force then", UNANCHORED)
        raise Broken("key", "the log is not signed by the pinned key")


def _check_anchors(chain: Chain, demand: Demand, seals: Seals, report: Report) -> tuple[int, int] | None:
    """(size, time) of the newest anchor that lies on this history.

    Raises:
        Broken: an anchor of another log, or one that this history does not contain (rollback, fork).
    """
    best: tuple[int, int] | None = None
    for anchor in demand.anchors:
        point = anchor.checkpoint
        if point.origin != chain.origin:
            raise Broken("anchor-origin", "an anchor belongs to another log")
        report.anchors.append(
            {"source": anchor.source, "size": point.size, "root": note.to_base64(point.root)}
        )
        if point.size < chain.start:
            report.warnings.append(
                f"an anchor at {point.size} records lies in the pruned part and says nothing"
            )
            continue
        found = seals.get(point.size)
        if found is None or found[0] != point.root:
            report.evidence = {"here": chain.note, "anchor": str(anchor.note or point.text())}
            if point.size > chain.sealed:
                text = f"the log ends at {chain.sealed} records, but {point.size} are remembered: it was cut or rolled back"
                raise Broken("rollback", text, ROLLBACK)
            text = (
                f"the log's history is not the one that is remembered at {point.size} records: it was forked"
            )
            raise Broken("fork", text, ROLLBACK)
        best = max(best or (0, 0), (point.size, found[1]))
    return best


def _check_witnesses(chain: Chain, demand: Demand, seals: Seals, report: Report) -> tuple[int, int] | None:
    """(size, cosigning time in ms) of the newest checkpoint that a quorum of the known witnesses cosigned."""
    if demand.trust.quorum == "none":
        return None
    notes = [str(a.note) for a in demand.anchors if a.note is not None] + chain.cosigned
    best: tuple[int, int] | None = None
    for text in notes:
        parsed = note.parse(text)
        point = note.Checkpoint.parse(parsed.text)
        signers = note.verified(parsed, demand.trust.witnesses.values())
        if point.origin != chain.origin or not demand.trust.satisfied(signers):
            continue
        if point.size > chain.sealed or (point.size in seals and seals[point.size][0] != point.root):
            report.evidence = {"here": chain.note, "anchor": text}
            raise Broken("fork", "witnesses cosigned another history of this log", ROLLBACK)
        if point.size in seals and (best is None or point.size > best[0]):
            best = (point.size, min(signers.values()) * 1000)
            report.witnesses = sorted(key.name for key in signers)
    return best


def _judge(report: Report, demand: Demand) -> int:
    """The exit code of a log in which nothing is wrong."""
    level = "WITNESSED" if demand.trust.quorum != "none" else demand.level
    if report.torn:
        report.warnings.append("the log ends in a torn tail: a crash, or a cut inside the last batch")
    if demand.strict and (report.torn or report.gaps or not report.closed):
        report.warnings.append("strict: the log is torn, silent for too long, or was not closed")
        return UNANCHORED
    if LADDER.index(report.verdict) < LADDER.index(level):
        return UNANCHORED
    limit = demand.max_exposure_ms
    if limit is not None and (report.exposure is None or report.exposure["ms"] > limit):
        report.warnings.append("the newest anchor is older than demanded")
        return UNANCHORED
    return OK


def _describe(chain: Chain, report: Report) -> None:
    report.origin, report.log, report.mode = chain.origin, chain.log, chain.mode
    if chain.note:
        report.sealed, report.root, report.checkpoint = (
            chain.sealed,
            note.to_base64(chain.sealed_root),
            chain.note,
        )
    report.first_at, report.last_at = chain.first_at, chain.sealed_at
    report.events = dict(sorted(chain.events.items()))
    ends = ([index for index, _ in chain.keys] + [chain.next])[1:]
    report.keys = [
        {"first": index, "last": last - 1, "key": str(key)}
        for (index, key), last in zip(chain.keys, ends, strict=True)
    ]
