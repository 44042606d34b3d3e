"""Hooks of coding agents: events judged, answers in each agent's own words, and nothing fails open."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from yett.errors import YettError
from yett.model import Identity, Obligation
from yett.proxy.hooks import install, kit
from yett.proxy.hooks.agents import DIALECTS
from yett.proxy.hooks.desk import HookDesk
from yett.proxy.hooks.memory import Sessions
from yett.proxy.hooks.verdict import event, runs
from yett.sdk.conformance import check
from yett.sdk.scripted import ScriptedDecider

AGENTS = sorted(DIALECTS)
WHO = Identity(principal="p", agent="a", credential="c1")


class Desk:
    def __init__(self, **script: Any) -> None:
        self.decider = ScriptedDecider(**script)
        self.desk = HookDesk(kit._AsGateway(self.decider))

    def tell(self, agent: str, body: bytes | dict[str, Any], who: Identity = WHO) -> dict[str, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer: dict[str, Any] = json.loads(asyncio.run(self.desk.answer(agent, data, who)))
        return answer


@pytest.mark.parametrize("agent", AGENTS)
def test_no_decision_point_makes_a_hook_let_an_unjudged_tool_run(agent: str) -> None:
    rows = check(agent, kit.target(agent), hook=kit.answer)
    assert [row for row in rows if not row.passed] == []


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize(
    "script", [{"deny": ["Bash"]}, {"hold": ["Bash"]}, {}, {"allow": ["*"], "lie": "expired"}]
)
def test_what_is_not_allowed_is_blocked_in_the_agents_own_words(agent: str, script: dict[str, Any]) -> None:
    answer = Desk(**script).tell(agent, event(agent, "Bash", {"command": "ls"}))
    assert not runs(agent, 0, json.dumps(answer).encode())


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini", "copilot"])
def test_an_allow_never_overrides_the_users_own_permission_prompts(agent: str) -> None:
    assert Desk(allow=["*"]).tell(agent, event(agent, "Bash", {"command": "ls"})) == {}


def test_what_the_tool_did_is_reported_under_its_decision() -> None:
    desk = Desk(allow=["*"])
    base = {"session_id": "s", "tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "t1"}
    desk.tell("claude-code", {**base, "hook_event_name": "PreToolUse"})
    desk.tell("claude-code", {**base, "hook_event_name": "PreToolUse", "tool_use_id": "t2"})
    desk.tell("claude-code", {**base, "hook_event_name": "PostToolUse", "tool_response": {"stdout": "a.txt"}})
    desk.tell(
        "claude-code", {**base, "hook_event_name": "PostToolUseFailure", "tool_use_id": "t2", "error": "no"}
    )
    desk.tell("claude-code", {**base, "hook_event_name": "PostToolUse", "tool_use_id": "unknown"})
    assert [(told.decision_id, told.status) for told in desk.decider.outcomes] == [
        ("d1", "ok"),
        ("d2", "error"),
    ]
    assert desk.decider.outcomes[0].result == {"stdout": "a.txt"}


def test_a_result_that_could_not_be_recorded_is_complained_about() -> None:
    desk = Desk(allow=["*"], refuse_reports=True)
    base = {"session_id": "s", "tool_name": "Bash", "tool_input": {}, "tool_use_id": "t"}
    desk.tell("claude-code", {**base, "hook_event_name": "PreToolUse"})
    answer = desk.tell("claude-code", {**base, "hook_event_name": "PostToolUse", "tool_response": "x"})
    assert answer["decision"] == "block"


def test_sessions_of_agents_and_credentials_are_kept_apart_and_know_their_prompt() -> None:
    desk = Desk(allow=["*"])
    desk.tell("claude-code", {"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": "tidy up"})
    other = Identity(principal="q", agent="a", credential="c2")
    for agent, who in (("claude-code", WHO), ("codex", WHO), ("claude-code", other)):
        desk.tell(agent, event(agent, "Bash", {}), who)
    assert [call.session for call in desk.decider.calls] == ["s1", "s2", "s3"]
    assert [call.context.prompt for call in desk.decider.calls] == ["tidy up", None, None]


def test_a_conversation_stays_the_same_session_when_the_gateway_starts_again(tmp_path: Path) -> None:
    file = tmp_path / "sessions"

    def session(conversation: str) -> str:
        decider = ScriptedDecider(allow=["*"])
        decider.sessions = [f"before-{at}" for at in range(file.stat().st_size if file.exists() else 0)]
        desk = HookDesk(kit._AsGateway(decider), sessions=file)
        body = event("claude-code", "Bash", {"command": "ls"}, session=conversation)
        asyncio.run(desk.answer("claude-code", body, WHO))
        return decider.calls[0].session

    first = session("a")
    assert session("b") != first
    assert session("a") == first
    assert file.stat().st_mode & 0o77 == 0
    with open(file, "ab") as torn:
        torn.write(b'["half')
    assert session("a") == first
    assert session("c") != first
    assert session("a") == first
    assert b"half" not in file.read_bytes()
    assert b'"a"' not in file.read_bytes(), "names of conversations are not written"


def test_a_conversation_that_cannot_be_remembered_is_not_begun(tmp_path: Path) -> None:
    desk = HookDesk(kit._AsGateway(ScriptedDecider(allow=["*"])), sessions=tmp_path / "no" / "sessions")
    with pytest.raises(OSError, match="sessions"):
        asyncio.run(desk.answer("claude-code", event("claude-code", "Bash", {"command": "ls"}), WHO))


def test_what_was_forgotten_leaves_the_file_too(tmp_path: Path) -> None:
    file = tmp_path / "sessions"
    for round in range(3):
        memory = Sessions(file, 2)
        memory.put(("c", "a", str(round)), f"s{round}")
    kept = Sessions(file, 2)
    assert [kept.get(("c", "a", str(round))) for round in range(3)] == [None, "s1", "s2"]
    assert len(file.read_bytes().splitlines()) == 2


def test_another_credential_s_many_conversations_push_out_nobody_s_session(tmp_path: Path) -> None:
    file = tmp_path / "sessions"
    memory = Sessions(file, 2)
    memory.put(("alice", "claude-code", "work"), "s0")
    for number in range(9):
        memory.put(("mallory", "claude-code", str(number)), f"m{number}")
    for known in (memory, Sessions(file, 2)):
        assert known.get(("alice", "claude-code", "work")) == "s0"
        assert known.get(("mallory", "claude-code", "0")) is None


def test_tools_of_mcp_servers_are_named_as_everywhere_else() -> None:
    desk = Desk(allow=["*"])
    desk.tell("claude-code", event("claude-code", "mcp__github__delete_repo", {"name": "x"}))
    gemini = json.loads(event("gemini", "delete_repo", {"name": "x"}))
    desk.tell("gemini", {**gemini, "mcp_context": {"server_name": "github", "tool_name": "delete_repo"}})
    assert [(call.server, call.tool) for call in desk.decider.calls] == [("github", "delete_repo")] * 2


def test_cursors_shell_and_file_events_are_calls_with_their_arguments() -> None:
    desk = Desk(allow=["*"])
    base = {"conversation_id": "s"}
    desk.tell(
        "cursor", {**base, "hook_event_name": "beforeShellExecution", "command": "rm -rf /", "cwd": "/w"}
    )
    desk.tell(
        "cursor", {**base, "hook_event_name": "beforeReadFile", "file_path": "/etc/shadow", "content": "x"}
    )
    desk.tell(
        "cursor",
        {**base, "hook_event_name": "beforeMCPExecution", "tool_name": "pay", "tool_input": '{"a":1}'},
    )
    assert [(call.tool, call.arguments) for call in desk.decider.calls] == [
        ("Shell", {"command": "rm -rf /", "cwd": "/w"}),
        ("Read", {"file_path": "/etc/shadow"}),
        ("pay", {"a": 1}),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"hook_event_name":"PreToolUse"}',
        b'{"hook_event_name":"PreToolUse","session_id":"s","tool_name":"Bash","tool_input":[1]}',
        b'{"hook_event_name":"PreToolUse","session_id":"s","tool_name":"Bash","tool_input":"ls"}',
        b'{"hook_event_name":"PreToolUse","hook_event_name":"Stop","session_id":"s","tool_name":"Bash"}',
        b'{"session_id":"s","tool_name":"Bash","tool_input":{}}',
    ],
)
def test_an_event_that_cannot_be_read_is_an_error_and_not_an_answer(body: bytes) -> None:
    desk = Desk(allow=["*"])
    with pytest.raises(YettError):
        desk.tell("claude-code", body)
    assert desk.decider.calls == []


def test_an_obligation_on_the_result_is_a_refusal_because_a_hook_comes_too_late() -> None:
    desk = Desk(allow=["*"], obligations=(Obligation(kind="redact", arguments={"fields": ["x"]}),))
    answer = desk.tell("claude-code", event("claude-code", "Bash", {}))
    assert answer["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert desk.decider.outcomes[0].status == "no_effect"


@pytest.mark.parametrize("agent", AGENTS)
def test_installing_keeps_what_is_there_twice_is_once_and_uninstalling_gives_it_back(agent: str) -> None:
    before = json.dumps(
        {"model": "x", "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say done"}]}]}}
    )
    line = install.command(agent, "/run/y.sock", Path("/run/token"))
    once = install.settings(agent, before, line)
    assert install.settings(agent, once, line) == once
    assert install.installed(agent, once)
    assert not install.installed(agent, before)
    assert install.our_line(once) == line
    assert json.loads(install.without(agent, once))["hooks"] == json.loads(before)["hooks"]
    assert json.loads(once)["model"] == "x"


def test_claude_code_is_told_to_block_when_the_hook_itself_fails() -> None:
    written = json.loads(install.settings("claude-code", None, "x yett/proxy/hooks/client.py"))
    assert written["hooks"]["PreToolUse"][0]["hooks"][0]["onFailure"] == "block"
    assert written["hooks"]["PreToolUse"][0]["matcher"] == "*"


@pytest.mark.parametrize("text", ["{", "[]", '{"hooks": []}', '{"hooks": {"PreToolUse": {}}}'])
def test_settings_that_cannot_be_read_are_left_alone(text: str) -> None:
    with pytest.raises(YettError, match="SETTINGS_UNREADABLE"):
        install.settings("claude-code", text, "line")


def test_the_client_needs_nothing_but_the_standard_library_and_no_site_packages() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-X",
            "importtime",
            str(install.CLIENT),
            "claude-code",
            "/no.sock",
            "/no",
        ],
        input=b"{}",
        capture_output=True,
    )
    assert done.returncode == 2
    loaded = {line.rpartition(b"|")[2].strip().decode() for line in done.stderr.splitlines() if b"|" in line}
    assert not loaded & {"json", "re", "socket", "enum", "msgspec", "site", "ssl", "yett"}


def test_a_token_with_a_line_break_cannot_add_headers(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("abc\r\nx-evil: 1")
    line = [sys.executable, "-I", "-S", str(install.CLIENT), "claude-code", "/no.sock", str(token)]
    done = subprocess.run(line, input=b"{}", capture_output=True)
    assert done.returncode == 2
    assert b"token can't be read" in done.stderr
