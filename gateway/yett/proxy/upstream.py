"""Requests to one upstream, over kept connections, to an address that was chosen once.

Just enough HTTP/1.1 for a proxy: the response's head, then its body as it comes, bounded by pausing the
socket. A name is resolved once for each connection and the connection goes to exactly that address, which
must be one the configuration permits: an agent must not reach a metadata service through a name it controls
(DNS rebinding). Redirects are not followed here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
import urllib.parse
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import httptools
import msgspec
import re2

from yett.errors import YettError

HIGH: Final = 1 << 20
"""Bytes of a body held before the socket is paused."""
MAX_HEAD: Final = 64 * 1024
KEPT: Final = 64
"""Idle connections kept to one upstream."""
CONNECT_S: Final = 10.0
WHOLE_S: Final = 600.0
"""For a body that is not shown before it is there."""
IDLE_S: Final = 3.0
"""A kept connection is closed after this: servers close theirs at five seconds, and a request that meets the
closing is in doubt; and a server that does not close, asked once, would hold a descriptor for ever."""
_NAMES: Final = ThreadPoolExecutor(8, "yett-names")
"""Looks names up. Who answers slowly for his own names keeps these threads waiting, and nobody else's."""

_TOKEN: Final = re2.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110, 5.6.2)."""
_NAME: Final = re2.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
_NUMBER: Final = re2.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)\.?")

Headers = list[tuple[bytes, bytes]]


class Broken(YettError):
    """The upstream can't be reached, or broke off."""

    def __init__(self, message: str) -> None:
        super().__init__("UPSTREAM_FAILED", message)


class Target(msgspec.Struct, frozen=True):
    """Where an upstream is."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query, as it is sent."""

    @classmethod
    def of(cls, url: str) -> Target:
        """Raises `YettError` BAD_URL for anything but plain http(s) with a host that reads in one way: `\\` ends a
        host for browsers and policies, and escapes a dot for resolvers."""
        try:
            parts = urllib.parse.urlsplit(url)
            port = parts.port if parts.port is not None else 443 if parts.scheme == "https" else 80
        except ValueError:
            raise YettError("BAD_URL", "the upstream's URL can't be read") from None
        plain = url.isascii() and url.isprintable() and not any(each in url for each in ' "<>\\^`{|}')
        host = parts.hostname or ""
        named = _one_reading(host) and "@" not in parts.netloc and ("[" in parts.netloc) == (":" in host)
        if parts.scheme not in ("http", "https") or not named or not plain or not port:
            raise YettError("BAD_URL", "the upstream's URL is not http(s)://host/path without a user")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, port, path)

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == default else f"{host}:{self.port}"


