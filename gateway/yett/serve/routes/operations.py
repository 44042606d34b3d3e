"""Freezing and clearing, reading the log, and the keys that others verify with."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from yett.errors import LedgerError
from yett.ledger.administration import reach
from yett.model import Struct
from yett.serve.desk import Desk, reply
from yett_audit import reader

MAX_RECORDS: Final = 500
"""Records in one answer."""


class Freeze(Struct, frozen=True, kw_only=True):
    """What to stop, or to let go on."""

    scope: str
    """all, tenant:T, principal:T/P, agent:T/P/A or session:ID."""
    reason: str = ""


class Clear(Struct, frozen=True, kw_only=True):
    """A person's word that what a session did is explained."""

    labels: tuple[str, ...] = ()
    reason: str = ""


class Clearing(Struct, frozen=True, kw_only=True):
    """A clearing that was signed before."""

    clearing: str


def router(desk: Desk) -> APIRouter:
    """Endpoints of operators, watchers and auditors."""
    routes = APIRouter(prefix="/v1")
    ledger = desk.gateway.ledger

    def reads_log(request: Request) -> None:
        # Every tenant's records stand in one log.
        if desk.who(request, "auditor").tenant != reach.HOST:
            raise reach.foreign()

    @routes.get("/freezes", summary="What is frozen")
    async def freezes(request: Request) -> Response:
        who = desk.who(request, "operator", "watcher", "auditor")
        return reply({"frozen": [msgspec.to_builtins(row) for row in ledger.frozen(who)]})

    @routes.post("/freezes", summary="Stop everything in a scope", status_code=201)
    async def freeze(request: Request) -> Response:
        who = desk.who(request, "operator", "watcher")
        wanted = await desk.read(request, Freeze)
        return reply({"record": await desk.do(lambda: ledger.freeze(wanted.scope, who, wanted.reason))}, 201)

    @routes.post("/freezes/lift", summary="Let a scope go on")
    async def thaw(request: Request) -> Response:
        who = desk.who(request, "operator")
        wanted = await desk.read(request, Freeze)
        return reply({"record": await desk.do(lambda: ledger.thaw(wanted.scope, who, wanted.reason))})

    @routes.post("/sessions/{session}/clear", summary="Clear a session's risk, and labels if named")
    async def clear(request: Request, session: str) -> Response:
        who = desk.who(request, "operator")
        wanted = await desk.read(request, Clear)
        token = await desk.do(
            lambda: ledger.issue_clearing(session, who, labels=wanted.labels, reason=wanted.reason)
        )
        return reply({"record": await desk.do(lambda: ledger.clear(token, who))})

    @routes.post(
        "/sessions/{session}/clearing", summary="Sign a clearing of a session as it is now", status_code=201
    )
    async def clearing(request: Request, session: str) -> Response:
        who = desk.who(request, "operator")
        wanted = await desk.read(request, Clear)
        token = await desk.do(
            lambda: ledger.issue_clearing(session, who, labels=wanted.labels, reason=wanted.reason)
        )
        return reply({"clearing": token}, 201)

    @routes.post("/clearings", summary="Use a clearing that was signed before, once")
    async def use_clearing(request: Request) -> Response:
        who = desk.who(request, "operator")
        wanted = await desk.read(request, Clearing)
        return reply({"record": await desk.do(lambda: ledger.clear(wanted.clearing, who))})

    @routes.get("/records", summary="Records of the log from an index on")
    async def records(
        request: Request,
        start: int = Query(0, ge=0, le=2**53 - 1),
        limit: int = Query(100, ge=1, le=MAX_RECORDS),
    ) -> Response:
        reads_log(request)
        return reply({"records": await desk.do(lambda: _read(start, limit))})

    @routes.get("/records/{index}", summary="One record of the log")
    async def record(request: Request, index: int = Path(ge=0, le=2**53 - 1)) -> Response:
        reads_log(request)
        found = await desk.do(lambda: _read(index, 1))
        if not found or found[0]["index"] != index:
            raise LedgerError("UNKNOWN_RECORD", "the log has no sealed record of this index")
        return reply(found[0])

    @routes.get("/records/{index}/receipt", summary="Proof that a record is in the log (C2SP tlog-proof)")
    async def receipt(request: Request, index: int = Path(ge=0, le=2**53 - 1)) -> Response:
        reads_log(request)
        return Response(await desk.do(lambda: ledger.receipt(index)), media_type="text/plain")

    @routes.get("/checkpoint", summary="The log's last signed checkpoint")
    async def checkpoint(request: Request) -> Response:
        desk.who(request, "auditor", "operator", "watcher")
        return Response(ledger.head.note, media_type="text/plain")

    @routes.get("/keys", summary="Public keys: of permits, and of the log")
    async def keys(request: Request) -> Response:
        desk.who(request)
        return reply({"origin": ledger.origin, "permit": ledger.public_key.hex(), "log": ledger.log_key})

    def _read(start: int, limit: int) -> list[dict[str, Any]]:
        found = []
        for entry in reader.records(ledger.log_directory, start):
            found.append(
                {
                    "index": entry.index,
                    "at": entry.at,
                    "event": entry.event,
                    "leaf": entry.leaf.hex(),
                    "body": entry.body,
                    "line": entry.line.decode("utf-8", "replace"),
                }
            )
            if len(found) == limit:
                break
        return found

    return routes
