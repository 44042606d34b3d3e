"""Hooks of coding agents: events judged, answers in each agent's own words, and nothing fails open."""

from __future__ import annotations

import asyncio
import json
import socket
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


def test_a_line_that_a_full_disk_cut_takes_no_other_along(tmp_path: Path) -> None:
    file = tmp_path / "sessions"
    memory = Sessions(file, 9)
    with open(file, "ab") as torn:
        torn.write(b'["half')
    memory.put(("c", "a", "work"), "s0")
    assert Sessions(file, 9).get(("c", "a", "work")) == "s0"


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


RESULT = {"session_id": "s", "tool_name": "Fetch", "tool_input": {}, "tool_use_id": "t"}


def before_and_after(desk: Desk, after: bytes) -> dict[str, Any]:
    desk.tell("claude-code", {**RESULT, "hook_event_name": "PreToolUse"})
    return desk.tell("claude-code", after)


@pytest.mark.parametrize(
    ("told", "known"),
    [
        (r'"cut in half \ud83d"', "cut in half ?"),
        (r'{"\udc00": [1, "x"]}', {"?": [1, "x"]}),
        ("12345678901234567890", "12345678901234567890"),
        ("1e999", "inf"),
    ],
)
def test_a_result_that_could_not_be_an_argument_is_known_to_the_session_all_the_same(
    told: str, known: Any
) -> None:
    desk = Desk(allow=["*"])
    event = json.dumps({**RESULT, "hook_event_name": "PostToolUse", "tool_response": 0})
    assert before_and_after(desk, event.replace(": 0}", f": {told}}}").encode()) == {}
    assert [(outcome.result, outcome.unread) for outcome in desk.decider.outcomes] == [(known, False)]


AFTER = (
    '{"hook_event_name":"PostToolUse","session_id":"s","tool_name":"Fetch","tool_use_id":"t","tool_input":{},'
)


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"1e300",
        AFTER.encode(),
        AFTER.replace('"Fetch"', r'"\ud800"').encode() + b'"tool_response":1}',
        (AFTER + '"tool_response":' + "[" * 300 + "]" * 300 + "}").encode(),
        (AFTER + '"tool_response":' + "[" * 90_000 + "]" * 90_000 + "}").encode(),
        (AFTER + '"tool_response":"' + "x" * (4 << 20) + '"}').encode(),
        AFTER.encode() + b'"tool_response":"\xff"}',
    ],
    ids=["empty", "number", "cut", "half a name", "deep", "deeper", "large", "latin-1"],
)
def test_an_event_that_may_be_the_end_of_a_call_makes_its_result_one_that_nobody_read(event: bytes) -> None:
    desk = Desk(allow=["*"])
    with pytest.raises(YettError, match="EVENT_UNREADABLE"):
        before_and_after(desk, event)
    assert [(outcome.decision_id, outcome.unread) for outcome in desk.decider.outcomes] == [("d1", True)]


def test_a_call_that_is_refused_as_it_reads_tells_nothing_of_those_that_run() -> None:
    desk = Desk(allow=["*"])
    with pytest.raises(YettError, match="LONE_SURROGATE"):
        before_and_after(
            desk,
            json.dumps(
                {**RESULT, "hook_event_name": "PreToolUse", "tool_input": {"text": "\ud83d"}}
            ).encode(),
        )
    assert desk.decider.outcomes == []


def test_calls_that_an_agent_does_not_tell_apart_are_each_reported() -> None:
    """Gemini and Copilot give no id for a use: of two same calls at once, both results are read."""
    desk = Desk(allow=["*"])
    same = {"session_id": "s", "tool_name": "fetch", "tool_input": {"url": "https://a.example"}}
    for _ in range(2):
        desk.tell("gemini", {**same, "hook_event_name": "BeforeTool"})
    for text in ("first", "second", "third"):
        desk.tell("gemini", {**same, "hook_event_name": "AfterTool", "tool_response": {"llmContent": text}})
    told = [(outcome.decision_id, outcome.result) for outcome in desk.decider.outcomes]
    assert told == [("d1", {"llmContent": "first"}), ("d2", {"llmContent": "second"})]


