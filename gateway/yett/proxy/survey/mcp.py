"""MCP servers in the configuration files of their clients.

A server started by a command is wrapped in place: `COMMAND ARGS…` becomes `yett mcp --server NAME -- COMMAND
ARGS…`; everything else in its entry stays. A server behind a URL needs a proxy of its own in front of it,
which is named but not written, because only the reader knows its port.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from yett.proxy import foreign
from yett.proxy.survey.model import Change, Found

PLACES: Final = (
    (".mcp.json", "mcpServers"),
    (".cursor/mcp.json", "mcpServers"),
    (".vscode/mcp.json", "servers"),
    (".gemini/settings.json", "mcpServers"),
    (".windsurf/mcp.json", "mcpServers"),
    (".roo/mcp.json", "mcpServers"),
    ("claude_desktop_config.json", "mcpServers"),
    (".claude.json", "mcpServers"),
)
"""Configuration files relative to a project (or a home directory), and the member that lists servers."""


def find_servers(folder: Path) -> list[Found]:
    """The MCP servers configured in a directory."""
    found: list[Found] = []
    for name, member in PLACES:
        path = folder / name
        if not os.path.lexists(path):
            continue
        text = foreign.text(path)
        try:
            loaded = json.loads(text or "")
            servers = loaded.get(member, {})
            if text is None or not isinstance(servers, dict):
                raise ValueError
        except (ValueError, AttributeError, RecursionError):
            note = "the file cannot be read as JSON; whatever it starts is not guarded"
            found.append(Found(kind="mcp", name="?", where=path, guarded=False, note=note))
            continue
        change = _change(path, text, loaded, member)
        found += [_server(path, name, entry, change) for name, entry in servers.items()]
    return found


def _server(path: Path, name: str, entry: Any, change: Change) -> Found:
    if wrapped(entry):
        own = _own_terms(entry)
        note = f"on terms that stand in this file: {', '.join(own)}" if own else ""
        return Found(kind="mcp", name=name, where=path, guarded=True, note=note)
    if _command(entry) is not None:
        note = "started without a gate"
        return Found(kind="mcp", name=name, where=path, guarded=False, note=note, change=change)
    url = entry.get("url", entry.get("httpUrl")) if isinstance(entry, dict) else None
    if isinstance(url, str) and _local(url):
        # It may be our own proxy or somebody's server: the file does not say, so neither do we.
        note = "a local URL: guarded if `yett mcp --upstream` or a sidecar listens there"
        return Found(kind="mcp", name=name, where=path, guarded="/mcp/" in url, note=note)
    note = "run `yett mcp --upstream URL --listen 127.0.0.1:PORT` and put that address here"
    return Found(kind="mcp", name=name, where=path, guarded=False, note=note)


def wrapped(entry: Any) -> bool:
    """Whether an entry starts its server through `yett mcp`."""
    command = _command(entry)
    if command is None:
        return False
    program = Path(command[0])
    if program.name != command[0] and not program.is_absolute():
        return False  # `./yett` is whatever lies in the folder
    words = [program.name, *command[1:]]
    return words[:2] == ["yett", "mcp"] or words[1:4] == ["-m", "yett", "mcp"]


def _own_terms(entry: dict[str, Any]) -> list[str]:
    """What an entry that goes through `yett mcp` decides about its own judging."""
    environment = entry.get("env")
    names = environment if isinstance(environment, dict) else {}
    before = entry["args"][: entry["args"].index("--")] if "--" in entry["args"] else entry["args"]
    options = [word.partition("=")[0] for word in before if word.startswith("-")]
    return [
        *(word for word in options if word in ("--policy", "--no-pins", "--gateway", "--state")),
        *(name for name in names if name.startswith("YETT_") or name in ("PATH", "PYTHONPATH")),
    ]


def wrap(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with `yett mcp` in front of its command."""
    command = _command(entry)
    assert command is not None
    return entry | {"command": "yett", "args": ["mcp", "--server", name, "--", *command]}


def _change(path: Path, text: str, loaded: dict[str, Any], member: str) -> Change:
    after = copy.deepcopy(loaded)
    for name, entry in after[member].items():
        if _command(entry) is not None and not wrapped(entry):
            after[member][name] = wrap(name, entry)
    return Change(path=path, before=text, after=json.dumps(after, indent=2, ensure_ascii=False) + "\n")


def _command(entry: Any) -> list[str] | None:
    if not isinstance(entry, dict):
        return None
    command, arguments = entry.get("command"), entry.get("args", [])
    if (
        isinstance(command, str)
        and isinstance(arguments, list)
        and all(isinstance(a, str) for a in arguments)
    ):
        return [command, *arguments]
    return None


def _local(url: str) -> bool:
    try:
        return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    except ValueError:
        return False
