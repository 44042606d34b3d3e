"""A real Envoy with a shipped configuration, and the server behind it that notes what reaches it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

TRANSPORTS = {"http": "envoy.yaml", "grpc": "envoy-grpc.yaml"}


class Seen(NamedTuple):
    method: str
    headers: dict[str, str]
    body: bytes


class Upstream:
    """The tool server: notes what reaches it."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                if self.headers.get("transfer-encoding") == "chunked":
                    parts = []
                    while size := int(self.rfile.readline(), 16):
                        parts.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    body = b"".join(parts)
                else:
                    body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.seen.append(Seen(self.command, headers, body))
                self.send_response(200)
                self.send_header("content-length", "3")
                self.end_headers()
                self.wfile.write(b"ran")

            do_GET = do_DELETE = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Unix(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("tools.example", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Told(NamedTuple):
    status: int
    body: bytes


class Front:
    """A client of the Envoy under test, and what reached the server behind it."""

    def __init__(self, path: str, upstream: Upstream) -> None:
        self.path = path
        self.upstream = upstream

    def ask(self, method: str = "POST", path: str = "/mcp", body: Any = b"", **given: str) -> Told:
        with contextlib.closing(Unix(self.path)) as connection:
            named = {name.replace("_", "-"): value for name, value in given.items()}
            headers = {"content-type": "application/json", **named}
            connection.request(method, path, body, headers, encode_chunked="transfer-encoding" in named)
            answer = connection.getresponse()
            return Told(answer.status, answer.read())

    def post(self, message: Any, **headers: str) -> Told:
        return self.ask(
            body=message if isinstance(message, bytes) else json.dumps(message).encode(), **headers
        )

    def reached(self) -> list[Seen]:
        seen, self.upstream.seen = self.upstream.seen, []
        return seen


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }


def configured(text: str, folder: Path, gateway: Path, port: int, token: str, timeout: str) -> str:
    """The shipped configuration with other addresses and timeouts."""
    changes = {
        "@TOKEN@": token,
        "{socket_address: {address: 127.0.0.1, port_value: 10000}}": f"{{pipe: {{path: {folder}/front.sock}}}}",
        "port_value: 9000": f"port_value: {port}",
        " timeout: 5s": f" timeout: {timeout}",
    }
    text = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    text, socket_named = re.subn(r"/run/yett/\w+\.sock", str(gateway), text)
    assert socket_named == 1
    text = text.replace(
        "connect_timeout: 1s", "connect_timeout: 60s"
    )  # no test may depend on the machine's pace
    text = text.replace("request_headers_timeout: 10s", "request_headers_timeout: 60s")
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@contextlib.contextmanager
def envoy_before(
    port: int,
    program: str,
    folder: Path,
    transport: str,
    gateway: Path,
    token: str = "t",
    timeout: str = "60s",
) -> Iterator[str]:
    """A running Envoy that asks on the socket `gateway` and hands on to `port`; the socket that it listens on."""
    shipped = (Path(__file__).parents[2] / "deploy" / "envoy" / TRANSPORTS[transport]).read_text()
    file = folder / "envoy.yaml"
    file.write_text(configured(shipped, folder, gateway, port, token, timeout))
    options = ["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error", "-c", str(file)]
    with (folder / "envoy.log").open("wb") as log:
        running = subprocess.Popen([program, *options], stdout=log, stderr=log)
    try:
        until(lambda: answers(folder / "front.sock"), running, folder / "envoy.log")
        yield str(folder / "front.sock")
    finally:
        running.kill()
        running.wait()


@contextlib.contextmanager
def front_before(program: str, folder: Path, transport: str, gateway: Path, **more: str) -> Iterator[Front]:
    """An Envoy before a server that notes what reaches it."""
    upstream = Upstream()
    port = upstream.server.server_port
    try:
        with envoy_before(port, program, folder, transport, gateway, **more) as path:
            yield Front(path, upstream)
    finally:
        upstream.server.shutdown()
        upstream.server.server_close()


def answers(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        return True
    return False


def until(done: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for a program to be ready, for as long as it lives (and the test's own limit)."""
    while not done():
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
