"""The MCP proxy over Streamable HTTP: real servers and clients, hostile servers, routing headers."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpside import answering, free_port, ok, running
from official import every_client, every_server, program, require_only_add
from wireside import request, result, text

from waiting import until
from yett.clock import wall_clock
from yett.errors import Unauthorized
from yett.model import Identity
from yett.proxy import http as http_door
from yett.proxy.http import McpDoor
from yett.proxy.mcp import wire
from yett.proxy.mcp.actions import NOTES, Limits
from yett.proxy.mcp.catalogue import Catalogue, Unpinned
from yett.proxy.mcp.methods import VERSION_KEY
from yett.proxy.upstream import Target, Upstream
from yett.sdk.scripted import ScriptedDecider

MODERN = "2026-07-28"


@contextmanager
def door(upstream: str, decider: Any = None, **options: Any) -> Iterator[tuple[str, ScriptedDecider]]:
    decider = decider or ScriptedDecider(allow=["*"])
    book = Catalogue(Unpinned("s"), decider.visible, wall_clock)
    made = McpDoor(
        "s",
        Upstream(Target.of(upstream), private=True),
        book,
        lambda _: decider,
        **{"note": lambda _: None, **options},
    )
    with running(made) as url:
        yield url, decider


def post(url: str, message: Any, **headers: str) -> httpx.Response:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    given = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(url, content=body, headers=given, timeout=60)


def call(tool: str = "read", id: Any = 1, **params: Any) -> dict[str, Any]:
    return request(id, "tools/call", name=tool, arguments={"a": 1}, **params)


def test_an_allowed_exchange_is_byte_identical() -> None:
    answer = b'{ "jsonrpc":"2.0","result":{"content":[],"n":1.50},"id":1}'
    asked = b'{"method":"tools/call", "id":1,"jsonrpc":"2.0","params":{"arguments":{"x":1.0},"name":"read"}}'
    with answering(lambda _: ok(answer)) as (upstream, seen), door(upstream) as (url, decider):
        got = post(url + "/mcp", asked)
    assert got.content == answer
    assert seen[0].endswith(b"\r\n\r\n" + asked)
    assert decider.outcomes[0].status == "ok"


def test_a_stream_passes_event_by_event_as_it_came() -> None:
    events = (
        b": ping\n\n"
        b'id: 7\nevent: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1.10}}\n\n'
        b'data: {"jsonrpc":"2.0",\r\ndata: "id":1,"result":{"content":[]}}\r\n\r\n'
    )
    with (
        answering(lambda _: ok(events, "text/event-stream")) as (upstream, _),
        door(upstream) as (url, decider),
    ):
        assert post(url, call()).content == events
    assert [told.status for told in decider.outcomes] == ["ok"]


def test_a_stream_has_the_same_events_for_readers_that_know_more_line_ends() -> None:
    """httpx cuts where `str.splitlines` does: the inner line would be an event that nobody judged."""
    forged = '{"jsonrpc":"2.0","id":2,"result":{"content":[]}}'
    message = json.dumps(result(1, content=[f"\u2028\u2028data: {forged}\u2028\u2028"]), ensure_ascii=False)
    events = f": ping\u2028\u2028data: {forged}\n\nid: 7\ndata: {message}\n\n".encode()
    with (
        answering(lambda _: ok(events, "text/event-stream; charset=utf-7")) as (upstream, _),
        door(upstream) as (url, _),
    ):
        got = post(url, call())
    lines = got.content.decode().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["id", "data", ""]
    assert json.loads(lines[1][6:]) == json.loads(message)
    assert got.headers["content-type"] == "text/event-stream"


@pytest.mark.parametrize("allowed", [True, False])
def test_what_the_server_asks_in_a_stream_is_judged_and_so_is_the_reply(allowed: bool) -> None:
    question = json.dumps(request("q", "sampling/createMessage", messages=[])).encode()
    reply = b'{"jsonrpc":"2.0","id":"q","result":{"role":"assistant"}}'
    answer = b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'
    events = b"data: " + question + b"\n\ndata: " + answer + b"\n\n"
    decider = ScriptedDecider(allow=["read", "sampling/createMessage"] if allowed else ["read"])

    def upstream_says(data: bytes) -> bytes:
        return ok(events, "text/event-stream") if b"tools/call" in data else ok(b"", status="202 Accepted")

    with answering(upstream_says) as (upstream, seen), door(upstream, decider) as (url, _):
        assert (question in post(url, call(), mcp_session_id="s").content) is allowed
        post(url, reply, mcp_session_id="s")
        until(lambda: len(seen) >= 2)
    body = seen[1].partition(b"\r\n\r\n")[2]
    assert body == reply if allowed else json.loads(body)["error"]["code"] == wire.REFUSED
    assert len(seen) == 2
    assert len(decider.outcomes) == 1 + allowed


def test_a_denied_call_never_leaves_and_is_a_result_the_model_reads() -> None:
    with answering(lambda _: ok(b"{}")) as (upstream, seen), door(upstream, ScriptedDecider()) as (url, _):
        got = post(url, call())
    assert got.status_code == 200
    assert got.json()["result"]["isError"] is True
    assert seen == []


@pytest.mark.parametrize("lie", ["other_call", "expired", "garbage", "raise", "timeout"])
def test_no_failure_of_the_decision_point_lets_a_call_through(lie: str) -> None:
    with (
        answering(lambda _: ok(b"{}")) as (upstream, seen),
        door(upstream, ScriptedDecider(allow=["*"], lie=lie)) as (url, _),
    ):
        assert post(url, call()).json()["result"]["isError"] is True
    assert seen == []


def test_a_result_that_could_not_be_recorded_is_withheld() -> None:
    answer = json.dumps(result(1, content=text("EVIL"))).encode()
    for body, kind in ((answer, "application/json"), (b"data: " + answer + b"\n\n", "text/event-stream")):
        decider = ScriptedDecider(allow=["*"], refuse_reports=True)
        with (
            answering(lambda _, body=body, kind=kind: ok(body, kind)) as (upstream, _),
            door(upstream, decider) as (url, _),
        ):
            assert b"EVIL" not in post(url, call()).content


MODERN_CALL = call(_meta={VERSION_KEY: MODERN, "io.modelcontextprotocol/clientCapabilities": {}})
GOOD = {"mcp_protocol_version": MODERN, "mcp_method": "tools/call", "mcp_name": "read"}


@pytest.mark.parametrize(
    ("message", "headers"),
    [
        (MODERN_CALL, {**GOOD, "mcp_name": "other"}),
        (MODERN_CALL, {**GOOD, "mcp_method": "ping"}),
        (MODERN_CALL, {**GOOD, "mcp_protocol_version": "2025-11-25"}),
        (MODERN_CALL, {}),
        (MODERN_CALL, {"mcp_protocol_version": MODERN, "mcp_method": "tools/call"}),
        (call(), {"mcp_protocol_version": MODERN}),
        (call(), {"mcp_method": "tools/list"}),
        (call(), {"mcp_name": "harmless"}),
        (MODERN_CALL, {**GOOD, "mcp_name": "=?base64?cmVhZB=?="}),
    ],
)
def test_headers_that_say_something_else_than_the_body_are_refused(message: Any, headers: Any) -> None:
    with answering(lambda _: ok(b"{}")) as (upstream, seen), door(upstream) as (url, decider):
        got = post(url, message, **headers)
    assert (got.status_code, got.json()["error"]["code"]) == (400, -32020)
    assert seen == []
    assert decider.calls == []


def test_headers_that_match_pass_also_in_their_base64_form() -> None:
    answer = json.dumps(result(1, content=[])).encode()
    with answering(lambda _: ok(answer)) as (upstream, seen), door(upstream) as (url, _):
        assert post(url, MODERN_CALL, **GOOD).content == answer
        assert post(url, MODERN_CALL, **{**GOOD, "mcp_name": "=?base64?cmVhZA==?="}).content == answer
    assert b"mcp-method: tools/call" in seen[0]


def test_two_headers_of_one_name_are_refused() -> None:
    headers = [("content-type", "application/json"), ("mcp-method", "tools/call"), ("mcp-method", "ping")]
    with answering(lambda _: ok(b"{}")) as (upstream, seen), door(upstream) as (url, _):
        assert httpx.post(url, json=call(), headers=headers[1:]).status_code == 400
    assert seen == []


@pytest.mark.parametrize(
    "body", [b"[" + json.dumps(call()).encode() + b"]", b"{", b'{"a":1,"a":2}', b"", b"null"]
)
def test_batches_and_ambiguous_bodies_are_refused(body: bytes) -> None:
    with answering(lambda _: ok(b"{}")) as (upstream, seen), door(upstream) as (url, _):
        assert post(url, body).status_code == 400
    assert seen == []


EVIL = json.dumps(result(1, content=text("EVIL"))).encode()
HOSTILE = {
    "another id": ok(EVIL.replace(b'"id": 1', b'"id": 2')),
    "a batch": ok(b"[" + EVIL + b"]"),
    "duplicate keys": ok(EVIL.replace(b'"id": 1', b'"id":1,"id": 1')),
    "not json": ok(b"EVIL", "text/html"),
    "an error page": ok(b"EVIL", "text/html", status="500 Oops"),
    "a redirect": ok(b"EVIL", "text/html", "location: http://evil.example/", status="307 Go"),
    "cut short": ok(EVIL)[:-10],
    "no http": b"EVIL\r\n\r\n",
    "nothing": b"",
    "a request id of another type": ok(EVIL.replace(b'"id": 1', b'"id": "1"')),
    "an event with a bare return": ok(b"data: {}\rdata: " + EVIL + b"\n\n", "text/event-stream"),
    "an event of another id": ok(
        b"data: " + EVIL.replace(b'"id": 1', b'"id": 9') + b"\n\n", "text/event-stream"
    ),
    "a stream without an answer": ok(b": EVI\n\n", "text/event-stream"),
    "a stream of garbage": ok(b"data: EVIL\n\n", "text/event-stream"),
    "two content lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 500\r\n\r\nEVIL.",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"x: EVIL\r\n" * 20_000,
    "an answer that has no body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a status that nobody knows": ok(b"EVIL", status="999 Odd"),
    "another protocol": b"HTTP/1.1 101 Come\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nEVIL",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_answer_becomes_an_error_and_the_next_call_works(what: str) -> None:
    answers = [HOSTILE[what], ok(json.dumps(result(1, content=[])).encode())]
    with answering(lambda _: answers.pop(0)) as (upstream, _), door(upstream) as (url, decider):
        got = post(url, call())
        assert b"EVIL" not in got.content
        assert b'"error"' in got.content
        assert decider.outcomes[0].status == "unknown"
        assert post(url, call()).json() == result(1, content=[])


def test_an_error_is_not_told_with_a_status_that_has_no_body() -> None:
    """The client would take the error for the next answer on its connection."""
    with answering(lambda _: b"HTTP/1.1 204 No Content\r\n\r\n") as (upstream, _), door(upstream) as (url, _):
        assert post(url, call()).status_code == 502


def test_a_server_s_questions_are_answered_a_few_at_a_time() -> None:
    flood = b"".join(b"data: " + json.dumps(request(n, "x/unknown")).encode() + b"\n\n" for n in range(50))
    at_once = most = 0
    lock, come = threading.Lock(), threading.Barrier(3)

    def upstream_says(data: bytes) -> bytes:
        nonlocal at_once, most
        if b"tools/call" in data:
            return ok(
                flood + b"data: " + json.dumps(result(1, content=[])).encode() + b"\n\n", "text/event-stream"
            )
        with lock:
            at_once += 1
            most = max(most, at_once)
        with contextlib.suppress(threading.BrokenBarrierError):
            come.wait(0.05)
        with lock:
            at_once -= 1
        return ok(b"", status="202 Accepted")

    with (
        answering(upstream_says) as (upstream, seen),
        door(upstream, limits=Limits(server_requests=2)) as (url, _),
    ):
        post(url, call())
        until(lambda: len(seen) == 51)
    assert most <= 2


def test_a_server_that_floods_a_stream_does_not_fill_the_log() -> None:
    flood = b"".join(
        b"data: " + json.dumps(result(n, content=[])).encode() + b"\n\n" for n in range(2, 1_500)
    )
    noted: list[str] = []
    with (
        answering(lambda _: ok(flood, "text/event-stream")) as (upstream, _),
        door(upstream, note=noted.append) as (url, _),
    ):
        post(url, call())
    assert NOTES < len(noted) <= NOTES + 2


def test_an_answer_over_the_limit_is_an_error() -> None:
    big = ok(json.dumps(result(1, content=text("x" * 200_000))).encode())
    stream = ok(b"data: " + b"x" * 200_000 + b"\n\n", "text/event-stream")
    for answer in (big, stream):
        with (
            answering(lambda _, answer=answer: answer) as (upstream, _),
            door(upstream, limits=Limits(server_message=10_000)) as (url, _),
        ):
            assert b'"error"' in post(url, call()).content


def test_a_server_that_is_not_there_is_an_error_and_the_call_in_doubt() -> None:
    with door(f"http://127.0.0.1:{free_port()}") as (url, decider):
        got = post(url, call())
    assert got.status_code == 502
    assert "can't be reached" in got.json()["error"]["message"]
    assert decider.outcomes[0].status == "unknown"


def test_a_client_that_gave_up_waiting_may_ask_again() -> None:
    with answering(lambda _: None) as (upstream, _), door(upstream) as (url, decider):
        with pytest.raises(httpx.TimeoutException):
            httpx.post(url, json=call(), timeout=0.5)
        with pytest.raises(httpx.TimeoutException):
            httpx.post(url, json=call(id=1), timeout=0.5)
        until(lambda: len(decider.calls) == 2)


def test_an_upstreams_credential_is_put_in_last_and_seen_by_nobody(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "s3" + "cr3t-value"
    (tmp_path / "key").write_text(secret + "\n")
    headers = [("Authorization", f"Bearer secret://file{tmp_path}/key")]
    denied = ok(b'{"error":"no"}', status="401 No")
    with answering(lambda _: denied) as (upstream, seen), door(upstream, headers=headers) as (url, decider):
        got = post(url, call(), authorization="Bearer the-agents-own")
    assert f"authorization: Bearer {secret}".encode() in seen[0]
    assert b"the-agents-own" not in seen[0]
    shown = [got.text, str(got.headers), str(decider.calls), str(decider.outcomes), *capfd.readouterr()]
    assert not any(secret in words for words in shown)


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_a_credential_that_the_server_repeats_is_taken_out_of_its_answer(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "s3/cr3t" + "-value"
    monkeypatch.setenv("UPSTREAM_KEY", secret)
    said = json.dumps(result(1, content=text(f"you sent {secret}"))).replace("/", "\\/").encode()
    body = said if kind == "application/json" else b": " + secret.encode() + b"\ndata: " + said + b"\n\n"
    answer = ok(body, kind, f"www-authenticate: Bearer {secret}")
    headers = [("X-Key", "secret://env/UPSTREAM_KEY")]
    with answering(lambda _: answer) as (upstream, seen), door(upstream, headers=headers) as (url, decider):
        got = post(url, call())
    assert f"x-key: {secret}".encode() in seen[0]
    shown = got.text.replace("\\/", "/") + str(got.headers)
    assert secret not in shown + str(decider.outcomes)
    assert "you sent [secret]" in shown


def test_a_secret_that_no_header_can_hold_stops_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", "schlüssel€")
    headers = [("X-Key", "secret://env/UPSTREAM_KEY")]
    with (
        answering(lambda _: ok(b"{}")) as (upstream, seen),
        door(upstream, headers=headers) as (url, decider),
    ):
        got = post(url, call())
    assert got.status_code == 502
    assert "schlüssel" not in got.text
    assert (seen, [told.status for told in decider.outcomes]) == ([], ["unknown"])


def test_a_secret_that_cannot_be_had_stops_the_request_and_names_the_handle_only() -> None:
    with (
        answering(lambda _: ok(b"{}")) as (upstream, seen),
        door(upstream, headers=[("X-Key", "secret://env/NOT_SET")]) as (url, _),
    ):
        got = post(url, call())
    assert got.status_code == 502
    assert "secret://env/NOT_SET" in got.text
    assert seen == []


def test_a_page_in_a_browser_cannot_use_a_door_without_authentication() -> None:
    with answering(lambda _: ok(b"{}")) as (upstream, seen), door(upstream) as (url, _):
        assert post(url, call(), origin="https://evil.example").status_code == 403
        assert post(url, call(), host="evil.example").status_code == 403
    assert seen == []


def _by_token(headers: list[tuple[bytes, bytes]]) -> Identity:
    token = next((value.decode() for name, value in headers if name == b"authorization"), "")
    if token not in ("Bearer alice", "Bearer bob", "Bearer auditor"):
        raise Unauthorized("TOKEN_UNKNOWN", "the token is not known here")
    name = token.removeprefix("Bearer ")
    return Identity(
        principal=name, agent=name, credential=name, role="auditor" if name == "auditor" else "agent"
    )


def test_with_authentication_each_credential_has_sessions_of_its_own_and_keeps_its_token() -> None:
    hello = json.dumps(result(0, protocolVersion="2025-11-25", capabilities={})).encode()
    answers = [
        ok(hello, "application/json", "mcp-session-id: S"),
        *[ok(json.dumps(result(1, content=[])).encode())] * 3,
    ]
    with (
        answering(lambda _: answers.pop(0)) as (upstream, seen),
        door(upstream, authenticate=_by_token) as (url, decider),
    ):
        first = post(
            url, request(0, "initialize", protocolVersion="2025-11-25"), authorization="Bearer alice"
        )
        assert first.headers["mcp-session-id"] == "S"
        assert post(url, call(), authorization="Bearer alice", mcp_session_id="S").status_code == 200
        assert post(url, call(), authorization="Bearer alice", mcp_session_id="S").status_code == 200
        assert post(url, call(), authorization="Bearer bob", mcp_session_id="S").status_code == 404
        assert post(url, call(), authorization="Bearer auditor").status_code == 403
        assert post(url, call()).status_code == 401
        assert post(url, call(), authorization="Bearer bob").status_code == 200
    assert not any(b"Bearer" in head for head in seen)
    assert [asked.session for asked in decider.calls] == ["s1", "s1", "s2"]


def test_a_session_that_is_named_twice_is_none() -> None:
    """One's own for the gateway, and another's behind it for a server that takes the last."""
    body = json.dumps(call()).encode()
    headers = [("content-type", "application/json"), ("authorization", "Bearer bob")]
    headers += [("mcp-session-id", "B"), ("mcp-session-id", "S")]
    with (
        answering(lambda _: ok(json.dumps(result(1, content=[])).encode())) as (upstream, seen),
        door(upstream, authenticate=_by_token) as (url, decider),
    ):
        for method in ("POST", "GET", "DELETE"):
            assert httpx.request(method, url, content=body, headers=headers, timeout=60).status_code == 400
    assert seen == []
    assert decider.calls == []


def test_one_credential_s_many_sessions_do_not_free_another_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner forgotten, a session would be anybody's who names it, and what was read in it forgotten."""
    monkeypatch.setattr(http_door, "SESSIONS", 2)
    with (
        answering(lambda _: ok(json.dumps(result(1, content=[])).encode())) as (upstream, _),
        door(upstream, authenticate=_by_token) as (url, decider),
    ):
        assert post(url, call(), authorization="Bearer alice", mcp_session_id="S").status_code == 200
        for number in range(4):
            own = post(url, call(), authorization="Bearer bob", mcp_session_id=f"B{number}")
            assert own.status_code == 200
        assert post(url, call(), authorization="Bearer bob", mcp_session_id="S").status_code == 404
        assert post(url, call(), authorization="Bearer alice", mcp_session_id="S").status_code == 200
    assert decider.calls[0].session == decider.calls[-1].session


