"""`POST /v1/hooks/{agent}`: where hook clients, and agents that call hooks over HTTP, bring their events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yett.errors import Unauthorized, YettError
from yett.model import Identity
from yett.proxy.hooks import client
from yett.proxy.hooks.agents import DIALECTS, Event
from yett.proxy.hooks.desk import MAX_EVENT, HookDesk

Headers = list[tuple[bytes, bytes]]
Authenticate = Callable[[Headers], Identity]
"""Who sent a request with these headers. Raises `YettError`."""


def routes(gateway: Any, authenticate: Authenticate) -> list[Route]:
    """The one route. A refused event is answered with 200 and the agent's own word for "block", because an
    agent that calls hooks over HTTP takes any other status for a hook that failed, and goes on."""
    desk = HookDesk(gateway)

    async def hook(request: Request) -> Response:
        agent = request.path_params["agent"]
        try:
            identity = authenticate(request.scope["headers"])
            if identity.role not in ("agent", "operator"):
                raise Unauthorized("ROLE_FORBIDDEN", f"the role {identity.role} runs no tools")
            answer = await desk.answer(agent, await _body(request), identity)
        except YettError as error:
            if isinstance(error, Unauthorized) or agent not in DIALECTS:
                return _plain(error)
            answer = _blocked(agent, f"Yett blocked this: {error}")
        except Exception as error:  # noqa: BLE001 -- whatever it was, the tool must not run
            if agent not in DIALECTS:
                return _plain(YettError("INTERNAL", type(error).__name__))
            answer = _blocked(agent, f"Yett blocked this: judging failed ({type(error).__name__})")
        return Response(answer, headers=sealed(request.headers, answer), media_type="application/json")

    return [Route("/v1/hooks/{agent}", hook, methods=["POST"])]


def sealed(headers: Mapping[str, str], answer: bytes) -> dict[str, str]:
    """The seal that `client.checked` wants, for a request that named a nonce."""
    nonce = headers.get("x-yett-nonce", "")
    token = headers.get("authorization", "")[7:].strip()
    if not (nonce.isascii() and nonce.isalnum() and len(nonce) <= 64 and token.isascii() and token):
        return {}
    return {"x-yett-seal": client.seal(client.seal_key(token), nonce, answer).decode("ascii")}


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_EVENT:
            raise YettError("TOO_LARGE", f"the event has more than {MAX_EVENT} bytes")
        parts.append(chunk)
    return b"".join(parts)


def _blocked(agent: str, reason: str) -> bytes:
    return msgspec.json.encode(DIALECTS[agent].deny(Event(kind="before"), reason))


def _plain(error: YettError) -> Response:
    status = 401 if isinstance(error, Unauthorized) else 404 if error.code == "AGENT_UNKNOWN" else 500
    document = {"status": status, "code": error.code, "detail": error.message}
    return Response(msgspec.json.encode(document), status_code=status, media_type="application/problem+json")
