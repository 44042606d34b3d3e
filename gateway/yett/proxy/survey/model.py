"""What a survey finds: places where tools are reached, and the change to a file that would put a gate before one."""

from __future__ import annotations

from pathlib import Path

from yett.model import Struct


class Change(Struct, frozen=True, kw_only=True):
    """A file as it is and as it should be. Nothing is written by the survey."""

    path: Path
    before: str
    after: str


class Found(Struct, frozen=True, kw_only=True):
    """One way from an agent to tools."""

    kind: str
    """mcp, agent, framework."""
    name: str
    where: Path
    guarded: bool
    note: str = ""
    """What is open, or what to do by hand."""
    change: Change | None = None
    """What would guard it, where that can be written."""
