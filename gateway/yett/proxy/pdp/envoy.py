"""Envoy `ext_authz` over HTTP, as Envoy, Istio and agentgateway call it.

Envoy repeats the request it holds (method, path, chosen headers, and the body with `with_request_body`)
under `/ext_authz`; 200 lets it go on, anything else is the client's answer. A body that is an MCP message is
judged as the call it carries; other requests are the tool `http` with `method`, `host`, `path` and `body`.
A body that Envoy cut (`x-envoy-auth-partial-body`) cannot be judged and is refused.

The credential of Envoy itself comes in `x-yett-authorization` (add it with `headers_to_add`), because
`authorization` belongs to the request that is judged.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yett.errors import YettError
from yett.model import Decision, Identity
from yett.proxy.mcp import wire
from yett.proxy.mcp.core import JUDGED, PASSED_TO_SERVER, judged_part
from yett.proxy.pdp.asking import Authenticate, about, asker, body_of, guarded, judged, reply
from yett.sdk.decider import explain

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


def routes(gateway: Any, authenticate: Authenticate) -> list[Route]:
    """Everything under `/ext_authz`."""

    async def check(request: Request) -> Response:
        identity = asker(authenticate(_own_headers(request)))
        if request.headers.get("x-envoy-auth-partial-body") == "true":
            raise YettError("TOO_LARGE", "the body was cut before it could be judged")
        body = await body_of(request)
        if _is_json(request) and body:
            return await _message(gateway, identity, request, body)
        arguments: dict[str, Any] = {
            "method": request.method,
            "host": request.headers.get("x-forwarded-host", request.headers.get("host", "")),
            "path": _path(request),
        }
        if body:
            arguments["body"] = body.decode("utf-8", "backslashreplace")
        return _answer(await judged(gateway, identity, "http", arguments), "http")

    return [Route("/ext_authz{path:path}", guarded(check), methods=METHODS)]


async def _message(gateway: Any, identity: Identity, request: Request, body: bytes) -> Response:
    """An MCP message by its method; any other JSON is a plain request with that body."""
    try:
        message = wire.read(body, max_bytes=len(body))
    except wire.WireError as error:
        if b'"jsonrpc"' in body or body.lstrip()[:1] == b"[":
            raise YettError("BAD_MESSAGE", error.message) from None
        arguments = {
            "method": request.method,
            "path": _path(request),
            "body": body.decode("utf-8", "backslashreplace"),
        }
        return _answer(await judged(gateway, identity, "http", arguments), "http")
    if not isinstance(message, wire.Request):
        return reply({})
    if message.method in JUDGED:
        try:
            tool, arguments = judged_part(message)
        except wire.WireError as error:
            raise YettError("BAD_MESSAGE", error.message) from None
        server = request.headers.get("x-mcp-server")
        return _answer(await judged(gateway, identity, tool, arguments, server=server), tool)
    if message.method in PASSED_TO_SERVER:
        return reply({})
    raise YettError("METHOD_UNKNOWN", "this gateway does not know the method")


def _answer(decision: Decision, tool: str) -> Response:
    if decision.allowed:
        return reply(
            {}, headers={"x-yett-decision": decision.decision_id, "x-yett-permit": decision.permit or ""}
        )
    body = {"error": explain(decision, tool), "yett": about(decision)}
    return Response(msgspec.json.encode(body), status_code=403, media_type="application/json")


def _own_headers(request: Request) -> list[tuple[bytes, bytes]]:
    """Envoy's own credential in the place where a credential is looked for; the judged request's is not ours."""
    kept = [(name, value) for name, value in request.scope["headers"] if name != b"authorization"]
    own = [(b"authorization", value) for name, value in kept if name == b"x-yett-authorization"]
    return [*kept, *own]


def _path(request: Request) -> str:
    query = request.url.query
    return str(request.path_params["path"] or "/") + (f"?{query}" if query else "")


def _is_json(request: Request) -> bool:
    return "json" in request.headers.get("content-type", "").lower()
