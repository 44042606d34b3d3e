"""Attacks on the HTTP tool proxy: on the credential that it adds, and on its patience."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from httpside import answering, ok
from toolside import Proxy

from waiting import stop
from yett.errors import YettError
from yett.proxy import http, upstream
from yett.proxy.toolproxy import ToolConfig, ToolProxy
from yett.proxy.upstream import Target, Upstream, permitted

KEY = "a-key-" + "that-is-long"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", KEY)


def _tool(*hosts: str, **more: Any) -> dict[str, Any]:
    return {
        "url_argument": "url",
        "private": True,
        "headers": {"Authorization": "Bearer secret://env/API_KEY"},
        "hosts": hosts,
        **more,
    }


def test_another_port_of_a_trusted_host_is_another_server(tmp_path: Path) -> None:
    with answering(lambda _: ok(b"{}")) as (trusted, _), answering(lambda _: ok(b"{}")) as (url, seen):
        for hosts in (("127.0.0.1",), (trusted.removeprefix("http://"),), ("127.0.0.1:80",)):
            Proxy(tmp_path, {"fetch": _tool(*hosts)}).call("fetch", url=url)
    assert len(seen) == 3
    assert not any(KEY.encode() in request for request in seen)


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://api.example/x", True),
        ("https://API.example:443/x", True),
        ("http://api.example/x", False),
        ("http://api.example:443/x", False),
        ("https://api.example:8443/x", False),
        ("https://api.example./x", False),
        ("https://api.example.evil.example/x", False),
        ("https://evil.example/?https://api.example/", False),
    ],
)
def test_a_credential_goes_to_its_host_over_tls_only(url: str, sent: bool) -> None:
    config = ToolConfig(**_tool("api.example", private=False))
    made = ToolProxy(None, {})._headers(config, Target.of(url), b"", set())
    assert (KEY in str(asyncio.run(made))) is sent


def test_a_credential_that_the_upstream_repeats_is_not_shown(tmp_path: Path) -> None:
    def echo(request: bytes) -> bytes:
        return ok(b'{"headers": "' + request.replace(b"\r\n", b" ") + b'"}')

    with answering(echo) as (url, seen):
        got = Proxy(tmp_path, {"fetch": _tool(url.removeprefix("http://"))}).call("fetch", url=url)
    assert KEY.encode() in seen[0]
    assert KEY not in got.text
    assert "Bearer [secret]" in got.text


@pytest.mark.parametrize(
    "url",
    [
        "http://good.example\\.x.evil.example/",  # good.example for a policy; under evil.example for a resolver
        "http://good.example\\@evil.example/",
        "http://good.example%2f.evil.example/",
        "http://good.example%00.evil.example/",
        "http://@evil.example/",
        "http://:@evil.example/",
        "http://good.example`x/",
        "http://good..example/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://2130706433127.0.0.1/",
        "http://[fe80::1%25eth0]/",
        "http://[v1.x]/",
    ],
)
def test_a_host_that_reads_in_two_ways_is_none(url: str) -> None:
    with pytest.raises(YettError) as refused:
        Target.of(url)
    assert refused.value.code == "BAD_URL"


@pytest.mark.parametrize(
    "url",
    [
        "http://a_b.example./x?y=(1)",
        "https://xn--bcher-kva.example:8443",
        "http://[::1]:80/",
        "http://10.0.0.1/~",
    ],
)
def test_plain_hosts_pass(url: str) -> None:
    assert Target.of(url).host in url


def test_a_credential_in_a_redirect_is_not_passed_on(tmp_path: Path) -> None:
    def away(request: bytes) -> bytes:
        return ok(b"", "text/plain", f"location: http://127.0.0.1:9/{KEY}", status="302 Found")

    with answering(away) as (url, _):
        proxy = Proxy(tmp_path, {"fetch": _tool(url.removeprefix("http://"))})
        proxy.call("fetch", url=url)
    assert [call.arguments["url"] for call in proxy.calls] == [url, "http://127.0.0.1:9/[secret]"]


@pytest.mark.parametrize(
    "address",
    [
        "64:ff9b::10.0.0.5",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "::127.0.0.1",
        "2002:7f00:1::",
        "::ffff:10.0.0.1",
    ],
)
def test_no_translator_carries_a_request_to_an_inner_address(address: str) -> None:
    assert not permitted(address)
    assert permitted("64:ff9b::1.1.1.1")
    assert permitted("2606:4700:4700::1111")


def test_a_server_that_is_asked_once_and_never_closes_holds_no_descriptor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upstream, "IDLE_S", 0.05)

    async def ask() -> bytes:
        left: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
            with contextlib.suppress(ConnectionResetError):
                left.set_result(await reader.read())
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            target = Target.of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
            answer = await Upstream(target, private=True).send("GET", "/", [], b"", seconds=30)
            assert await answer.whole(100) == b"hi"
            return await asyncio.wait_for(left, 30)

    assert asyncio.run(ask()) == b""


def test_names_that_are_answered_slowly_keep_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns a name may never answer for it; approvals and freezes need threads too."""
    answered = threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        answered.wait(60)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    async def freeze() -> str:
        asked = [Upstream(Target.of(f"http://{n}.evil.example/"), private=False) for n in range(64)]
        fetches = [asyncio.ensure_future(each.send("GET", "/", [], b"", seconds=1)) for each in asked]
        await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(asyncio.to_thread(lambda: "frozen"), 30)
        finally:
            answered.set()
            assert all(
                isinstance(each, YettError) for each in await asyncio.gather(*fetches, return_exceptions=True)
            )

    assert asyncio.run(freeze()) == "frozen"


def test_an_upstream_that_drips_for_ever_holds_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "WHOLE_S", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Semaphore(0)

    def drip(connection: socket.socket) -> None:
        try:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            while True:
                connection.sendall(b".")
                time.sleep(0.05)
        except OSError:
            connection.close()
            ended.release()

    def accept() -> None:
        while True:
            try:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    tool = {"url": url, "private": True, "seconds": 0.3}
    server = {"url": url, "private": True, "pins": False}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x"}}
    with Proxy(tmp_path, {"drip": tool}, servers={"drip": server}).client as client:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            assert client.post("/proxy/drip", json={"arguments": {}}).status_code >= 400
            assert "in time" in client.post("/mcp/drip", json=call).text
        for _ in range(6):
            assert ended.acquire(timeout=30)
        assert len(os.listdir("/proc/self/fd")) <= before
    stop(listener)


def test_an_upstream_that_speaks_first_is_not_waited_for(tmp_path: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    kept: list[socket.socket] = []

    def speak() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi")
                kept.append(connection)

    threading.Thread(target=speak, daemon=True).start()
    server = {"url": f"http://127.0.0.1:{listener.getsockname()[1]}/", "private": True, "pins": False}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x"}}
    with Proxy(tmp_path, {}, servers={"first": server}).client as client:
        for _ in range(5):
            assert "error" in client.post("/mcp/first", json=call).json()
    stop(listener)
    for connection in kept:
        connection.close()