def _one_reading(host: str) -> bool:
    """Whether a host is a name, or an address as it is usually written."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _NAME.fullmatch(host) is not None and _NUMBER.fullmatch(host) is None
    return "%" not in host


def header_pairs(given: Sequence[str]) -> list[tuple[str, str]]:
    """`Name: value` each. Raises `YettError` BAD_HEADER."""
    pairs = []
    for header in given:
        name, colon, value = header.partition(":")
        if not colon or not _TOKEN.fullmatch(name.strip()) or not _is_plain(value.strip()):
            raise YettError("BAD_HEADER", "a header is `Name: value`")
        pairs.append((name.strip(), value.strip()))
    return pairs


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable()


class Answer:
    """A response whose head has come; `read` gives its body piece by piece, b"" at the end."""

    def __init__(self, wire: _Wire, pool: Upstream) -> None:
        self.status = wire.status
        self.headers: Headers = wire.headers
        self._wire = wire
        self._pool = pool
        self._ended = False
        self._hidden: list[bytes] = []

    def hide(self, values: Iterable[str]) -> None:
        """Take values, credentials that the request carried, out of what `headers`, `whole` and `shown` give."""
        forms = {
            form for value in values for form in (value, value.replace("/", "\\/"), json.dumps(value)[1:-1])
        }
        # One may begin as another does, and would leave the end of it.
        self._hidden = [form.encode() for form in sorted(forms, key=len, reverse=True)]
        self.headers = [(name, self.shown(value)) for name, value in self.headers]

    def shown(self, data: bytes) -> bytes:
        """A part of the answer without what is to be hidden."""
        for value in self._hidden:
            data = data.replace(value, b"[secret]")
        return data

    def header(self, name: bytes) -> bytes:
        """The first value of a header, by its lower-case name."""
        return next((value for key, value in self.headers if key == name), b"")

    async def read(self) -> bytes:
        """The next piece. Raises `Broken` if the body is cut short."""
        if self._ended:
            return b""
        piece = await self._wire.read()
        if not piece:
            # From here on the connection may be another request's.
            self._ended = True
            self._pool.give_back(self._wire)
        return piece

    async def whole(self, limit: int, seconds: float = WHOLE_S) -> bytes:
        """The rest of the body. Raises `Broken` if it is longer than `limit`, or takes longer than `seconds`."""
        found = bytearray()
        try:
            async with asyncio.timeout(seconds):
                while piece := await self.read():
                    found += piece
                    if len(found) > limit:
                        raise Broken(f"the upstream's answer has more than {limit} bytes")
        except TimeoutError:
            raise Broken("the upstream did not answer in time") from None
        finally:
            self.close()
        return self.shown(bytes(found))

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        while piece := await self.read():
            yield piece

    def close(self) -> None:
        """Give the connection up, unless the body was read to its end."""
        if not self._ended:
            self._ended = True
            self._wire.give_up()


class Upstream:
    """One host and port.

    Args:
        target: where; its path is only a default.
        private: loopback, private and link-local addresses are permitted.
    """

    def __init__(self, target: Target, *, private: bool) -> None:
        self.target = target
        self._private = private
        self._tls = ssl.create_default_context() if target.scheme == "https" else None
        self._idle: deque[_Wire] = deque()
        self._watching = False

    async def send(
        self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]], body: bytes, *, seconds: float
    ) -> Answer:
        """Send one request and wait for the head of its response.

        Raises:
            Broken; YettError: ADDRESS_FORBIDDEN.
        """
        wire = self._take() or await self._connect()
        head = [f"{method} {path} HTTP/1.1\r\nhost: {self.target.authority}\r\n".encode("ascii")]
        head += [name + b": " + value + b"\r\n" for name, value in headers]
        head.append(b"content-length: %d\r\n\r\n" % len(body) if body or method == "POST" else b"\r\n")
        wire.write(b"".join(head) + body)
        try:
            async with asyncio.timeout(seconds):
                await wire.head
        except TimeoutError:
            wire.give_up()
            raise Broken("the upstream did not answer in time") from None
        except BaseException:
            wire.give_up()
            raise
        return Answer(wire, self)

    def give_back(self, wire: _Wire) -> None:
        """Keep a connection whose response is complete."""
        if wire.reusable and wire.alive and len(self._idle) < KEPT:
            loop = asyncio.get_running_loop()
            wire.since = loop.time()
            self._idle.append(wire)
            if not self._watching:
                self._watching = True
                loop.call_later(IDLE_S, self._watch, loop)
        else:
            wire.give_up()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Closes what was kept for too long; the oldest stands first."""
        while self._idle and self._idle[0].since + IDLE_S <= loop.time():
            self._idle.popleft().give_up()
        self._watching = bool(self._idle)
        if self._idle:
            loop.call_at(self._idle[0].since + IDLE_S, self._watch, loop)

    async def close(self) -> None:
        """Close what is kept."""
        while self._idle:
            self._idle.pop().give_up()

    def _take(self) -> _Wire | None:
        oldest = asyncio.get_running_loop().time() - IDLE_S
        while self._idle:
            wire = self._idle.pop()
            if wire.alive and wire.since >= oldest:
                wire.begin()
                return wire
            wire.give_up()
        return None

    async def _connect(self) -> _Wire:
        loop = asyncio.get_running_loop()
        address = await self._address(loop)
        try:
            _, wire = await asyncio.wait_for(
                loop.create_connection(
                    _Wire,
                    address,
                    self.target.port,
                    ssl=self._tls,
                    server_hostname=self.target.host if self._tls else None,
                ),
                CONNECT_S,
            )
        except (OSError, TimeoutError) as error:
            raise Broken(f"the upstream can't be reached ({type(error).__name__})") from None
        wire.begin()
        return wire

    async def _address(self, loop: asyncio.AbstractEventLoop) -> str:
        """One address of the host, after all of them were found permitted."""
        look = partial(socket.getaddrinfo, self.target.host, self.target.port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.wait_for(loop.run_in_executor(_NAMES, look), CONNECT_S)
        except (OSError, UnicodeError, TimeoutError):
            raise Broken("the upstream's name can't be resolved") from None
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            if not self._private and not permitted(address):
                raise YettError(
                    "ADDRESS_FORBIDDEN",
                    "the upstream's name leads to an address that is not public",
                    remedy="set `private` for an upstream that is meant to be on this network",
                )
        if not addresses:
            raise Broken("the upstream's name has no address")
        return addresses[0]


_CARRIERS: Final = (ipaddress.ip_network("::/96"), ipaddress.ip_network("64:ff9b::/96"))
"""IPv6 addresses that end in the IPv4 address to which a translator sends the packets (RFC 4291, 6052)."""
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b:1::/48")
"""The same with an IPv4 address that only the network's owner can find in it (RFC 8215)."""


def permitted(address: str) -> bool:
    """Whether an address is a public one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner: ipaddress.IPv4Address | None = None
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if any(parsed in network for network in _CARRIERS):
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    judged = inner or parsed
    return judged.is_global and not judged.is_multicast and parsed not in _TRANSLATED


class _Wire(asyncio.Protocol):
    """One connection; httptools parses what comes."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._lost = False
        self._done = True  # until something is asked, there is nothing to answer
        self.since = 0.0

    def begin(self) -> None:
        """Get ready for one response."""
        self._parser = httptools.HttpResponseParser(self)
        self.head: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.head.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.status = 0
        self.headers: Headers = []
        self.reusable = False
        self._beside = 0
        """Bytes since the last one of a body: a head, a trailer, the extensions of a chunk."""
        self._parts: deque[bytes] = deque()
        self._held = 0
        self._done = False
        self._surplus = False
        self._error: Broken | None = None
        self._waiter: asyncio.Future[None] | None = None
        if not self.alive:
            self._fail("the upstream broke off")

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def read(self) -> bytes:
        while not self._parts:
            if self._error is not None:
                raise self._error
            if self._done:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        piece = b"".join(self._parts)
        self._parts.clear()
        if self._held > HIGH and not self._lost:
            self._transport.resume_reading()
        self._held = 0
        return piece

    @property
    def alive(self) -> bool:
        return not self._lost and not self._transport.is_closing()

    def give_up(self) -> None:
        self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._done:
            # Bytes nobody asked for: the connection must not meet another question.
            self.reusable = False
            self.give_up()
            return
        self._beside += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._done:
                self._fail("the upstream's answer is not HTTP")
                return
            self._surplus = True
        if self._surplus:
            self.reusable = False
        elif self._beside > MAX_HEAD and not self._done:
            # The parser collects a header's value until its line ends, which may be never.
            self._fail("the upstream's answer has too much beside its body")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if not self._done:
            self._fail("the upstream broke off")

    def _fail(self, why: str) -> None:
        self.reusable = False
        self._error = Broken(why)
        if not self.head.done():
            self.head.set_exception(self._error)
        self._wake()
        if not self._lost:
            self.give_up()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # httptools

    def on_message_begin(self) -> None:
        # A second answer to one question, in the same bytes as the first: it is nobody's.
        self._surplus = self._done

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._surplus:
            return
        if self.head.done():
            return  # a trailer
        if len(self.headers) > 200:
            raise ValueError("head too large")
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._surplus:
            return
        self.status = self._parser.get_status_code()
        if self.status > 599:
            raise ValueError("no status of HTTP")
        if self.status >= 200 and not self.head.done():
            self.head.set_result(None)

    def on_body(self, body: bytes) -> None:
        if self._surplus:
            return
        self._beside = 0
        self._parts.append(body)
        self._held += len(body)
        if self._held > HIGH:
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if self._surplus:
            return
        if self.status < 200:
            self.headers.clear()
            return
        self._done = True
        self.reusable = self._parser.should_keep_alive()
        self._wake()
