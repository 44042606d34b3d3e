"""Who am I, which policy is in force, which keys sign, a new session; and the probes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from yett.errors import YettError
from yett.model import Struct
from yett.sdk.verify import MAX_SKEW_MS
from yett.serve.desk import Desk, reply
from yett.serve.metrics import CONTENT_TYPE


class SessionRequest(Struct, frozen=True, kw_only=True):
    """A session to be opened."""

    prompt: str | None = None
    """What the user asked for: the origin of values that come from the user."""
    parent: str | None = None
    """The session this one descends from, whose risk and labels it inherits."""


def router(desk: Desk) -> APIRouter:
    """Endpoints that need nothing but the gateway's face."""
    routes = APIRouter()
    gateway = desk.gateway

    @routes.get("/v1/identity", summary="Who the token stands for")
    async def identity(request: Request) -> Response:
        return reply(desk.who(request))

    @routes.post("/v1/sessions", summary="Open a session", status_code=201)
    async def open_session(request: Request) -> Response:
        who = desk.who(request, "agent")
        wanted = await desk.read(request, SessionRequest)
        session = await desk.do(
            lambda: gateway.open_session(prompt=wanted.prompt, parent=wanted.parent, identity=who)
        )
        return reply({"session": session}, 201)

    @routes.get("/v1/sessions/{session}", summary="What is remembered of a session")
    async def show_session(request: Request, session: str) -> Response:
        # The ledger shows a session to its own principal and agent only.
        seen = gateway.ledger.snapshot(desk.who(request, "agent"), session)
        return reply({"session": seen.session, "risk": seen.risk, "labels": sorted(seen.labels)})

    @routes.get("/v1/policy", summary="The policy in force")
    async def policy(request: Request) -> Response:
        desk.who(request)
        return reply(_policy())

    @routes.post("/v1/policy/reload", summary="Load the policy files again")
    async def reload(request: Request) -> Response:
        desk.who(request, "operator")
        await desk.do(gateway.reload)
        return reply(_policy())

    @routes.get("/healthz", summary="The process answers")
    async def healthz() -> Response:
        return reply({"status": "ok"})

    @routes.get("/readyz", summary="Calls can be judged and recorded, under the policy on disk")
    async def readyz() -> Response:
        problems = []
        if gateway.policy_error is not None:
            problems.append(gateway.policy_error.code)
        if gateway.ledger.failure is not None:
            problems.append("AUDIT_UNAVAILABLE")
        if gateway.ledger.behind > MAX_SKEW_MS:  # clients refuse what is answered then
            problems.append("CLOCK_BEHIND")
        # A refused policy keeps the last good one in force: calls are judged, so the probe stays green on it.
        ready = "AUDIT_UNAVAILABLE" not in problems
        return reply({"ready": ready, "problems": problems}, 200 if ready else 503)

    @routes.get("/metrics", summary="Counters, in Prometheus' format")
    async def metrics(request: Request) -> Response:
        desk.who(request, "operator", "auditor", "watcher")
        return Response(desk.metrics.render(), media_type=CONTENT_TYPE)

    def _policy() -> dict[str, object]:
        reference = gateway.policy_ref
        error: YettError | None = gateway.policy_error
        refused = (
            None if error is None else {"code": error.code, "message": error.message, "path": error.path}
        )
        return {"id": reference.id, "digest": reference.digest, "refused": refused}

    return routes
