"""How a coding agent reads what its hook said: the other end of `client`, for `yett hook test` and the
conformance kit. It is deliberately as lenient as the agents are: whatever they let run counts as "runs".
"""

from __future__ import annotations

import json


def runs(agent: str, status: int, stdout: bytes) -> bool:
    """Whether the agent would run the tool after this answer of its before-hook.

    Claude Code, Codex, Gemini CLI: status 2 blocks, any other status but 0 is a warning and the tool runs,
    as it does when stdout is not JSON. Copilot and Cursor: a deny on stdout blocks; Cursor also takes 2.
    """
    if status == 2:
        return agent == "copilot"
    if status != 0 and agent != "copilot":
        return True
    try:
        said = json.loads(stdout)
    except ValueError:
        return True
    if not isinstance(said, dict):
        return True
    inner = said.get("hookSpecificOutput")
    words = [said.get("permission"), said.get("permissionDecision"), said.get("decision")]
    if isinstance(inner, dict):
        words.append(inner.get("permissionDecision"))
    return not any(word in ("deny", "block") for word in words)


def event(
    agent: str, tool: str, arguments: dict[str, object], *, use: str = "use-1", session: str = "s"
) -> bytes:
    """A before-event of this agent about one tool, as the agent writes it."""
    if agent == "copilot":
        body: dict[str, object] = {"sessionId": session, "toolName": tool, "toolArgs": json.dumps(arguments)}
    elif agent == "cursor":
        body = {"conversation_id": session, "hook_event_name": "preToolUse", "tool_name": tool}
        body |= {"tool_input": arguments, "tool_use_id": use}
    else:
        name = "BeforeTool" if agent == "gemini" else "PreToolUse"
        body = {"session_id": session, "hook_event_name": name, "tool_name": tool, "tool_input": arguments}
        body |= {} if agent == "gemini" else {"tool_use_id": use}
    return json.dumps(body).encode()
