"""A layer that an Open Policy Agent server decides. It can only tighten, and anything but an answer is a deny.

The input document (docs/policy.md) says what a layer of rules would see; the answer is `"allow"`, `"hold"`,
`"deny"`, or `{effect, reasons?, approvers?}`. OPA answers 200 with no result for an undefined rule or a typo in
its name, so only a result of exactly that shape counts; `{}`, a wrong type, an unknown field, an error status,
a slow or dead server are a deny with their own code.

opa-python-client's async client runs in one loop of its own, on one thread, whoever asks. A circuit breaker
for each server keeps a dead one from costing every call its timeout: after `FAILURES` in a row it denies at
once for a while, then lets one call try.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from yett.errors import PolicyError
from yett.model import Effect, Json, Reason
from yett.policy.layer import STAGE, LayerVerdict
from yett.policy.scope import LABELS, ROLE_LISTS, Scope, origin_of

FAILURES = 5
"""Failures in a row after which the breaker opens."""
REST_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""How long it stays open, by how often it opened in a row."""
MAX_REASONS = 8
MAX_TEXT = 300


class _Failed(Exception):
    """No usable answer; `code` and `message` become the reason of the deny."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def require_client(where: str) -> None:
    """Raise if the client library is missing: a policy that cannot ask must not load.

    Raises:
        PolicyError: OPA_CLIENT_MISSING.
    """
    try:
        import opa_client  # noqa: F401
    except ImportError:
        raise PolicyError(
            "OPA_CLIENT_MISSING",
            "the OPA client is not installed",
            path=where,
            remedy="pip install '.[opa]' in yett's checkout",
        ) from None


@dataclass(frozen=True)
class Opa:
    """Where a layer's decision is asked for."""

    url: str
    path: str
    timeout_ms: int = 250
    remote: bool = True

    @property
    def id(self) -> str:
        return f"opa:{self.url}/{self.path}"

    def judge(self, layer: str, scope: Scope) -> LayerVerdict:
        """The server's word on a call; a deny if there is none."""
        try:
            return read_answer(_servers.ask(self, input_document(scope)), layer)
        except _Failed as failed:
            reason = Reason(stage=STAGE, code=failed.code, message=failed.message, rule=f"{layer}/opa")
            return LayerVerdict(Effect.DENY, (reason,))


def input_document(scope: Scope) -> dict[str, Json]:
    """What OPA is asked about: the documented decision input, version 1."""
    call, identity, spec = scope.admitted.call, scope.admitted.identity, scope.spec
    facts, risk, history = scope.facts, scope.risk, scope.history
    return {
        "version": 1,
        "tool": call.tool,
        "server": call.server,
        "arguments": call.arguments,
        "digest": scope.admitted.digest,
        "identity": {
            "principal": identity.principal,
            "agent": identity.agent,
            "tenant": identity.tenant,
            "groups": list(identity.groups),
        },
        "manifest": None
        if spec is None
        else {
            "does": list(spec.does),
            "roles": {name: ROLE_LISTS[arg.role] for name, arg in spec.args.items()},
        },
        "facts": msgspec.to_builtins(facts) | {"truncated": facts.truncated},
        "risk": {"score": risk.score, "level": risk.level.value, "findings": [f.id for f in risk.findings]},
        "session": {
            "id": call.session,
            "risk": history.risk,
            "labels": sorted(history.labels),
        }
        | {label: label in history.labels for label in LABELS},
        "origins": {name: origin_of(value, history).value for name, value in call.arguments.items()},
        "now": scope.now,
    }


