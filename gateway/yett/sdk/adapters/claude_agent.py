"""Claude Agent SDK.

    options = ClaudeAgentOptions(hooks=claude_agent.hooks(gateway))

Where: the SDK's `PreToolUse` hook, for built-in, MCP and sub-agents' tools alike, with `on_failure="block"`:
without it a hook that raises, hangs or answers nonsense lets the tool run. An allow is `{}`, so that the
user's own permission rules still apply. What the tool did is reported by `PostToolUse` and
`PostToolUseFailure`; a held call is a deny that names the approval request.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from yett.model import Decision
from yett.sdk.adapters.gate import Gate, Stopped, mcp_name
from yett.sdk.decider import AnyDecider, explain

TIMEOUT = 60.0
REMEMBERED = 4_096


def hooks(decider: AnyDecider | Gate, **about: Any) -> dict[Any, Any]:
    """The value for `ClaudeAgentOptions(hooks=…)`; `about` as `Gate`."""
    from claude_agent_sdk import HookMatcher

    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)
    own = _Hooks(gate)

    def matcher(callback: Any) -> Any:
        return HookMatcher(matcher=None, hooks=[callback], timeout=TIMEOUT, on_failure="block")

    return {
        "PreToolUse": [matcher(own.before)],
        "PostToolUse": [matcher(own.after)],
        "PostToolUseFailure": [matcher(own.failed)],
    }


class _Hooks:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._lock = threading.Lock()
        self._running: OrderedDict[str, Decision] = OrderedDict()

    async def before(self, event: Any, tool_use_id: str | None, context: Any) -> dict[str, Any]:
        server, tool = mcp_name(event["tool_name"])
        parent = event.get("agent_id")
        _, decision = await self._gate.ajudge(tool, event["tool_input"], server=server, parent=parent)
        if not decision.allowed:
            return _deny(explain(decision, event["tool_name"]))
        with self._lock:
            self._running[event["tool_use_id"]] = decision
            while len(self._running) > REMEMBERED:
                self._running.popitem(last=False)
        return {}

    async def after(self, event: Any, tool_use_id: str | None, context: Any) -> dict[str, Any]:
        return await self._end(event, event.get("tool_response"))

    async def failed(self, event: Any, tool_use_id: str | None, context: Any) -> dict[str, Any]:
        return await self._end(event, {"status": "error", "error": event.get("error")})

    async def _end(self, event: Any, result: object) -> dict[str, Any]:
        with self._lock:
            decision = self._running.pop(event["tool_use_id"], None)
        if decision is None:
            return {}
        try:
            await self._gate.asettle(decision, result)
        except Stopped as stopped:
            return {"decision": "block", "reason": stopped.text}
        return {}


def _deny(reason: str) -> dict[str, Any]:
    said = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": reason}
    return {"hookSpecificOutput": said}
