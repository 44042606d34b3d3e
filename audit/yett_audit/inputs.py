"""What the command line reads: small files, pinned keys, the remembered state."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from dataclasses import dataclass

from yett_audit import note, report, verify
from yett_audit.errors import USAGE, Broken
from yett_audit.notefile import notes_at_end
from yett_audit.trust import Trust

_MAX_INPUT = 1 << 20


def read_input(path: str) -> bytes:
    """A small file named on the command line; `-` is standard input."""
    if path == "-":
        return sys.stdin.buffer.read(_MAX_INPUT)
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_INPUT)
    except OSError as error:
        raise Broken("io", f"cannot read {report.escaped(path)}: {error.strerror}", USAGE) from None


def anchors_of(path: str) -> list[verify.Anchor]:
    """The checkpoints in a file: one, or those at the end of a file that a gateway appends to."""
    try:
        found = [] if path == "-" else notes_at_end(path)
    except OSError as error:
        raise Broken("io", f"cannot read {report.escaped(path)}: {error.strerror}", USAGE) from None
    return [verify.Anchor.parse(data, path) for data in found or [read_input(path)]]


def trust_of(args: argparse.Namespace) -> Trust:
    """Pinned keys from --trust and --key; a --key is a vkey or a file with one a line."""
    trust = Trust()
    if args.trust:
        trust = Trust.parse(read_input(args.trust).decode("utf-8", "replace"))
    for given in args.key or ():
        text = (
            given
            if "+" in given and not os.path.exists(given)
            else read_input(given).decode("utf-8", "replace")
        )
        for line in text.splitlines():
            if line.strip():
                trust.logs.append(note.VerifierKey.parse(line))
    return trust


@dataclass(frozen=True)
class State:
    """What an earlier run with the same --state remembered: its checkpoint, and where to go on."""

    anchor: verify.Anchor
    resume: verify.Resume | None


def load_state(path: str) -> State | None:
    """Reads the state file; None if there is none yet."""
    if not os.path.exists(path):
        return None
    try:
        state = json.loads(read_input(path))
        point = note.Checkpoint(str(state["origin"]), int(state["size"]), note.from_base64(state["root"]))
        resume = verify.Resume(**state["resume"]) if state.get("resume") else None
        return State(verify.Anchor(point, "state", note.parse(state["note"])), resume)
    except (ValueError, KeyError, TypeError, Broken):
        raise Broken("anchor", "the state file is malformed", USAGE) from None


def save_state(path: str, found: verify.Report) -> None:
    """Remembers the checkpoint for the next run; atomic, and only ever forward."""
    state = {"origin": found.origin, "size": found.sealed, "root": found.root, "note": found.checkpoint}
    resume = dataclasses.asdict(found.resume) if found.resume is not None else None
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump({**state, "resume": resume}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
