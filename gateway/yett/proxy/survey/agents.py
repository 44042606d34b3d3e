"""Coding agents in a directory, and whether Yett's hook stands before all their tools."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from yett.proxy import foreign
from yett.proxy.hooks.install import PLACES, installed
from yett.proxy.survey.model import Found

TRACES: Final = {
    "claude-code": (".claude", "CLAUDE.md"),
    "codex": (".codex", "AGENTS.md"),
    "gemini": (".gemini", "GEMINI.md"),
    "copilot": (".github/copilot-instructions.md", ".github/hooks"),
    "cursor": (".cursor", ".cursorrules"),
}
"""What an agent leaves in a directory it works in."""


def find_agents(folder: Path) -> list[Found]:
    """Coding agents that work in this directory."""
    found = []
    for agent, traces in TRACES.items():
        if not any((folder / trace).exists() for trace in traces):
            continue
        settings = folder / PLACES[agent].project
        user = Path(PLACES[agent].user).expanduser()
        guarded = any(installed(agent, foreign.text(path)) for path in (settings, user))
        note = "" if guarded else f"run `yett hook install {agent}`"
        found.append(Found(kind="agent", name=agent, where=settings, guarded=guarded, note=note))
    return found
