"""One MCP session between a client and a server, without I/O: messages in, actions out.

    client ──► client_message ──► Judge ──(somebody asks the gate)──► judged ──► ToServer
    client ◄── ToClient ◄── reported ◄──(somebody tells the gate)── Report ◄── server_message ◄── server

The driver (stdio, HTTP) frames bytes, calls these methods one at a time, and carries out the actions in
order. Nothing here waits, reads a clock of its own or keeps more than `Limits` says.

Which messages go where is an allow list, so that a method of a later protocol version can't run a tool
unjudged: `tools/call`, `resources/read` and `prompts/get` are judged, and so is what the server asks of the
client (`asks`); lists and the like pass and are filtered; everything unknown is answered with "method not
found". An allowed exchange is not touched: the same bytes go on that came in, in both directions.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from yett.errors import InvalidCall, YettError
from yett.model import Decision, Json, Outcome, ToolCall
from yett.proxy.mcp import answers, obligations, wire
from yett.proxy.mcp.actions import Action, Judge, Limits, Note, Report, ToClient, ToServer
from yett.proxy.mcp.asks import ASKS, FREE, Question, questions
from yett.proxy.mcp.catalogue import Catalogue
from yett.proxy.mcp.framing import TooLong
from yett.proxy.mcp.methods import (
    HANDSHAKE_VERSIONS,
    JUDGED,
    MODERN_VERSIONS,
    PASSED_TO_SERVER,
    UNSUPPORTED_VERSION,
    judged_part,
    version_of,
)
from yett.proxy.mcp.tickets import States
from yett.sdk.decider import call_for, duty, explain


class _Judging(msgspec.Struct):
    request: wire.Request
    call: ToolCall
    cancelled: bool = False


class _Pending(msgspec.Struct):
    """A request the server has and will answer."""

    request: wire.Request
    decision: Decision | None = None
    cancelled: bool = False


class _Given(msgspec.Struct):
    """An answer on its way to whoever asked."""

    request: wire.Request
    answer: bytes
    questions: list[Question] = []
    """What the server asks in it, as far as it is not judged yet."""
    to_server: bool = False


class _Asking(msgspec.Struct):
    """A question of the server that is being judged: a request of its own, or part of an answer."""

    call: ToolCall
    about: wire.Request | _Given
    cancelled: bool = False


class Session:
    """See the module. Not thread-safe: the driver serialises.

    Args:
        server: the name policies know this server by.
        session: the gateway's session id, put on every call.
        catalogue: what the client may see and call.
        clock: milliseconds since the epoch.
        states: what is remembered between rounds, where it outlives the session (stateless HTTP).
    """

    def __init__(
        self,
        server: str,
        session: str,
        catalogue: Catalogue,
        *,
        clock: Callable[[], int],
        limits: Limits | None = None,
        states: States | None = None,
    ) -> None:
        self.server = server
        self.session = session
        self._catalogue = catalogue
        self._clock = clock
        self.limits = self._limits = limits or Limits()
        self._tokens = 0
        self._judging: dict[int, _Judging] = {}
        self._pending: dict[wire.Id, _Pending] = {}
        self._reporting: dict[int, _Given] = {}
        self._asking: dict[int, _Asking] = {}
        self._asked: dict[wire.Id, tuple[wire.Request, Decision | None]] = {}
        self.states = self._states = states or States(self._limits.tasks)
        self._waiting = 0
        self._open = True

    # From the client

    def client_message(self, raw: bytes | TooLong) -> list[Action]:
        """One message of the client."""
        if isinstance(raw, TooLong):
            return [
                ToClient(
                    wire.error(
                        None, wire.INVALID_REQUEST, f"the message has {raw.size} bytes, which is too many"
                    )
                )
            ]
        try:
            return self.client_said(wire.read(raw, max_bytes=self._limits.client_message))
        except wire.WireError as error:
            return [ToClient(wire.error(error.id, error.code, error.message))]

    def client_said(self, message: wire.Message) -> list[Action]:
        """As `client_message`, of a message that was read.

        Raises:
            WireError: what to answer.
        """
        if isinstance(message, wire.Request):
            return self._client_request(message)
        if isinstance(message, wire.Notification):
            return self._client_notification(message)
        if message.id not in self._asked or message.id is None:
            return [Note("an answer of the client to nothing the server asked was dropped")]
        request, decision = self._asked.pop(message.id)
        if decision is None:
            return [ToServer(message.raw)]
        given = _Given(request, message.raw, to_server=True)
        return self._record(given, decision, message.result, message.error)

    def _client_request(self, request: wire.Request) -> list[Action]:
        if not self._open:
            raise wire.WireError(wire.UPSTREAM_FAILED, "the MCP server is gone", request.id)
        if self._busy(request.id):
            raise wire.WireError(wire.INVALID_REQUEST, "a request with this id is still running", request.id)
        running = len(self._judging) + len(self._pending) + len(self._reporting) + len(self._asking)
        if running >= self._limits.in_flight:
            raise wire.WireError(wire.BUSY, "too many requests are running", request.id)
        version = version_of(request)
        if version is not None and version not in MODERN_VERSIONS:
            data: Json = {"supported": list(MODERN_VERSIONS), "requested": version}
            return [
                ToClient(wire.error(request.id, UNSUPPORTED_VERSION, "Unsupported protocol version", data))
            ]
        if request.method in JUDGED:
            return self._judge(request)
        if request.method not in PASSED_TO_SERVER:
            raise wire.WireError(wire.METHOD_NOT_FOUND, "this gateway does not know the method", request.id)
        self._pending[request.id] = _Pending(request)
        return [ToServer(request.raw)]

    def _judge(self, request: wire.Request) -> list[Action]:
        tool, arguments = judged_part(request)
        why = self._catalogue.usable(request.method, request.params)
        if why is not None:
            return [ToClient(answers.refusal(request, f"The call of {tool!r} was not run: {why}."))]
        if self._waiting + len(request.raw) > self._limits.waiting:
            raise wire.WireError(wire.BUSY, "too many calls wait to be judged", request.id)
        state = request.params.get("requestState")
        if state is not None and not self._states.knows_state(state, request):
            # The state is the server's memory of the first round; one it did not give out for this very
            # request is a forgery or belongs to another call.
            raise wire.WireError(
                wire.INVALID_PARAMS, "the request state was not issued for this request", request.id
            )
        try:
            call = call_for(tool, arguments, session=self.session, server=self.server)
        except InvalidCall as refused:
            raise wire.WireError(wire.INVALID_PARAMS, str(refused), request.id) from None
        self._tokens += 1
        self._waiting += len(request.raw)
        self._judging[self._tokens] = _Judging(request, call)
        return [Judge(self._tokens, call)]

    def _client_notification(self, note: wire.Notification) -> list[Action]:
        if note.method == "notifications/cancelled":
            return self._cancel(note)
        if not note.method.startswith("notifications/"):
            # JSON-RPC lets a request go without id; nobody would be told that it was refused or what it did.
            return [Note(f"a {note.method} without an id was dropped")]
        return [ToServer(note.raw)]

    def _cancel(self, note: wire.Notification) -> list[Action]:
        id = note.params.get("requestId")
        for waiting in self._judging.values():
            if waiting.request.id == id and type(waiting.request.id) is type(id):
                waiting.cancelled = True
                return []
        if isinstance(id, str | int) and not isinstance(id, bool) and id in self._pending:
            self._pending[id].cancelled = True
            return [ToServer(note.raw)]
        return []

    # From the gate

    def judged(self, token: int, decision: Decision) -> list[Action]:
        """The gate's answer to `Judge(token, …)`; must come from `sdk.decider.ask`, which vouches for it."""
        if token in self._asking:
            return self._may_ask(self._asking.pop(token), decision)
        waiting = self._judging.pop(token, None)
        if waiting is None:
            return self._unused(decision)
        request = waiting.request
        self._waiting -= len(request.raw)
        if waiting.cancelled:
            return self._unused(decision)
        if not decision.allowed:
            return [ToClient(answers.refusal(request, explain(decision, waiting.call.tool), decision))]
        if not self._open:
            gone = wire.error(request.id, wire.UPSTREAM_FAILED, "the MCP server is gone")
            return [*self._unused(decision), ToClient(gone)]
        problem = obligations.unknown(decision.obligations)
        if problem is None and self._clock() >= decision.expires_at:
            problem = "the permission had run out before the tool could start"
        if problem is not None:
            text = f"The call of {waiting.call.tool} was not run: {problem}."
            return [*self._unused(decision), ToClient(answers.refusal(request, text))]
        self._pending[request.id] = _Pending(request, decision)
        return [ToServer(request.raw)]

    def reported(self, token: int, error: YettError | None) -> list[Action]:
        """The gate has the outcome (or not: then the result is withheld)."""
        waiting = self._reporting.pop(token, None)
        if waiting is None:
            return []
        self._waiting -= len(waiting.answer)
        if error is None:
            return self._deliver(waiting)
        request, text = waiting.request, f"{error.message}. What it did may have happened; do not repeat it."
        if waiting.to_server:
            return [ToServer(wire.error(request.id, wire.REFUSED, error.message)), Note(str(error))]
        return [ToClient(answers.refusal(request, text)), Note(str(error))]

    def _deliver(self, given: _Given) -> list[Action]:
        """The answer to whoever asked, once all that the server asks in it may be asked."""
        if given.to_server:
            return [ToServer(given.answer)]
        if not given.questions:
            return [ToClient(given.answer)]
        question = given.questions.pop(0)
        return self._ask(question.method, question.params, given)

    # What the server asks of the client

    def _ask(self, method: str, params: dict[str, Json], about: wire.Request | _Given) -> list[Action]:
        try:
            call = call_for(method, params, session=self.session, server=self.server)
        except InvalidCall as refused:
            return self._not_asked(method, about, str(refused))
        self._tokens += 1
        self._asking[self._tokens] = _Asking(call, about)
        return [Judge(self._tokens, call)]

    def _may_ask(self, asking: _Asking, decision: Decision) -> list[Action]:
        about, method = asking.about, asking.call.tool
        if not decision.allowed and asking.cancelled:
            return []
        if not decision.allowed:
            return self._not_asked(method, about, explain(decision, method))
        problem = duty(decision)
        if problem is None and self._clock() >= decision.expires_at:
            problem = "the permission had run out"
        if problem is not None:
            return [*self._unused(decision), *self._not_asked(method, about, problem)]
        if isinstance(about, wire.Request):
            if asking.cancelled or not self._open:
                return self._unused(decision)
            self._asked[about.id] = (about, decision)
            return [ToClient(about.raw)]
        # The reply comes with the next call, as `inputResponses`, and is judged with it.
        return [Report(0, Outcome(decision_id=decision.decision_id, status="ok")), *self._deliver(about)]

    def _takes_back(self, note: wire.Notification) -> bool:
        """The server cancels a question of its own that is still being judged: the client never hears of it."""
        id = note.params.get("requestId")
        for each in self._asking.values() if note.method == "notifications/cancelled" else ():
            about = each.about
            if isinstance(about, wire.Request) and about.id == id and type(about.id) is type(id):
                each.cancelled = True
                return True
        return False

    def _not_asked(self, method: str, about: wire.Request | _Given, why: str) -> list[Action]:
        """The server learns that it may not, a person reads why."""
        note = Note(f"{self.server}: {method} of the server was not passed on: {why}")
        if isinstance(about, wire.Request):
            return [ToServer(wire.error(about.id, wire.REFUSED, f"{method} is not permitted here")), note]
        text = (
            f"The server wants something of the client before it goes on, and that was not passed on. {why}"
        )
        return [ToClient(answers.refusal(about.request, text)), note]

    # From the server

    def server_message(self, raw: bytes | TooLong) -> list[Action]:
        """One message of the server."""
        if isinstance(raw, TooLong):
            return self._unreadable(
                answers.id_at_the_ends(raw), f"a message of {raw.size} bytes, which is too many"
            )
        try:
            message = wire.read(raw, max_bytes=self._limits.server_message, judged=False)
        except wire.WireError as error:
            return self._unreadable(error.id, error.message)
        if isinstance(message, wire.Response):
            return self._server_response(message)
        if isinstance(message, wire.Request):
            return self._server_request(message)
        if message.method.startswith("notifications/"):
            return [] if self._takes_back(message) else self._noted(message)
        return [Note(f"a {message.method!a} of the server without an id was dropped")]

    def _noted(self, message: wire.Notification) -> list[Action]:
        try:
            self._catalogue.filter("", message.params)
        except YettError as error:
            return [Note(f"{self.server}: {message.method}: {error.message}")]
        return [ToClient(message.raw)]

    def _server_request(self, request: wire.Request) -> list[Action]:
        if request.method not in ASKS | FREE:
            return [
                ToServer(
                    wire.error(request.id, wire.METHOD_NOT_FOUND, "this gateway does not know the method")
                )
            ]
        open_ids = [
            *self._asked,
            *(each.about.id for each in self._asking.values() if isinstance(each.about, wire.Request)),
        ]
        if len(open_ids) >= self._limits.server_requests or request.id in open_ids:
            return [ToServer(wire.error(request.id, wire.BUSY, "too many requests to the client are open"))]
        if request.method in ASKS:
            return self._ask(request.method, request.params, request)
        self._asked[request.id] = (request, None)
        return [ToClient(request.raw)]

    def _server_response(self, response: wire.Response) -> list[Action]:
        pending = self._pending.pop(response.id, None) if response.id is not None else None
        if pending is None:
            return [Note("an answer of the server to nothing it was asked was dropped")]
        request = pending.request
        try:
            asked = questions(response.result)
        except wire.WireError as error:
            self._pending[request.id] = pending
            return self._unreadable(request.id, error.message)
        if pending.decision is not None:
            return self._outcome(request, pending.decision, response, asked)
        if response.result is None:
            return self._filtered(request, response, asked)
        if request.method == "tasks/result" or (
            request.method == "tasks/get" and _has_result(response.result)
        ):
            decision = self._states.task(request.params.get("taskId"))
            if decision is None:
                # What a task returns is the outcome of a call; nobody would know of which.
                text = "the task was not started in this session, so its result can't be recorded"
                return [ToClient(wire.error(request.id, wire.REFUSED, text))]
            return self._outcome(request, decision, response, asked)
        if (
            request.method == "initialize"
            and response.result.get("protocolVersion") not in HANDSHAKE_VERSIONS
        ):
            text = "the server chose a protocol version this gateway does not know"
            known: Json = {"supported": [*HANDSHAKE_VERSIONS]}
            return [ToClient(wire.error(request.id, UNSUPPORTED_VERSION, text, known))]
        return self._filtered(request, response, asked)

    def _filtered(
        self, request: wire.Request, response: wire.Response, asked: list[Question]
    ) -> list[Action]:
        """The answer to a request that nobody judged, as far as it may be shown."""
        try:
            if response.result is None:
                changed, notes = self._catalogue.filter("", response.error or {})
            else:
                changed, notes = self._catalogue.filter(request.method, response.result)
        except YettError as error:
            note = Note(f"{self.server}: {request.method}: {error.message}")
            return [note, ToClient(wire.error(request.id, wire.REFUSED, error.message))]
        return [*map(Note, notes), *self._deliver(_Given(request, _with_result(response, changed), asked))]

    def _outcome(
        self, request: wire.Request, decision: Decision, response: wire.Response, asked: list[Question]
    ) -> list[Action]:
        """A judged call has an answer: to the gate first, to the client when it is on record."""
        answer, result = response.raw, response.result
        if result is not None:
            self._states.learn(request, result, decision)
            result, note = obligations.apply(decision.obligations, result)
            if note:
                answer = wire.result(request.id, result)
        return self._record(_Given(request, answer, asked), decision, result, response.error)

    def _record(
        self,
        given: _Given,
        decision: Decision,
        result: dict[str, Json] | None,
        error: dict[str, Json] | None,
    ) -> list[Action]:
        failed = result is None or result.get("isError") is True
        outcome = Outcome(
            decision_id=decision.decision_id,
            status="error" if failed else "ok",
            result=answers.recordable(result),
            error=answers.error_text(error),
        )
        self._waiting += len(given.answer)
        if self._waiting > self._limits.waiting + self._limits.server_message:
            self._waiting -= len(given.answer)
            text = "the tool ran, but too many results wait to be recorded"
            busy = wire.error(given.request.id, wire.BUSY, text)
            return [Report(0, outcome), ToServer(busy) if given.to_server else ToClient(busy)]
        self._tokens += 1
        self._reporting[self._tokens] = given
        return [Report(self._tokens, outcome)]

    def _unreadable(self, id: wire.Id | None, why: str) -> list[Action]:
        """The server sent something that is not one clear message; if it was an answer, its request fails."""
        note = Note(f"the server sent {why}")
        pending = self._pending.pop(id, None) if id is not None else None
        if pending is None:
            return [note]
        text = f"the server's answer can't be shown: {why}"
        actions: list[Action] = [note]
        if pending.decision is not None:
            actions.append(
                Report(0, Outcome(decision_id=pending.decision.decision_id, status="unknown", error=text))
            )
        actions.append(ToClient(wire.error(pending.request.id, wire.UPSTREAM_FAILED, text)))
        return actions

    # The ends

    def server_closed(self, why: str = "the MCP server is gone") -> list[Action]:
        """No more will come from the server: every open request is answered, every running call is in doubt."""
        self._open = False
        actions: list[Action] = []
        running = [*(each.decision for each in self._pending.values()), *(d for _, d in self._asked.values())]
        for decision in filter(None, running):
            outcome = Outcome(decision_id=decision.decision_id, status="unknown", error=why)
            actions.append(Report(0, outcome))
        for pending in self._pending.values():
            if not pending.cancelled:
                actions.append(ToClient(wire.error(pending.request.id, wire.UPSTREAM_FAILED, why)))
        self._pending.clear()
        self._asked.clear()
        return actions

    def failed(self, id: wire.Id, why: str) -> list[Action]:
        """The request got no answer that can be shown; a judged call is in doubt."""
        return self._unreadable(id, why) if id in self._pending else []

    def _unused(self, decision: Decision) -> list[Action]:
        """An allow that was not used is on record as one that did nothing."""
        if not decision.allowed:
            return []
        return [
            Report(0, Outcome(decision_id=decision.decision_id, status="no_effect", error="not forwarded"))
        ]

    def _busy(self, id: wire.Id) -> bool:
        return (
            id in self._pending
            or any(waiting.request.id == id for waiting in self._judging.values())
            or any(given.request.id == id for given in self._given() if not given.to_server)
        )

    def _given(self) -> list[_Given]:
        asked = [each.about for each in self._asking.values()]
        return [*self._reporting.values(), *(about for about in asked if isinstance(about, _Given))]


def _has_result(result: dict[str, Json]) -> bool:
    return any(key in result for key in ("result", "content", "structuredContent"))


def _with_result(response: wire.Response, changed: dict[str, Json] | None) -> bytes:
    if changed is None or response.id is None:
        return response.raw
    return wire.result(response.id, changed)
