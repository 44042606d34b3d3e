"""What the command line reads: small files, pinned keys, the remembered state."""

from __future__ import annotations

import argparse
import json
import os
import sys

from yett_audit import note, report, verify
from yett_audit.errors import USAGE, Broken
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


def load_state(path: str) -> verify.Anchor | None:
    """The checkpoint that an earlier run with the same --state remembered."""
    if not os.path.exists(path):
        return None
    try:
        state = json.loads(read_input(path))
        point = note.Checkpoint(str(state["origin"]), int(state["size"]), note.from_base64(state["root"]))
    except (ValueError, KeyError, TypeError):
        raise Broken("anchor", "the state file is malformed", USAGE) from None
    return verify.Anchor(point, "state", note.parse(state["note"]) if state.get("note") else None)


def save_state(path: str, found: verify.Report) -> None:
    """Remembers the checkpoint for the next run; atomic, and only ever forward."""
    state = {"origin": found.origin, "size": found.sealed, "root": found.root, "note": found.checkpoint}
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
