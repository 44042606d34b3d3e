"""The sidecar's patience with a connection ends: slow heads, huge heads, silence, two framings."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from yett.model import ToolCall
from yett.serve import protocol


def talk(living: Any) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(8)
    connection.connect(str(living.settings.socket))
    return connection


def until_closed(connection: socket.socket) -> bytes:
    received = b""
    try:
        while more := connection.recv(65536):
            received += more
    except ConnectionResetError:
        pass
    return received


@pytest.fixture
def hurried(make_living: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 2.0)  # a whole head must come in it on any machine
    return make_living()


def test_a_connection_that_says_nothing_is_closed(hurried: Any) -> None:
    with talk(hurried) as connection:
        assert until_closed(connection) == b""


def test_a_head_that_drips_is_cut_off(hurried: Any) -> None:
    with talk(hurried) as connection, pytest.raises((BrokenPipeError, ConnectionResetError)):
        for byte in b"POST /v1/decisions HTTP/1.1\r\n" + b"x: y\r\n" * 10_000:
            connection.sendall(bytes([byte]))
            time.sleep(0.01)


def test_a_second_head_that_drips_is_cut_off_as_well(hurried: Any) -> None:
    with talk(hurried) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b'{"status":"ok"}'):  # its head and its body may come apart
            piece = connection.recv(65536)
            assert piece, answer
            answer += piece
        assert b"200 OK" in answer
        connection.sendall(b"GET /healthz HT")
        assert until_closed(connection) == b""


@pytest.mark.parametrize("said", [b"\r\n", b"\r\n\r\n"])
def test_line_breaks_that_begin_no_head_hold_no_connection(hurried: Any, said: bytes) -> None:
    """RFC 9112, 2.2 has a server pass over them; the silence behind them ends all the same."""
    with talk(hurried) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b'{"status":"ok"}'):
            answer += connection.recv(65536)
        connection.sendall(said)
        assert until_closed(connection) == b""


def test_an_idle_kept_connection_is_not_cut_off_by_the_heads_deadline(hurried: Any) -> None:
    client = hurried.client("agent")
    assert client.decide(ToolCall(tool="ping")).allowed
    time.sleep(2.5)
    assert client.decide(ToolCall(tool="ping")).allowed


def test_a_huge_head_is_refused(living: Any) -> None:
    with talk(living) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        try:
            for _ in range(200):
                connection.sendall(b"x-pad: " + b"y" * 1000 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            return
        assert b"200 OK" not in until_closed(connection)


def test_too_many_headers_are_refused(living: Any) -> None:
    with talk(living) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + b"a: b\r\n" * 500 + b"\r\n")
        assert b"200 OK" not in until_closed(connection)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
def test_requests_that_could_be_read_two_ways_are_refused(living: Any, head: bytes) -> None:
    with talk(living) as connection:
        connection.sendall(head)
        connection.shutdown(socket.SHUT_WR)
        answer = until_closed(connection)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 401"))


def test_an_upgrade_to_websocket_is_not_offered(living: Any) -> None:
    with talk(living) as connection:
        connection.sendall(
            b"GET /v1/identity HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b" 101 " not in connection.recv(65536)


def test_a_body_larger_than_announced_does_not_become_a_second_request_of_anothers(living: Any) -> None:
    """Prevents request smuggling: what follows a body is a request of its own, without a token."""
    token = living.token("agent", "ann", "smuggler")
    body = b'{"tool":"ping"}'
    request = b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + token.encode()
    request += b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    smuggled = b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
    with talk(living) as connection:
        connection.sendall(request + smuggled)
        answer = until_closed(connection)
    assert answer.count(b"HTTP/1.1 200") == 1
    assert answer.count(b"HTTP/1.1 401") == 1


def test_every_answer_forbids_sniffing_and_caching(living: Any) -> None:
    for path in (b"/healthz", b"/console", b"/v1/decisions", b"/nothing"):
        with talk(living) as connection:
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            head = until_closed(connection).partition(b"\r\n\r\n")[0].lower()
        assert b"x-content-type-options: nosniff" in head
        assert b"cache-control: no-store" in head
        assert b"server:" not in head
