"""Agent frameworks: one file each, over the point where the framework is about to run a tool.

What all of them share is `Gate`: judge the arguments as they are about to be used, run the tool with exactly
those, report what came of it. A framework's own ways to pause, to refuse and to raise differ; each adapter
says in its module how a refusal reaches the model and what a held call does.

No adapter imports its framework before it is used, and none needs more than the framework itself.
"""

from __future__ import annotations

from yett.sdk.adapters.gate import Gate, Stopped

__all__ = ["Gate", "Stopped"]
