"""What the doors of all protocols share: read strictly, know who asks, ask the gateway, never answer by accident.

A credential of role `agent` asks for itself: a request that names another subject is refused. A credential
of role `operator` belongs to an enforcement point that has authenticated somebody itself (a gateway, a mesh),
and may name whom it asks for. Nobody else may ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yett import canonical
from yett.admit import MAX_NAME
from yett.errors import InvalidCall, Unauthorized, YettError
from yett.model import Context, Decision, Effect, Identity, Json
from yett.sdk.decider import OnBehalf, aask_dutifully, call_for

Headers = list[tuple[bytes, bytes]]
Authenticate = Callable[[Headers], Identity]
"""Who sent a request with these headers. Raises `YettError`."""

MAX_BODY = canonical.MAX_BYTES
"""Bytes of a request."""


class Door(Route):
    """A route that OpenAPI can describe.

    Args:
        reads: JSON Schema of the body, None if there is none.
        example: a body.
        named: the path as OpenAPI shows it, if it has parameters that Starlette writes otherwise.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        summary: str,
        *,
        methods: Sequence[str] = ("POST",),
        reads: dict[str, Json] | None = None,
        example: Json = None,
        named: str = "",
    ) -> None:
        super().__init__(path, endpoint, methods=list(methods))
        operation: dict[str, Any] = {"summary": summary, "responses": {"200": {"description": "Answered"}}}
        if reads is not None:
            content = {"schema": reads} if example is None else {"schema": reads, "example": example}
            operation["requestBody"] = {"required": True, "content": {"application/json": content}}
        shown = named or path
        operation["parameters"] = [
            {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
            for part in shown.split("/")
            if part.startswith("{")
        ]
        self.described = {shown: {method.lower(): operation for method in methods}}
        """Path items of OpenAPI."""


async def body_of(request: Request, limit: int = MAX_BODY) -> bytes:
    """The whole body. Raises `YettError` TOO_LARGE, when all of it has come: a connection that is closed with
    part of a body on its way takes the answer along."""
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            parts.append(chunk)
    if size > limit:
        raise YettError("TOO_LARGE", f"the body has more than {limit} bytes")
    return b"".join(parts)


async def object_of(request: Request) -> dict[str, Any]:
    """The body as a JSON object, read strictly. Raises `YettError`."""
    value = canonical.parse(await body_of(request))
    if not isinstance(value, dict):
        raise InvalidCall("BAD_REQUEST", "the body is not a JSON object")
    return value


def asker(identity: Identity) -> Identity:
    """The identity, if it may ask for decisions. Raises `Unauthorized`."""
    if identity.role not in ("agent", "operator"):
        raise Unauthorized("ROLE_FORBIDDEN", f"the role {identity.role} may not ask for decisions")
    return identity


def on_behalf_of(identity: Identity, subject: str) -> Identity:
    """Who the call is judged for. Raises `Unauthorized` if the credential may not speak for the subject."""
    if identity.role == "operator":
        name = named(subject)
        return msgspec.structs.replace(identity, principal=name, agent=name, role="agent")
    if subject in (identity.principal, identity.agent):
        return identity
    raise Unauthorized(
        "SUBJECT_MISMATCH",
        "this credential can ask for itself only",
        remedy="an enforcement point that asks for others needs a credential of role operator",
    )


def named(subject: str) -> str:
    """A name that somebody else vouches for, if it is one that `yett keys create` would take: it ends in the log
    and before approvers. Raises `InvalidCall`."""
    if not subject or len(subject) > MAX_NAME or not subject.isprintable():
        raise InvalidCall("BAD_NAME", "a subject's name is empty, too long or not printable")
    return subject


def text_in(given: dict[str, Any], key: str, path: str) -> str:
    """A member that is text; "" if there is none. What is no text names nobody, and is no reason to take the default.

    Raises:
        InvalidCall: BAD_REQUEST.
    """
    value = given.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidCall("BAD_REQUEST", f"{key} is not text", path=f"{path}/{key}")
    return value


async def judged(
    gateway: Any,
    identity: Identity,
    tool: str,
    arguments: object,
    *,
    server: str | None = None,
    session: str = "",
    prompt: str | None = None,
) -> Decision:
    """A decision that the other side can act on without further duties. Raises `InvalidCall`."""
    call = call_for(tool, arguments, session=session, server=server, context=Context(prompt=prompt))
    return await aask_dutifully(OnBehalf(gateway, identity), call)


def about(decision: Decision) -> dict[str, Json]:
    """What an enforcement point, and the person behind it, may know of a decision."""
    said: dict[str, Json] = {
        "effect": decision.effect.value,
        "decision_id": decision.decision_id,
        "reasons": [
            {"stage": reason.stage, "code": reason.code, "message": reason.message, "rule": reason.rule}
            for reason in decision.reasons[:16]
        ],
    }
    if decision.effect is Effect.HOLD:
        said["approval"] = decision.approval
    if decision.allowed:
        said["permit"] = decision.permit
        said["expires_at"] = decision.expires_at
    return said


def reply(value: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(
        msgspec.json.encode(value), status_code=status, headers=headers, media_type="application/json"
    )


def guarded(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint with every failure turned into a problem document: no failure answers 200."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handle(request)
        except YettError as error:
            return problem(error)
        except Exception as error:  # noqa: BLE001 -- whatever it was, it is not an allow
            return problem(YettError("INTERNAL", f"judging failed ({type(error).__name__})"))

    return endpoint


_STATUS = {"TOO_LARGE": 413, "RATE_LIMITED": 429, "INTERNAL": 500, "NOT_FOUND": 404, "AGENT_UNKNOWN": 404,
           "ROLE_FORBIDDEN": 403, "SUBJECT_MISMATCH": 403, "REQUEST_TIMEOUT": 408}  # fmt: skip


def problem(error: YettError) -> Response:
    """RFC 9457."""
    status = _STATUS.get(error.code, 401 if isinstance(error, Unauthorized) else 400)
    document = {"type": "about:blank", "status": status, "code": error.code, "detail": error.message}
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return Response(
        msgspec.json.encode(document),
        status_code=status,
        headers=headers,
        media_type="application/problem+json",
    )
