"""Writes Yett's hooks into an agent's settings, and takes them out again.

Pure: the settings come in as text and go out as text; the CLI reads, shows the difference and writes. What
is in the settings already stays; our own entries are known by the client's path and replaced, so installing
twice is installing once. Settings that can't be parsed are left alone, because rewriting would lose them.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from yett import canonical
from yett.errors import InvalidCall, YettError
from yett.proxy import foreign

_HTTP_PATH = "/v1/hooks/claude-code"
_CLIENT_PATH = "yett/proxy/hooks/client.py"
CLIENT = Path(__file__).with_name("client.py")
LOCAL = ("127.0.0.1", "localhost", "::1")
_UNSTARTED: Final = {
    "copilot": """echo '{"permissionDecision":"deny","permissionDecisionReason":"The hook of Yett did not start."}'"""
}
TIMEOUT = 60
"""Seconds an agent gives the hook; the client itself gives up much sooner."""
TOKEN_VARIABLE = "YETT_HOOK_TOKEN"  # noqa: S105 -- a name
"""Where an HTTP hook has its token from: settings are files that people share."""


class Place(msgspec.Struct, frozen=True):
    """Where an agent keeps its hooks, for one project and for the user."""

    project: str
    user: str
    merge: Callable[[dict[str, Any], str], None]
    own: bool = False
    """Installed in the user's settings unless told otherwise: a project's hooks are skipped, without a word, where
    the agent does not trust the folder."""


def command(agent: str, address: str, token_file: Path, python: str = sys.executable) -> str:
    """The command line of the hook. `-I -S` keeps the project's own modules and site packages out of it."""
    return line_of([python, "-I", "-S", str(CLIENT), agent, address, str(token_file)])


def line_of(words: list[str]) -> str:
    """The client's words as a line for the agent's shell, which says no itself where they can't be started: most
    agents take any other failure than status 2 (a folder that is gone, no memory) for a yes."""
    return f"{shlex.join(words)} || {_UNSTARTED.get(words[4], 'exit 2')}"


def client_words(agent: str, line: str) -> list[str] | None:
    """The words of the client if the line is one of `command`'s, else None. Settings that came with a folder may
    only name the client, or bring one along."""
    try:
        words = shlex.split(line.partition(" || ")[0])
        known = (
            len(words) == 7 and words[1:3] == ["-I", "-S"] and words[4] == agent and line_of(words) == line
        )
        python, client = Path(words[0]), Path(words[3])
        ours = words[0] == sys.executable or not python.resolve().is_relative_to(Path.cwd())
        same = client.is_absolute() and client.read_bytes() == CLIENT.read_bytes()
    except (ValueError, IndexError, OSError):
        return None
    return words if known and ours and python.is_absolute() and same else None


def settings(agent: str, before: str | None, line: str) -> str:
    """The settings with our hooks in them.

    Raises:
        YettError: AGENT_UNKNOWN, SETTINGS_UNREADABLE.
    """
    loaded = _load(before)
    place(agent).merge(loaded, line)
    return json.dumps(loaded, indent=2, ensure_ascii=False) + "\n"


def settings_over_http(before: str | None, url: str) -> str:
    """Claude Code's settings with hooks that call a gateway's URL. Its answers are not sealed as the client's are,
    so that a plain connection must not leave the machine.

    Raises:
        YettError: BAD_URL, SETTINGS_UNREADABLE.
    """
    parts = urlsplit(url)
    local = parts.hostname in LOCAL
    if parts.scheme not in ("http", "https") or not parts.hostname or (parts.scheme == "http" and not local):
        raise YettError("BAD_URL", "the gateway's URL is neither https nor on this machine")
    loaded = _load(before)
    hook = {
        "type": "http",
        "url": f"{url.rstrip('/').removesuffix(_HTTP_PATH)}{_HTTP_PATH}",
        "headers": {"Authorization": f"Bearer ${TOKEN_VARIABLE}"},
        "allowedEnvVars": [TOKEN_VARIABLE],
        "timeout": TIMEOUT,
    }
    _claude_hooks(loaded, hook)
    return json.dumps(loaded, indent=2, ensure_ascii=False) + "\n"


def without(agent: str, before: str | None) -> str:
    """The settings with our hooks taken out."""
    loaded = _load(before)
    place(agent)
    hooks = loaded.get("hooks")
    if isinstance(hooks, dict):
        for event in list(hooks):
            if _drop_ours(hooks, event) and not hooks[event]:
                del hooks[event]
    return json.dumps(loaded, indent=2, ensure_ascii=False) + "\n"


def place(agent: str) -> Place:
    """Where and how an agent is configured. Raises `YettError` AGENT_UNKNOWN."""
    found = PLACES.get(agent)
    if found is None:
        raise YettError("AGENT_UNKNOWN", f"no agent {agent!a}", remedy="one of " + ", ".join(PLACES))
    return found


def installed(agent: str, text: str | None) -> bool:
    """Whether our hook stands before every tool in these settings."""
    try:
        hook = our_hook(text) or {}
        if hook.get("type") == "http":
            wanted = settings_over_http(text, hook["url"])
        else:
            line = our_line(text) or ""
            if client_words(agent, line) is None:
                return False
            wanted = settings(agent, text, line)
        return wanted == json.dumps(_load(text), indent=2, ensure_ascii=False) + "\n"
    except YettError:
        return False


