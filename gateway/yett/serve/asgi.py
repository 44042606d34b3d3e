"""The sidecar's front door: a short way for decisions and outcomes, FastAPI for everything else.

A decision is asked for before every tool call, so its way through HTTP is a table look-up, one bounded read
and one write: FastAPI would cost four times as much as the rest of the request. The order is fixed and each
step refuses on its own: who is it (401, 403), how often (429), how much (413, 408), then the gateway.

Judging is done inline, in the event loop, because it is shorter than a hand-over to a thread. Waiting for
the disk is not: a decision's record becomes durable in the log's own thread, which wakes the loop.

Whatever fails here is an HTTP error without a decision in it, and clients act only on decisions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import structlog

from yett import canonical
from yett.errors import InvalidCall, YettError
from yett.model import Decision, Identity, Outcome
from yett.serve.auth import Credential, Credentials, bearer, require
from yett.serve.metrics import Metrics
from yett.serve.problems import MEDIA_TYPE, problem
from yett.serve.ratelimit import RateLimiter
from yett.settling import Settling

if TYPE_CHECKING:
    from yett.judging import Judging

log = structlog.get_logger("yett.serve")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_CALL: Final = canonical.MAX_BYTES + 128 * 1024
"""Bytes of a decision's body: the arguments, and room for prompt, mandate and proof."""
MAX_OUTCOME: Final = 4 * 1024 * 1024
"""Bytes of an outcome's body. A larger result cannot be looked at, and so is not reported."""
MAX_OTHER: Final = 1024 * 1024
STREAMED: Final = ("/mcp/", "/proxy/", "/v1/hooks/")
"""Where bodies pass through as they come, because the routes behind bound their size themselves."""
BODY_SECONDS: Final = 10.0
"""For the whole body to arrive."""


class App(Protocol):
    """An ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


_Answered = tuple[bytes, Callable[[], None]]
"""A body, and what is to be done once it is sent."""
_Work = Callable[[Scope, Receive], Awaitable[_Answered]]


class Sidecar:
    """The ASGI application that uvicorn runs."""

    def __init__(
        self, judging: Judging, credentials: Credentials, limiter: RateLimiter, metrics: Metrics
    ) -> None:
        self._judging = judging
        self._credentials = credentials
        self._limiter = limiter
        self.metrics = metrics
        self._settling = Settling()
        self.rest: App = _nothing
        """Answers whatever is neither a decision nor an outcome; set once, before serving."""
        self._short: dict[tuple[str, str], _Work] = {
            ("POST", "/v1/decisions"): self._decide,
            ("POST", "/v1/outcomes"): self._report,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            short = self._short.get((scope["method"], scope["path"]))
            if short is not None:
                await self._answer(short, scope, receive, send)
            else:
                await self._through_rest(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.rest(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def admit(self, headers: list[tuple[bytes, bytes]]) -> Credential:
        """Who is asking, if they may ask now.

        Raises:
            Unauthorized; YettError: RATE_LIMITED.
        """
        return self.identify(bearer(headers))

    def agent(self, headers: list[tuple[bytes, bytes]]) -> Identity:
        """As `admit`, for what only agents do.

        Raises:
            Unauthorized; YettError: RATE_LIMITED.
        """
        identity = self.admit(headers).identity
        require(identity, "agent")
        return identity

    def asker(self, headers: list[tuple[bytes, bytes]]) -> Identity:
        """As `agent`, for the doors of other protocols: an operator's credential may ask for others there.

        Raises:
            Unauthorized; YettError: RATE_LIMITED.
        """
        identity = self.admit(headers).identity
        require(identity, "agent", "operator")
        return identity

    def identify(self, token: str) -> Credential:
        """As `admit`, for a token that came another way."""
        credential = self._credentials.identify(token)
        wait = self._limiter.wait(credential.id, credential.per_minute, time.monotonic())
        if wait > 0:
            raise YettError(
                "RATE_LIMITED", "too many requests with this credential", remedy=f"wait {wait:.1f} s"
            )
        return credential

    async def _answer(self, work: _Work, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body, afterwards = await work(scope, receive)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the rim: whatever it was, it is not an allow
            await refuse(send, error, scope["path"], self.metrics)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        finally:
            # Nobody waits for what is counted and logged of an answer.
            self.metrics.answered(scope["path"], 200)
            afterwards()

    async def _decide(self, scope: Scope, receive: Receive) -> _Answered:
        identity = self.agent(scope["headers"])
        body = await read_body(receive, MAX_CALL)
        started = time.perf_counter()
        decision = await self._settling.settled(self._judging.submit_bytes(body, identity))
        seconds = time.perf_counter() - started

        def noted() -> None:
            self.metrics.decided(decision, seconds)
            _note(decision, identity, seconds)

        return msgspec.json.encode(decision), noted

    async def _report(self, scope: Scope, receive: Receive) -> _Answered:
        identity = self.agent(scope["headers"])
        outcome = read_outcome(await read_body(receive, MAX_OUTCOME))
        await self._settling.settled(self._judging.submit_report(outcome, identity))
        return b'{"recorded":true}', _nothing_more

    async def _through_rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        """FastAPI, behind the same bounds: the body is read here, whole, before the framework sees it."""
        status = 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if scope["path"].startswith(STREAMED):
                receive = _in_time(receive)
            else:
                receive = _replay(await read_body(receive, MAX_OTHER), receive)
            await self.rest(scope, receive, counted)
        except ClientGone:
            return
        except Exception as error:
            if status == 0:
                await refuse(send, error, _route(scope), self.metrics)
                return
            # Its answer has begun, or the framework has given one; the server closes what is incomplete.
            log.error("request failed", route=_route(scope), status=status, exc_info=error)
        self.metrics.answered(_route(scope), status)


def _nothing_more() -> None:
    """After an outcome is answered."""


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise YettError("NOT_FOUND", "there is nothing here")


class ClientGone(Exception):
    """The connection ended before the request was complete; there is nobody to answer."""


async def read_body(receive: Receive, limit: int, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body, if it is small enough and comes soon enough.

    Raises:
        YettError: TOO_LARGE, REQUEST_TIMEOUT. ClientGone.
    """
    first = await _next(receive, seconds)
    if not first.get("more_body"):
        body = bytes(first.get("body", b""))
        if len(body) > limit:
            raise _too_large(limit)
        return body
    parts = bytearray(first.get("body", b""))
    until = time.monotonic() + seconds
    while True:
        if len(parts) > limit:
            raise _too_large(limit)
        message = await _next(receive, until - time.monotonic())
        parts += message.get("body", b"")
        if not message.get("more_body"):
            break
    if len(parts) > limit:
        raise _too_large(limit)
    return bytes(parts)


