"""What every endpoint needs: who is asking, what they sent, and how they are answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from fastapi import Request, Response

from yett import canonical
from yett.errors import InvalidCall
from yett.gateway import Gateway
from yett.ledger import ApprovalView
from yett.model import Identity
from yett.serve.asgi import Sidecar
from yett.serve.auth import require
from yett.serve.metrics import Metrics

T = TypeVar("T")


class Desk:
    """The gateway, and the manners of the house."""

    def __init__(self, gateway: Gateway, sidecar: Sidecar, metrics: Metrics) -> None:
        self.gateway = gateway
        self.sidecar = sidecar
        self.metrics = metrics
        self._bell = asyncio.Event()

    def rang(self, decided: ApprovalView | None = None) -> None:
        """Something about approvals has changed, perhaps somebody's word: wake who waits for that."""
        if decided is not None and decided.decided_at:
            self.metrics.approved(decided.decided_at - decided.at)
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

    async def change(self, seconds: float) -> None:
        """Wait for a change of approvals, but not longer than this. Changes that happen without a request
        (an expiry, another worker) are seen by looking again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._bell.wait()

    def who(self, request: Request, *roles: str) -> Identity:
        """The caller's identity, if its role is one of those given (none given = any).

        Raises:
            Unauthorized; YettError: RATE_LIMITED.
        """
        identity = self.sidecar.admit(request.scope["headers"]).identity
        if roles:
            require(identity, *roles)
        return identity

    async def read(self, request: Request, kind: type[T]) -> T:
        """The request's body as one closed type; an empty body is an empty object.

        Raises:
            InvalidCall: as `canonical.parse`, or BAD_REQUEST.
        """
        body = await request.body()
        value = canonical.parse(body) if body else {}
        try:
            return msgspec.convert(value, kind, strict=True)
        except msgspec.ValidationError as error:
            message, _, where = str(error).partition(" - at `$")
            path = where.rstrip("`").replace(".", "/") or None
            raise InvalidCall("BAD_REQUEST", message, path=path) from None

    async def do(self, work: Callable[[], T]) -> T:
        """Run what waits for the disk in a thread, so that decisions go on."""
        return await asyncio.to_thread(work)


def reply(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")
