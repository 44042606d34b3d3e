"""A real Envoy, configured as shipped, lets a request through to the tool server exactly when it may."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from envoyside import TRANSPORTS, Front, Unix, answers, call, envoy_before, front_before, until

from waiting import stop
from yett.proxy.pdp.protos import ENVOY
from yett.sdk.permits import PermitChecker
from yett.serve.auth import FILE_NAME, Credentials

YETT = [sys.executable, "-c", "from yett.cli import main; main()"]
POLICY = """
policy: behind-envoy
tools:
  look: {does: [read], args: {name: {role: selector, type: string}}}
  wipe: {does: [delete]}
  http: {does: [read, write], args: {method: {role: selector}, host: {role: target}, path: {role: target},
                                      body: {role: content, optional: true}}}
rules:
  - id: look-here
    allow: {tool: look, server: tools}
  - id: listen
    allow: http
    when: args.method == "GET" and args.host == "tools.example" and args.path == "/mcp"
"""
LARGEST = 262_144
"""`max_request_bytes` of the shipped configurations."""


class House(NamedTuple):
    """A real `yett serve`, and how Envoy asks it."""

    folder: Path
    transport: str
    token: str

    @property
    def asked_on(self) -> Path:
        return self.folder / ("grpc.sock" if self.transport == "grpc" else "yett.sock")


@pytest.fixture(scope="module", params=TRANSPORTS)
def house(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("e")
    (folder / "policy.yaml").write_text(POLICY)
    keys = Credentials(folder / "state" / FILE_NAME, clock=lambda: time.time_ns() // 1_000_000)
    found = House(folder, request.param, keys.create("agent", "team", "envoy")[1])
    serve = ["serve", "--policy", "policy.yaml", "--no-tcp", "--socket", "yett.sock"]
    with (folder / "yett.log").open("wb") as log:
        running = subprocess.Popen(
            [*YETT, *serve, "--grpc", f"unix:{folder}/grpc.sock"], cwd=folder, stdout=log, stderr=log
        )
    try:
        until(lambda: answers(found.asked_on), running, folder / "yett.log")
        yield found
    finally:
        running.terminate()
        assert running.wait() == 0


@pytest.fixture(scope="module")
def front(envoy: str, house: House) -> Iterator[Front]:
    with front_before(envoy, house.folder, house.transport, house.asked_on, token=house.token) as found:
        yield found


@pytest.fixture(scope="module")
def permits(house: House) -> PermitChecker:
    with contextlib.closing(Unix(str(house.folder / "yett.sock"))) as connection:
        connection.request("GET", "/v1/keys", headers={"authorization": f"Bearer {house.token}"})
        return PermitChecker(json.loads(connection.getresponse().read())["permit"])


class TestWhatMayPass:
    def test_an_allowed_call_reaches_the_server_as_it_was_judged(
        self, front: Front, permits: PermitChecker
    ) -> None:
        body = json.dumps(call("look", name="a"), indent=3).encode()
        told = front.post(body, mcp_session_id="s1")
        (seen,) = front.reached()
        assert (told.status, told.body, seen.body) == (200, b"ran", body)
        assert seen.headers["mcp-session-id"] == "s1"
        assert "x-envoy-expected-rq-timeout-ms" not in seen.headers, "a tool that takes long is not cut off"
        permits.verify_permit(seen.headers["x-yett-permit"], "look", {"name": "a"}, server="tools")

    def test_a_large_body_and_one_in_pieces_reach_it_whole(self, front: Front) -> None:
        large = json.dumps(call("look", name="a")).encode()
        large += b" " * (LARGEST - len(large))
        pieces = [large[start : start + 50_000] for start in range(0, LARGEST, 50_000)]
        assert front.post(large).status == 200
        assert front.ask(body=iter(pieces), transfer_encoding="chunked").status == 200
        assert [seen.body == large for seen in front.reached()] == [True, True]

    def test_what_runs_nothing_passes(self, front: Front) -> None:
        for method in ("initialize", "ping", "tools/list"):
            assert front.post({"jsonrpc": "2.0", "id": 1, "method": method}).status == 200
        assert front.post({"jsonrpc": "2.0", "method": "notifications/initialized"}).status == 200
        assert len(front.reached()) == 4

    def test_a_request_without_a_message_is_the_tool_http(self, front: Front) -> None:
        assert front.ask("GET").status == 200, "the policy allows the server's own stream"
        told = front.ask("DELETE")
        assert (told.status, json.loads(told.body)["yett"]["effect"]) == (403, "deny")
        assert [seen.method for seen in front.reached()] == ["GET"]


WIPE, LOOK = json.dumps(call("wipe")).encode(), json.dumps(call("look", name="a")).encode()
DISGUISED: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "no JSON": (b"{", {}),
    "two methods": (
        b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"wipe"}}',
        {},
    ),
    "a batch": (b"[" + LOOK + b"]", {}),
    "compressed": (gzip.compress(LOOK), {"content_encoding": "gzip"}),
    "another charset": (LOOK.decode().encode("utf-16"), {"content_type": "application/json; charset=utf-16"}),
    "names of the client's own": (WIPE, {"x_mcp_server": "other", "x_yett_authorization": "Bearer x"}),
    "said to be whole": (WIPE, {"x_envoy_auth_partial_body": "false"}),
    "said to be a GET": (WIPE, {"x_http_method_override": "GET"}),
    "without a type": (WIPE, {"content_type": "text/plain"}),
}


class TestWhatMayNot:
    def test_a_denied_call_is_answered_in_the_protocols_own_words(self, front: Front, house: House) -> None:
        told = front.post(call("wipe"))
        assert front.reached() == []
        answer = json.loads(told.body)
        assert answer["id"] == 1
        if house.transport == "grpc":
            assert (told.status, answer["result"]["isError"]) == (200, True)
            said = answer["result"]["content"][0]["text"]
        else:
            assert (told.status, answer["error"]["data"]["effect"]) == (403, "deny")
            said = answer["error"]["message"]
        assert "wipe was not run" in said

    @pytest.mark.parametrize("what", DISGUISED)
    def test_what_cannot_be_judged_or_says_so_itself_does_not_pass(self, front: Front, what: str) -> None:
        body, headers = DISGUISED[what]
        told = front.ask(body=body, **headers)
        assert 400 <= told.status < 500 or b'"isError":true' in told.body
        assert front.reached() == []

    def test_a_body_that_is_too_large_is_refused_before_it_is_judged(self, front: Front) -> None:
        body = json.dumps(call("look", name="a")).encode().ljust(LARGEST + 1)
        assert front.post(body).status == 413
        assert front.reached() == []

    def test_another_path_is_not_routed_however_it_is_written(self, front: Front) -> None:
        body = json.dumps(call("look", name="a")).encode()
        for path in ("/", "/other", "/mcp/", "/x/%2e%2e%2fmcp", "/mcp%2fadmin", "/mcp;a=b", "//mcp/x"):
            assert front.ask(path=path, body=body).status in (400, 403, 404), path
        assert front.reached() == []

    def test_a_permit_or_a_name_that_the_client_sends_is_not_taken_for_ours(
        self, front: Front, permits: PermitChecker
    ) -> None:
        forged = {"x_yett_permit": "forged", "x_yett_decision": "forged", "x_mcp_server": "other"}
        assert front.post(call("look", name="b"), **forged).status == 200
        (seen,) = front.reached()
        permits.verify_permit(seen.headers["x-yett-permit"], "look", {"name": "b"}, server="tools")
        assert "forged" not in seen.headers["x-yett-decision"]


SERVER = """
    import socket, sys, uvicorn
    from fastmcp import FastMCP
    mcp = FastMCP("castle")

    @mcp.tool
    def look(name: str) -> str:
        return "seen: " + name

    @mcp.tool
    def wipe() -> str:
        open(sys.argv[1], "w").close()
        return "wiped"

    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(mcp.http_app(path="/mcp"), log_level="error")
    uvicorn.Server(config).run(sockets=[listening])
