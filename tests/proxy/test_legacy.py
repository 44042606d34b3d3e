"""Servers of 2024-11-05 over HTTP and server-sent events: real ones, and ones that misbehave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from httpside import answering, free_port, ok, running
from wireside import request, result

from yett.proxy.mcp import wire

YETT = [sys.executable, "-c", "from yett.cli import main; main()"]


def call(folder: Path, url: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [*YETT, "mcp", "--state", str(folder), "--sse", url, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **env})


def bridge(url: str, *headers: str, line: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "yett.proxy.mcp.legacy", url, *headers]
    return subprocess.run(command, input=line, capture_output=True, timeout=60)


def test_a_real_server_is_judged_like_any_other(
    npm_server: Callable[[str], list[str]], tmp_path: Path
) -> None:
    port = free_port()
    env = {**os.environ, "PORT": str(port)}
    quiet = subprocess.DEVNULL
    with subprocess.Popen([*npm_server("everything"), "sse"], env=env, stdout=quiet, stderr=quiet) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/nothing")
            url = f"http://127.0.0.1:{port}/sse"
            allowed = call(tmp_path, url, "call", "echo", "message=hi")
            assert (allowed.returncode, allowed.stdout) == (0, "Echo: hi\n"), allowed.stderr
            denied = call(tmp_path, url, "call", "echo", "message=rm -rf / --no-preserve-root")
            assert denied.returncode == 1
            assert "was not run" in denied.stdout
        finally:
            server.terminate()


def wait_for(url: str) -> None:
    for _ in range(400):
        try:
            urllib.request.urlopen(url, timeout=60)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)


ANSWER = json.dumps(result(1)).encode()


def stream(*events: bytes) -> bytes:
    return ok(b"".join(events), "text/event-stream")


def test_lines_are_posted_where_the_stream_says_with_the_credential_and_answers_come_back() -> None:
    asked = json.dumps(request(1, "ping")).encode()

    def server(data: bytes) -> bytes | None:
        if data.startswith(b"GET"):
            opening = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
            return opening + b"event: endpoint\ndata: /post?s=1\n\n: ping\n\ndata: " + ANSWER + b"\n\n"
        return ok(b"", status="202 Accepted")

    # The stream ends at once here, which ends the bridge: whichever comes first, what was said is passed on.
    with answering(server) as (url, seen):
        done = bridge(url + "/sse", "X-Key: secret://env/PATH", line=asked + b"\n")
    assert done.stdout.splitlines() in ([ANSWER], [])
    assert seen[0].startswith(b"GET /sse HTTP/1.1")
    assert os.environ["PATH"].encode() in seen[0]


@pytest.mark.parametrize(
    "said",
    [
        stream(b"event: endpoint\ndata: http://evil.example/post\n\n"),
        stream(b"event: endpoint\ndata: //evil.example/post\n\n"),
        stream(b"event: endpoint\ndata: ftp://x\n\n"),
        stream(b"data: " + b"x" * (17 << 20)),
        stream(),
        ok(b"{}"),
        ok(b"", status="401 Unauthorized"),
        b"nonsense",
    ],
)
def test_a_server_that_misbehaves_ends_it_and_gets_nothing_to_read(said: bytes) -> None:
    with answering(lambda _: said) as (url, seen):
        done = bridge(url + "/sse", line=json.dumps(request(1, "ping")).encode() + b"\n")
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"yett: " in done.stderr
    assert not any(data.startswith(b"POST") for data in seen)


def test_a_header_or_a_secret_that_cannot_be_had_stops_it_before_anything_is_sent() -> None:
    with answering(lambda _: stream()) as (url, seen):
        assert bridge(url, "no header").returncode == 1
        missing = bridge(url, "X-Key: secret://env/YETT_NO_SUCH")
    assert missing.returncode == 1
    assert b"secret://env/YETT_NO_SUCH" in missing.stderr
    assert seen == []


def test_a_message_that_is_not_taken_is_answered_with_an_error() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        kind = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        event = b"event: endpoint\ndata: /post\n\n"
        await send({"type": "http.response.body", "body": event, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    lines = [request(1, "ping"), {"jsonrpc": "2.0", "method": "notifications/initialized"}]
    with running(app) as url:
        done = bridge(url + "/sse", line=b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert done.returncode == 0, "the client left"
    [answer] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (answer["id"], answer["error"]["code"]) == (1, wire.UPSTREAM_FAILED)
