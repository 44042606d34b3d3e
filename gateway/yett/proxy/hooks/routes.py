"""`POST /v1/hooks/{agent}`: where hook clients, and agents that call hooks over HTTP, bring their events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from yett.errors import Unauthorized, YettError
from yett.proxy.hooks import client
from yett.proxy.hooks.agents import DIALECTS, Event
from yett.proxy.hooks.desk import MAX_EVENT, HookDesk
from yett.proxy.pdp.asking import Authenticate, Door, asker, body_of, problem


def routes(gateway: Any, authenticate: Authenticate, sessions: Path | None = None) -> list[Door]:
    """The one route. A refused event is answered with 200 and the agent's own word for "block", because an
    agent that calls hooks over HTTP takes any other status for a hook that failed, and goes on."""
    desk = HookDesk(gateway, sessions=sessions)

    async def hook(request: Request) -> Response:
        agent = request.path_params["agent"]
        try:
            identity = asker(authenticate(request.scope["headers"]))
            answer = await desk.answer(agent, await _event_of(request), identity)
        except YettError as error:
            if isinstance(error, Unauthorized) or agent not in DIALECTS:
                return problem(error)
            answer = _blocked(agent, f"Yett blocked this: {error}")
        except Exception as error:  # noqa: BLE001 -- whatever it was, the tool must not run
            if agent not in DIALECTS:
                return problem(YettError("INTERNAL", type(error).__name__))
            answer = _blocked(agent, f"Yett blocked this: judging failed ({type(error).__name__})")
        return Response(answer, headers=sealed(request.headers, answer), media_type="application/json")

    return [Door("/v1/hooks/{agent}", hook, "An event of a coding agent's hook", reads={"type": "object"})]


async def _event_of(request: Request) -> bytes:
    """The event; one that is too large is as unreadable as an empty one."""
    try:
        return await body_of(request, MAX_EVENT)
    except YettError as error:
        if error.code != "TOO_LARGE":
            raise
        return b""


def sealed(headers: Mapping[str, str], answer: bytes) -> dict[str, str]:
    """The seal that `client.checked` wants, for a request that named a nonce."""
    nonce = headers.get("x-yett-nonce", "")
    token = headers.get("authorization", "")[7:].strip()
    if not (nonce.isascii() and nonce.isalnum() and len(nonce) <= 64 and token.isascii() and token):
        return {}
    return {"x-yett-seal": client.seal(client.seal_key(token), nonce, answer).decode("ascii")}


def _blocked(agent: str, reason: str) -> bytes:
    return msgspec.json.encode(DIALECTS[agent].deny(Event(kind="before"), reason))
