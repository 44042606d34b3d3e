"""Settings under which an agent skips a hook without a word; `tests/interop` tries the same with the agents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from yett.proxy.hooks import heeded
from yett.proxy.hooks.heeded import codex_hash, ignored
from yett.proxy.hooks.install import place, settings

LINE = "/usr/bin/python3 -I -S yett/proxy/hooks/client.py codex state/yett.sock state/hook-codex.token"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project beside an empty home folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CODEX_HOME", raising=False)
    monkeypatch.delenv("GEMINI_CLI_TRUST_WORKSPACE", raising=False)
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def installed(agent: str, folder: Path, *, own: bool) -> Path:
    path = Path(place(agent).user).expanduser() if own else folder / place(agent).project
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(settings(agent, None, LINE))
    return path


def put(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def trust(path: Path, change: str = "") -> None:
    """Codex's record of a review of every hook in these settings."""
    names = {
        "PreToolUse": "pre_tool_use",
        "PostToolUse": "post_tool_use",
        "UserPromptSubmit": "user_prompt_submit",
    }
    lines = []
    for event, entries in json.loads(path.read_text())["hooks"].items():
        lines.append(f'[hooks.state."{path.resolve()}:{names[event]}:0:0"]')
        lines.append(f'trusted_hash = "{codex_hash(names[event], entries[0])}{change}"')
    put(Path("~/.codex/config.toml").expanduser(), "\n".join(lines))


@pytest.mark.parametrize("agent", ["claude-code", "cursor"])
def test_a_projects_hook_is_run(agent: str, folder: Path) -> None:
    assert ignored(agent, installed(agent, folder, own=False), folder) == ""


@pytest.mark.parametrize("agent", ["gemini", "copilot"])
def test_a_users_hook_is_run_everywhere_a_projects_only_where_the_folder_is_trusted(
    agent: str, folder: Path
) -> None:
    assert ignored(agent, installed(agent, folder, own=True), folder) == ""
    project = installed(agent, folder, own=False)
    assert "install it with --user" in ignored(agent, project, folder)
    home = Path("~").expanduser()
    put(home / ".gemini" / "trustedFolders.json", {str(folder.parent): "TRUST_FOLDER"})
    put(home / ".copilot" / "config.json", '// managed\n{"trustedFolders": ["' + str(folder) + '"]}')
    assert ignored(agent, project, folder) == ""


def test_codex_runs_what_was_reviewed_as_it_is_now(folder: Path) -> None:
    path = installed("codex", folder, own=True)
    assert "until you have reviewed it" in ignored("codex", path, folder)
    trust(path)
    assert ignored("codex", path, folder) == ""
    path.write_text(settings("codex", None, LINE.replace("state/", "other/")))
    assert "until you have reviewed it" in ignored("codex", path, folder)


def test_codex_wants_the_project_trusted_too(folder: Path) -> None:
    path = installed("codex", folder, own=False)
    trust(path)
    assert "trust this project" in ignored("codex", path, folder)
    config = Path("~/.codex/config.toml").expanduser()
    config.write_text(config.read_text() + f'\n[projects."{folder.resolve()}"]\ntrust_level = "trusted"\n')
    assert ignored("codex", path, folder) == ""


@pytest.mark.parametrize(
    ("agent", "where", "switch"),
    [
        ("claude-code", ".claude/settings.local.json", {"disableAllHooks": True}),
        ("codex", "~/.codex/config.toml", "[features]\nhooks = false\n"),
        ("gemini", "~/.gemini/settings.json", {"hooksConfig": {"enabled": False}}),
        ("gemini", ".gemini/settings.json", {"hooksConfig": {"disabled": ["yett"]}}),
        ("copilot", "~/.copilot/settings.json", {"disableAllHooks": True}),
        ("copilot", ".github/copilot/settings.json", {"disableAllHooks": True}),
    ],
)
def test_a_switch_is_found(agent: str, where: str, switch: Any, folder: Path) -> None:
    path = installed(agent, folder, own=place(agent).own)
    if agent == "codex":
        trust(path)
    put(folder / Path(where).expanduser(), switch)
    assert "switched off" in (why := ignored(agent, path, folder)) or "disableAllHooks" in why


def test_settings_that_cannot_be_read_say_nothing(folder: Path) -> None:
    path = installed("claude-code", folder, own=False)
    put(folder / ".claude" / "settings.local.json", "{")
    assert ignored("claude-code", path, folder) == ""


@pytest.mark.parametrize("name", ["managed-settings.json", "managed-settings.d/10-hooks.json"])
def test_an_organisations_word_that_only_its_own_hooks_are_run_is_heard(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = installed("claude-code", folder, own=True)
    monkeypatch.setattr(heeded, "_MANAGED", (tmp_path / "etc",))
    assert ignored("claude-code", path, folder) == ""
    put(tmp_path / "etc" / name, {"allowManagedHooksOnly": True})
    assert "organisation" in ignored("claude-code", path, folder)
    put(tmp_path / "etc" / name, {"disableAllHooks": True})
    assert "disableAllHooks" in ignored("claude-code", path, folder)


def test_codex_runs_no_hook_of_a_user_where_the_organisation_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = installed("codex", folder, own=True)
    trust(path)
    monkeypatch.setattr(heeded, "_CODEX_RULES", tmp_path / "requirements.toml")
    assert ignored("codex", path, folder) == ""
    put(tmp_path / "requirements.toml", "allow_managed_hooks_only = true\n")
    assert "organisation" in ignored("codex", path, folder)
