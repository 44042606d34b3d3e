"""The approvals console: a few server-rendered pages for a person with an approver's token.

The token is given once, in a form, and exchanged for a random cookie (HttpOnly, SameSite=Strict) that this
process maps back to it; each use checks the token again, so a revoked one ends the visit. A visit has a place of
its own, `/console/SEAT/`, and its cookie is for that path alone: browsers do not keep the cookies of two ports
apart, and on the next port of this machine may listen what an agent has started. Changes need the
form's own secret besides the cookie, and a request whose Host or Origin is another site's is refused, which
is what keeps a page in the same browser from approving anything (CSRF, DNS rebinding).
"""

from __future__ import annotations

import hmac
import secrets
import time
import urllib.parse
from collections import OrderedDict
from typing import Final, NamedTuple

from fastapi import APIRouter, Request, Response

from yett.clock import wall_clock
from yett.errors import LedgerError, Unauthorized, YettError
from yett.model import Identity
from yett.serve import pages
from yett.serve.auth import require
from yett.serve.desk import Desk

_COOKIE: Final = "yett_console"
_LIFE_S: Final = 8 * 3600.0
_MAX_VISITS: Final = 256
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


class _Visit(NamedTuple):
    seat: str
    token: str
    csrf: str
    until: float

    @property
    def home(self) -> str:
        return f"/console/{self.seat}"


class _Visits:
    """Who is logged in. In memory: a restart logs everybody out."""

    def __init__(self) -> None:
        self._visits: OrderedDict[str, _Visit] = OrderedDict()

    def begin(self, token: str) -> tuple[str, _Visit]:
        cookie, until = secrets.token_urlsafe(32), time.monotonic() + _LIFE_S
        visit = _Visit(secrets.token_urlsafe(24), token, secrets.token_urlsafe(32), until)
        self._visits[cookie] = visit
        while len(self._visits) > _MAX_VISITS:
            self._visits.popitem(last=False)
        return cookie, visit

    def find(self, cookie: str, seat: str) -> _Visit | None:
        visit = self._visits.get(cookie)
        if visit is not None and visit.until < time.monotonic():
            del self._visits[cookie]
            return None
        return (
            visit if visit is not None and hmac.compare_digest(visit.seat.encode(), seat.encode()) else None
        )

    def end(self, cookie: str) -> None:
        self._visits.pop(cookie, None)


def router(desk: Desk) -> APIRouter:
    """The console's pages; not part of the API."""
    routes = APIRouter(prefix="/console", include_in_schema=False)
    visits = _Visits()
    ledger = desk.gateway.ledger

    def visitor(request: Request, seat: str) -> tuple[Identity, _Visit] | None:
        _own_host(request)
        visit = visits.find(request.cookies.get(_COOKIE, ""), seat)
        if visit is None:
            return None
        try:
            return _approver(desk, visit.token), visit
        except Unauthorized:
            visits.end(request.cookies.get(_COOKIE, ""))
            return None

    async def form(request: Request) -> dict[str, str]:
        _same_origin(request)
        fields = urllib.parse.parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=8)
        return {name: values[0] for name, values in fields.items()}

    @routes.get("/style.css")
    async def style() -> Response:
        return Response(pages.STYLE, media_type="text/css")

    @routes.get("")
    async def door(request: Request) -> Response:
        _own_host(request)
        return _page(pages.login())

    @routes.post("/login")
    async def login(request: Request) -> Response:
        _own_host(request)
        token = (await form(request)).get("token", "").strip()
        try:
            _approver(desk, token)
        except Unauthorized as refused:
            return _page(pages.login(refused.message), 401)
        cookie, visit = visits.begin(token)
        answer = _see(visit.home)
        answer.set_cookie(
            _COOKIE,
            cookie,
            max_age=int(_LIFE_S),
            path=visit.home,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    @routes.get("/{seat}")
    async def home(request: Request, seat: str) -> Response:
        seen = visitor(request, seat)
        if seen is None:
            return _page(pages.login(), 401)
        who, visit = seen
        views = ledger.approvals(who)
        return _page(pages.waiting(views, at=_place(who, visit), now=wall_clock()))

    @routes.post("/{seat}/logout")
    async def logout(request: Request, seat: str) -> Response:
        seen = visitor(request, seat)
        answer = _see("/console")
        if seen is not None:
            _check_csrf(await form(request), seen[1])
            visits.end(request.cookies.get(_COOKIE, ""))
            answer.delete_cookie(_COOKIE, path=seen[1].home)
        return answer

    @routes.get("/{seat}/approvals/{identifier}")
    async def show(request: Request, seat: str, identifier: str) -> Response:
        seen = visitor(request, seat)
        if seen is None:
            return _page(pages.login(), 401)
        who, visit = seen
        try:
            view = ledger.approval(identifier, who)
        except LedgerError as refused:
            told = f"<p>{pages.text(refused.message)}</p>"
            return _page(pages.page("Approval", told, at=_place(who, visit)), 404)
        return _page(pages.request(view, at=_place(who, visit)))

    @routes.post("/{seat}/approvals/{identifier}/{verb}")
    async def settle(request: Request, seat: str, identifier: str, verb: str) -> Response:
        seen = visitor(request, seat)
        if seen is None:
            return _page(pages.login(), 401)
        who, visit = seen
        _check_csrf(await form(request), visit)
        try:
            if verb == "approve":
                decided = await desk.do(lambda: ledger.approve(identifier, who))
            elif verb == "refuse":
                decided = await desk.do(lambda: ledger.refuse(identifier, who))
            else:
                raise YettError("NOT_FOUND", "there is nothing here")
        except (LedgerError, Unauthorized) as refused:
            view = ledger.approval(identifier, who)
            return _page(pages.request(view, at=_place(who, visit), problem=refused.message), 409)
        desk.rang(decided)
        return _see(visit.home)

    return routes


def _approver(desk: Desk, token: str) -> Identity:
    identity = desk.sidecar.identify(token).identity
    require(identity, "approver", "operator")
    return identity


def _own_host(request: Request) -> None:
    """Refuses a name that somebody else's DNS may have pointed here."""
    if (urllib.parse.urlsplit("//" + request.headers.get("host", "")).hostname or "") not in _LOCAL:
        raise YettError("BAD_HOST", "the console answers only under this host's own name")


def _same_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    own = {f"{scheme}://{request.headers.get('host', '')}" for scheme in ("http", "https")}
    if origin is not None and origin not in own:
        raise YettError("BAD_ORIGIN", "the form was sent from another site")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise YettError("BAD_ORIGIN", "the form was sent from another site")


def _check_csrf(fields: dict[str, str], visit: _Visit) -> None:
    if not hmac.compare_digest(fields.get("csrf", "").encode(), visit.csrf.encode()):
        raise YettError("BAD_FORM", "the form is not this visit's; load the page again")


def _page(body: bytes, status: int = 200) -> Response:
    headers = {
        "content-security-policy": pages.CSP,
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
    }
    return Response(body, status_code=status, headers=headers, media_type="text/html")


def _see(path: str) -> Response:
    return Response(status_code=303, headers={"location": path, "referrer-policy": "no-referrer"})


def _place(who: Identity, visit: _Visit) -> pages.Place:
    return pages.Place(who=f"{who.principal} ({who.role})", home=visit.home, csrf=visit.csrf)
