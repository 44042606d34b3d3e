"""As much of HTTP/1.1 as one question to the gateway needs, without any I/O (RFC 9112).

`encode_request` makes the bytes of a request; a `ResponseParser` is fed whatever arrives and gives the
response once it is complete. Both clients drive the same parser, and tests drive it with bytes.

The parser accepts less than a browser does, because every leniency is a way for the other side to be read
differently: one framing header only, no obsolete line folding, no bare line feeds, no interim responses,
no body that ends with the connection (a cut answer would look whole), nothing after the body, and caps on
the sizes of head and body.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable
from typing import Final, NamedTuple

from yett.sdk.errors import TransportError

MAX_HEAD: Final = 16 * 1024
"""Bytes of a response's status line and headers."""
MAX_BODY: Final = 1024 * 1024
"""Bytes of a response's body."""
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_TOKEN_BYTES: Final = frozenset(
    b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
_HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")


class Target(NamedTuple):
    """Where the gateway listens."""

    kind: str
    """unix, tcp or tls."""
    path: str
    """Of the socket, for `unix`."""
    host: str
    port: int
    authority: str
    """What stands in the Host header."""


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    """Names in lower case; of a repeated header, the first value."""
    body: bytes
    keep_alive: bool


def parse_target(url: str, *, insecure: bool = False) -> Target:
    """`/run/yett/yett.sock`, `unix:///run/yett/yett.sock`, `http://127.0.0.1:8787` or `https://host:port`.

    Args:
        insecure: accept `http` to another host than this one; the token then travels in the clear.

    Raises:
        TransportError: BAD_URL, INSECURE_URL.
    """
    if url.startswith("/"):
        return Target("unix", url, "", 0, "localhost")
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc:
        return Target("unix", parts.path, "", 0, "localhost")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise TransportError(
            "BAD_URL",
            "the gateway's address is neither a socket path nor http(s)://host:port",
            remedy="unix:///path",
        )
    if parts.username or parts.query or parts.fragment:
        raise TransportError("BAD_URL", "the gateway's address carries more than a host and a port")
    secure = parts.scheme == "https"
    if not secure and not insecure and parts.hostname not in _LOOPBACK:
        raise TransportError(
            "INSECURE_URL",
            "plain http to another host would send the token in the clear",
            remedy="use https, a Unix socket, or insecure=True where the network is trusted",
        )
    port = parts.port or (443 if secure else 80)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Target("tls" if secure else "tcp", "", parts.hostname, port, f"{host}:{port}")


def encode_request(
    method: str, target: str, authority: str, headers: Iterable[tuple[str, str]], body: bytes | None
) -> bytes:
    """The bytes of a request. Header values must not hold line breaks (a token from a file often does)."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {authority}"]
    for name, value in headers:
        if "\r" in value or "\n" in value or "\0" in value or not value.isascii():
            raise TransportError("BAD_HEADER", f"the value of {name} is not one line of ASCII")
        lines.append(f"{name}: {value}")
    if body is not None:
        lines.append("content-type: application/json")
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + (body or b"")


class ResponseParser:
    """Reads one response. Feed it until it returns one; feed it `b""` when the connection ended."""

    def __init__(self, *, max_head: int = MAX_HEAD, max_body: int = MAX_BODY) -> None:
        self._max_head = max_head
        self._max_body = max_body
        self._buffer = bytearray()
        self._head: tuple[int, dict[str, str]] | None = None
        self._length = 0
        self._chunks: _Chunks | None = None
        self.started = False

    def feed(self, data: bytes) -> Response | None:
        """
        Raises:
            TransportError: GATEWAY_CLOSED, GATEWAY_GARBAGE, RESPONSE_TOO_LARGE, GATEWAY_REDIRECT.
        """
        if not data:
            raise TransportError("GATEWAY_CLOSED", "the connection ended before the answer was complete")
        self.started = True
        self._buffer += data
        if self._head is None and not self._read_head():
            return None
        assert self._head is not None
        status, headers = self._head
        if self._chunks is not None:
            body = self._chunks.feed(self._buffer)
            if body is None:
                return None
        else:
            if len(self._buffer) < self._length:
                return None
            body = bytes(self._buffer[: self._length])
            del self._buffer[: self._length]
        if self._buffer:
            raise _garbage("bytes follow the answer")
        return Response(status, headers, body, headers.get("connection", "").lower() != "close")

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n", 0, self._max_head)
        if end < 0:
            if len(self._buffer) >= self._max_head:
                raise TransportError(
                    "RESPONSE_TOO_LARGE", f"the answer's head is over {self._max_head} bytes"
                )
            return False
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        lines = head.split(b"\r\n")
        status = _status(lines[0])
        headers: dict[str, str] = {}
        framing = 0
        for line in lines[1:]:
            name, value = _header(line)
            if name in ("content-length", "transfer-encoding"):
                framing += 1
            headers.setdefault(name, value)
        if framing != 1:
            raise _garbage("the answer must have exactly one of content-length and transfer-encoding")
        if "content-length" in headers:
            self._length = self._content_length(headers["content-length"])
        elif headers["transfer-encoding"].lower() == "chunked":
            self._chunks = _Chunks(self._max_body)
        else:
            raise _garbage("an unknown transfer coding")
        self._head = status, headers
        return True

    def _content_length(self, text: str) -> int:
        if not (text.isascii() and text.isdigit()) or len(text) > 12:
            raise _garbage("content-length is not a number")
        length = int(text)
        if length > self._max_body:
            raise TransportError("RESPONSE_TOO_LARGE", f"the answer announces {length} bytes")
        return length


class _Chunks:
    """The chunked transfer coding (RFC 9112 §7.1), without trailers or extensions."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._body = bytearray()
        self._left: int | None = None

    def feed(self, buffer: bytearray) -> bytes | None:
        while True:
            if self._left is None and not self._read_size(buffer):
                return None
            assert self._left is not None
            if len(buffer) < self._left + 2:
                return None
            if buffer[self._left : self._left + 2] != b"\r\n":
                raise _garbage("a chunk does not end where it said")
            self._body += buffer[: self._left]
            last = self._left == 0
            del buffer[: self._left + 2]
            self._left = None
            if last:
                return bytes(self._body)

    def _read_size(self, buffer: bytearray) -> bool:
        end = buffer.find(b"\r\n", 0, 12)
        if end < 0:
            if len(buffer) >= 12:
                raise _garbage("a chunk's size is too long")
            return False
        text = bytes(buffer[:end])
        if not text or not _HEX_DIGITS.issuperset(text):
            raise _garbage("a chunk's size is not a number")
        size = int(text, 16)
        if len(self._body) + size > self._max_body:
            raise TransportError("RESPONSE_TOO_LARGE", f"the answer is over {self._max_body} bytes")
        del buffer[: end + 2]
        self._left = size
        return True


def _status(line: bytes) -> int:
    if (
        len(line) < 12
        or line[:9] != b"HTTP/1.1 "
        or not line[9:12].isdigit()
        or line[12:13] not in (b"", b" ")
    ):
        raise _garbage("the answer is not HTTP/1.1")
    status = int(line[9:12])
    if status < 200:
        raise _garbage("an interim response")
    if 300 <= status < 400:
        # A redirect would take the token, and the question, to somebody else.
        raise TransportError(
            "GATEWAY_REDIRECT", "the gateway answered with a redirect, which is never followed"
        )
    return status


def _header(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not colon or not name or not _TOKEN_BYTES.issuperset(name):
        raise _garbage("a malformed header line")
    value = value.strip(b" \t")
    if b"\r" in value or b"\n" in value or b"\0" in value:
        raise _garbage("a control character in a header")
    return name.decode("ascii").lower(), value.decode("latin-1")


def _garbage(what: str) -> TransportError:
    return TransportError("GATEWAY_GARBAGE", what)
