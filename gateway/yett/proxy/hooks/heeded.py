"""Whether an agent runs the hook that stands in its settings.

A hook that is installed is not yet a hook that runs: each agent has settings that switch hooks off, and some run a
hook only where the user has said that it, or the folder, is trusted. None of them says a word when it skips one.
What is read here was tried with Claude Code 2.1, Codex 0.169, Gemini CLI 0.61 and Copilot CLI 1.0.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from pathlib import Path
from typing import Any, Final

from yett.proxy import foreign
from yett.proxy.hooks.install import is_ours, place

_CODEX_EVENTS: Final = {
    "PreToolUse": "pre_tool_use",
    "PostToolUse": "post_tool_use",
    "UserPromptSubmit": "user_prompt_submit",
}


def ignored(agent: str, path: Path, folder: Path) -> str:
    """Why this agent, started in this folder, would not run our hook in these settings; empty if nothing says so.

    Args:
        path: the settings that our hook stands in, the project's or the user's.
    """
    own = path.resolve() == Path(place(agent).user).expanduser().resolve()
    match agent:
        case "claude-code":
            return _claude_code(folder)
        case "codex":
            return _codex(path, folder, own)
        case "gemini":
            return _gemini(path, folder, own)
        case "copilot":
            return _copilot(folder, own)
    return ""


def _claude_code(folder: Path) -> str:
    managed = [
        path
        for place in _MANAGED
        for path in (place / "managed-settings.json", *sorted(place.glob("managed-settings.d/*.json")))
    ]
    own = (_user(".claude/settings.json"), *(folder / ".claude" / name for name in _LAYERS))
    for where in (*managed, *own):
        if _json(where).get("disableAllHooks") is True:
            return f"`disableAllHooks` is set in {where}"
    for where in managed:
        if _json(where).get("allowManagedHooksOnly") is True:
            return f"`allowManagedHooksOnly` is set in {where}: your organisation's own hooks alone are run"
    return ""


_LAYERS: Final = ("settings.json", "settings.local.json")
_MANAGED: Final = (Path("/etc/claude-code"), Path("/Library/Application Support/ClaudeCode"))
"""Where an organisation's settings are, which go before all others."""
_CODEX_RULES: Final = Path("/etc/codex/requirements.toml")
_GEMINI_SYSTEM: Final = Path("/etc/gemini-cli/settings.json")


def _codex(path: Path, folder: Path, own: bool) -> str:
    home = Path(os.environ.get("CODEX_HOME") or _user(".codex"))
    config = _toml(home / "config.toml")
    if _at(config, "features", "hooks") is False:
        return "hooks are switched off in Codex's config.toml (`features.hooks`)"
    if _toml(_CODEX_RULES).get("allow_managed_hooks_only") is True:
        return f"`allow_managed_hooks_only` is set in {_CODEX_RULES}: your organisation's own hooks alone are run"
    if not own and _at(config, "projects", str(folder.resolve()), "trust_level") != "trusted":
        return "Codex has not been told to trust this project: answer its question when you start it here"
    hooks = _at(_json(path), "hooks")
    states = _at(config, "hooks", "state")
    for event, name in _CODEX_EVENTS.items():
        entries = _at(hooks, event)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if not is_ours(entry):
                continue
            state = _at(states, f"{path.resolve()}:{name}:{index}:0")
            if _at(state, "enabled") is False:
                return f"our {event} hook is switched off in Codex: switch it on with /hooks"
            if _at(state, "trusted_hash") != codex_hash(name, entry):
                return (
                    f"Codex skips our {event} hook until you have reviewed it as it is now: "
                    "start `codex` and choose to trust it (or later with /hooks)"
                )
    return ""


def codex_hash(event: str, entry: dict[str, Any]) -> str:
    """The digest under which Codex remembers that a hook was reviewed: of its canonical JSON, defaults included."""
    shape: dict[str, Any] = {"event_name": event, "hooks": [{"async": False, **entry["hooks"][0]}]}
    if "matcher" in entry:
        shape["matcher"] = entry["matcher"]
    text = json.dumps(shape, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _gemini(path: Path, folder: Path, own: bool) -> str:
    for where in {path, folder / ".gemini" / "settings.json", _user(".gemini/settings.json"), _GEMINI_SYSTEM}:
        switches = _at(_json(where), "hooksConfig")
        disabled = _at(switches, "disabled")
        if _at(switches, "enabled") is False or (isinstance(disabled, list) and "yett" in disabled):
            return f"hooks, or ours, are switched off in {where} (`hooksConfig`)"
    if own or os.environ.get("GEMINI_CLI_TRUST_WORKSPACE") == "true":
        return ""
    trusted = {where: how for where, how in _json(_user(".gemini/trustedFolders.json")).items() if how}
    if any(_covers(where, folder) and how != "DO_NOT_TRUST" for where, how in trusted.items()):
        return ""
    return "Gemini CLI skips a project's hooks where the folder is not trusted: install it with --user"


def _copilot(folder: Path, own: bool) -> str:
    settings = [_json(_user(f".copilot/{name}")) for name in ("settings.json", "config.json")]
    settings.append(_json(folder / ".github" / "copilot" / "settings.json"))
    if any(each.get("disableAllHooks") is True for each in settings):
        return "`disableAllHooks` is set in Copilot's settings"
    if own:
        return ""
    trusted = [where for each in settings[:2] for where in each.get("trustedFolders") or ()]
    if any(isinstance(where, str) and _covers(where, folder) for where in trusted):
        return ""
    return "Copilot CLI skips a project's hooks where the folder is not trusted: install it with --user"


def _covers(where: str, folder: Path) -> bool:
    return folder.resolve().is_relative_to(Path(where).expanduser())


def _user(path: str) -> Path:
    return Path("~").expanduser() / path


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _json(path: Path) -> dict[str, Any]:
    """An agent's settings; comments of whole lines are passed over. What can't be read says nothing."""
    lines = (foreign.text(path) or "").splitlines()
    try:
        found = json.loads("\n".join(line for line in lines if not line.lstrip().startswith("//")))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(foreign.text(path) or "")
    except (ValueError, RecursionError):
        return {}
