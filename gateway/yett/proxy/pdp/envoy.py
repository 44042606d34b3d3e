"""Envoy `ext_authz` over HTTP, as Envoy, Istio and agentgateway call it.

Envoy repeats the request it holds (method, path, chosen headers, and the body with `with_request_body`)
under `/ext_authz`; 200 lets it go on, anything else is the client's answer. Where Envoy names an MCP server, what
is posted is an MCP message and judged as the call it carries; its path is not looked at, so route nothing but the
MCP endpoint there. Any other request is the tool `http` with `method`, `host`, `path` and `body`, and carries no
MCP message, by anybody's reading. A body that Envoy cut (`x-envoy-auth-partial-body`), that is compressed or in
another charset than UTF-8, cannot be judged and is refused. Paths are judged in their one normal spelling.

A call that does not run is answered in MCP's own words. Over HTTP that is an error, because Envoy takes 200 for a
yes; over gRPC (`rpc.py`) it is a tool result, which more clients show their model.

The credential of Envoy itself comes in `x-yett-authorization`, because `authorization` belongs to the request
that is judged, and the server's name in `x-mcp-server`. Set both with `headers_to_add`, which replaces what a
client sent under these names; neither belongs into `allowed_headers`, `content-type` and `content-encoding` do.
"""

from __future__ import annotations

import json
import string
import unicodedata
from typing import Any, Final

import msgspec
import re2
from starlette.requests import Request
from starlette.responses import Response

from yett.errors import YettError
from yett.model import Decision, Identity
from yett.proxy.mcp import answers, wire
from yett.proxy.mcp.headers import is_utf8
from yett.proxy.mcp.methods import to_judge
from yett.proxy.pdp.asking import Authenticate, Door, about, asker, body_of, guarded, judged, reply
from yett.sdk.decider import explain

