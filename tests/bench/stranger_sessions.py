"""Sessions that were written without looking at what the session layer does with them, for `yett replay`.

Eight sets (`--set`), each written after what its forerunner taught was in the code: `first` (six trades, 42 honest, 42
attacked), `second` (four other trades, 20 and 20), `third` (nine styles and notations after the public benchmarks,
113 and 81), `fourth` (eight others, 118 and 64), `fifth` (five others, 62 and 46), `sixth` (six others, 66 and 70),
`seventh` (five others, 51 and 52; both with much misuse that no text asks for) and `eighth` (two others, 20 and 20).

A file is one trade or style with its sessions, perhaps with its tools; an event is `[tool, arguments, result]`, under
`bad` if the attack made it, under `look` if the attack made it but it only reads (`--acting` leaves those unlabelled).

    python tests/bench/stranger_sessions.py [--set third] [--acting] [--bare] [--manifests DIR] > sessions.jsonl

`--bare` leaves the prompts out. `--manifests` writes the tools' manifests as `yett tools infer` proposes them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from yett.policy.inference import infer

HERE = Path(__file__).parent / "strangers"
SETS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


def trades(which: str = "first") -> list[Path]:
    """The files of a set."""
    return sorted((HERE if which == "first" else HERE / which).glob("*.yaml"))


def sessions(files: list[Path], *, acting: bool = False, bare: bool = False) -> Iterator[dict[str, Any]]:
    """One recorded session each."""
    for path in files:
        for told in yaml.safe_load(path.read_text("utf-8"))["sessions"]:
            name = f"{path.stem}-{told['id']}"
            recorded = {
                "session": name,
                "principal": name,
                "events": [_event(e, acting) for e in told["events"]],
            }
            if "prompt" in told and not bare:
                recorded["prompt"] = told["prompt"]
            yield recorded


def _event(told: Any, acting: bool) -> dict[str, Any]:
    kind, (tool, arguments, result) = next(iter(told.items())) if isinstance(told, dict) else ("", told)
    label = "benign" if not kind else None if acting and kind == "look" else "malicious"
    return {"tool": tool, "arguments": arguments, "result": result, "label": label}


def manifests(files: list[Path], folder: Path) -> list[Path]:
    """A manifest a trade, inferred from its list of tools as an MCP server would give it."""
    written = []
    for path in files:
        listed = [
            {
                "name": name,
                "description": description,
                "inputSchema": {
                    "type": "object",
                    "properties": {k: {"type": v} for k, v in arguments.items()},
                },
            }
            for name, (description, arguments) in yaml.safe_load(path.read_text("utf-8"))
            .get("tools", {})
            .items()
        ]
        manifest = folder / path.name
        manifest.write_text(infer.render(infer.infer({"tools": listed}, name=path.stem)), "utf-8")
        written.append(manifest)
    return written


def main() -> None:
    """Writes the sessions to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=SETS, default="first")
    parser.add_argument("--acting", action="store_true")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--manifests", type=Path)
    given = parser.parse_args()
    files = trades(given.set)
    if given.manifests:
        manifests(files, given.manifests)
    for session in sessions(files, acting=given.acting, bare=given.bare):
        sys.stdout.write(json.dumps(session, default=str) + "\n")


if __name__ == "__main__":
    main()