def read_answer(result: Json, layer: str) -> LayerVerdict:
    """An answer of exactly the documented shape.

    Raises:
        _Failed: OPA_UNDEFINED or OPA_INVALID.
    """
    if not isinstance(result, dict) or "result" not in result:
        raise _Failed("OPA_UNDEFINED", "OPA gave no result: the rule is undefined for this call, or misspelt")
    said = result["result"]
    if isinstance(said, str):
        said = {"effect": said}
    if not isinstance(said, dict) or not set(said) <= {"effect", "reasons", "approvers"}:
        raise _Failed("OPA_INVALID", "OPA's result is not a decision")
    word = said.get("effect")
    if not isinstance(word, str) or word not in Effect.__members__.values():
        raise _Failed("OPA_INVALID", "OPA's result has no effect allow, hold or deny")
    effect = Effect(word)
    texts, groups = said.get("reasons", []), said.get("approvers", [])
    for strings in (texts, groups):
        if not isinstance(strings, list) or not all(isinstance(text, str) for text in strings):
            raise _Failed("OPA_INVALID", "OPA's reasons and approvers are lists of strings")
    messages = [_printable(text) for text in texts[:MAX_REASONS]] or [f"OPA says {effect.value}"]
    code = {Effect.ALLOW: "OPA_ALLOWS", Effect.HOLD: "OPA_HOLDS", Effect.DENY: "OPA_DENIES"}[effect]
    reasons = tuple(Reason(stage=STAGE, code=code, message=text, rule=f"{layer}/opa") for text in messages)
    approvers = (frozenset(groups),) if groups and effect is Effect.HOLD else ()
    return LayerVerdict(effect, reasons, approvers=approvers)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:MAX_TEXT])


@dataclass
class Breaker:
    """Counts failures in a row of one server. Callers hold the lock of `_Servers`."""

    failures: int = 0
    opened: int = 0
    until: float = 0.0
    trying: bool = False

    def admits(self, now: float) -> bool:
        """Whether a call may be made; past the rest, one at a time."""
        if self.failures < FAILURES:
            return True
        if now < self.until or self.trying:
            return False
        self.trying = True
        return True

    def succeeded(self) -> None:
        self.failures = self.opened = 0
        self.trying = False

    def failed(self, now: float) -> None:
        self.failures += 1
        self.trying = False
        if self.failures >= FAILURES:
            self.until = now + REST_S[min(self.opened, len(REST_S) - 1)]
            self.opened += 1


class _Servers:
    """The clients of all OPA servers, in one loop on one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: dict[tuple[str, int], Any] = {}
        self._breakers: dict[str, Breaker] = {}

    def ask(self, config: Opa, document: dict[str, Json]) -> Json:
        """OPA's response document.

        Raises:
            _Failed: OPA_UNAVAILABLE or OPA_RESTING.
        """
        with self._lock:
            breaker = self._breakers.setdefault(config.url, Breaker())
            if not breaker.admits(self._clock()):
                raise _Failed("OPA_RESTING", "OPA failed repeatedly and is not asked for a while")
            loop = self._running()
        try:
            answer = self._run(loop, self._query(config, document), config.timeout_ms / 1000)
        except BaseException as problem:
            with self._lock:
                breaker.failed(self._clock())
            if not isinstance(problem, Exception):
                raise
            # requests, aiohttp, opa_client and asyncio each bring errors of their own; all mean the same here.
            raise _Failed("OPA_UNAVAILABLE", f"OPA gave no answer ({type(problem).__name__})") from None
        with self._lock:
            breaker.succeeded()
        return answer

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="yett-opa", daemon=True).start()
        return self._loop

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Json], timeout_s: float) -> Json:
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, timeout_s), loop)
        try:
            # The loop keeps the time; the slack covers a loop that is itself stuck.
            return future.result(timeout_s + 1.0)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise

    async def _query(self, config: Opa, document: dict[str, Json]) -> Json:
        client = await self._client(config)
        package, _, rule = config.path.rpartition("/")
        return await client.query_rule(input_data=document, package_path=package, rule_name=rule)

    async def _client(self, config: Opa) -> Any:
        from opa_client import create_opa_client

        key = (config.url, config.timeout_ms)
        if key not in self._clients:
            at = urlsplit(config.url)
            secure = at.scheme == "https"
            client = create_opa_client(
                async_mode=True,
                host=f"[{at.hostname}]" if ":" in str(at.hostname) else str(at.hostname),
                port=at.port or (443 if secure else 80),
                ssl=secure,
                retries=0,
                timeout=config.timeout_ms / 1000,
            )
            self._clients[key] = await client.__aenter__()
        return self._clients[key]


_servers = _Servers()


def forget() -> None:
    """Start over: close what is open and close every breaker. For a reload, a fork, and tests."""
    global _servers
    old, _servers = _servers, _Servers()
    loop = old._loop
    if loop is not None:

        async def close() -> None:
            for client in old._clients.values():
                await client.__aexit__(None, None, None)
            loop.call_soon(loop.stop)

        asyncio.run_coroutine_threadsafe(close(), loop)