async def _next(receive: Receive, seconds: float) -> Message:
    try:
        async with asyncio.timeout(seconds):
            message = await receive()
    except TimeoutError:
        raise YettError("REQUEST_TIMEOUT", "the request's body did not arrive in time") from None
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


def _too_large(limit: int) -> YettError:
    return YettError("TOO_LARGE", f"the request's body has more than {limit} bytes")


def read_outcome(body: bytes) -> Outcome:
    """Parse the JSON of one outcome, strictly.

    Raises:
        InvalidCall: as `canonical.parse`, or BAD_OUTCOME.
    """
    value = canonical.parse(body, max_bytes=MAX_OUTCOME)
    try:
        outcome = msgspec.convert(value, Outcome, strict=True)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        raise InvalidCall("BAD_OUTCOME", message, path=where.rstrip("`").replace(".", "/") or None) from None
    if outcome.status not in ("ok", "error", "no_effect", "unknown"):
        raise InvalidCall(
            "BAD_OUTCOME", "the status is none of ok, error, no_effect, unknown", path="/status"
        )
    return outcome


async def refuse(send: Send, error: Exception, route: str, metrics: Metrics) -> None:
    """Answer with a problem document. The connection ends with it: part of the request may be unread."""
    document = problem(error)
    metrics.answered(route, document.status)
    if document.status >= 500:
        log.error("request failed", route=route, code=document.code, exc_info=error)
    else:
        log.info("request refused", route=route, code=document.code, status=document.status)
    body = msgspec.json.encode(document)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
    ]
    if document.status in (408, 413, 421):
        headers.append((b"connection", b"close"))
    if document.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if document.status == 429:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": document.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, then what really comes (a disconnect)."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replay


def _in_time(receive: Receive) -> Receive:
    """A `receive` that waits for the rest of the body no longer than `read_body` would."""
    until = time.monotonic() + BODY_SECONDS
    coming = True

    async def timely() -> Message:
        nonlocal coming
        message = await (_next(receive, until - time.monotonic()) if coming else receive())
        coming = coming and bool(message.get("more_body"))
        return message

    return timely


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "other")


def _note(decision: Decision, identity: Identity, seconds: float) -> None:
    log.info(
        "decision",
        decision=decision.decision_id,
        effect=decision.effect.value,
        codes=[reason.code for reason in decision.reasons[:8]],
        risk=decision.risk.score,
        session=decision.session.id,
        credential=identity.credential,
        index=decision.record.index if decision.record is not None else None,
        ms=round(seconds * 1000, 3),
    )