PREFIX: Final = "/ext_authz"
_ESCAPE: Final = re2.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED: Final = frozenset(string.ascii_letters + string.digits + "-._~")
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The request that Envoy holds."""

    method: str
    host: str
    path: str
    """With its query."""
    body: bytes = b""
    cut: bool = False
    """Not the whole body."""
    encoding: str = ""
    """Of the body (`content-encoding`)."""
    kind: str = ""
    """Of the body (`content-type`)."""
    server: str | None = None
    """The MCP server behind Envoy, as policies know it."""


class Settled(msgspec.Struct, frozen=True):
    """What became of a request."""

    decision: Decision | None
    """None for an MCP message that runs nothing and passes."""
    tool: str = ""
    request: wire.Request | None = None
    """The MCP request that was judged."""

    def headers(self) -> dict[str, str]:
        """What an allowed request takes along to the tool server."""
        if self.decision is None:
            return {}
        return {"x-yett-decision": self.decision.decision_id, "x-yett-permit": self.decision.permit or ""}

    def refusal(self, *, as_error: bool) -> bytes | None:
        """What the client is told; None if the request passes."""
        if self.decision is None or self.decision.allowed:
            return None
        text = explain(self.decision, self.tool)
        if self.request is None:
            return msgspec.json.encode({"error": text, "yett": about(self.decision)})
        return answers.refusal(self.request, text, self.decision, as_error=as_error)


def routes(gateway: Any, authenticate: Authenticate) -> list[Door]:
    """Everything under `/ext_authz`."""

    async def check(request: Request) -> Response:
        identity = asker(authenticate(_own_headers(request)))
        headers = request.headers
        servers = headers.getlist("x-mcp-server")
        if len(servers) > 1:
            raise YettError(
                "AMBIGUOUS", "the server is named twice; one of the names may be the client's own"
            )
        asked = Asked(
            method=request.method,
            host=headers.get("host", ""),  # as Envoy has it; `x-forwarded-host` is the client's to choose
            path=_path(request),
            body=await body_of(request),
            cut="true" in headers.getlist("x-envoy-auth-partial-body"),
            encoding=",".join(headers.getlist("content-encoding")),
            kind=",".join(headers.getlist("content-type")),
            server=servers[0] if servers else None,
        )
        settled = await settle(gateway, identity, asked)
        refused = settled.refusal(as_error=True)
        if refused is None:
            return reply({}, headers=settled.headers())
        return Response(refused, status_code=403, media_type="application/json")

    return [
        Door(
            PREFIX + "{path:path}",
            guarded(check),
            "Envoy's ext_authz: the held request, repeated",
            methods=METHODS,
            named=PREFIX + "/{path}",
        )
    ]


async def settle(gateway: Any, identity: Identity, asked: Asked) -> Settled:
    """Judge the request.

    Raises:
        YettError: TOO_LARGE, BAD_MESSAGE; as `judged`.
    """
    if asked.cut:
        raise YettError("TOO_LARGE", "the body was cut before it could be judged")
    if asked.body and asked.encoding.lower() not in ("", "identity"):
        raise YettError("BAD_MESSAGE", "a body that is compressed cannot be judged")
    if asked.body and not is_utf8(asked.kind):
        raise YettError("BAD_MESSAGE", "a body in another charset than UTF-8 cannot be judged")
    message = _carried(asked)
    if message is not None:
        try:
            part = to_judge(message)
        except wire.WireError as error:
            raise YettError("BAD_MESSAGE", error.message) from None
        if part is None:
            return Settled(None)
        assert isinstance(message, wire.Request)
        tool, call = part
        return Settled(await judged(gateway, identity, tool, call, server=asked.server), tool, message)
    arguments: dict[str, Any] = {"method": asked.method, "host": asked.host, "path": _plain(asked.path)}
    if asked.body:
        arguments["body"] = asked.body.decode("utf-8", "backslashreplace")
    return Settled(await judged(gateway, identity, "http", arguments), "http")


def _carried(asked: Asked) -> wire.Message | None:
    """The MCP message of a request that Envoy says is for an MCP server; None for any other request.

    The body alone decides nothing: a plain request must not get itself judged as something else by carrying an
    MCP message along, nor must an MCP server that nobody named get its messages as plain requests.
    """
    if asked.method.upper() != "POST":
        return None
    if asked.server is None:
        if _hidden(asked.body):
            raise YettError(
                "BAD_MESSAGE", "an MCP message, and no MCP server is named", remedy="name it: `x-mcp-server`"
            )
        return None
    try:
        return wire.read(asked.body, max_bytes=len(asked.body))
    except wire.WireError as error:
        raise YettError("BAD_MESSAGE", error.message) from None


def _hidden(body: bytes) -> bool:
    """Whether any reader, also one laxer than ours (encodings, keys twice, letters), finds an MCP message."""
    try:
        found = json.loads(body, parse_int=str, parse_float=str)
    except RecursionError:
        return True
    except ValueError:
        return b'"jsonrpc"' in body
    keys = (
        key
        for each in (found if isinstance(found, list) else [found])
        if isinstance(each, dict)
        for key in each
    )
    return any(unicodedata.normalize("NFKC", key).casefold() == "jsonrpc" for key in keys)


def _own_headers(request: Request) -> list[tuple[bytes, bytes]]:
    """Envoy's own credential in the place where a credential is looked for; the judged request's is not ours."""
    kept = [(name, value) for name, value in request.scope["headers"] if name != b"authorization"]
    own = [(b"authorization", value) for name, value in kept if name == b"x-yett-authorization"]
    return [*kept, *own]


def _path(request: Request) -> str:
    """As it was sent: what Starlette has decoded, an escaped `?` or `/` among it, is no longer what will run."""
    path = request.scope["raw_path"].decode("latin-1")
    if not path.startswith(PREFIX):
        raise YettError("BAD_MESSAGE", "the path is spelled oddly")
    query = request.scope["query_string"].decode("latin-1")
    return (path.removeprefix(PREFIX) or "/") + (f"?{query}" if query else "")


def _plain(path: str) -> str:
    """The path in its one normal spelling (RFC 3986, 6.2.2): nothing is escaped that need not be."""
    before, mark, query = path.partition("?")
    return str(re2.sub(_ESCAPE, _unescaped, before)) + mark + query


def _unescaped(escape: Any) -> str:
    character = chr(int(escape.group()[1:], 16))
    return character if character in _UNRESERVED else str(escape.group()).upper()
