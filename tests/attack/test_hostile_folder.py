"""Attacks from a folder that somebody else has filled: a repository with links, names and a state of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from yett import Gateway
from yett.cli import build
from yett.cli.files import propose
from yett.clock import wall_clock
from yett.errors import LedgerError, Unauthorized
from yett.proxy.hooks.install import CLIENT, command, installed, settings, settings_over_http
from yett.proxy.survey.mcp import find_servers
from yett.serve.auth import FILE_NAME, Credentials

POLICY = "policy: p\ntools: {ping: {does: [read]}}\nrules: [{id: a, allow: ping}]\n"
SERVERS = {"mcpServers": {"files": {"command": "npx", "args": ["server-files"]}}}


def yett(*words: str) -> str:
    return CliRunner().invoke(build([words[0]]), list(words)).output


def test_a_state_that_came_with_the_folder_is_nobodys_secret(tmp_path: Path) -> None:
    """Its author knows the keys, and the token of an operator: files out of a repository are for all to read."""
    policy, made, planted = tmp_path / "p.yaml", tmp_path / "made", tmp_path / "planted"
    policy.write_text(POLICY)
    Gateway.open(policy, made).close()
    _, token = Credentials(made / FILE_NAME, clock=wall_clock).create("operator", "eve", "eve")
    shutil.copytree(made, planted)
    for path in planted.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with pytest.raises(LedgerError) as refused:
        Gateway.open(policy, planted)
    assert refused.value.code == "KEYS_EXPOSED"
    with pytest.raises(Unauthorized) as unknown:
        Credentials(planted / FILE_NAME, clock=wall_clock).identify(token)
    assert unknown.value.code == "CREDENTIALS_UNAVAILABLE"
    Gateway.open(policy, made).close()


@pytest.mark.parametrize("mode", [0o604, 0o660])
@pytest.mark.parametrize("name", ["log.seed", "ledger.seed", "master"])
def test_a_key_that_others_can_read_or_the_group_can_write_is_refused(
    tmp_path: Path, name: str, mode: int
) -> None:
    policy, state = tmp_path / "p.yaml", tmp_path / "state"
    policy.write_text(POLICY)
    Gateway.open(policy, state).close()
    (state / "keys" / name).chmod(0o640)
    Gateway.open(policy, state).close()
    (state / "keys" / name).chmod(mode)
    with pytest.raises(LedgerError, match=f"{name}.*{mode:o}"):
        Gateway.open(policy, state)


@pytest.mark.parametrize("name", ["log.seed", "ledger.seed", "master", "issuers.json"])
def test_each_key_that_others_can_use_is_refused(tmp_path: Path, name: str) -> None:
    policy, state = tmp_path / "p.yaml", tmp_path / "state"
    policy.write_text(POLICY)
    Gateway.open(policy, state).close()
    if name == "issuers.json":
        (state / "keys" / name).write_text("[]")
    (state / "keys" / name).chmod(0o646)
    with pytest.raises(LedgerError, match=name):
        Gateway.open(policy, state)


def test_init_writes_through_no_link_that_waits_beside_a_file(tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    (home / "rc").write_text("mine")
    (project / ".mcp.json").write_text(json.dumps(SERVERS))
    (project / ".mcp.json.before-yett").symlink_to(home / "new")
    for beside in (".mcp.json.yett-new", ".mcp.json.new"):
        (project / beside).symlink_to(home / "rc")
    yett("init", str(project), "--yes")
    assert "yett" in (project / ".mcp.json").read_text()
    assert (home / "rc").read_text() == "mine"
    assert [each.name for each in home.iterdir()] == ["rc"]


@pytest.mark.parametrize("kind", ["giant", "pipe", "device"])
def test_no_file_of_a_folder_keeps_its_survey_waiting_or_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    project = tmp_path / "project"
    places = [".mcp.json", "agent.py", "log.jsonl"]
    places += [f".{agent}/settings.json" for agent in ("claude", "gemini")]
    places += [".claude/settings.local.json", ".codex/hooks.json", ".cursor/hooks.json"]
    for place in places:
        path = project / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            with path.open("wb") as file:
                file.truncate(1 << 40)
    monkeypatch.chdir(project)
    yett("init", ".", "--yes")
    assert "OPEN" in yett("doctor", ".", "--state", str(tmp_path / "state"))
    assert "no file of text" in str(
        CliRunner().invoke(build(["hook"]), ["hook", "install", "claude-code", "--yes"]).exception
    )
    if kind != "giant":
        yett("scan-history", ".")


ESCAPES = "\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b31m\u202e"
"""Clears the screen, fills the clipboard, colours, and turns the direction."""


def test_no_name_in_a_folder_speaks_to_the_terminal(tmp_path: Path) -> None:
    project = tmp_path / f"pro{ESCAPES}ject"
    project.mkdir()
    servers = {"mcpServers": {ESCAPES: {"command": ESCAPES, "args": [ESCAPES]}}}
    (project / ".mcp.json").write_text(json.dumps(servers, ensure_ascii=False))
    transcripts = project / "x"
    transcripts.mkdir()
    use = {"type": "tool_use", "name": f"Ba{ESCAPES}sh", "input": {"command": ESCAPES}, "id": "1"}
    line = {"type": "assistant", "message": {"role": "assistant", "content": [use]}}
    (transcripts / f"a{ESCAPES}.jsonl").write_text(json.dumps(line) + "\n")
    for words in (
        ("init", str(project)),
        ("init", str(project), "--yes"),
        ("doctor", str(project), "--state", str(project / "state")),
        ("scan-history", str(transcripts)),
    ):
        said = yett(*words)
        assert said, words
        assert not [c for c in said if not c.isprintable() and c not in "\n\t"], words


@pytest.mark.parametrize(
    ("entry", "guarded", "note"),
    [
        ({"command": "./yett", "args": ["mcp", "--", "x"]}, False, "without a gate"),
        ({"command": "tools/yett", "args": ["mcp", "--", "x"]}, False, "without a gate"),
        ({"command": "bin/python", "args": ["-m", "yett", "mcp", "--", "x"]}, False, "without a gate"),
        ({"url": "http://127.0.0.1.evil.example/mcp/x"}, False, "--upstream"),
        ({"url": "http://localhost:80@evil.example/mcp/x"}, False, "--upstream"),
        ({"command": "yett", "args": ["mcp", "--policy=all.yaml", "--", "x"]}, True, "--policy"),
        ({"command": "yett", "args": ["mcp", "--", "x"], "env": {"YETT_POLICY": "all"}}, True, "YETT_POLICY"),
        ({"command": "yett", "args": ["mcp", "--", "x", "--policy", "theirs"]}, True, ""),
        ({"command": "/opt/yett/bin/yett", "args": ["mcp", "--server", "s", "--", "x"]}, True, ""),
        ({"url": "http://localhost:8787/mcp/x"}, True, "a sidecar"),
    ],
)
def test_a_folder_does_not_say_of_itself_that_it_is_guarded(
    tmp_path: Path, entry: Any, guarded: bool, note: str
) -> None:
    (tmp_path / ".mcp.json").write_text(json.dumps({"mcpServers": {"s": entry}}))
    (found,) = find_servers(tmp_path)
    assert found.guarded is guarded
    assert note in found.note
    assert note or not found.note


@pytest.mark.parametrize(
    "line",
    [
        "true # yett/proxy/hooks/client.py",
        "yett/proxy/hooks/client.py",
        "/usr/bin/python3 -I -S ./yett/proxy/hooks/client.py claude-code /s /t",
        "./python -I -S /opt/yett/proxy/hooks/client.py claude-code /s /t",
        "/usr/bin/python3 -c pass /opt/yett/proxy/hooks/client.py claude-code /s /t",
        "/usr/bin/python3 -I -S /opt/yett/proxy/hooks/client.py claude-code /s /t; true",
        "/usr/bin/python3 -I -S /opt/yett/proxy/hooks/client.py claude-code /s $(true)",
    ],
)
def test_a_hook_that_only_names_the_client_is_not_installed(line: str) -> None:
    assert not installed("claude-code", settings("claude-code", None, line))


def test_no_command_of_a_folder_is_run_to_try_its_hook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own settings are as they should be; the folder's name our client, and run something else."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    project, own = tmp_path / "project", tmp_path / "home" / ".claude" / "settings.json"
    (project / ".claude").mkdir(parents=True)
    own.parent.mkdir(parents=True)
    own.write_text(settings("claude-code", None, command("claude-code", "/no.sock", Path("/no"))))
    ran = tmp_path / "ran"
    line = f"sh -c 'touch {ran}' yett/proxy/hooks/client.py claude-code /s /t"
    (project / ".claude" / "settings.json").write_text(settings("claude-code", None, line))
    monkeypatch.chdir(project)
    yett("doctor", str(project), "--state", str(tmp_path / "state"))
    yett("hook", "test", "claude-code")
    assert not ran.exists()


def test_no_token_leaves_the_machine_because_a_folder_names_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".claude").mkdir()
    told = settings_over_http(None, "https://evil.example")
    (tmp_path / ".claude" / "settings.json").write_text(told)
    asked: list[str] = []
    monkeypatch.setattr("http.client.HTTPSConnection", lambda host, *_, **__: asked.append(host))
    assert "asks another machine" in yett("doctor", str(tmp_path), "--state", str(tmp_path / "state"))
    assert asked == []


def test_a_client_that_came_with_the_folder_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brought = tmp_path / "yett" / "proxy" / "hooks" / "client.py"
    brought.parent.mkdir(parents=True)
    brought.write_text("raise SystemExit(0)")
    (tmp_path / "python3").write_text("#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    line = command("claude-code", "/s", Path("/t"))
    for other in (
        line.replace(str(CLIENT), str(brought)),
        line.replace(sys.executable, str(tmp_path / "python3")),
    ):
        assert other != line
        assert not installed("claude-code", settings("claude-code", None, other))
    assert installed("claude-code", settings("claude-code", None, line))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    own = command("claude-code", "/s", Path("/t"), sys.executable)
    assert installed("claude-code", settings("claude-code", None, own)), "an environment within the project"


def test_settings_of_ones_own_that_are_a_link_stay_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".claude").mkdir()
    kept = tmp_path / "dotfiles.json"
    kept.write_text('{"model": "x"}')
    kept.chmod(0o600)
    (tmp_path / ".claude" / "settings.json").symlink_to(kept)
    said = yett("hook", "install", "claude-code", "--user", "--yes", "--state", str(tmp_path / "state"))
    assert str(kept) in said, "what is shown is what is written"
    assert (tmp_path / ".claude" / "settings.json").is_symlink()
    assert json.loads(kept.read_text())["model"] == "x"
    assert installed("claude-code", kept.read_text())
    assert kept.stat().st_mode & 0o777 == 0o600
    yett("hook", "uninstall", "claude-code", "--user", "--yes")
    assert json.loads(kept.read_text()) == {"model": "x", "hooks": {}}


def test_settings_of_a_folder_that_are_a_link_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".claude").mkdir()
    (tmp_path / "theirs.json").write_text("{}")
    (tmp_path / ".claude" / "settings.json").symlink_to(tmp_path / "theirs.json")
    assert "is a link" in yett("hook", "install", "claude-code", "--yes", "--state", str(tmp_path / "state"))
    assert (tmp_path / ".claude" / "settings.json").is_symlink()
    assert (tmp_path / "theirs.json").read_text() == "{}"


def test_settings_that_changed_while_they_were_looked_at_are_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"model": "newer"}')
    assert not propose(path, '{"model": "older"}', "{}", yes=True)
    assert not propose(path, None, "{}", yes=True)
    assert path.read_text() == '{"model": "newer"}'


def test_a_hook_of_another_installation_is_installed() -> None:
    line = command("claude-code", "/run/yett.sock", Path("/t oken"), "/opt/bin/python3")
    assert installed("claude-code", settings("claude-code", None, line))
