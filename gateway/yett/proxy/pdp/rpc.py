"""The doors that speak gRPC: Envoy's `ext_authz` v3 (`Check`) and agentgateway's `ExtMcp` (extra `grpc`).

They judge as the doors over HTTP do, and like them answer a failure with a refusal: a client that lets a
request pass when the call itself fails (`failure_mode_allow`, `failOpen`) is told no all the same. What gRPC
refuses by itself, such as a message that is too large, is an error of the call.

The credential comes in the call's metadata, as `authorization`; the headers of the request that is judged
are in the message, so the two cannot be mistaken for one another.

Beyond this host it speaks TLS, as the sidecar's port does; a Unix socket stays plain. The library takes TLS 1.2
too, and cannot be told otherwise.

The server runs on an event loop and thread of its own, beside the sidecar's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import grpc
import grpc.aio
import msgspec

from yett import canonical
from yett.clock import wall_clock
from yett.errors import InvalidCall, Unauthorized, YettError
from yett.model import Identity
from yett.proxy.mcp import wire
from yett.proxy.mcp.catalogue import INTRODUCTIONS, LISTINGS, Catalogue, Unpinned
from yett.proxy.pdp import envoy
from yett.proxy.pdp.asking import Authenticate, asker, on_behalf_of
from yett.proxy.pdp.gateways import judge_mcp
from yett.proxy.pdp.protos import ENVOY, EXT_MCP
from yett.sdk.listing import visible

LARGEST: Final = 2 * canonical.MAX_BYTES
"""Bytes of one message: the largest call, and what Envoy says about it."""
AT_ONCE: Final = 256
"""Calls judged at the same time; further ones are refused."""
_OVERWRITE: Final = 2
_OK, _INVALID, _FORBIDDEN, _EXHAUSTED, _INTERNAL, _UNAUTHENTICATED = 0, 3, 7, 8, 13, 16
"""google.rpc.Code."""
_HTTP: Final = {_INVALID: 400, _FORBIDDEN: 403, _EXHAUSTED: 429, _INTERNAL: 500, _UNAUTHENTICATED: 401}
_EXT_CODES: Final = {_INVALID: 3, _FORBIDDEN: 1, _EXHAUSTED: 2, _UNAUTHENTICATED: 1}
"""`AuthorizationError.Code`; 0 is UNKNOWN, which is a refusal too."""


class Tls(NamedTuple):
    """What the port shows and asks for; PEM."""

    certificate: bytes
    """Chain included."""
    key: bytes
    client_ca: bytes | None = None
    """Clients must show a certificate that this authority signed, besides their token."""

    def credentials(self) -> Any:
        """As the library wants them."""
        pair = [(self.key, self.certificate)]
        return grpc.ssl_server_credentials(pair, self.client_ca, self.client_ca is not None)


@contextlib.contextmanager
def serving(
    gateway: Any,
    authenticate: Authenticate,
    address: str,
    mode: int = 0o660,
    *,
    tls: Tls | None = None,
    remote: bool = False,
) -> Iterator[str]:
    """Serve until the context is left; gives the address that is bound.

    Args:
        authenticate: who sent a request with these headers, an agent or an operator; or raises `YettError`.
        address: `unix:PATH`, or HOST:PORT (0 for any free port).
        mode: of the socket.
        tls: for a port.
        remote: a port without TLS may be on another address than loopback.

    Raises:
        YettError: BAD_ADDRESS, CANNOT_BIND, NOT_LOOPBACK.
    """
    unix = address.removeprefix("unix:") if address.startswith("unix:") else None
    if unix is None:
        host, _, port = address.rpartition(":")
        if not (host and port.isascii() and port.isdigit()):
            raise YettError("BAD_ADDRESS", f"{address} is neither unix:PATH nor HOST:PORT")
        if host not in ("127.0.0.1", "localhost", "[::1]") and tls is None and not remote:
            raise YettError(
                "NOT_LOOPBACK",
                f"{address} is not this host's loopback",
                remedy="use unix:PATH, give a TLS certificate, or say --remote where the network is trusted",
            )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="yett-grpc", daemon=True)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    try:
        server, bound = run(_start(gateway, authenticate, address, None if unix is not None else tls))
        if unix is not None:
            os.chmod(unix, mode)
        try:
            yield address if unix is not None else f"{host}:{bound}"
        finally:
            run(server.stop(grace=5))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(gateway: Any, authenticate: Authenticate, address: str, tls: Tls | None) -> tuple[Any, int]:
    server = grpc.aio.server(
        maximum_concurrent_rpcs=AT_ONCE,
        options=[
            ("grpc.max_receive_message_length", LARGEST),
            ("grpc.max_metadata_size", 16_384),
            ("grpc.so_reuseport", 0),
        ],
    )
    door = _Door(gateway, authenticate)
    authorization = {"Check": _method(door.check, ENVOY["CheckRequest"])}
    ext_mcp = {
        "CheckRequest": _method(door.request, EXT_MCP["McpRequest"]),
        "CheckResponse": _method(door.response, EXT_MCP["McpResponse"]),
    }
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler("envoy.service.auth.v3.Authorization", authorization),
            grpc.method_handlers_generic_handler("agentgateway.dev.ext_mcp.ExtMcp", ext_mcp),
        )
    )
    before = os.umask(0o177)  # a socket is never open wider than wanted, not even for a moment
    try:
        if tls is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, tls.credentials())
    except RuntimeError:
        raise YettError("CANNOT_BIND", f"cannot listen on {address}") from None
    finally:
        os.umask(before)
    await server.start()
    return server, port


def _method(handle: Callable[..., Awaitable[Any]], request: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        handle,
        request_deserializer=request.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


class _Door:
    """The three methods."""

    def __init__(self, gateway: Any, authenticate: Authenticate) -> None:
        self._gateway = gateway
        self._authenticate = authenticate

    async def check(self, message: Any, context: Any) -> Any:
        """`envoy.service.auth.v3.Authorization/Check`."""
        try:
            identity = self._asker(context)
            settled = await envoy.settle(self._gateway, identity, _asked(message.attributes))
            refused = settled.refusal(as_error=False)
        except Exception as error:  # noqa: BLE001 -- whatever it was, the request does not pass
            code, text = _told(error)
            return _denied(code, _HTTP[code], msgspec.json.encode({"error": text}))
        if refused is not None:
            # An MCP client shows its model the result of a call; it is one only under 200.
            return _denied(_FORBIDDEN, 403 if settled.request is None else 200, refused)
        # Overwritten, not added: a permit that the client sent itself is not one of ours.
        headers = [
            {"header": {"key": key, "value": value}, "append_action": _OVERWRITE}
            for key, value in settled.headers().items()
        ]
        return ENVOY["CheckResponse"](status={"code": _OK}, ok_response={"headers": headers})

    async def request(self, message: Any, context: Any) -> Any:
        """`agentgateway.dev.ext_mcp.ExtMcp/CheckRequest`."""
        try:
            identity = _subject(self._asker(context), message.metadata_context)
            params = canonical.parse(message.mcp_request) if message.mcp_request else {}
            asked = {"method": message.method, "params": params}
            allowed, text, _ = await judge_mcp(self._gateway, identity, asked, _server(message))
        except Exception as error:  # noqa: BLE001 -- whatever it was, the call does not pass
            return _error(*_told(error))
        return EXT_MCP["McpResult"](passed={}) if allowed else _error(_FORBIDDEN, text)

    async def response(self, message: Any, context: Any) -> Any:
        """`…ExtMcp/CheckResponse`: takes out of what a server says of itself what speaks to the model, and tools that
        can never be allowed.

        The protocol does not say which request a response answers, so it is no outcome that could be recorded.
        """
        try:
            self._asker(context)
            if message.method not in LISTINGS.keys() | INTRODUCTIONS:
                return EXT_MCP["McpResult"](passed={})
            result = wire.read(
                wire.write({"jsonrpc": "2.0", "id": 0, "result": msgspec.Raw(message.mcp_response)}),
                max_bytes=LARGEST,
                judged=False,
            )
            assert isinstance(result, wire.Response)
            server = _server(message)
            catalogue = Catalogue(Unpinned(server or ""), partial(self._visible, server=server), wall_clock)
            kept, _ = catalogue.filter(message.method, result.result or {})
        except Exception as error:  # noqa: BLE001 -- an answer that can't be read is not shown
            return _error(*_told(error))
        if kept is None:
            return EXT_MCP["McpResult"](passed={})
        return EXT_MCP["McpResult"](mutated=msgspec.json.encode(kept))

    def _visible(self, tool: str, server: str | None) -> bool:
        return visible(self._gateway, tool, server)

    def _asker(self, context: Any) -> Identity:
        return asker(self._authenticate([_pair(*pair) for pair in context.invocation_metadata() or ()]))


def _asked(attributes: Any) -> envoy.Asked:
    """The request in an `AttributeContext`.

    Raises:
        YettError: BAD_REQUEST, there is none; AMBIGUOUS, two bodies that differ, or one that may have been changed.
    """
    http = attributes.request.http
    if not (http.method and http.path):
        raise YettError("BAD_REQUEST", "the message has no HTTP request")
    headers = {key.lower(): value for key, value in http.headers.items()}
    for one in http.header_map.headers:
        value = one.value or one.raw_value.decode("latin-1")
        if headers.setdefault(one.key.lower(), value) != value:
            headers[one.key.lower()] += "," + value
    body = http.raw_body or http.body.encode()
    if http.raw_body and http.body and http.body.encode() != http.raw_body:
        raise YettError("AMBIGUOUS", "the message has two bodies that differ")
    if http.body and not http.raw_body and "!" in http.body:
        # What is not UTF-8 is `!` where Envoy sends a body as text: not what the server will read.
        raise YettError(
            "AMBIGUOUS",
            "the body was sent as text, and may not be as it was",
            remedy="set `pack_as_bytes: true`",
        )
    unsent = http.size < 0 and not body and "content-type" in headers
    return envoy.Asked(
        method=http.method,
        host=http.host,
        path=http.path,
        body=body,
        # A client's own word stands beside Envoy's where headers are sent raw.
        cut="true" in headers.get("x-envoy-auth-partial-body", "") or http.size > len(body) or unsent,
        encoding=headers.get("content-encoding", ""),
        kind=headers.get("content-type", ""),
        # From the route's configuration: a header would be the client's to choose.
        server=attributes.context_extensions.get("mcp_server") or None,
    )


def _denied(code: int, status: int, body: bytes) -> Any:
    """A refusal: its code decides, whatever status the client is answered with."""
    header = {"header": {"key": "content-type", "value": "application/json"}, "append_action": _OVERWRITE}
    denied = {"status": {"code": status}, "headers": [header], "body": body.decode()}
    return ENVOY["CheckResponse"](status={"code": code}, denied_response=denied)


def _error(code: int, text: str) -> Any:
    return EXT_MCP["McpResult"](error={"code": _EXT_CODES.get(code, 0), "reason": text})


def _told(error: Exception) -> tuple[int, str]:
    """A google.rpc.Code and a sentence, which for a foreign exception has nothing of its text."""
    if isinstance(error, Unauthorized):
        forbidden = error.code in ("ROLE_FORBIDDEN", "SUBJECT_MISMATCH")
        return _FORBIDDEN if forbidden else _UNAUTHENTICATED, str(error)
    if isinstance(error, YettError):
        return _EXHAUSTED if error.code == "RATE_LIMITED" else _INVALID, str(error)
    if isinstance(error, wire.WireError):
        return _INVALID, error.message
    return _INTERNAL, f"judging failed ({type(error).__name__})"


def _pair(key: str, value: str | bytes) -> tuple[bytes, bytes]:
    return key.encode("ascii"), value if isinstance(value, bytes) else value.encode("latin-1")


def _subject(identity: Identity, metadata: Any) -> Identity:
    """Whom agentgateway asks for, if its configuration says so (`metadataContext: {subject: jwt.sub}`)."""
    if "subject" not in metadata.fields:
        return identity
    subject = metadata.fields["subject"].string_value
    if not subject:
        raise InvalidCall("BAD_REQUEST", "the subject is not text", path="/metadata_context/subject")
    return on_behalf_of(identity, subject)


def _server(message: Any) -> str | None:
    """The one server a message is about."""
    names = list(message.service_names)
    if len(names) > 1 and message.method not in LISTINGS:
        raise InvalidCall("BAD_REQUEST", "the request is for more than one server", path="/service_names")
    return names[0] if len(names) == 1 else None
