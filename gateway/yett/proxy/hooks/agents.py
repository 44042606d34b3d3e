"""The dialects of coding agents: what their hook events say, and what they want to hear.

A dialect turns an event into one `Event` and an answer into JSON. Nothing in an event is believed beyond what
the agent's program itself vouches for (that this tool is about to run with these arguments): the session id
only tells sessions of one credential apart. An event that can't be read raises, and the caller blocks.
"""

from __future__ import annotations

import json
from typing import Any, Final, Protocol

import msgspec

from yett import canonical
from yett.errors import InvalidCall, YettError
from yett.model import Json
from yett.proxy.mcp import wire
from yett.sdk.adapters.gate import mcp_name


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One hook event."""

    kind: str
    """before, after, prompt, other."""
    session: str = ""
    """The agent's own id of the conversation."""
    tool: str = ""
    server: str | None = None
    arguments: dict[str, Json] = {}
    use: str = ""
    """The agent's id of this tool use, if it gives one; ties `after` to `before`."""
    result: Json = None
    failed: bool = False
    prompt: str | None = None
    parent: str | None = None


class Unreadable(YettError):
    """An event of which not even the kind is known for certain."""

    def __init__(self, why: str) -> None:
        super().__init__("EVENT_UNREADABLE", f"the hook event can't be read: {why}")


class Dialect(Protocol):
    """One agent's way of speaking."""

    name: str

    def read(self, event: dict[str, Json]) -> Event: ...

    def allow(self, event: Event) -> dict[str, Json]: ...

    def deny(self, event: Event, reason: str) -> dict[str, Json]: ...


def read(dialect: Dialect, body: bytes, max_bytes: int) -> Event:
    """Parse an event: strictly what is about to run. Of what did run the agent has the result already, whatever
    it holds (half a character, where a text was cut; large numbers), and the session is to know it.

    Raises:
        Unreadable: nobody knows what it says. InvalidCall: what is about to run can't be judged.
    """
    try:
        return _read(dialect, canonical.parse(body, max_bytes=max_bytes))
    except InvalidCall as refused:
        if len(body) > max_bytes:
            raise Unreadable("it is too large") from None
        event = _read(dialect, _as_agents_do(body))
        if event.kind != "after":
            raise refused from None
        try:
            canonical.check([event.session, event.tool, event.server, event.use, event.arguments])
        except InvalidCall:
            raise Unreadable("it does not say what has ended") from None
        return event


def _read(dialect: Dialect, value: Json) -> Event:
    if not isinstance(value, dict):
        raise Unreadable("it is not an object")
    return dialect.read(value)


def _as_agents_do(body: bytes) -> Json:
    try:
        found: Json = json.loads(body, object_pairs_hook=wire.unique)
    except (InvalidCall, ValueError, RecursionError):
        raise Unreadable("it is not JSON that reads in one way") from None
    if not isinstance(found, dict) or wire.is_deep(found):
        raise Unreadable("it is no object, or nested too deeply")
    return found


class ClaudeCode:
    """Claude Code: `PreToolUse`, `PostToolUse`, `PostToolUseFailure`, `UserPromptSubmit`.

    An allow is `{}`: the answer `allow` would also switch off the user's own permission prompts.
    """

    name = "claude-code"
    kinds: Final = {
        "PreToolUse": "before",
        "PostToolUse": "after",
        "PostToolUseFailure": "after",
        "UserPromptSubmit": "prompt",
    }

    def read(self, event: dict[str, Json]) -> Event:
        name = _text(event, "hook_event_name")
        kind = self.kinds.get(name, "other")
        if kind in ("other", "prompt"):
            return Event(kind=kind, session=_text(event, "session_id"), prompt=event.get("prompt"))
        server, tool = mcp_name(_text(event, "tool_name"))
        return Event(
            kind=kind,
            session=_text(event, "session_id"),
            tool=tool,
            server=server,
            arguments=_arguments(event, "tool_input"),
            use=_optional(event, "tool_use_id"),
            result=event.get("tool_response", event.get("error")),
            failed=name == "PostToolUseFailure",
            parent=_optional(event, "agent_id") or None,
        )

    def allow(self, event: Event) -> dict[str, Json]:
        return {}

    def deny(self, event: Event, reason: str) -> dict[str, Json]:
        if event.kind != "before":
            return {"decision": "block", "reason": reason}
        return {
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "deny",
                "permissionDecisionReason": reason,
            }
        }


class Codex(ClaudeCode):
    """Codex CLI speaks Claude Code's dialect; there is no `PostToolUseFailure`."""

    name = "codex"


class Gemini:
    """Gemini CLI: `BeforeTool`, `AfterTool`, `BeforeAgent` (the prompt)."""

    name = "gemini"
    kinds: Final = {"BeforeTool": "before", "AfterTool": "after", "BeforeAgent": "prompt"}

    def read(self, event: dict[str, Json]) -> Event:
        kind = self.kinds.get(_text(event, "hook_event_name"), "other")
        if kind in ("other", "prompt"):
            return Event(kind=kind, session=_text(event, "session_id"), prompt=event.get("prompt"))
        server, tool = _mcp_context(event)
        response = event.get("tool_response")
        return Event(
            kind=kind,
            session=_text(event, "session_id"),
            tool=tool,
            server=server,
            arguments=_arguments(event, "tool_input"),
            result=response,
            failed=isinstance(response, dict) and response.get("error") is not None,
        )

    def allow(self, event: Event) -> dict[str, Json]:
        return {}

    def deny(self, event: Event, reason: str) -> dict[str, Json]:
        return {"decision": "deny", "reason": reason}


