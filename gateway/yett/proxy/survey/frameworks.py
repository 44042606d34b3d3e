"""Programs that use an agent framework, found by what they import.

Python files are parsed, never run; a file counts as guarded when it imports `yett` as well. That is a hint,
not a proof: which tools the program really guards only the program knows.
"""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from yett.proxy import foreign
from yett.proxy.survey.model import Found

FRAMEWORKS: Final = {
    "agents": ("OpenAI Agents", "openai_agents"),
    "langchain": ("LangChain", "langchain"),
    "langgraph": ("LangGraph", "langchain"),
    "pydantic_ai": ("Pydantic AI", "pydantic_ai"),
    "crewai": ("CrewAI", "crewai"),
    "google.adk": ("Google ADK", "google_adk"),
    "autogen_core": ("AutoGen", "autogen"),
    "autogen_agentchat": ("AutoGen", "autogen"),
    "agent_framework": ("Microsoft Agent Framework", "agent_framework"),
    "llama_index": ("LlamaIndex", "llama_index"),
    "smolagents": ("smolagents", "smolagents"),
    "strands": ("Strands", "strands"),
    "fastmcp": ("FastMCP", "fastmcp"),
    "claude_agent_sdk": ("Claude Agent SDK", "claude_agent"),
}
"""Imported package -> (name, module under `yett.sdk.adapters`)."""
SKIPPED: Final = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist", "venv"})
MAX_FILES: Final = 5_000
MAX_BYTES: Final = 1024 * 1024


def find_frameworks(folder: Path) -> list[Found]:
    """Python programs below a directory that import an agent framework."""
    found = []
    for path in _programs(folder):
        imported = _imports(path)
        guarded = any(name == "yett" or name.startswith("yett.") for name in imported)
        adapters = {
            FRAMEWORKS[key]
            for key in FRAMEWORKS
            for name in imported
            if name == key or name.startswith(key + ".")
        }
        for name, adapter in sorted(adapters):
            note = "" if guarded else f"guard its tools: see yett.sdk.adapters.{adapter}"
            found.append(Found(kind="framework", name=name, where=path, guarded=guarded, note=note))
    return found


def _programs(folder: Path) -> Iterator[Path]:
    seen = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("."))
        for name in sorted(files):
            if name.endswith(".py"):
                seen += 1
                if seen > MAX_FILES:
                    return
                yield Path(parent) / name


def _imports(path: Path) -> set[str]:
    source = foreign.read(path, MAX_BYTES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source or b"")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found