@pytest.mark.parametrize(
    ("name", "server", "tool"),
    [
        ("MCP:delete_repo", None, "delete_repo"),
        ("MCP:github:delete_repo", "github", "delete_repo"),
        ("MCP:github:a:b", "github", "a:b"),
        ("MCP:", None, "MCP:"),
        ("MCP", None, "MCP"),
        ("Shell", None, "Shell"),
    ],
)
def test_cursors_name_for_an_mcp_tool_is_the_tools_own(name: str, server: str | None, tool: str) -> None:
    desk = Desk(allow=["*"])
    desk.tell("cursor", event("cursor", name, {}))
    assert (desk.decider.calls[0].server, desk.decider.calls[0].tool) == (server, tool)


@pytest.mark.parametrize("agent", AGENTS)
def test_a_call_without_arguments_to_judge_is_not_a_call_with_none(agent: str) -> None:
    said = json.loads(event(agent, "Bash", {}))
    desk = Desk(allow=["*"])
    for key in ("tool_input", "toolArgs"):
        said.pop(key, None)
    with pytest.raises(YettError, match="EVENT_UNREADABLE"):
        desk.tell(agent, said)
    assert desk.decider.calls == []


def test_an_event_of_copilot_that_is_neither_a_prompt_nor_a_tool_is_no_yes() -> None:
    with pytest.raises(YettError, match="EVENT_UNREADABLE"):
        Desk(allow=["*"]).tell("copilot", {"sessionId": "s", "tool": "bash", "args": {}})


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


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("python", ["/nonexistent/python", "/bin/false", "/bin/true"])
def test_a_hook_that_does_not_start_blocks(agent: str, python: str, tmp_path: Path) -> None:
    """The folder of the installation is gone, or the interpreter dies: agents take status 127 for a yes."""
    line = install.command(agent, "/no.sock", tmp_path / "token", python)
    done = subprocess.run(["sh", "-c", line], input=event(agent, "Bash", {}), capture_output=True)
    # What runs and says nothing is no hook of ours: nobody else can put it there.
    assert runs(agent, done.returncode, done.stdout) is (python == "/bin/true")


def test_somebody_elses_hook_beside_ours_stays() -> None:
    line = install.command("claude-code", "/s", Path("/t"))
    loaded = json.loads(install.settings("claude-code", None, line))
    theirs = {"type": "command", "command": "say hello"}
    loaded["hooks"]["PreToolUse"][0]["hooks"].append(theirs)
    loaded["hooks"]["Stop"] = []
    for after in (
        install.without("claude-code", json.dumps(loaded)),
        install.settings("claude-code", json.dumps(loaded), line),
    ):
        assert {"matcher": "*", "hooks": [theirs]} in json.loads(after)["hooks"]["PreToolUse"]
        assert json.loads(after)["hooks"]["Stop"] == []
    assert install.our_line(json.dumps(loaded)) == line


def test_claude_code_is_told_to_block_when_the_hook_itself_fails() -> None:
    written = json.loads(install.settings("claude-code", None, "x yett/proxy/hooks/client.py"))
    assert written["hooks"]["PreToolUse"][0]["hooks"][0]["onFailure"] == "block"
    assert written["hooks"]["PreToolUse"][0]["matcher"] == "*"


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"hooks": []}', '{"hooks": {"PreToolUse": {}}}', '{"a": 1, "a": 2}', '{"a": NaN}', '{"a": "\\ud800"}',
     "[" * 90_000, "\ufeff{}"],
)  # fmt: skip
def test_settings_that_cannot_be_read_are_left_alone(text: str) -> None:
    with pytest.raises(YettError, match="SETTINGS_UNREADABLE"):
        install.settings("claude-code", text, "line")
    assert not install.installed("claude-code", text)


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


def test_the_gateway_hears_of_an_event_that_is_too_large_for_the_client(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    address = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        line = [sys.executable, "-I", "-S", str(install.CLIENT), "claude-code", address, str(token)]
        with subprocess.Popen(line, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
            assert client.stdin is not None
            client.stdin.write(b"x" * (5 << 20))
            client.stdin.close()
            connection, _ = listener.accept()
            with connection:
                assert b"content-length: 0\r\n" in connection.recv(65536)
        assert client.returncode == 2