def test_a_session_that_the_server_does_not_end_is_not_forgotten() -> None:
    def answer(head: bytes) -> bytes:
        if head.startswith(b"DELETE"):
            return ok(b"", status="405 Method Not Allowed")
        return ok(json.dumps(result(1, content=[])).encode())

    with answering(answer) as (upstream, _), door(upstream, authenticate=_by_token) as (url, decider):
        headers = {"authorization": "Bearer alice", "mcp-session-id": "S"}
        assert post(url, call(), authorization="Bearer alice", mcp_session_id="S").status_code == 200
        assert httpx.delete(url, headers=headers).status_code == 405
        assert post(url, call(), authorization="Bearer alice", mcp_session_id="S").status_code == 200
        assert post(url, call(), authorization="Bearer bob", mcp_session_id="S").status_code == 404
    assert decider.calls[0].session == decider.calls[1].session


@contextmanager
def started(command: list[str], port: int, env: dict[str, str] | None = None) -> Iterator[str]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    url = f"http://127.0.0.1:{port}/mcp"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(url, timeout=1)
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


@every_server
@every_client
def test_the_official_python_client_works_through_the_gate(
    mcp_python: str, tmp_path: Path, client: str, server: str
) -> None:
    mark, port = tmp_path / "dropped", free_port()
    command = [*program(mcp_python, tmp_path, "server", server), str(mark), str(port)]
    with (
        started(command, port) as upstream,
        door(upstream, ScriptedDecider(allow=["add"])) as (url, _),
    ):
        require_only_add([*program(mcp_python, tmp_path, "client", client), url + "/mcp"], mark)


def test_server_everything_over_http_answers_the_same_bytes_with_and_without_the_gate(
    npm_server: Callable[[str], list[str]],
) -> None:
    port = free_port()
    env = {**os.environ, "PORT": str(port)}
    hello = request(
        "h",
        "initialize",
        protocolVersion="2025-11-25",
        capabilities={},
        clientInfo={"name": "t", "version": "1"},
    )
    requests = [
        request(1, "tools/call", name="echo", arguments={"message": "«hi» \u00a0"}),
        request(2, "tools/call", name="get-sum", arguments={"a": 1, "b": 2.5}),
        request(3, "prompts/list"),
        request(4, "tools/list"),
    ]

    def talk(url: str) -> list[Any]:
        first = post(url, hello)
        session = first.headers["mcp-session-id"]
        answers: list[Any] = []
        for message in requests:
            got = post(url, message, mcp_session_id=session)
            answers.append([line for line in got.content.split(b"\n") if line.startswith(b"data")])
        assert httpx.delete(url, headers={"mcp-session-id": session}).status_code == 200
        return answers

    with (
        started([*npm_server("everything"), "streamableHttp"], port, env) as upstream,
        door(upstream) as (url, _),
    ):
        assert talk(url + "/mcp") == talk(upstream)
