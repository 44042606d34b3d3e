"""Putting a report into words, and every cause with what it means and what to do.

Nothing that comes out of a log is printed as it is: `escaped` keeps a record from steering a terminal.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Any

from yett_audit.verify import Report

CAUSES: dict[str, tuple[str, str]] = {
    "missing": (
        "There is no log at this path.",
        "Check the path; a log that should be here and is not was deleted.",
    ),
    "empty": (
        "The log, or a segment, has no bytes. An empty log is never a clean one.",
        "Restore the file; compare with an anchor.",
    ),
    "io": ("The operating system did not let the file be read.", "Check permissions and the disk."),
    "file": (
        "A segment is not a plain file under its proper name (link, pipe, device).",
        "Find out who replaced it.",
    ),
    "changed": (
        "The file became shorter while it was read.",
        "Nobody shortens a live log: find out who did.",
    ),
    "crlf": ("Lines end with CR LF.", "The file was transferred in text mode; fetch it again as binary."),
    "encoding": (
        "A byte-order mark or UTF-16.",
        "An editor or a tool converted the file; fetch it again as binary.",
    ),
    "utf-8": ("A line is not valid UTF-8.", "The bytes were changed."),
    "json": ("A line is not JSON.", "The bytes were changed."),
    "not-canonical": (
        "A line is JSON, but not its canonical bytes.",
        "It was rewritten by something that is not the log.",
    ),
    "duplicate-key": (
        "An object has one key twice, so that two readers would see two records.",
        "The line is forged.",
    ),
    "number": ("A number is a float or outside ±(2^53−1).", "The line is forged."),
    "key": (
        "A key is unacceptable: not ASCII in an object, or not the pinned signing key.",
        "Pin the right key, or distrust the log.",
    ),
    "depth": ("Objects are nested too deep for the format.", "The line is forged to exhaust a parser."),
    "members": ("A record has unknown, missing or too many members.", "The line is forged."),
    "too-long": ("A line is longer than the format allows.", "The line is forged to exhaust memory."),
    "time": ("A record is older than its predecessor.", "The log's writer never does that."),
    "sequence": (
        "A record's number is not the next one.",
        "Records were removed, inserted, repeated or reordered.",
    ),
    "chain": (
        "A record does not link to the one before it.",
        "The record before it was changed, or one is missing.",
    ),
    "record-changed": (
        "The record's bytes are not the ones that the next seal covers; everything around it is whole.",
        "Somebody edited it after it was written.",
    ),
    "event": ("A record's event is malformed or unknown.", "Use a newer verifier, or distrust the log."),
    "format": ("The log's format or mode is not known to this verifier.", "Use a newer verifier."),
    "genesis": (
        "The log does not begin with a proper genesis, or has two.",
        "The beginning was replaced or cut off.",
    ),
    "origin": ("The log belongs to another origin.", "You have another log before you than you think."),
    "segment": (
        "A segment is missing, repeated, or does not continue the one before.",
        "Find the missing file.",
    ),
    "range": ("A segment's header claims a tree that does not fit its index.", "The header is forged."),
    "seal": (
        "A seal's bytes are not the ones that follow from the records before it.",
        "The seal was changed.",
    ),
    "seal-origin": ("A seal names another log.", "It was copied from there."),
    "seal-size": (
        "A seal covers another number of records.",
        "Records were removed or inserted, or the seal was copied.",
    ),
    "seal-root": (
        "A seal's root is not the root of the records before it.",
        "A record before it was changed and the chain recomputed.",
    ),
    "seal-key": (
        "A seal is by a key that is not in force there.",
        "The key was substituted, retired or not yet appointed.",
    ),
    "seal-signature": (
        "A seal's signature does not verify.",
        "The signature was changed or made without the key.",
    ),
    "record-signature": (
        "A record's own signature does not verify.",
        "The record was changed or made without the key.",
    ),
    "rotation": (
        "A key rotation breaks the rules: signed by old and new, sealed at once, never back.",
        "It is forged.",
    ),
    "unsealed": ("A segment does not end with a seal.", "It was cut."),
    "torn": ("A segment that is not the last ends inside a line.", "It was cut."),
    "note": ("A signed note is malformed.", "It was changed, or is none."),
    "note-signature": ("A note has a line by a known key that does not verify.", "It was changed."),
    "checkpoint": ("A checkpoint is malformed.", "It was changed, or is none."),
    "proof": (
        "A Merkle proof does not lead where it should.",
        "The receipt belongs to another log, or was changed.",
    ),
    "anchor": (
        "The anchor given is not a signed checkpoint.",
        "Give the file that the writer, witness or sink kept.",
    ),
    "anchor-origin": (
        "The anchor given belongs to another log.",
        "Give this log's anchor, or distrust the log.",
    ),
    "rollback": (
        "The log ends before a remembered checkpoint.",
        "Its end was cut off, or an older copy was put in place.",
    ),
    "fork": (
        "The log differs from a remembered checkpoint.",
        "It was rewritten by someone who holds its key.",
    ),
    "quorum": (
        "Too few of the demanded witnesses cosigned.",
        "Ask the witnesses, or wait for the next checkpoint.",
    ),
    "policy": ("The trust file is malformed.", "See c2sp.org/tlog-policy."),
}


def escaped(text: object) -> str:
    """A log's text as one safe line: only printable ASCII stays as it is."""
    return "".join(
        c if " " <= c <= "~" and c != "\\" else c.encode("unicode_escape").decode() for c in str(text)
    )