"""
CLIENT = """
    import asyncio, json, sys
    import httpx2
    from mcp import ClientSession, MCPError
    from mcp.client.streamable_http import streamable_http_client

    async def main():
        over = httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(uds=sys.argv[1]), timeout=60)
        async with streamable_http_client("http://tools.example/mcp", http_client=over) as streams:
            async with ClientSession(streams[0], streams[1]) as session:
                await session.initialize()
                tools = await session.list_tools()
                good = await session.call_tool("look", {"name": "a"})
                try:
                    told = (await session.call_tool("wipe", {})).content[0].text
                except MCPError as error:
                    told = str(error)
                again = await session.call_tool("look", {"name": "b"})
                texts = [each.content[0].text for each in (good, again)]
                print(json.dumps([sorted(tool.name for tool in tools.tools), *texts, told]))

    asyncio.run(main())
"""


def test_a_real_client_works_through_it_and_reads_why_a_call_did_not_run(
    envoy: str, house: House, mcp_python: str, tmp_path: Path
) -> None:
    server = [mcp_python, "-c", textwrap.dedent(SERVER), str(tmp_path / "wiped")]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        port = int(running.stdout.readline())
        try:
            with envoy_before(port, envoy, tmp_path, house.transport, house.asked_on, house.token) as path:
                client = [mcp_python, "-c", textwrap.dedent(CLIENT), path]
                done = subprocess.run(client, capture_output=True, text=True, timeout=120, check=False)
        finally:
            running.kill()
    assert done.returncode == 0, done.stderr
    tools, good, again, told = json.loads(done.stdout)
    assert (tools, good, again) == (["look", "wipe"], "seen: a", "seen: b")
    assert "wipe was not run: it is not allowed" in told
    assert not (tmp_path / "wiped").exists()


# Gateways that answer wrongly, late or never. What a client is told stands first.

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
HTTP_ANSWERS: dict[str, tuple[int, bytes | None]] = {
    "an allow, to show that Envoy can be answered so": (200, OK),
    "nothing, and the connection closed": (403, b""),
    "no answer at all": (403, None),
    "half of its headers": (403, OK[:20]),
    "half of its body": (403, OK[:-1]),
    "an error": (403, b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"),
    "that it is busy": (403, b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"),
    "that it is asked too often": (429, b"HTTP/1.1 429 Slow\r\ncontent-length: 0\r\n\r\n"),
    "that nobody knows Envoy": (401, b"HTTP/1.1 401 Who\r\ncontent-length: 0\r\n\r\n"),
    "that it is elsewhere": (302, b"HTTP/1.1 302 No\r\nlocation: /mcp\r\ncontent-length: 0\r\n\r\n"),
    "another success": (204, b"HTTP/1.1 204 None\r\n\r\n"),
    "what is no HTTP": (403, b"yes\r\n\r\n"),
}


class Wrong:
    """Takes connections on a Unix socket and answers each request with these bytes; None: keeps it waiting."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self._answer = answer
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen(16)
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                connection.recv(65536)
                if self._answer is not None:
                    connection.sendall(self._answer)
                    connection.close()

    def close(self) -> None:
        stop(self._listening)
        for each in self._open:
            each.close()


