"""`/proxy/{tool}`: an HTTP tool behind the gate, with credentials the agent never has.

The agent posts `{"arguments": {…}}`. An allowed call becomes one request to the tool's upstream: the judged
arguments, canonical, as its JSON body (or, for a tool that fetches, a GET of the URL in one of them), with
the configured headers, whose `secret://` handles are filled in at that moment. The connection goes to an
address that was resolved once and is public, unless the configuration says `private`. A redirect is another
call: it is judged with the new URL, up to three times, and refused for a tool with a fixed URL. A credential
that the upstream repeats is taken out of its answer.

What comes back is the outcome: reported first, then shown, with obligations fulfilled.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from yett import canonical
from yett.clock import wall_clock
from yett.errors import InvalidCall, YettError
from yett.model import Decision, Identity, Json, Outcome
from yett.proxy import secrets
from yett.proxy.mcp import obligations
from yett.proxy.pdp.asking import Authenticate, Door, about, asker, guarded, object_of, reply, text_in
from yett.proxy.upstream import Answer, Target, Upstream, header_pairs
from yett.sdk.decider import OnBehalf, aask, atell, call_for, enforcing, explain

MAX_ANSWER: Final = 4 << 20
"""Bytes of an upstream's answer."""
REDIRECTS: Final = 3


class ToolConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One tool. Give `url`, or `url_argument` for a tool that fetches what it is told."""

    url: str = ""
    url_argument: str = ""
    method: str = "POST"
    headers: dict[str, str] = {}
    hosts: tuple[str, ...] = ()
    """With `url_argument`: the hosts that may get the headers above; others get none of them. A port other
    than the scheme's own stands behind the host's name. Over plain http only with `private`."""
    private: bool = False
    seconds: float = 30.0

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.url_argument):
            raise ValueError("a tool has either a url or a url_argument")
        if self.method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            raise ValueError("the method is not one of GET, POST, PUT, PATCH, DELETE")
        if self.url:
            Target.of(self.url)
        header_pairs([f"{name}: {value}" for name, value in self.headers.items()])


class ToolProxy:
    """All HTTP tools of a sidecar."""

    def __init__(
        self,
        gateway: Any,
        tools: dict[str, ToolConfig],
        *,
        commands: dict[str, list[str]] | None = None,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self._gateway = enforcing(gateway)
        self._tools = tools
        self._commands = commands or {}
        self._clock = clock
        self._upstreams: dict[tuple[str, str, int, bool], Upstream] = {}

    def routes(self, authenticate: Authenticate) -> list[Door]:
        """`POST /proxy/{tool}`."""

        async def proxy(request: Request) -> Response:
            identity = asker(authenticate(request.scope["headers"]))
            body = await object_of(request)
            arguments = body.get("arguments", {})
            if not isinstance(arguments, dict) or set(body) - {"arguments", "session"}:
                raise InvalidCall("BAD_REQUEST", "the body is `{arguments, session?}`")
            session = text_in(body, "session", "")
            return await self.call(request.path_params["tool"], arguments, identity, session)

        reads = {
            "type": "object",
            "properties": {"arguments": {"type": "object"}, "session": {"type": "string"}},
            "additionalProperties": False,
        }
        return [Door("/proxy/{tool}", guarded(proxy), "Judge a call and run it", reads=reads)]

    async def call(
        self, tool: str, arguments: dict[str, Json], identity: Identity, session: str = ""
    ) -> Response:
        """Judge, run, report, answer.

        Raises:
            YettError: NOT_FOUND, BAD_URL, or the call cannot be judged.
        """
        config = self._tools.get(tool)
        if config is None:
            raise YettError("NOT_FOUND", "there is no such tool")
        decider = OnBehalf(self._gateway, identity)
        for _ in range(REDIRECTS + 1):
            call = call_for(tool, arguments, session=session)
            decision = await aask(decider, call, clock=self._clock)
            problem = obligations.unknown(decision.obligations) if decision.allowed else None
            if problem is not None:
                await atell(decider, _outcome(decision, "no_effect", error=problem))
            if not decision.allowed or problem is not None:
                return _refused(decision, tool, problem)
            done = await self._run(config, call.arguments, decision, decider)
            if isinstance(done, Response):
                return done
            arguments = {**call.arguments, config.url_argument: done}
        raise YettError("TOO_MANY_REDIRECTS", "the upstream redirects too often")

    async def _run(
        self, config: ToolConfig, arguments: dict[str, Json], decision: Decision, decider: OnBehalf
    ) -> Response | str:
        """The answer for the agent, or the URL a redirect leads to."""
        hidden: set[str] = set()
        try:
            target, method, body = _request(config, arguments)
            headers = await self._headers(config, target, body, hidden)
            upstream = self._upstream(target, config.private)
            if self._clock() >= decision.expires_at:
                raise YettError("DECISION_EXPIRED", "the permission had run out before the tool could start")
        except YettError as error:
            await atell(decider, _outcome(decision, "no_effect", error=error.code))
            raise
        try:
            answer = await upstream.send(method, target.path, headers, body, seconds=config.seconds)
            answer.hide(hidden)
            data = await answer.whole(MAX_ANSWER, config.seconds)
        except YettError as error:
            # The request may have arrived: only a refused address is sure to have done nothing.
            status = "no_effect" if error.code == "ADDRESS_FORBIDDEN" else "unknown"
            await atell(decider, _outcome(decision, status, error=str(error)))
            raise
        return await self._answered(config, target, answer, data, decision, decider)

    async def _answered(
        self,
        config: ToolConfig,
        target: Target,
        answer: Answer,
        data: bytes,
        decision: Decision,
        decider: OnBehalf,
    ) -> Response | str:
        location = answer.header(b"location")
        redirect = 300 <= answer.status < 400 and bool(location)
        shown: Any = {"status": answer.status, "location": location.decode("latin-1")}
        if not redirect:
            kind = answer.header(b"content-type").decode("latin-1")
            shown = {"status": answer.status, "body": _readable(data), "content_type": kind}
            shown, _ = obligations.apply(decision.obligations, shown)
        failed = answer.status >= 400
        error = await atell(decider, _outcome(decision, "error" if failed else "ok", result=shown))
        if error is not None:
            raise YettError(error.code, error.message)
        if not redirect:
            return reply({**shown, "decision": decision.decision_id})
        if not config.url_argument:
            raise YettError("REDIRECTED", "the tool's upstream redirects; its URL is fixed")
        here = f"{target.scheme}://{target.authority}{target.path}"
        return urllib.parse.urljoin(here, location.decode("latin-1"))

    async def _headers(
        self, config: ToolConfig, target: Target, body: bytes, hidden: set[str]
    ) -> list[tuple[bytes, bytes]]:
        found = [(b"accept", b"*/*"), (b"user-agent", b"yett")]
        if body:
            found.append((b"content-type", b"application/json"))
        trusted = target.authority in config.hosts and (target.scheme == "https" or config.private)
        if config.url or trusted:
            for name, value in config.headers.items():
                resolved = await secrets.aresolve(value, self._commands, hidden)
                found.append((name.lower().encode(), resolved.encode()))
        return found

    def _upstream(self, target: Target, private: bool) -> Upstream:
        key = (target.scheme, target.host, target.port, private)
        if key not in self._upstreams:
            while len(self._upstreams) > 256:
                self._upstreams.pop(next(iter(self._upstreams)))
            self._upstreams[key] = Upstream(target, private=private)
        return self._upstreams[key]


def _request(config: ToolConfig, arguments: dict[str, Json]) -> tuple[Target, str, bytes]:
    """Where, how, and with which body. Raises `YettError` BAD_URL."""
    if config.url:
        # The target never comes from the arguments, so they can't add to its host or path.
        return Target.of(config.url), config.method, canonical.encode(arguments)
    url = arguments.get(config.url_argument)
    if not isinstance(url, str):
        raise YettError("BAD_URL", f"the argument {config.url_argument} is not a URL")
    rest = {name: value for name, value in arguments.items() if name != config.url_argument}
    method = "GET" if config.method == "POST" and not rest else config.method
    return Target.of(url), method, canonical.encode(rest) if rest else b""


def _readable(data: bytes) -> Json:
    """JSON as JSON where it can be judged, else text; binary as its size."""
    try:
        return canonical.parse(data, max_bytes=MAX_ANSWER)
    except InvalidCall:
        try:
            return data.decode()
        except UnicodeDecodeError:
            return f"[{len(data)} bytes that are not text]"


def _refused(decision: Decision, tool: str, problem: str | None) -> Response:
    text = explain(decision, tool) if problem is None else f"The call of {tool} was not run: {problem}."
    return reply({"error": text, "yett": about(decision)}, 403)


def _outcome(decision: Decision, status: str, *, result: Json = None, error: str | None = None) -> Outcome:
    return Outcome(decision_id=decision.decision_id, status=status, result=result, error=error)
