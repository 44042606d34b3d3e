"""`yett mcp --upstream URL` and `/mcp/{server}`: stands before an MCP server that speaks Streamable HTTP.

Each POST carries one message. It is checked against its routing headers, judged if it is a call, and sent on
as the bytes it came in; the answer, one JSON message or a stream of events, goes through the same session
core as over stdio. An event that needs no change goes on as it came, with its id, so that resuming works;
server-to-client requests, progress and notifications pass.

The older protocols have a session of the server (`Mcp-Session-Id`); each has a core of its own here, bound to
the credential that opened it. The stateless protocol has none: each request has its own short-lived core, and
what must be remembered between rounds is kept for the credential.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final, cast

import msgspec

from yett.clock import wall_clock
from yett.errors import Unauthorized, YettError
from yett.log import say
from yett.model import Identity
from yett.proxy import secrets
from yett.proxy.kept import Kept
from yett.proxy.mcp import wire
from yett.proxy.mcp.actions import Action, Judge, Limits, Note, Notes, Report, ToClient, ToServer
from yett.proxy.mcp.catalogue import Catalogue
from yett.proxy.mcp.core import Session
from yett.proxy.mcp.headers import HEADER_MISMATCH, is_json, mismatch
from yett.proxy.mcp.sse import Event, Events
from yett.proxy.mcp.tickets import States
from yett.proxy.upstream import WHOLE_S, Answer, Broken, Target, Upstream, header_pairs
from yett.sdk.decider import AnyDecider, Decider, aask, atell, refused

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

SECONDS: Final = 600.0
"""For the head of an answer: tools may take long."""
UVICORN: Final[dict[str, Any]] = {
    "log_level": "warning", "access_log": False, "lifespan": "off", "ws": "none", "proxy_headers": False,
    "server_header": False, "date_header": False,
}  # fmt: skip
"""How a door of its own is run: what nobody here reads is left out."""
SESSIONS: Final = 4_096
"""Sessions of servers remembered for each credential; its oldest is forgotten and begins anew."""
_TO_SERVER: Final = frozenset(
    {b"accept", b"content-type", b"last-event-id", b"mcp-session-id", b"mcp-protocol-version", b"mcp-method",
     b"mcp-name", b"traceparent", b"tracestate", b"user-agent"}
)  # fmt: skip
_TO_CLIENT: Final = frozenset(
    {b"mcp-session-id", b"mcp-protocol-version", b"cache-control", b"www-authenticate"}
)
_BODILESS: Final = frozenset({204, 205, 304})
"""A client takes what follows such a head for the next answer (RFC 9112, 6.3)."""
_STATUS: Final = {
    wire.PARSE_ERROR: 400, wire.INVALID_REQUEST: 400, wire.INVALID_PARAMS: 400, HEADER_MISMATCH: 400, -32022: 400,
    wire.METHOD_NOT_FOUND: 404, wire.BUSY: 503, wire.UPSTREAM_FAILED: 502,
}  # fmt: skip


class McpDoor:
    """An ASGI application in front of one server.

    Args:
        server: the name policies know it by.
        upstream: where it is.
        catalogue: what clients may see and call.
        decider: whoever judges for an identity; None stands for a door without authentication.
        authenticate: who sent a request with these headers; None on a door for this machine alone.
        headers: added to every request upstream; values may hold `secret://` handles.
        commands: of `secret://command/…`.
    """

    def __init__(
        self,
        server: str,
        upstream: Upstream,
        catalogue: Catalogue,
        decider: Callable[[Identity | None], AnyDecider],
        *,
        authenticate: Callable[[Headers], Identity] | None = None,
        headers: Sequence[tuple[str, str]] = (),
        commands: dict[str, list[str]] | None = None,
        clock: Callable[[], int] = wall_clock,
        note: Callable[[str], None] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.server = server
        self._upstream = upstream
        self._catalogue = catalogue
        self._decider = decider
        self._authenticate = authenticate
        self._headers = list(headers)
        self._commands = commands or {}
        self._clock = clock
        self._note = note or say
        self._limits = limits or Limits()
        self._sessions: Kept[bytes, _Side] = Kept(SESSIONS)
        self._owners: dict[bytes, str] = {}
        self._stateless: OrderedDict[str, _Side] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            headers: Headers = list(scope["headers"])
            identity = self._who(headers)
            if scope["method"] == "POST":
                await self._post(headers, identity, await self._body(receive), receive, send)
            elif scope["method"] in ("GET", "DELETE"):
                await self._other(scope["method"], headers, identity, receive, send)
            else:
                await _plain(send, 405)
        except wire.WireError as error:
            await _json(send, _STATUS.get(error.code, 400), wire.error(error.id, error.code, error.message))
        except Unauthorized as error:
            status = 403 if error.code in ("ORIGIN_FORBIDDEN", "ROLE_FORBIDDEN") else 401
            await _json(send, status, wire.error(None, wire.REFUSED, str(error)))
        except YettError as error:
            await _json(
                send, _YETT_STATUS.get(error.code, 502), wire.error(None, wire.UPSTREAM_FAILED, str(error))
            )

    # The client's three methods

    async def _post(
        self, headers: Headers, identity: Identity | None, body: bytes, receive: Receive, send: Send
    ) -> None:
        if not is_json([value for name, value in headers if name == b"content-type"]):
            raise wire.WireError(wire.INVALID_REQUEST, "the content type is not application/json, in UTF-8")
        message = wire.read(body, max_bytes=self._limits.client_message)
        problem = mismatch(headers, message)
        if problem is not None:
            raise wire.WireError(HEADER_MISMATCH, problem, getattr(message, "id", None))
        side = self._side(headers, identity)
        to_server, to_client = await self._settle(side, side.core.client_said(message))
        if to_client:
            await _json(send, _status_of(to_client[0]), to_client[0])
        elif not to_server:
            await _plain(send, 202)
        else:
            id = message.id if isinstance(message, wire.Request) else None
            await self._forward(side, headers, to_server[0], id, receive, send)

    async def _other(
        self, method: str, headers: Headers, identity: Identity | None, receive: Receive, send: Send
    ) -> None:
        """GET opens (or resumes) the server's stream, DELETE ends the session."""
        side = self._side(headers, identity)
        answer = await self._send(method, headers, b"")
        if method == "DELETE" and (answer.status < 300 or answer.status == 404):
            self._sessions.pop(*side.key)
            self._owners.pop(side.key[1], None)
        if _is_stream(answer) and answer.status == 200:
            await self._stream(side, answer, None, receive, send)
            return
        answer.close()
        await _plain(send, answer.status, _beside_the_kind(answer))

    async def _forward(
        self,
        side: _Side,
        headers: Headers,
        body: bytes,
        id: wire.Id | None,
        receive: Receive,
        send: Send,
    ) -> None:
        try:
            answer = await self._send("POST", headers, body)
            self._remember(side, answer)
            if _is_stream(answer) and answer.status == 200:
                await self._stream(side, answer, id, receive, send)
                return
            data = await answer.whole(self._limits.server_message, WHOLE_S)
        except YettError as error:
            if id is None:
                raise
            _, to_client = await self._settle(side, side.core.failed(id, error.message))
            await _json(
                send, 502, to_client[0] if to_client else wire.error(id, wire.UPSTREAM_FAILED, error.message)
            )
            return
        if id is None:
            # An answer or a notification: the server only takes it.
            await _plain(send, answer.status, _beside_the_kind(answer))
            return
        _, to_client = await self._settle(side, side.core.server_message(data)) if data else ([], [])
        if not to_client:
            why = f"the server answered {answer.status} without a message that can be shown"
            _, to_client = await self._settle(side, side.core.failed(id, why))
        shown = to_client[0] if to_client else wire.error(id, wire.UPSTREAM_FAILED, "nothing can be shown")
        status = answer.status if answer.status not in _BODILESS else 502
        await _json(send, status, shown, _beside_the_kind(answer))

    # Streams

    async def _stream(
        self, side: _Side, answer: Answer, id: wire.Id | None, receive: Receive, send: Send
    ) -> None:
        """Pass events on until one side leaves. A client that leaves closes the upstream too."""
        # Not the server's own content type: a charset in it would make other lines of the same bytes.
        headers = [(b"content-type", b"text/event-stream"), *_beside_the_kind(answer)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.create_task(_until_gone(receive))
        passing = asyncio.create_task(self._pass_on(side, answer, id, send))
        try:
            await asyncio.wait({gone, passing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            passing.cancel()
            answer.close()
            resumable = False
            with contextlib.suppress(asyncio.CancelledError):
                resumable = await passing
            if id is not None and not resumable:
                await self._settle(side, side.core.failed(id, "the stream ended before the answer"))

    async def _pass_on(self, side: _Side, answer: Answer, id: wire.Id | None, send: Send) -> bool:
        """True if the stream named event ids, so that a client may come back for the rest."""
        events = Events(self._limits.server_message)
        resumable = False
        why = "the stream ended before the answer"
        try:
            async for piece in answer:
                for found in events.feed(piece):
                    event = found.having(answer.shown(found.raw))
                    resumable = resumable or bool(event.id)
                    for data in await self._shown(side, event):
                        await send({"type": "http.response.body", "body": data, "more_body": True})
        except (Broken, ValueError) as error:
            why = str(error)
        if id is not None and not resumable:
            _, to_client = await self._settle(side, side.core.failed(id, why))
            for data in to_client:
                body = b"data: " + data + b"\n\n"
                await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return resumable

    async def _shown(self, side: _Side, event: Event) -> list[bytes]:
        """What the client gets of an event."""
        if not event.clear:
            side.note("the server sent an event that reads in two ways; it was dropped")
            return []
        if not event.data:
            return [event.raw]
        to_server, to_client = await self._settle(side, side.core.server_message(event.data))
        for reply in to_server:
            if len(side.replies) >= self._limits.server_requests:
                await asyncio.wait(side.replies, return_when=asyncio.FIRST_COMPLETED)
            side.replies.append(asyncio.ensure_future(self._reply(side, reply)))
        side.replies[:] = [task for task in side.replies if not task.done()]
        same = event.data if event.whole else None
        return [event.raw if data == same else event.saying(data) for data in to_client]

    async def _reply(self, side: _Side, data: bytes) -> None:
        """An answer of ours to a request of the server that the client never sees."""
        headers = [
            (b"content-type", b"application/json"),
            (b"accept", b"application/json, text/event-stream"),
        ]
        if side.key[1]:
            headers.append((b"mcp-session-id", side.key[1]))
        with contextlib.suppress(YettError):
            (await self._send("POST", headers, data, seconds=10.0)).close()

    # The session core and the gate

    async def _settle(self, side: _Side, actions: list[Action]) -> tuple[list[bytes], list[bytes]]:
        """Carry actions out until only messages are left: those for the server, those for the client."""
        to_server: list[bytes] = []
        to_client: list[bytes] = []
        queue = list(actions)
        while queue:
            action = queue.pop(0)
            if isinstance(action, ToServer):
                to_server.append(action.data)
            elif isinstance(action, ToClient):
                to_client.append(action.data)
            elif isinstance(action, Judge):
                queue += side.core.judged(action.token, await self._judge(side, action))
            elif isinstance(action, Report):
                error = await atell(side.decider, action.outcome)
                queue += side.core.reported(action.token, error) if action.token else []
            elif isinstance(action, Note):
                side.note(action.text)
        return to_server, to_client

    async def _judge(self, side: _Side, action: Judge) -> Any:
        try:
            session = await side.session()
        except Exception as error:  # noqa: BLE001 -- without a session nothing can be judged
            code = error.code if isinstance(error, YettError) else "DECISION_UNAVAILABLE"
            return refused(action.call, code, "no session could be opened with the gateway")
        return await aask(
            side.decider, msgspec.structs.replace(action.call, session=session), clock=self._clock
        )

    def _side(self, headers: Headers, identity: Identity | None) -> _Side:
        """The session this request belongs to."""
        who = identity.credential if identity is not None else ""
        key = (who, _one(headers, b"mcp-session-id"))
        known = self._sessions.get(*key)
        if known is not None:
            return known
        if key[1] and self._owners.get(key[1], who) != who:
            raise YettError("SESSION_UNKNOWN", "there is no such session")
        if key[1]:
            side = _Side(key, self._core(None), self._decider(identity), self._note)
            self._keep(key, side)
            return side
        shared = self._stateless.get(who)
        if shared is None:
            shared = self._stateless[who] = _Side(key, self._core(None), self._decider(identity), self._note)
            while len(self._stateless) > SESSIONS:
                self._stateless.popitem(last=False)
        return _Side(key, self._core(shared.states), shared.decider, self._note, shared)

    def _remember(self, side: _Side, answer: Answer) -> None:
        """A server that opened a session named it in its first answer; its core stays."""
        given = answer.header(b"mcp-session-id")
        if given and not side.key[1] and len(given) <= 1024:
            side.key = (side.key[0], given)
            side.shared = None
            self._keep(side.key, side)

    def _keep(self, key: tuple[str, bytes], side: _Side) -> None:
        self._owners[key[1]] = key[0]
        forgotten = self._sessions.put(*key, side)
        if forgotten is not None:
            self._owners.pop(forgotten, None)

    def _core(self, states: States | None) -> Session:
        return Session(
            self.server, "", self._catalogue, clock=self._clock, limits=self._limits,
            states=states or States(self._limits.tasks),
        )  # fmt: skip

    # The rim

    def _who(self, headers: Headers) -> Identity | None:
        if self._authenticate is not None:
            identity = self._authenticate(headers)
            if identity.role not in ("agent", "operator"):
                raise Unauthorized("ROLE_FORBIDDEN", f"the role {identity.role} runs no tools")
            return identity
        # A page in the user's browser could reach a door without authentication (DNS rebinding).
        for name in (b"origin", b"host"):
            for key, value in headers:
                if key == name and not _is_local(value):
                    raise Unauthorized("ORIGIN_FORBIDDEN", "this door is for programs on this machine")
        return None

    async def _body(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise YettError("CLIENT_GONE", "the client left")
            part = bytes(message.get("body", b""))
            size += len(part)
            if size > self._limits.client_message:
                raise YettError("TOO_LARGE", "the message is too large")
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)

    async def _send(self, method: str, headers: Headers, body: bytes, seconds: float = SECONDS) -> Answer:
        """Send a request with MCP's own headers, and ours with their secrets put in at this very moment."""
        ours = [(name.lower().encode(), value) for name, value in self._headers]
        names = {name for name, _ in ours}
        outgoing = [(name, value) for name, value in headers if name not in names and self._passes(name)]
        hidden: set[str] = set()
        for name, value in ours:
            outgoing.append((name, (await secrets.aresolve(value, self._commands, hidden)).encode()))
        path = self._upstream.target.path
        answer = await self._upstream.send(method, path, outgoing, body, seconds=seconds)
        answer.hide(hidden)
        return answer

    def _passes(self, name: bytes) -> bool:
        # With authentication here, the client's credential is ours and must not leave.
        own = name == b"authorization" and self._authenticate is None
        return own or name in _TO_SERVER or name.startswith(b"mcp-param-")


class _Side:
    """One session: its core, who judges for it, and the gateway's session."""

    def __init__(
        self,
        key: tuple[str, bytes],
        core: Session,
        decider: AnyDecider,
        note: Callable[[str], None],
        shared: _Side | None = None,
    ) -> None:
        self.key = key
        self.core = core
        self.decider = decider
        self.note = Notes(note)
        self.shared = shared
        self.states = core.states
        self.replies: list[asyncio.Future[None]] = []
        self._session = ""
        self._lock = asyncio.Lock()

    async def session(self) -> str:
        """The gateway's session, opened when the first call is judged; stateless requests share one."""
        if self.shared is not None:
            return await self.shared.session()
        async with self._lock:
            if not self._session:
                opened: Any = cast(Decider, self.decider).open_session()
                self._session = await opened if asyncio.iscoroutine(opened) else opened
            return self._session


def serve(
    server: str, url: str, listen: str, headers: list[str], catalogue: Catalogue, decider: Decider
) -> int:
    """Run a door of its own on a loopback address until interrupted; returns an exit status."""
    import uvicorn

    pairs = header_pairs(headers)
    host, _, port = listen.rpartition(":")
    if not _is_local(listen.encode()):
        raise YettError(
            "NOT_LOOPBACK", "this door has no authentication", remedy="use /mcp/{server} of `yett serve`"
        )
    upstream = Upstream(Target.of(url), private=True)
    door = McpDoor(server, upstream, catalogue, lambda _: decider, headers=pairs)
    uvicorn.run(door, host=host.strip("[]"), port=int(port), **UVICORN)
    return 0


_YETT_STATUS: Final = {
    "TOO_LARGE": 413,
    "RATE_LIMITED": 429,
    "CLIENT_GONE": 400,
    "SESSION_UNKNOWN": 404,
    "SECRET_UNAVAILABLE": 502,
    "REQUEST_TIMEOUT": 408,
}


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _json(send: Send, status: int, body: bytes, more: Headers | None = None) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _plain(send: Send, status: int, headers: Headers | None = None) -> None:
    kept = [*(headers or []), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": kept})
    await send({"type": "http.response.body", "body": b""})


def _status_of(answer: bytes) -> int:
    """Of an answer made here: a refused tool call is a result like any other."""
    error = msgspec.json.decode(answer).get("error")
    return _STATUS.get(error["code"], 200) if error else 200


def _is_stream(answer: Answer) -> bool:
    return answer.header(b"content-type").partition(b";")[0].strip().lower() == b"text/event-stream"


def _beside_the_kind(answer: Answer) -> Headers:
    return [(name, value) for name, value in answer.headers if name in _TO_CLIENT]


def _one(headers: Headers, name: bytes) -> bytes:
    """The header's value, which stands once: of two, the server might take the other one."""
    values = [value for key, value in headers if key == name]
    if len(values) > 1:
        raise wire.WireError(HEADER_MISMATCH, f"the header {name.decode()} stands twice")
    return values[0] if values else b""


def _is_local(value: bytes) -> bool:
    text = value.decode("latin-1").removeprefix("http://").removeprefix("https://")
    host = text.rpartition(":")[0] if text.rpartition(":")[2].isdigit() else text
    return host.strip("[]").lower() in ("127.0.0.1", "localhost", "::1")
