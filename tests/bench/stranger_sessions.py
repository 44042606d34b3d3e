"""Sessions of six trades as labelled sessions, for `yett replay`: 42 honest, 42 attacked, in `strangers/*.yaml`.

They were written without looking at what the session layer does with them, and no weight is fitted to them. What was
learned from their mistakes is measured on the second set (`--second`: four other trades, 20 and 20), which was
written after that. A file is
one trade with its tools and its sessions; an event is `[tool, arguments, result]`, under `bad` if the attack made
it, under `look` if the attack made it but it only reads (`--acting` leaves those unlabelled).

    python tests/bench/stranger_sessions.py [--second] [--acting] [--bare] [--manifests DIR] > sessions.jsonl

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

from yett.policy import infer

HERE = Path(__file__).parent / "strangers"


def trades(*, second: bool = False) -> list[Path]:
    """The files of a set."""
    return sorted((HERE / "second" if second else HERE).glob("*.yaml"))


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
            for name, (description, arguments) in yaml.safe_load(path.read_text("utf-8"))["tools"].items()
        ]
        manifest = folder / path.name
        manifest.write_text(infer.render(infer.infer({"tools": listed}, name=path.stem)), "utf-8")
        written.append(manifest)
    return written


def main() -> None:
    """Writes the sessions to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--second", action="store_true")
    parser.add_argument("--acting", action="store_true")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--manifests", type=Path)
    given = parser.parse_args()
    files = trades(second=given.second)
    if given.manifests:
        manifests(files, given.manifests)
    for session in sessions(files, acting=given.acting, bare=given.bare):
        sys.stdout.write(json.dumps(session, default=str) + "\n")


if __name__ == "__main__":
    main()
