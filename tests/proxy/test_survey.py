"""What a directory's agents can reach, and what would guard it: init, doctor, scan-history."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from yett.proxy.survey import find
from yett.proxy.survey.history import Past, Unreadable, past_calls

YETT = Path(sys.executable).with_name("yett")


def yett(cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # A home of its own: what the person running the tests has installed is not the test's business.
    environment = {"PATH": f"{YETT.parent}:/usr/bin:/bin", "HOME": str(cwd / "home")}
    return subprocess.run(
        [YETT, *words], cwd=cwd, capture_output=True, text=True, env=environment, timeout=120, check=False
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    servers = {
        "files": {"command": "npx", "args": ["-y", "server-files", "/srv"], "env": {"A": "1"}},
        "done": {"command": "yett", "args": ["mcp", "--server", "done", "--", "x"]},
        "far": {"type": "http", "url": "https://mcp.example/mcp"},
    }
    (tmp_path / ".mcp.json").write_text(json.dumps({"mcpServers": servers, "other": [1]}))
    (tmp_path / "CLAUDE.md").write_text("notes")
    (tmp_path / "agent.py").write_text("from agents import Agent\nimport langgraph.graph\n")
    (tmp_path / "safe.py").write_text("import crewai\nfrom yett import guard\n")
    (tmp_path / "broken.py").write_text("import crewai\ndef (")
    return tmp_path


def test_everything_that_acts_is_found_and_said_whether_it_is_guarded(project: Path) -> None:
    found = {(each.kind, each.name): each.guarded for each in find(project)}
    assert found == {
        ("mcp", "files"): False,
        ("mcp", "done"): True,
        ("mcp", "far"): False,
        ("agent", "claude-code"): False,
        ("framework", "OpenAI Agents"): False,
        ("framework", "LangGraph"): False,
        ("framework", "CrewAI"): True,
    }


def test_init_shows_and_writes_the_gate_and_keeps_the_rest(project: Path) -> None:
    asked = yett(project, "init")
    assert asked.returncode == 1
    assert '+      "command": "yett"' in asked.stdout
    before = (project / ".mcp.json").read_text()
    assert yett(project, "init", "--yes").returncode == 0
    after = json.loads((project / ".mcp.json").read_text())
    assert after["mcpServers"]["files"] == {
        "command": "yett",
        "args": ["mcp", "--server", "files", "--", "npx", "-y", "server-files", "/srv"],
        "env": {"A": "1"},
    }
    assert after["mcpServers"]["far"] == json.loads(before)["mcpServers"]["far"]
    assert after["other"] == [1]
    assert (project / ".mcp.json.before-yett").read_text() == before
    again = yett(project, "init", "--yes")
    assert again.returncode == 0
    assert json.loads((project / ".mcp.json").read_text()) == after


@pytest.mark.parametrize("text", ["{", "[]", '{"mcpServers": []}', '{"mcpServers": {"x": 1}}', "\0" * 50, ""])
def test_a_configuration_that_cannot_be_read_is_not_called_guarded(tmp_path: Path, text: str) -> None:
    (tmp_path / ".mcp.json").write_text(text)
    assert [each.guarded for each in find(tmp_path) if each.kind == "mcp"] == [False]


def test_doctor_is_status_1_as_long_as_something_is_open(project: Path) -> None:
    done = yett(project, "doctor", "--json")
    assert done.returncode == 1, done.stderr
    open_ones = [line["what"] for line in json.loads(done.stdout) if line["status"] == "OPEN"]
    assert len(open_ones) == 5
    bare = project / "bare"
    bare.mkdir()
    assert yett(project, "doctor", "bare").returncode == 0


def test_doctor_sees_a_log_that_was_changed_and_keys_that_others_can_read(tmp_path: Path) -> None:
    from yett import Gateway, ToolCall, resources

    with Gateway.open(resources.policies() / "baseline.yaml", tmp_path / "state") as gateway:
        gateway.decide(ToolCall(tool="get_order", arguments={"id": 1}))
    assert yett(tmp_path, "doctor").returncode == 0, yett(tmp_path, "doctor").stdout
    seed = next((tmp_path / "state" / "keys").glob("*.seed"))
    seed.chmod(0o644)
    assert "others can read" in yett(tmp_path, "doctor").stdout
    seed.chmod(0o600)
    segment = next((tmp_path / "state" / "log").glob("*.jsonl"))
    segment.chmod(0o600)
    segment.write_bytes(segment.read_bytes().replace(b'"effect":"allow"', b'"effect":"alloy"'))
    done = yett(tmp_path, "doctor")
    assert done.returncode == 1
    assert "OPEN  log:" in done.stdout


def test_past_calls_are_read_from_both_formats(tmp_path: Path) -> None:
    lines = [
        {"type": "user", "message": {"content": "clean up"}},
        {
            "type": "assistant",
            "message": {
                "content": [
                    {"type": "text", "text": "ok"},
                    {"type": "tool_use", "name": "Bash", "input": {"command": "rm -rf / --no-preserve-root"}},
                    {"type": "tool_use", "name": "mcp__files__read", "input": {"path": "a.txt"}},
                ]
            },
        },
        {
            "type": "response_item",
            "payload": {"type": "function_call", "name": "shell", "arguments": '{"command":["ls"]}'},
        },
        {
            "type": "response_item",
            "payload": {"type": "function_call", "name": "shell", "arguments": "{broken"},
        },
        {
            "payload": {
                "type": "local_shell_call",
                "action": {"type": "exec", "command": ["cat", "/etc/shadow"]},
            }
        },
        {"message": {"content": [{"type": "tool_use", "name": 5, "input": {}}]}},
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\nnot json\n")
    past = list(past_calls(path))
    calls = [(each.agent, each.server, each.tool) for each in past if isinstance(each, Past)]
    assert calls == [
        ("claude-code", None, "Bash"),
        ("claude-code", "files", "read"),
        ("codex", None, "shell"),
        ("codex", None, "shell"),
        ("codex", None, "shell"),
    ]
    assert isinstance(past[-1], Unreadable)
    done = yett(tmp_path, "scan-history", "log.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    stopped = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["line"] for line in stopped if line["effect"] == "deny"][:1] == [2]
    assert "5 calls in 1 transcripts" in done.stderr
    assert "1 unreadable" in done.stderr


def test_no_transcripts_is_said(tmp_path: Path) -> None:
    assert yett(tmp_path, "scan-history").returncode == 2
