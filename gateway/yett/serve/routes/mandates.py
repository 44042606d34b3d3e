"""Mandates: issue, show, challenge, revoke; and settling uses of which nobody knows whether the call ran."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response

from yett.ledger.tokens import jws
from yett.ledger.tokens.mandate import Limit
from yett.model import Json, Struct
from yett.serve.desk import Desk, reply


class Issue(Struct, frozen=True, kw_only=True):
    """A mandate to be issued, in the operator's own tenant."""

    principal: str
    agent: str
    tools: tuple[str, ...]
    server: str | None = None
    arguments: dict[str, Json] | None = None
    """Exactly these arguments, of exactly one tool."""
    limits: dict[str, Limit] | None = None
    """Or: argument name -> what it may be. Arguments not named are refused."""
    lifetime_s: int = 600
    uses: int = 1
    amount: int | None = None
    """All uses together, in minor units."""
    per_use: int | None = None
    amount_of: str = ""
    """The argument that counts against `amount`."""
    currency: str = ""
    currency_of: str = ""
    session: str = ""
    cnf: str = ""
    """Ed25519 public key, base64url, whose holder must prove possession with each use."""


class Resolve(Struct, frozen=True, kw_only=True):
    """What became of a use that was in doubt."""

    to: str
    """committed (it ran) or released (it did not)."""
    reason: str = ""


class Revoke(Struct, frozen=True, kw_only=True):
    """Mandates to revoke."""

    scope: str
    """mandate:ID, key:KID, principal:TENANT/NAME or agent:TENANT/PRINCIPAL/NAME."""


def router(desk: Desk) -> APIRouter:
    """Endpoints of mandates."""
    routes = APIRouter(prefix="/v1")
    ledger = desk.gateway.ledger

    @routes.post("/mandates", summary="Issue a mandate", status_code=201)
    async def issue(request: Request) -> Response:
        who = desk.who(request, "operator")
        wanted = await desk.read(request, Issue)
        terms = msgspec.structs.asdict(wanted)
        terms["tool"] = terms.pop("tools")
        terms["lifetime_ms"] = terms.pop("lifetime_s") * 1000
        token = await desk.do(lambda: ledger.issue_mandate(who, **terms))
        claims = msgspec.json.decode(jws.decode(token.split(".")[1]))
        return reply({"id": claims["jti"], "mandate": token, "expires": claims["exp"]}, 201)

    @routes.get("/mandates/{identifier}", summary="What is known of a mandate")
    async def show(request: Request, identifier: str) -> Response:
        who = desk.who(request, "operator", "auditor")
        return reply(ledger.show_mandate(identifier, who))

    @routes.post(
        "/mandates/{identifier}/challenge", summary="A challenge to prove possession of its key with"
    )
    async def challenge(request: Request, identifier: str) -> Response:
        desk.who(request, "agent")
        return reply({"challenge": ledger.challenge(identifier)})

    @routes.post("/mandates/{identifier}/revoke", summary="Revoke one mandate, and those delegated from it")
    async def revoke(request: Request, identifier: str) -> Response:
        who = desk.who(request, "operator")
        return reply({"record": await desk.do(lambda: ledger.revoke(f"mandate:{identifier}", who))})

    @routes.post("/revocations", summary="Revoke all mandates in a scope")
    async def revoke_scope(request: Request) -> Response:
        who = desk.who(request, "operator")
        wanted = await desk.read(request, Revoke)
        return reply({"record": await desk.do(lambda: ledger.revoke(wanted.scope, who))})

    @routes.get("/in-doubt", summary="Uses of which nobody knows whether the call ran")
    async def in_doubt(request: Request) -> Response:
        who = desk.who(request, "operator", "auditor")
        return reply(
            {
                "in_doubt": [
                    {"decision": row.id, "tool": row.tool, "principal": row.principal, "agent": row.agent}
                    for row in ledger.in_doubt(who)
                ]
            }
        )

    @routes.post("/in-doubt/{decision}/resolve", summary="Settle a use that is in doubt")
    async def resolve(request: Request, decision: str) -> Response:
        who = desk.who(request, "operator")
        settled = await desk.read(request, Resolve)
        record = await desk.do(lambda: ledger.resolve(decision, settled.to, who, settled.reason))
        return reply({"record": record})

    return routes
