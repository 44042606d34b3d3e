"""What on this machine acts through tools, and which of it stands behind a gate.

`find` looks through a directory for the ways an agent gets its tools: MCP configurations, coding agents with
hooks, programs that import an agent framework. For each it says whether Yett stands in between and, if not,
what would put it there. Reading only: `yett init` shows the differences and writes them, `yett doctor` turns
what is open into an exit status.
"""

from __future__ import annotations

from pathlib import Path

from yett.proxy.survey.agents import find_agents
from yett.proxy.survey.frameworks import find_frameworks
from yett.proxy.survey.mcp import find_servers
from yett.proxy.survey.model import Change, Found

__all__ = ["Change", "Found", "find"]


def find(folder: Path) -> list[Found]:
    """Everything found below a directory, in a stable order."""
    return [*find_servers(folder), *find_agents(folder), *find_frameworks(folder)]
