"""Verify the demo's log with the verifier anyone can run, then try to cheat it.

The verifier is started as a program of its own: it shares nothing with the gateway but the log's directory
and the public key.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from yett.model import Struct


class Verification(Struct, frozen=True, kw_only=True):
    """What `yett-verify` answered."""

    status: int
    report: dict[str, Any]

    @property
    def record(self) -> int | None:
        """The number of the first record that does not hold, if one was named."""
        failure = self.report.get("failure")
        return failure["record"] if failure else None


def verify(log: Path, key: Path, *options: str) -> Verification:
    """Run `yett-verify log` on a directory."""
    command = [sys.executable, "-m", "yett_audit.cli", "log", str(log), "--key", str(key), "--json", *options]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return Verification(status=done.returncode, report=json.loads(done.stdout or b"{}"))


def segments(log: Path) -> list[Path]:
    """The log's segment files in order."""
    return sorted(log.glob("*.jsonl"))


def with_one_byte_changed(log: Path, scratch: Path) -> tuple[Path, int]:
    """A copy in which one digit of one decision's record differs; and that record's number."""
    copy = scratch / "changed"
    shutil.copytree(log, copy)
    segment = segments(copy)[0]
    segment.chmod(0o600)
    lines = segment.read_bytes().split(b"\n")
    number = next(n for n, line in enumerate(lines) if b'"effect":"deny"' in line)
    lines[number] = lines[number].replace(b'"effect":"deny"', b'"effect":"dens"', 1)
    segment.write_bytes(b"\n".join(lines))
    return copy, number


def with_tail_cut(log: Path, scratch: Path, keep: int) -> Path:
    """A copy that ends after the last seal within its first `keep` records: valid, but shorter."""
    copy = scratch / "cut"
    shutil.copytree(log, copy)
    segment = segments(copy)[0]
    segment.chmod(0o600)
    lines = segment.read_bytes().split(b"\n")[:keep]
    while lines and b'"ev":"log.seal"' not in lines[-1]:
        lines.pop()
    segment.write_bytes(b"\n".join(lines) + b"\n")
    return copy