def _time(ms: int) -> str:
    try:
        when = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"
    return when.strftime("%Y-%m-%d %H:%M:%S") + f".{ms % 1000:03d}Z"


def as_json(report: Report) -> str:
    """The report as one JSON object (`docs/verify-report.schema.json`)."""
    value = {"schema": "yett-verify-report/1", **dataclasses.asdict(report)}
    del value["resume"]
    return json.dumps(value, sort_keys=True, ensure_ascii=True)


_MEANING = {
    "WITNESSED": "whole under a pinned key, and independent witnesses cosigned it",
    "ANCHORED": "whole, and a checkpoint remembered elsewhere lies on it",
    "SEALED": "whole under a pinned key; nothing shows whether its end was cut off",
    "UNPINNED": "whole in itself, but no key was pinned: anybody could have made it",
    "TAMPERED": "this is not the log that was written",
    "ROLLBACK": "this is not the history that is remembered elsewhere",
    "NOT VERIFIED": "no statement about the log is possible",
}


def as_text(report: Report) -> str:
    """The report for a person; several lines."""
    rows: list[tuple[str, str]] = [("verdict", f"{report.verdict}: {_MEANING[report.verdict]}")]
    if report.failure:
        rows += _failure_rows(report.failure)
    if report.origin:
        rows.append(("log", f"{report.origin}  id {report.log}  {report.mode}"))
    rows.append(("records", _records(report)))
    if report.root:
        rows.append(("head", f"{report.sealed} {report.root}"))
    rows += [("key", f"records {k['first']}-{k['last']}  {k['key']}") for k in report.keys]
    if report.pruned_below:
        rows.append(
            ("pruned", f"everything below record {report.pruned_below}; the rest is proven to follow it")
        )
    if report.verified_from > report.pruned_below:
        rows.append(("from", f"record {report.verified_from}, where the last run ended"))
    if report.torn:
        torn = report.torn
        rows.append(
            (
                "tail",
                f"torn: {torn['bytes']} bytes, {torn['records']} whole records behind the last seal, never answered",
            )
        )
    rows += [
        ("silence", f"{gap['ms'] / 1000:.1f} s before record {gap['record']}") for gap in report.gaps[:5]
    ]
    rows += [("witness", name) for name in report.witnesses]
    if report.exit_code in (0, 3):
        rows.append(("closed", "yes" if report.closed else "no: the writer runs, or ended without closing"))
        rows.append(("exposure", _exposure(report)))
    rows += [("note", warning) for warning in report.warnings]
    return "\n".join(f"{name:<9} {escaped(text)}" for name, text in rows)


def _failure_rows(failure: dict[str, Any]) -> list[tuple[str, str]]:
    meaning, advice = CAUSES.get(failure["cause"], ("", ""))
    rows = [("cause", f"{failure['cause']}: {failure['message']}")]
    if failure.get("file") is not None:
        rows.append(
            ("where", f"file {failure['file']}, record {failure['record']}, byte {failure['offset']}")
        )
    return [*rows, ("meaning", f"{meaning} {advice}")] if meaning else rows


def _records(report: Report) -> str:
    text = f"{report.sealed} sealed in {report.segments} segment{'s' * (report.segments != 1)}"
    if report.sealed:
        text += f", {_time(report.first_at)} to {_time(report.last_at)}"
    rate = report.sealed / report.seconds if report.seconds else 0
    return f"{text}; {report.bytes} bytes in {report.seconds:.2f} s ({rate:.0f} records/s)"


def _exposure(report: Report) -> str:
    if report.exposure is None:
        return f"all {report.sealed} records: no anchor was given, so a shorter or older copy would look the same"
    return (
        f"{report.exposure['records']} records, {report.exposure['ms'] / 1000:.1f} s behind the newest anchor"
    )
