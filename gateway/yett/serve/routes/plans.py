"""Plans: a list of calls judged before the first of them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from yett.plans import Plan
from yett.serve.desk import Desk, reply


def router(desk: Desk) -> APIRouter:
    """The one endpoint."""
    routes = APIRouter(prefix="/v1/plans")

    @routes.post("", summary="Judge a list of calls as a whole, before the first of them", status_code=201)
    async def judge(request: Request) -> Response:
        who = desk.who(request, "agent")
        plan = await desk.read(request, Plan)
        return reply(await desk.do(lambda: desk.gateway.judge_plan(plan, who)), 201)

    return routes
