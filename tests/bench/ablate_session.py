"""What each kind of evidence of `policies/session.yaml` is worth: every set of sessions replayed with it switched off.

A line a kind, and by set AUROC, detection at 1 and at 5 % false stops less what they are with all kinds, in points. A
kind without which nothing is lost on sets that nobody here wrote belongs deleted: bring such sets as files of
`yett replay`. Needs the extra `bench`; five minutes.

    python tests/bench/ablate_session.py [--kind unspoken] [sessions.jsonl …]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import agentdojo_sessions
import stranger_sessions
import worlds_sessions

from yett.cli import replay
from yett.cli.check import open_gate
from yett.cli.replay_stats import Scores
from yett.gate import Gate
from yett.ledger.deciding import strain
from yett.ledger.rehearsal import Rehearsal

Figures = tuple[float, ...]
Suites = dict[str, list[dict[str, Any]]]


def suites(files: list[Path]) -> Suites:
    """Sets of sessions by name."""
    sys.path.append(str(Path(__file__).parents[1] / "ledger"))
    import made_sessions

    found = {path.stem: [json.loads(line) for line in path.read_text("utf-8").splitlines()] for path in files}
    found["agentdojo"] = list(agentdojo_sessions.sessions(True))
    for which in stranger_sessions.SETS:
        found[which] = list(stranger_sessions.sessions(stranger_sessions.trades(which), acting=True))
    return {**found, "own": list(made_sessions.sessions()), "worlds": list(worlds_sessions.sessions())}


def figures(gate: Gate, sessions: list[dict[str, Any]]) -> Figures:
    """AUROC, detection at 1 and at 5 %, in per cent."""
    scores, past, clocks = Scores(), Rehearsal(), dict[str, int]()
    for told in sessions:
        recording = replay._recording(json.dumps(told, default=str).encode())
        for event, judged in replay._play(gate, past, recording, clocks, name=str(told["session"])):
            scores.add(judged, replay._label(event.label))
    said = dict(line.split(": ") for line in scores.summary() if ": " in line)
    named = ("AUROC", "detection at 1 % false stops", "detection at 5 % false stops")
    return tuple(100 * float(said[name].split()[0]) for name in named)


def ablated(files: list[Path], kinds: list[str]) -> Iterator[tuple[str, dict[str, Figures]]]:
    """Figures of every set with all kinds, then without each."""
    gate, told, weights = open_gate(None), suites(files), strain.weights()
    for kind in ("", *(kinds or weights)):
        with patch.object(strain, "weights", lambda k=kind: {**weights, k: 0}):
            yield kind, {name: figures(gate, sessions) for name, sessions in told.items()}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", action="append", choices=[*strain.weights()])
    parser.add_argument("files", nargs="*", type=Path)
    given = parser.parse_args()
    full: dict[str, Figures] = {}
    for kind, found in ablated(given.files, given.kind or []):
        print(kind or "all kinds", flush=True)
        full = full or dict.fromkeys(found, (0.0, 0.0, 0.0))
        for name, now in found.items():
            moved = [after - before for after, before in zip(now, full[name], strict=True)]
            if any(abs(points) >= 0.1 for points in moved):
                print(f"  {name:10}", *(f"{points:+6.1f}" for points in moved))
        full = found if not kind else full


if __name__ == "__main__":
    main()