def our_hook(text: str | None) -> dict[str, Any] | None:
    """Our hook in these settings, if it is there: the one before a tool, if there are several."""
    hooks = _load(text).get("hooks")
    for entries in hooks.values() if isinstance(hooks, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            for hook in _members(entry) or [entry]:
                if is_ours(hook):
                    found: dict[str, Any] = hook
                    return found
    return None


def our_line(text: str | None) -> str | None:
    """The command line of our hook in these settings, if it is there."""
    hook = our_hook(text) or {}
    line = hook.get("command", hook.get("bash"))
    return line if isinstance(line, str) else None


def _claude(loaded: dict[str, Any], line: str) -> None:
    _claude_hooks(loaded, {"type": "command", "command": line, "timeout": TIMEOUT})


def _claude_hooks(loaded: dict[str, Any], hook: dict[str, Any]) -> None:
    for event in ("PreToolUse", "PostToolUse", "PostToolUseFailure", "UserPromptSubmit"):
        # Without it a hook that can't be started, crashes or runs out of time lets the tool run.
        each = {**hook, "onFailure": "block"} if event == "PreToolUse" else hook
        _add(loaded, event, {"matcher": "*", "hooks": [each]} if "Tool" in event else {"hooks": [each]})


def _codex(loaded: dict[str, Any], line: str) -> None:
    for event in ("PreToolUse", "PostToolUse", "UserPromptSubmit"):
        hook = {"type": "command", "command": line, "timeout": TIMEOUT}
        _add(loaded, event, {"matcher": ".*", "hooks": [hook]} if "Tool" in event else {"hooks": [hook]})


def _gemini(loaded: dict[str, Any], line: str) -> None:
    for event in ("BeforeTool", "AfterTool", "BeforeAgent"):
        hook = {"type": "command", "name": "yett", "command": line, "timeout": TIMEOUT * 1000}
        _add(loaded, event, {"matcher": ".*", "hooks": [hook]} if "Tool" in event else {"hooks": [hook]})


def _copilot(loaded: dict[str, Any], line: str) -> None:
    loaded.setdefault("version", 1)
    for event in ("preToolUse", "postToolUse", "userPromptSubmitted"):
        _add(loaded, event, {"type": "command", "bash": line, "timeoutSec": TIMEOUT})


def _cursor(loaded: dict[str, Any], line: str) -> None:
    loaded.setdefault("version", 1)
    for event in ("preToolUse", "postToolUse", "postToolUseFailure", "beforeSubmitPrompt"):
        hook: dict[str, Any] = {"command": line, "timeout": TIMEOUT}
        if event == "preToolUse":
            hook["failClosed"] = True
        _add(loaded, event, hook)


PLACES = {
    "claude-code": Place(".claude/settings.json", "~/.claude/settings.json", _claude),
    "codex": Place(".codex/hooks.json", "~/.codex/hooks.json", _codex, own=True),
    "gemini": Place(".gemini/settings.json", "~/.gemini/settings.json", _gemini, own=True),
    "copilot": Place(".github/hooks/yett.json", "~/.copilot/hooks/yett.json", _copilot, own=True),
    "cursor": Place(".cursor/hooks.json", "~/.cursor/hooks.json", _cursor),
}


def _add(loaded: dict[str, Any], event: str, entry: dict[str, Any]) -> None:
    hooks = loaded.setdefault("hooks", {})
    if not isinstance(hooks, dict) or not isinstance(hooks.get(event, []), list):
        raise YettError(
            "SETTINGS_UNREADABLE", "the hooks in the settings have an unknown form", path=f"/hooks/{event}"
        )
    hooks.setdefault(event, [])
    _drop_ours(hooks, event)
    hooks[event].insert(0, entry)


def _drop_ours(hooks: dict[str, Any], event: str) -> bool:
    """Whether there was one. Somebody else's hook that shares an entry with ours stays in it."""
    entries = hooks.get(event)
    if not isinstance(entries, list):
        return False
    kept = []
    for entry in entries:
        members = _members(entry)
        others = [hook for hook in members if not is_ours(hook)]
        if not is_ours(entry):
            kept.append(entry)
        elif others:
            kept.append({**entry, "hooks": others})
    dropped = kept != entries
    hooks[event] = kept
    return dropped


def _members(entry: Any) -> list[Any]:
    """The hooks of an entry that is a group."""
    members = entry.get("hooks") if isinstance(entry, dict) else None
    return members if isinstance(members, list) else []


def is_ours(entry: Any) -> bool:
    """An entry is ours if it runs a hook client of Yett, of this or another installation, or calls its URL."""
    text = json.dumps(entry)
    return _CLIENT_PATH in text or f'{_HTTP_PATH}"' in text


def _load(text: str | None) -> dict[str, Any]:
    if text is None or not text.strip():
        return {}
    try:
        # Strictly: of a key that stands twice, one would be lost in writing.
        loaded = canonical.parse(text.encode(), max_bytes=foreign.LARGEST)
    except (InvalidCall, UnicodeError):
        raise YettError(
            "SETTINGS_UNREADABLE",
            "the settings are not JSON that reads in one way",
            remedy="repair them; they are left as they are",
        ) from None
    if not isinstance(loaded, dict):
        raise YettError("SETTINGS_UNREADABLE", "the settings are not a JSON object")
    return loaded