class TestAGatewayThatDoesNotAnswerSoundly:
    @pytest.mark.parametrize("says", HTTP_ANSWERS)
    def test_over_http(self, envoy: str, tmp_path: Path, says: str) -> None:
        told, answer = HTTP_ANSWERS[says]
        wrong = Wrong(tmp_path / "gateway.sock", answer)
        timeout = "60s" if answer is not None else "0.2s"
        with (
            contextlib.closing(wrong),
            front_before(envoy, tmp_path, "http", tmp_path / "gateway.sock", timeout=timeout) as front,
        ):
            assert front.post(call("look", name="a")).status == told
            assert len(front.reached()) == (told == 200)

    @pytest.mark.parametrize("says", ["yes", "denied", "garbage", "empty", "failed", "nothing"])
    def test_over_grpc(self, envoy: str, tmp_path: Path, says: str) -> None:
        release = threading.Event()

        def check(_: bytes, context: Any) -> bytes:
            if says == "failed":
                context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
            if says == "nothing":
                release.wait()
            answers = {
                "yes": ENVOY["CheckResponse"](status={"code": 0}, ok_response={}).SerializeToString(),
                "denied": ENVOY["CheckResponse"](status={"code": 7}).SerializeToString(),
                "garbage": b"\xff\xff",
                "empty": b"",
            }
            return answers.get(says, b"")

        service = "envoy.service.auth.v3.Authorization"
        handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
        server = grpc.server(ThreadPoolExecutor(2))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        server.add_insecure_port(f"unix:{tmp_path}/gateway.sock")
        server.start()
        timeout = "60s" if says != "nothing" else "0.2s"
        try:
            with front_before(envoy, tmp_path, "grpc", tmp_path / "gateway.sock", timeout=timeout) as front:
                told = front.post(call("look", name="a")).status
                assert told == (200 if says in ("yes", "empty") else 403)
                assert len(front.reached()) == (told == 200)
        finally:
            release.set()
            server.stop(None).wait()

    @pytest.mark.parametrize("transport", TRANSPORTS)
    def test_that_is_gone(self, envoy: str, tmp_path: Path, transport: str) -> None:
        with front_before(envoy, tmp_path, transport, tmp_path / "gateway.sock") as front:
            assert front.post(call("look", name="a")).status == 403
            assert front.ask("GET").status == 403
            assert front.reached() == []
