"""MCP gateways that ask somebody else: ToolHive's webhook and `/decision`, Docker's interceptor.

* ToolHive webhook (`POST /pdp/toolhive`): signed with HMAC-SHA256 over `timestamp.payload`; the signature is
  the credential, so the principal it names is believed. Old, replayed and unsigned requests are refused.
* ToolHive HTTP PDP (`POST /decision`): a PORC object (principal, operation, resource, context), a bearer token. The
  tool's name stands in the resource, `mrn:mcp:SERVER:tool:NAME`, and its arguments in `context.mcp.args` if ToolHive
  is set to send them (`include_args`); a call without them is refused, because it may have some.
* Docker MCP (`--interceptor before:http:URL`, `POST /pdp/docker`): the `tools/call` as the gateway has it; an
  empty answer lets it go on, a `CallToolResult` replaces it. Any failure is such a result, because Docker goes
  on when an interceptor fails with another status.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from yett import canonical
from yett.errors import InvalidCall, Unauthorized, YettError
from yett.model import Decision, Identity, Json
from yett.proxy.mcp import answers, wire
from yett.proxy.mcp.methods import to_judge
from yett.proxy.pdp.asking import (
    Authenticate,
    Door,
    about,
    asker,
    body_of,
    guarded,
    judged,
    named,
    object_of,
    on_behalf_of,
    reply,
    text_in,
)
from yett.sdk.decider import explain

WINDOW_S = 300
"""Seconds by which a signed request's clock may differ from ours."""
REMEMBERED = 65_536
"""Signatures remembered within the window, against replays."""

_OBJECT: Final = {"type": "object"}
_PORC: Final = {
    "type": "object",
    "properties": {
        "principal": {"type": ["object", "string"]},
        "operation": {"type": "string"},
        "resource": {},
        "context": _OBJECT,
    },
    "required": ["operation"],
}
_CALL: Final = {"type": "object", "properties": {"method": {"type": "string"}, "params": _OBJECT}}
_WEBHOOK: Final = {
    "type": "object",
    "properties": {"uid": {"type": "string"}, "principal": {}, "mcp_request": _CALL, "context": _OBJECT},
    "required": ["uid", "principal", "mcp_request"],
}


def routes(
    gateway: Any,
    authenticate: Authenticate,
    *,
    toolhive_secret: bytes | None = None,
    clock: Callable[[], float] = time.time,
) -> list[Door]:
    """The doors. ToolHive's webhook is there only with a secret."""
    found = [
        Door(
            "/decision",
            guarded(_decision(gateway, authenticate)),
            "ToolHive's HTTP PDP: a PORC object",
            reads=_PORC,
            example={"principal": {"sub": "alice"}, "operation": "mcp:send_money", "resource": "bank"},
        ),
        Door(
            "/pdp/docker",
            _docker(gateway, authenticate),
            "Docker MCP's interceptor: a tools/call",
            reads=_CALL,
            example={"method": "tools/call", "params": {"name": "shell", "arguments": {"command": "ls"}}},
        ),
    ]
    if toolhive_secret:
        signed = _Signed(toolhive_secret, clock)
        webhook = guarded(_toolhive(gateway, signed))
        found.append(Door("/pdp/toolhive", webhook, "ToolHive's webhook, signed", reads=_WEBHOOK))
    return found


def _decision(gateway: Any, authenticate: Authenticate) -> Callable[[Request], Any]:
    async def decide(request: Request) -> Response:
        identity = asker(authenticate(request.scope["headers"]))
        body = await object_of(request)
        operation, resource = body.get("operation"), body.get("resource")
        subject = _subject(body)
        if not isinstance(operation, str) or not operation:
            raise InvalidCall("BAD_REQUEST", "the operation is not text", path="/operation")
        who = on_behalf_of(identity, subject) if subject else identity
        context = body.get("context") or {}
        asked = _of_mcp if operation.startswith("mcp:") else _of_other
        server, tool, arguments = asked(operation, resource, context)
        decision = await judged(gateway, who, tool, arguments, server=server)
        return reply(
            {"allow": decision.allowed, "reason": "" if decision.allowed else explain(decision, tool)}
        )

    return decide


def _of_other(operation: str, resource: Json, context: Json) -> tuple[str | None, str, dict[str, Json]]:
    """What is no MCP: the operation is the tool."""
    given = context.get("arguments") if isinstance(context, dict) else None
    whole = {"resource": resource, "context": context}
    return _server(context), operation, given if isinstance(given, dict) else whole


def _of_mcp(operation: str, resource: Json, context: Json) -> tuple[str | None, str, dict[str, Json]]:
    """Server, tool and arguments as behind any other door (`methods.judged_part`). Names may hold colons."""
    feature = operation.split(":")[1]
    parts = resource.split(":", 4) if isinstance(resource, str) else []
    if len(parts) != 5 or parts[:2] != ["mrn", "mcp"] or parts[3] != feature or not (parts[2] and parts[4]):
        raise InvalidCall("BAD_REQUEST", "the resource does not say what is called", path="/resource")
    server, name = parts[2], parts[4]
    mcp = context.get("mcp") if isinstance(context, dict) else None
    given = mcp.get("args") if isinstance(mcp, dict) else None
    if operation == "mcp:resource:read":
        return server, "resources/read", {"uri": name}
    if operation == "mcp:prompt:get" and (given is None or isinstance(given, dict)):
        return server, "prompts/get", {"name": name, "arguments": given or {}}
    if operation != "mcp:tool:call":
        raise InvalidCall("BAD_REQUEST", "this gateway does not know the operation", path="/operation")
    if not isinstance(given, dict):
        raise InvalidCall("BAD_REQUEST", "the call's arguments are not told", path="/context/mcp/args")
    return server, name, given


