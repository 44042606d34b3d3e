"""Replays sessions through the command, for tests of what the session layer makes of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def judged(folder: Path, sessions: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Every event's line with its label added, and the figures of the summary by name."""
    told = list(sessions)
    source = folder / "sessions.jsonl"
    source.write_text("".join(json.dumps(each, default=str) + "\n" for each in told))
    yett = str(Path(sys.executable).with_name("yett"))
    done = subprocess.run([yett, "replay", str(source)], capture_output=True, text=True, check=True)
    labels = {(s["session"], i): e.get("label") for s in told for i, e in enumerate(s["events"])}
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    figures = {
        name: float(value.split()[0])
        for name, _, value in (line.partition(": ") for line in done.stderr.splitlines())
        if value
    }
    return [{**line, "label": labels[line["session"], line["event"]]} for line in lines], figures
