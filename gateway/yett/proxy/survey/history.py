"""Past tool calls in a person's own agent transcripts. Read on this machine; nothing is sent anywhere.

Two formats, each a JSON document a line:

* Claude Code (`~/.claude/projects/*/*.jsonl`): `message.content[]` with `{"type": "tool_use", "name", "input"}`;
* Codex (`~/.codex/sessions/**/*.jsonl`): `payload` of type `function_call` (arguments are JSON in a string),
  `custom_tool_call` or `local_shell_call` (`action.command` is an argument vector).

Lines that are neither are passed over and counted when they are not JSON at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from yett.model import Json, Struct
from yett.sdk.adapters.gate import mcp_name

PLACES: Final = (("~/.claude/projects", "claude-code"), ("~/.codex/sessions", "codex"))
MAX_LINE: Final = 16 * 1024 * 1024


class Past(Struct, frozen=True, kw_only=True):
    """One tool call that was made."""

    where: Path
    line: int
    agent: str
    session: str
    tool: str
    server: str | None
    arguments: dict[str, Json]


class Unreadable(Struct, frozen=True, kw_only=True):
    """A line that is not JSON."""

    where: Path
    line: int


def transcripts(given: list[Path]) -> list[Path]:
    """The files named, those below the folders named, or those in the agents' usual places."""
    places = given or [Path(place).expanduser() for place, _ in PLACES]
    files: list[Path] = []
    for place in places:
        below = sorted(place.rglob("*.jsonl")) if place.is_dir() else [place]
        files += [path for path in below if path.is_file()]
    return files


def past_calls(path: Path) -> Iterator[Past | Unreadable]:
    """The tool calls of one transcript, in order."""
    session = path.stem
    with path.open("rb") as stream:
        number = 0
        while raw := stream.readline(MAX_LINE):
            number += 1
            if not raw.strip():
                continue
            try:
                entry = json.loads(raw)
            except (ValueError, RecursionError):
                yield Unreadable(where=path, line=number)
                continue
            for agent, tool, arguments in _calls(entry):
                server, name = mcp_name(tool)
                yield Past(
                    where=path,
                    line=number,
                    agent=agent,
                    session=session,
                    tool=name,
                    server=server,
                    arguments=arguments,
                )


def _calls(entry: Any) -> Iterator[tuple[str, str, dict[str, Json]]]:
    if not isinstance(entry, dict):
        return
    message = entry.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") == "tool_use":
            name, arguments = block.get("name"), block.get("input")
            if isinstance(name, str) and isinstance(arguments, dict):
                yield "claude-code", name, arguments
    payload = entry.get("payload", entry)
    if isinstance(payload, dict):
        yield from _codex(payload)


def _codex(payload: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Json]]]:
    kind, name = payload.get("type"), payload.get("name")
    if kind == "function_call" and isinstance(name, str):
        yield "codex", name, _object(payload.get("arguments"))
    elif kind == "custom_tool_call" and isinstance(name, str):
        yield "codex", name, {"input": payload.get("input")}
    elif kind == "local_shell_call":
        action = payload.get("action")
        if isinstance(action, dict) and isinstance(action.get("command"), list):
            yield "codex", "shell", {"command": action["command"]}


def _object(text: Any) -> dict[str, Json]:
    """Arguments that come as JSON in a string; anything else is kept whole, to be judged as it is."""
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        value = text
    return value if isinstance(value, dict) else {"input": value}
