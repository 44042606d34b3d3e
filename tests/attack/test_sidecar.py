"""Attacks on the sidecar's own doors: on who is asking, on what was said, and on the walls between tenants."""

from __future__ import annotations

import json
import socket
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from living import Living

from yett.model import Effect, ToolCall
from yett.proxy.doors import routes
from yett.sdk import Client, TransportError
from yett.serve import asgi

PAY = ToolCall(tool="pay", arguments={"to": "bob", "amount": 500})


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    made = Living(tmp_path_factory.mktemp("http"), doors=routes)
    made.start()
    yield made
    made.stop()


def _say(own: Living, *lines: str | bytes, body: bytes = b"") -> tuple[int, Any]:
    """Status and JSON of the answer to a request line and headers, said exactly so."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(10)
        wire.connect(str(own.settings.socket))
        head = [line if isinstance(line, bytes) else line.encode() for line in lines]
        wire.sendall(b"\r\n".join([*head, b"host: x", b"connection: close", b"", b""]) + body)
        said = b""
        while data := wire.recv(65536):
            said += data
    status, _, rest = said.partition(b"\r\n")
    content = rest.partition(b"\r\n\r\n")[2]
    return int(status.split(b" ")[1]), json.loads(content) if content[:1] in b"{[" and content else content


def _decide(own: Living, body: bytes, *headers: str) -> tuple[int, Any]:
    given = [f"authorization: Bearer {own.token('agent')}", *headers]
    length = f"content-length: {len(body)}"
    return _say(own, "POST /v1/decisions HTTP/1.1", *given, length, body=body)


PING = b'{"tool":"ping","arguments":{"n":1}}'


def test_whoever_says_two_things_about_himself_is_nobody(own: Living) -> None:
    agent, operator = own.token("agent"), own.token("operator")
    for headers in (
        [f"authorization: Bearer {agent}", f"authorization: Bearer {agent}"],
        [f"authorization: Bearer {agent}", f"Authorization: Bearer {operator}"],
        [f"authorization: Bearer {agent}, Bearer {operator}"],
        [f"authorization: Bearer {agent} {operator}"],
        [f"authorization: Basic {agent}"],
        [f"x-yett-authorization: Bearer {agent}"],
        [f"proxy-authorization: Bearer {agent}"],
        [f"cookie: token={agent}"],
        [f"authorization: Bearer {agent[:-1]}"],
        [f"authorization: Bearer {agent.upper()}"],
        ["authorization: Bearer "],
    ):
        status, told = _say(
            own, "POST /v1/decisions HTTP/1.1", *headers, f"content-length: {len(PING)}", body=PING
        )
        assert (status, "effect" in told) == (401, False), headers
    status, _ = _say(own, f"POST /v1/decisions?authorization=Bearer%20{agent} HTTP/1.1", "content-length: 0")
    assert status == 401


def test_what_comes_behind_the_body_is_no_header(own: Living) -> None:
    """RFC 9110, 6.5.1: whoever filters headers on the way has not seen a trailer."""
    token = own.token("agent")
    chunked = b"%x\r\n%b\r\n0\r\nauthorization: Bearer %b\r\n\r\n" % (len(PING), PING, token.encode())
    line = "POST /v1/decisions HTTP/1.1"
    assert _say(own, line, "transfer-encoding: chunked", body=chunked)[0] == 401
    other = f"authorization: Bearer {own.token('agent', 'bob')}"
    status, told = _say(own, line, other, "transfer-encoding: chunked", body=chunked)
    assert (status, told["effect"]) == (200, "allow")


@pytest.mark.parametrize(
    "body",
    [
        b'{"tool":"ping","tool":"pay"}',
        b'{"tool":"ping","arguments":{"n":1,"n":2}}',
        b'{"tool":"ping","arguments":{"n":1,"\\u006e":2}}',
        b'{"tool":"ping","Tool":"pay"}',
        b'{"tool":"ping","approval":"a_1"}',
        b'{"tool":"ping","risk":0}',
        b'{"tool":"ping","effect":"allow"}',
        b'{"tool":"ping","arguments":{"n":NaN}}',
        b'{"tool":"ping","arguments":{"n":1e400}}',
        b'{"tool":"ping","arguments":{"n":"\\ud800"}}',
        b'{"tool":["ping"]}',
        b'{"tool":"ping"} {"tool":"ping"}',
        b'\xef\xbb\xbf{"tool":"ping"}',
        '{"tool":"ping"}'.encode("utf-16"),
        b'{"tool":"ping\\u0000"}',
        b'{"tool":"pi\\u200bng"}',
        b"tool=ping",
        b"",
        b"null",
        b"[]",
    ],
)
def test_what_can_be_read_two_ways_is_a_recorded_deny(own: Living, body: bytes) -> None:
    for kind in ("application/json", "text/plain", "application/json; charset=utf-16"):
        status, told = _decide(own, body, f"content-type: {kind}")
        assert (status, told["effect"], told["permit"]) == (200, "deny", None)
        assert told["record"]["index"] > 0


def test_neither_media_type_nor_coding_changes_what_is_judged(own: Living) -> None:
    for headers in (
        ["content-type: text/plain"],
        ["content-type: multipart/form-data; boundary=x"],
        ["content-encoding: gzip"],
        ["x-http-method-override: GET"],
        ["x-forwarded-for: 127.0.0.1", "x-original-url: /healthz"],
        ["x-principal: otto", "x-agent: console", "x-role: operator"],
    ):
        status, told = _decide(own, PING, *headers)
        assert (status, told["effect"]) == (200, "allow")


@pytest.mark.parametrize(
    "line",
    [
        "POST /v1/decisions/ HTTP/1.1",
        "POST //v1/decisions HTTP/1.1",
        "POST /v1/./decisions HTTP/1.1",
        "POST /v1/Decisions HTTP/1.1",
        "POST /v1/decisions%00 HTTP/1.1",
        "POST /v1/decisions;x=1 HTTP/1.1",
        "POST /v1/x/../decisions HTTP/1.1",
        "GET /v1/decisions HTTP/1.1",
        "PUT /v1/decisions HTTP/1.1",
        "OPTIONS /v1/decisions HTTP/1.1",
        "POST * HTTP/1.1",
    ],
)
def test_no_other_spelling_of_a_path_or_method_is_a_way_in(own: Living, line: str) -> None:
    token = f"authorization: Bearer {own.token('agent')}"
    status, told = _say(own, line, token, f"content-length: {len(PING)}", body=PING)
    assert status in (400, 404, 405), (status, told)


def test_a_page_in_a_browser_gets_no_leave_to_ask(own: Living) -> None:
    asked = ["origin: https://evil.example", "access-control-request-method: POST"]
    for line in ("OPTIONS /v1/approvals/a/approve HTTP/1.1", "OPTIONS /v1/decisions HTTP/1.1"):
        with socket.socket(socket.AF_UNIX) as wire:
            wire.connect(str(own.settings.socket))
            head = "\r\n".join([line, *asked, "host: x", "connection: close", "", ""])
            wire.sendall(head.encode())
            said = b""
            while data := wire.recv(65536):
                said += data
        assert b"access-control-allow" not in said.lower()


def test_a_name_in_another_normal_form_or_alphabet_is_another_tool(living: Callable[..., Living]) -> None:
    own = living(policy="policy: p\ntools: {café: {does: [read]}}\nrules: [{id: a, allow: café}]\n")
    agent = own.client("agent")
    assert agent.decide(ToolCall(tool="café")).allowed
    for other in (unicodedata.normalize("NFD", "café"), "ｃafé", "cаfé", "CAFÉ", "café ", " café"):
        decision = agent.decide(ToolCall(tool=other))
        assert decision.effect is Effect.DENY
        assert decision.reasons[0].code == "UNKNOWN_TOOL"


def _code(client: Client, method: str, path: str, body: dict[str, Any] | None = None) -> str:
    with pytest.raises(TransportError) as caught:
        client.request(method, path, body)
    return caught.value.code


def test_a_held_call_is_its_tenants_business_only(own: Living) -> None:
    held = own.client("agent", "ann", tenant="blue").decide(PAY).approval
    path = f"/v1/approvals/{held}"
    for role in ("approver", "operator"):
        for tenant in ("red", "default"):
            other = own.client(role, "eve", "desk", tenant=tenant, groups=("treasury",))
            assert _code(other, "GET", path) == "APPROVAL_UNKNOWN"
            for verb in ("approve", "refuse"):
                assert _code(other, "POST", f"{path}/{verb}", {}) == "NOT_APPROVER"
            assert held not in {each["id"] for each in other.request("GET", "/v1/approvals")["approvals"]}
    for groups, code in ((("treasury",), "OWN_CALL"), ((), "NOT_IN_GROUP"), (("Treasury",), "NOT_IN_GROUP")):
        principal = "ann" if code == "OWN_CALL" else "eve"
        other = own.client("approver", principal, "desk", tenant="blue", groups=groups)
        assert _code(other, "POST", f"{path}/approve", {}) == code
    assert _code(own.client("agent", "bob", tenant="blue"), "POST", f"{path}/withdraw", {}) == "NOT_YOURS"


def test_a_yes_is_for_one_call_of_one_agent_in_one_session_once(own: Living) -> None:
    ann = own.client("agent", "ann", "payer", tenant="green")
    session = ann.open_session()
    call = ToolCall(tool="pay", arguments={"to": "bob", "amount": 700}, session=session)
    held = ann.decide(call).approval
    boss = own.client("approver", "paul", "desk", tenant="green", groups=("treasury",))
    boss.request("POST", f"/v1/approvals/{held}/approve", {})
    others = (
        (ann, ToolCall(tool="pay", arguments={"to": "bob", "amount": 701}, session=session)),
        (ann, ToolCall(tool="pay", arguments={"to": "bob", "amount": 700.0, "x": 1}, session=session)),
        (ann, ToolCall(tool="pay", arguments={"to": "bob", "amount": 700})),
        (ann, ToolCall(tool="pay", server="other", arguments=call.arguments, session=session)),
        (own.client("agent", "ann", "reader", tenant="green"), call),
        (own.client("agent", "bob", "payer", tenant="green"), call),
        (own.client("agent", "ann", "payer", tenant="blue"), call),
    )
    for client, changed in others:
        assert not client.decide(changed).allowed
    assert ann.decide(call).allowed
    assert not ann.decide(call).allowed
    assert _code(boss, "POST", f"/v1/approvals/{held}/approve", {}) == "APPROVAL_USED"


def test_many_questions_in_one_request_are_many_requests(living: Callable[..., Living]) -> None:
    own = living(doors=routes)
    client = own.client("agent", per_minute=5)
    asked = {
        "subject": {"type": "user", "id": "ann"},
        "action": {"name": "call"},
        "resource": {"type": "tool", "id": "ping"},
        "evaluations": [{}] * 100,
    }
    told = client.request("POST", "/access/v1/evaluations", asked)["evaluations"]
    assert len(told) == 100
    assert sum(each["decision"] for each in told) == 5


def _hook(own: Living, command: str) -> tuple[int, Any]:
    event = {"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Bash", "tool_use_id": "u"}
    body = json.dumps({**event, "tool_input": {"command": command}}).encode()
    token = f"authorization: Bearer {own.token('agent')}"
    return _say(own, "POST /v1/hooks/claude-code HTTP/1.1", token, f"content-length: {len(body)}", body=body)


@pytest.mark.parametrize("size", [10, 1_500_000, 4_500_000])
def test_a_hooks_event_is_never_so_large_that_its_answer_is_no_answer_to_the_agent(
    own: Living, size: int
) -> None:
    """An agent that calls its hook over HTTP takes whatever is not 200 for a hook that failed, and may go on."""
    status, told = _hook(own, "x" * size)
    assert status == 200
    assert told["hookSpecificOutput"]["permissionDecision"] == "deny"


@pytest.mark.parametrize("path", ["/v1/hooks/claude-code", "/proxy/x", "/v1/sessions", "/v1/decisions"])
def test_a_body_that_never_ends_is_not_waited_for(
    own: Living, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(asgi, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(asgi.read_body, "__defaults__", (0.2,))
    token = f"authorization: Bearer {own.token('agent')}"
    status, told = _say(own, f"POST {path} HTTP/1.1", token, "content-length: 100", body=b"{")
    assert (status, "effect" in told) == (200 if "hooks" in path else 408, False)
    assert "did not arrive in time" in json.dumps(told)