def _toolhive(gateway: Any, signed: _Signed) -> Callable[[Request], Any]:
    async def webhook(request: Request) -> Response:
        payload = await body_of(request)
        signed.check(request, payload)
        answer: dict[str, Any] = {"version": "v0.1.0", "uid": "", "allowed": False}
        try:
            body = canonical.parse(payload)
            if not isinstance(body, dict) or not isinstance(body.get("uid"), str):
                raise InvalidCall("BAD_REQUEST", "the request has no uid", path="/uid")
            answer["uid"] = body["uid"]
            allowed, message, details = await judge_mcp(
                gateway, _principal(body), body.get("mcp_request"), _server(body.get("context"))
            )
        except YettError as error:
            # Another status is a failure of the webhook, which ToolHive may be set to pass over.
            allowed, message, details = False, str(error), {}
        except Exception as error:  # noqa: BLE001 -- whatever it was, the call does not pass
            allowed, message, details = False, f"judging failed ({type(error).__name__})", {}
        answer["allowed"] = allowed
        if not allowed:
            answer |= {"code": 403, "message": message, "reason": "PolicyDenied", "details": details}
        return reply(answer)

    return webhook


def _docker(gateway: Any, authenticate: Authenticate) -> Callable[[Request], Any]:
    async def interceptor(request: Request) -> Response:
        try:
            identity = asker(authenticate(request.scope["headers"]))
            message = canonical.parse(await body_of(request))
            allowed, text, _ = await judge_mcp(gateway, identity, message, request.query_params.get("server"))
        except YettError as error:
            allowed, text = False, f"The call was not run: {error}"
        except Exception as error:  # noqa: BLE001 -- whatever it was, the tool must not run
            allowed, text = False, f"The call was not run: judging failed ({type(error).__name__})"
        return Response(b"") if allowed else reply(answers.tool_error(text))

    return interceptor


async def judge_mcp(
    gateway: Any, identity: Identity, message: Any, server: str | None
) -> tuple[bool, str, dict[str, Any]]:
    """Whether an MCP message, or the bare parameters of a call, may go on; why not; details."""
    if isinstance(message, dict) and "method" not in message and "name" in message:
        message = {"method": "tools/call", "params": message}
    if isinstance(message, dict) and "method" in message:
        # Not every gateway sends the id along; without one, all but a notification would be no request.
        id = {} if str(message["method"]).startswith("notifications/") else {"id": 0}
        message = {"jsonrpc": "2.0", **id, **message}
    try:
        request = wire.read(wire.write(message), max_bytes=canonical.MAX_BYTES * 2)
        part = to_judge(request)
    except wire.WireError as error:
        raise InvalidCall("BAD_REQUEST", error.message) from None
    if part is None:
        return True, "", {}
    tool, arguments = part
    decision: Decision = await judged(gateway, identity, tool, arguments, server=server)
    return decision.allowed, explain(decision, tool), about(decision)


class _Signed:
    """ToolHive's signature: `sha256=` and the hex HMAC over `timestamp.payload`."""

    def __init__(self, secret: bytes, clock: Callable[[], float]) -> None:
        self._secret = secret
        self._clock = clock
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, request: Request, payload: bytes) -> None:
        stamp = request.headers.get("x-toolhive-timestamp", "")
        given = request.headers.get("x-toolhive-signature", "")
        expected = (
            "sha256=" + hmac.new(self._secret, stamp.encode() + b"." + payload, hashlib.sha256).hexdigest()
        )
        if not given.isascii() or not hmac.compare_digest(given, expected):
            raise Unauthorized("SIGNATURE_INVALID", "the webhook's signature does not verify")
        if not (stamp.isascii() and stamp.isdigit()) or abs(self._clock() - int(stamp)) > WINDOW_S:
            raise Unauthorized("SIGNATURE_STALE", "the webhook's timestamp is too far from our clock")
        with self._lock:
            if given in self._seen:
                raise Unauthorized("SIGNATURE_REPLAYED", "this webhook request was already answered")
            self._seen[given] = None
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)


def _principal(body: dict[str, Any]) -> Identity:
    name = _subject(body)
    if not name:
        raise InvalidCall("BAD_REQUEST", "the request names no principal", path="/principal")
    return Identity(principal=named(name), agent=name, credential="toolhive")


def _subject(body: dict[str, Any]) -> str:
    principal = body.get("principal")
    if not isinstance(principal, dict):
        return text_in(body, "principal", "")
    return text_in(principal, "sub", "/principal") or text_in(principal, "id", "/principal")


def _server(context: object) -> str | None:
    if not isinstance(context, dict):
        return None
    return text_in(context, "server_name", "/context") or text_in(context, "server", "/context") or None
