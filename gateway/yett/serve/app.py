"""The FastAPI application behind the front door: every endpoint but decisions and outcomes, and OpenAPI.

Endpoints take the raw request and answer with `msgspec`, so that what is accepted is defined once, by the
closed structs of `yett.model`; the OpenAPI document is made from the same structs (`yett.serve.openapi`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from yett.errors import YettError
from yett.gateway import Gateway
from yett.model import Identity
from yett.serve import openapi
from yett.serve.asgi import Sidecar
from yett.serve.desk import Desk
from yett.serve.metrics import Metrics
from yett.serve.problems import MEDIA_TYPE, problem
from yett.serve.routes import approvals, basics, console, mandates, operations, plans

Doors = Callable[[Gateway, Callable[[list[tuple[bytes, bytes]]], Identity]], Sequence[BaseRoute]]
"""Makes further routes (proxies, hooks, other products' protocols) from the gateway and from a function that
gives the identity behind a request's raw headers, an agent's or an operator's, or raises `YettError`."""


def no_doors(
    gateway: Gateway, authenticate: Callable[[list[tuple[bytes, bytes]]], Identity]
) -> Sequence[BaseRoute]:
    """No further routes."""
    return ()


def build(gateway: Gateway, sidecar: Sidecar, metrics: Metrics, doors: Doors = no_doors) -> FastAPI:
    """The application with every router."""
    app = FastAPI(title="Yett", version="1", docs_url=None, redoc_url=None, redirect_slashes=False)
    desk = Desk(gateway, sidecar, metrics)
    for topic in (basics, approvals, mandates, operations, plans, console):
        app.include_router(topic.router(desk))
    app.router.routes.extend(doors(gateway, sidecar.asker))
    app.add_exception_handler(YettError, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    return app


def _refused(request: Request, error: Exception) -> Response:
    document = problem(error)
    headers: dict[str, str] = {}
    if document.status == 401:
        headers["www-authenticate"] = "Bearer"
    if document.status == 429:
        headers["retry-after"] = "1"
    return _document(document, headers)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "BAD_REQUEST")
    headers = dict(error.headers or {})
    return _document(problem(YettError(code, "there is nothing here that does this")), headers)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = dict(error.errors()[0])
    where = "/".join(str(step) for step in first.get("loc", ()))
    return _document(problem(YettError("BAD_REQUEST", str(first.get("msg", "invalid")), path=where)), {})


def _failed(request: Request, error: Exception) -> Response:
    return _document(problem(error), {})


def _document(document: Any, headers: dict[str, str]) -> Response:
    return Response(
        msgspec.json.encode(document), status_code=document.status, headers=headers, media_type=MEDIA_TYPE
    )
