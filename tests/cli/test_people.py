"""The commands that people use while a gateway runs: keys, approve, mandate, freeze, thaw, clear."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from waiting import until
from yett import Client, Effect, ToolCall

POLICY = """
policy: people
tools:
  send: {does: [send], args: {to: {role: target, type: email}, body: {role: content}}}
  pay: {does: [pay], args: {recipient: {role: target, type: iban}, cents: {role: amount, type: integer}}}
rules:
  - {id: send, hold: send, when: 'args.body != "nothing"', because: mail leaves the house, approvers: [desk]}
  - {id: mail, allow: send, because: it is an address, free: true}
  - {id: pay, allow: pay, when: 'args.cents > 0', free: [recipient], require: {mandate: payment}}
"""
YETT = Path(sys.executable).with_name("yett")
CALL = ToolCall(tool="send", arguments={"to": "a@b.example", "body": "hi \u202e there"})
IBAN = "DE89370400440532013000"


def yett(folder: Path, *words: str, status: int = 0, stdin: str = "") -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("YETT_")}
    done = subprocess.run(
        [YETT, *words],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("people")
    (home / "policy.yaml").write_text(POLICY)
    yett(
        home,
        "keys",
        "create",
        "--role",
        "agent",
        "--principal",
        "alice",
        "--agent",
        "helper",
        "--out",
        "agent",
    )
    yett(
        home,
        "keys",
        "create",
        "--role",
        "approver",
        "--principal",
        "carol",
        "--group",
        "desk",
        "--out",
        "carol",
    )
    yett(home, "keys", "create", "--role", "operator", "--principal", "olga", "--out", "olga")
    with (home / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            [YETT, "serve", "--policy", "policy.yaml", "--no-tcp"], cwd=home, stdout=log, stderr=log
        )
    try:
        until(lambda: (home / "state" / "yett.sock").exists(), lambda: server.poll() is None)
        yield home
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0


@pytest.fixture
def agent(folder: Path) -> Iterator[Client]:
    client = Client(str(folder / "state" / "yett.sock"), (folder / "agent").read_text().strip())
    yield client
    client.close()


def test_a_person_sees_what_would_run_and_approves_it_once(folder: Path, agent: Client) -> None:
    held = agent.decide(CALL)
    assert held.effect is Effect.HOLD
    assert held.approval
    assert held.approval in yett(folder, "approve", "--token-file", "carol")
    shown = yett(folder, "approve", held.approval, "--token-file", "carol", stdin="y\n")
    assert "a@b.example" in shown
    assert "\\u{202e}" in shown
    assert "\u202e" not in shown
    assert "why       mail leaves the house" in shown
    assert "it is an address" not in shown, "what permits it is not why it is held"
    assert "approved" in shown
    assert agent.decide(CALL).effect is Effect.ALLOW
    assert agent.decide(CALL).effect is Effect.HOLD
    assert "used after" in yett(folder, "approve", held.approval, "--token-file", "carol", status=1)


def test_as_json_nobody_is_asked_about_what_was_not_shown(folder: Path, agent: Client) -> None:
    held = agent.decide(ToolCall(tool="send", arguments={"to": "j@y.example", "body": ""}))
    assert held.approval
    seen = yett(folder, "approve", held.approval, "--json", "--token-file", "carol", stdin="y\n")
    assert json.loads(seen)["shown"]["arguments"] == '{"body":"","to":"j@y.example"}'
    given = yett(folder, "approve", held.approval, "--json", "--yes", "--token-file", "carol")
    assert json.loads(given)["status"] == "approved"


def test_a_person_can_say_no(folder: Path, agent: Client) -> None:
    held = agent.decide(ToolCall(tool="send", arguments={"to": "x@y.example", "body": ""}))
    assert held.approval
    assert "refused" in yett(
        folder, "approve", held.approval, "--refuse", "--reason", "no", "--token-file", "carol"
    )
    yett(folder, "approve", held.approval, "--yes", "--token-file", "carol", status=1)


def test_an_agent_cannot_approve(folder: Path, agent: Client) -> None:
    held = agent.decide(ToolCall(tool="send", arguments={"to": "z@y.example", "body": ""}))
    assert held.approval
    yett(folder, "approve", held.approval, "--yes", "--token-file", "agent", status=2)


def test_a_mandate_from_the_command_line_is_used_once(folder: Path, agent: Client) -> None:
    words = ["mandate", "issue", "pay", f"recipient={IBAN}", "cents:=500"]
    who = ["--principal", "alice", "--agent", "helper", "--token-file", "olga"]
    issued = json.loads(yett(folder, *words, *who))
    pay = ToolCall(tool="pay", arguments={"recipient": IBAN, "cents": 500}, mandate=issued["mandate"])
    assert agent.decide(pay).effect is Effect.ALLOW
    assert agent.decide(pay).effect is Effect.DENY
    assert json.loads(yett(folder, "mandate", "show", issued["id"], "--token-file", "olga"))["used"] == 1
    yett(folder, *words, "--token-file", "agent", status=2)
    second = json.loads(yett(folder, *words, *who))
    yett(folder, "mandate", "revoke", f"mandate:{second['id']}", "--token-file", "olga")
    again = ToolCall(tool="pay", arguments={"recipient": IBAN, "cents": 500}, mandate=second["mandate"])
    assert agent.decide(again).effect is Effect.DENY


def test_freezing_stops_everything_until_it_is_thawed(folder: Path, agent: Client) -> None:
    yett(folder, "freeze", "all", "--reason", "drill", "--token-file", "olga")
    assert "drill" in yett(folder, "freeze", "--token-file", "olga")
    assert any(reason.code == "FROZEN" for reason in agent.decide(CALL).reasons)
    yett(folder, "thaw", "all", "--token-file", "carol", status=2)
    yett(folder, "thaw", "all", "--token-file", "olga")
    assert agent.decide(CALL).effect is Effect.HOLD


def test_a_session_is_cleared_by_whoever_has_looked_at_it(folder: Path, agent: Client) -> None:
    session = agent.open_session(prompt="write to a@b.example")
    clear = ["clear", session, "--reason", "a drill"]
    assert "index" in yett(folder, *clear, "--token-file", "olga")
    (folder / "clearing").write_text(yett(folder, *clear, "--sign", "--token-file", "olga"))
    yett(folder, "clear", "--use", "clearing", "--token-file", "carol", status=2)
    yett(folder, "clear", "--use", "clearing", "--token-file", "olga")
    assert "CLEARING_USED" in yett(folder, "clear", "--use", "clearing", "--token-file", "olga", status=2)
    yett(folder, *clear, "--token-file", "agent", status=2)


def test_what_is_missing_is_said(folder: Path, tmp_path: Path) -> None:
    assert "NO_GATEWAY" in yett(tmp_path, "approve", status=2)
    assert "TOKEN_MISSING" in yett(folder, "approve", status=2)
    assert "TOKEN_UNREADABLE" in yett(folder, "approve", "--token-file", "nothing", status=2)
