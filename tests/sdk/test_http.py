"""The response parser reads the same whatever way the bytes are cut, and never accepts what it should not."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.sdk.errors import TransportError
from yett.sdk.http import Response, ResponseParser, encode_request, parse_target

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 7\r\n\r\n[1,2,3]"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n[1,\r\n4\r\n2,3]\r\n0\r\n\r\n"


def feed(data: bytes, cuts: list[int]) -> Response | None:
    parser = ResponseParser()
    response = None
    edges = [0, *sorted(set(cuts)), len(data)]
    for start, end in pairwise(edges):
        if start == end:
            continue
        assert response is None
        response = parser.feed(data[start:end])
    return response


@given(st.sampled_from([PLAIN, CHUNKED]), st.lists(st.integers(1, 60), max_size=20))
def test_cuts_do_not_change_what_is_read(data: bytes, cuts: list[int]) -> None:
    response = feed(data, [cut for cut in cuts if cut < len(data)])
    assert response is not None
    assert (response.status, response.body) == (200, b"[1,2,3]")


@given(st.sampled_from([PLAIN, CHUNKED]), st.integers(0, 200))
def test_a_part_of_an_answer_is_never_an_answer(data: bytes, length: int) -> None:
    part = data[: min(length, len(data) - 1)]
    parser = ResponseParser()
    assert not part or parser.feed(part) is None
    with pytest.raises(TransportError):
        parser.feed(b"")


@given(st.binary(max_size=300))
def test_noise_is_refused_or_waited_for(noise: bytes) -> None:
    parser = ResponseParser(max_head=128, max_body=64)
    try:
        response = parser.feed(noise) if noise else None
    except TransportError:
        return
    assert response is None or noise.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(
    "bad",
    [
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/2 200\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0x1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n content-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: a\nb: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0;x=y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: y\r\n\r\n",
    ],
)
def test_what_servers_and_proxies_read_differently_is_refused(bad: bytes) -> None:
    with pytest.raises(TransportError):
        ResponseParser().feed(bad)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/run/yett.sock", "unix"),
        ("unix:///run/yett.sock", "unix"),
        ("http://127.0.0.1:8787", "tcp"),
        ("http://[::1]:8787/", "tcp"),
        ("https://gate.example", "tls"),
    ],
)
def test_addresses_that_are_understood(url: str, kind: str) -> None:
    assert parse_target(url).kind == kind


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://gate.example:8787", "INSECURE_URL"),
        ("http://0x7f000001:80", "INSECURE_URL"),
        ("http://127.0.0.1:8787/prefix", "BAD_URL"),
        ("http://user:word@127.0.0.1", "BAD_URL"),
        ("ftp://127.0.0.1", "BAD_URL"),
        ("yett.sock", "BAD_URL"),
        ("unix://host/run/yett.sock", "BAD_URL"),
    ],
)
def test_addresses_that_are_refused(url: str, code: str) -> None:
    with pytest.raises(TransportError) as refused:
        parse_target(url)
    assert refused.value.code == code


def test_a_header_cannot_be_smuggled_in() -> None:
    with pytest.raises(TransportError):
        encode_request("GET", "/", "localhost", [("authorization", "a\r\nx-evil: 1")], None)
