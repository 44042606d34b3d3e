"""Held calls: the list of them, one of them (and waiting for it), a stream of them, and a person's answer.

An approver sees what waits for its groups; an agent sees its own requests, which is how it waits. The rules
are the ledger's (`ledger.approval`); nothing here decides who may approve what.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from yett.ledger import ApprovalView
from yett.model import Identity, Json, Struct
from yett.serve.auth import bearer
from yett.serve.desk import Desk, reply

MAX_WAIT_S: Final = 30.0
"""Seconds one long poll may last; a client that wants more asks again."""
LOOK_S: Final = 0.5
"""Seconds between two looks while waiting, for what changes without a request to this process."""
STREAM_S: Final = 600.0
"""Seconds after which a stream ends and the client connects again, with its token checked again."""
BEAT_S: Final = 15.0

_PEOPLE: Final = ("approver", "operator")


class Approve(Struct, frozen=True, kw_only=True):
    """A yes."""

    narrow: dict[str, Json] | None = None
    """Argument name -> a smaller amount, or fewer of the same items."""


class Refuse(Struct, frozen=True, kw_only=True):
    """A no."""

    reason: str = ""


def router(desk: Desk) -> APIRouter:
    """Endpoints of approvals."""
    routes = APIRouter(prefix="/v1/approvals")
    ledger = desk.gateway.ledger

    @routes.get("", summary="Requests for approval that the caller may see")
    async def index(request: Request, status: str = Query("waiting", max_length=16)) -> Response:
        who = desk.who(request, "agent", "auditor", *_PEOPLE)
        views = ledger.approvals(who, "" if status == "all" else status)
        return reply({"approvals": [shown(view) for view in views]})

    @routes.get("/events", summary="Requests for approval, as they change (server-sent events)")
    async def events(request: Request) -> Response:
        who = desk.who(request, *_PEOPLE)
        return StreamingResponse(_stream(desk, request, who), media_type="text/event-stream")

    @routes.get("/{identifier}", summary="One request; with `wait`, once it is decided or time is up")
    async def show(
        request: Request, identifier: str, wait: float = Query(0.0, ge=0.0, le=MAX_WAIT_S)
    ) -> Response:
        who = desk.who(request, "agent", "auditor", *_PEOPLE)
        until = time.monotonic() + wait
        view = ledger.approval(identifier, who)
        while view.status == "waiting" and (left := until - time.monotonic()) > 0:
            await desk.change(min(left, LOOK_S))
            view = ledger.approval(identifier, who)
        return reply(shown(view))

    @routes.post("/{identifier}/approve", summary="Say yes to exactly this call, once")
    async def approve(request: Request, identifier: str) -> Response:
        who = desk.who(request, *_PEOPLE)
        yes = await desk.read(request, Approve)
        desk.rang(await desk.do(lambda: ledger.approve(identifier, who, narrow=yes.narrow)))
        return reply(shown(ledger.approval(identifier, who)))

    @routes.post("/{identifier}/refuse", summary="Say no")
    async def refuse(request: Request, identifier: str) -> Response:
        who = desk.who(request, *_PEOPLE)
        no = await desk.read(request, Refuse)
        desk.rang(await desk.do(lambda: ledger.refuse(identifier, who, no.reason)))
        return reply(shown(ledger.approval(identifier, who)))

    @routes.post("/{identifier}/withdraw", summary="The agent no longer wants it")
    async def withdraw(request: Request, identifier: str) -> Response:
        who = desk.who(request, "agent")
        await desk.do(lambda: ledger.withdraw(identifier, who))
        desk.rang()
        return reply(shown(ledger.approval(identifier, who)))

    return routes


def shown(view: ApprovalView) -> dict[str, Json]:
    """A request as it leaves the gateway: without the raw bytes, which are for narrowing only."""
    body: dict[str, Json] = msgspec.to_builtins(view)
    if isinstance(body.get("shown"), dict):
        body["shown"].pop("canonical", None)
    return body


async def _stream(desk: Desk, request: Request, who: Identity) -> AsyncIterator[bytes]:
    """One event for each request that is new or has changed; a comment when nothing has."""
    known: dict[str, str] = {}
    until = time.monotonic() + STREAM_S
    beat = time.monotonic()
    while time.monotonic() < until and not await request.is_disconnected():
        present = {view.id: view for view in desk.gateway.ledger.approvals(who)}
        for identifier, view in present.items():
            state = f"{view.status}/{len(view.approved_by)}"
            if known.get(identifier) != state:
                known[identifier] = state
                data = msgspec.json.encode(shown(view))
                yield b"event: approval\nid: " + identifier.encode() + b"\ndata: " + data + b"\n\n"
        for gone in known.keys() - present.keys():
            del known[gone]
        if time.monotonic() - beat > BEAT_S:
            beat = time.monotonic()
            desk.sidecar.identify(bearer(request.scope["headers"]))  # a revoked token hears no more
            yield b": still here\n\n"
        await desk.change(LOOK_S)