class Copilot:
    """Copilot CLI: `preToolUse`, `postToolUse`, `userPromptSubmitted`; the arguments come as JSON in a string."""

    name = "copilot"

    def read(self, event: dict[str, Json]) -> Event:
        session = _optional(event, "sessionId")
        if "prompt" in event and "toolName" not in event:
            return Event(kind="prompt", session=session, prompt=event["prompt"])
        result = event.get("toolResult")
        kind = "after" if "toolResult" in event else "before"
        return Event(
            kind=kind,
            session=session,
            tool=_text(event, "toolName"),
            arguments=_arguments(event, "toolArgs"),
            result=result,
            failed=isinstance(result, dict) and result.get("resultType") not in (None, "success"),
        )

    def allow(self, event: Event) -> dict[str, Json]:
        return {}

    def deny(self, event: Event, reason: str) -> dict[str, Json]:
        return {"permissionDecision": "deny", "permissionDecisionReason": reason}


class Cursor:
    """Cursor: `preToolUse` for every tool, `beforeShellExecution` and `beforeMCPExecution` besides, and their
    `after…` and `postToolUse` twins. An allow says `allow`, because no answer is an error there."""

    name = "cursor"
    kinds: Final = {
        "preToolUse": "before",
        "beforeShellExecution": "before",
        "beforeMCPExecution": "before",
        "beforeReadFile": "before",
        "postToolUse": "after",
        "postToolUseFailure": "after",
        "afterShellExecution": "after",
        "afterMCPExecution": "after",
        "beforeSubmitPrompt": "prompt",
    }

    def read(self, event: dict[str, Json]) -> Event:
        name = _text(event, "hook_event_name")
        kind = self.kinds.get(name, "other")
        session = _optional(event, "conversation_id")
        if kind in ("other", "prompt"):
            return Event(kind=kind, session=session, prompt=event.get("prompt"))
        server = None
        if name.endswith("ShellExecution"):
            tool, arguments = "Shell", {"command": _text(event, "command"), "cwd": _optional(event, "cwd")}
        elif name == "beforeReadFile":
            tool, arguments = "Read", {"file_path": _text(event, "file_path")}
        else:
            server, tool = _cursor_name(_text(event, "tool_name"))
            arguments = _arguments(event, "tool_input", "arguments")
        output = event.get(
            "output", event.get("result_json", event.get("tool_output", event.get("error_message")))
        )
        return Event(
            kind=kind,
            session=session,
            tool=tool,
            server=server,
            arguments=arguments,
            use=_optional(event, "tool_use_id"),
            result=output,
            failed=name == "postToolUseFailure",
        )

    def allow(self, event: Event) -> dict[str, Json]:
        if event.kind == "before":
            return {"permission": "allow", "decision": "allow"}
        return {"continue": True} if event.kind == "prompt" else {}

    def deny(self, event: Event, reason: str) -> dict[str, Json]:
        if event.kind == "prompt":
            return {"continue": False, "user_message": reason}
        return {
            "permission": "deny",
            "decision": "deny",
            "reason": reason,
            "user_message": reason,
            "agent_message": reason,
        }


DIALECTS: Final[dict[str, Dialect]] = {
    dialect.name: dialect for dialect in (ClaudeCode(), Codex(), Gemini(), Copilot(), Cursor())
}


def _cursor_name(name: str) -> tuple[str | None, str]:
    """`MCP:tool`, in some releases `MCP:server:tool`: a rule names the tool as the server does."""
    first, *rest = name.split(":", 2)
    if first != "MCP" or not rest or not all(rest):
        return None, name
    return (rest[0], rest[1]) if len(rest) == 2 else (None, rest[0])


def _mcp_context(event: dict[str, Json]) -> tuple[str | None, str]:
    context: Any = event.get("mcp_context")
    if isinstance(context, dict) and isinstance(context.get("server_name"), str):
        return context["server_name"], str(context.get("tool_name") or _text(event, "tool_name"))
    return None, _text(event, "tool_name")


def _arguments(event: dict[str, Json], *keys: str) -> dict[str, Json]:
    """An object, or the JSON of one in a string, which is parsed as strictly. A tool that takes none has `null`; an
    event without the member would be judged as a call that does nothing."""
    key = next((key for key in keys if key in event), None)
    if key is None:
        raise Unreadable(f"{keys[0]} is missing")
    value = event[key]
    if isinstance(value, str):
        try:
            value = canonical.parse(value.encode())
        except (InvalidCall, UnicodeError):
            raise Unreadable("the tool's arguments are not JSON") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable("the tool's arguments are not an object")
    return value


def _text(event: dict[str, Json], key: str) -> str:
    value = event.get(key)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{key} is not text")
    return value


def _optional(event: dict[str, Json], key: str) -> str:
    value = event.get(key)
    return value if isinstance(value, str) else ""
