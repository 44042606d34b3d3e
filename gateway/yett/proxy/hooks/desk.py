"""Answers hook events: one desk a gateway, many agents and sessions.

A `before` event is judged; its decision is remembered under the agent's session and tool use until the
`after` event reports what came of it. Memory is bounded: what was forgotten is reported by nobody, and the
ledger keeps the call as one whose outcome is not known. An event that can't be read may be the end of whatever
runs: the agent has seen a result, and nobody knows what was in it. Which conversation is which session outlives a
restart (`memory`); the words of a prompt do not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from yett import canonical
from yett.clock import wall_clock
from yett.errors import YettError
from yett.model import Context, Identity, Json, Outcome
from yett.proxy.hooks.agents import DIALECTS, Dialect, Event, Unreadable, read
from yett.proxy.hooks.memory import Key, Sessions
from yett.proxy.kept import Kept
from yett.proxy.mcp import answers
from yett.sdk.decider import AnyDecider, OnBehalf, aask_dutifully, atell, call_for, explain

MAX_EVENT: Final = 4 << 20
"""Bytes of one event."""
REMEMBERED: Final = 4_096
"""Sessions, and running tool uses, kept in memory for each credential."""
ALIKE: Final = 64
"""Uses that an agent does not tell apart, running at once."""
MAX_PROMPT: Final = 16_384
"""Characters of a prompt kept as the context of later calls."""


class HookDesk:
    """See the module.

    Args:
        gateway: who judges; asked on behalf of the hook's credential.
        sessions: file that remembers conversations across restarts.
    """

    def __init__(
        self, gateway: Any, *, clock: Callable[[], int] = wall_clock, sessions: Path | None = None
    ) -> None:
        self._gateway = gateway
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions = Sessions(sessions, REMEMBERED)
        self._prompts: Kept[str, str | None] = Kept(REMEMBERED)
        self._running: Kept[Key, tuple[str, ...]] = Kept(REMEMBERED)

    async def answer(self, agent: str, body: bytes, identity: Identity) -> bytes:
        """The answer to one event, as the agent wants it.

        Raises:
            YettError: AGENT_UNKNOWN, or the event can't be read; the client then blocks the tool.
        """
        dialect = DIALECTS.get(agent)
        if dialect is None:
            raise YettError(
                "AGENT_UNKNOWN", f"no agent {agent[:40]!a}", remedy="one of " + ", ".join(DIALECTS)
            )
        decider = OnBehalf(self._gateway, identity)
        try:
            event = read(dialect, body, MAX_EVENT)
        except Unreadable:
            await self._unread(agent, decider)
            raise
        key = (identity.credential, agent, event.session)
        if event.kind == "prompt":
            return self._prompt(dialect, event, key, decider)
        if event.kind == "before":
            return await self._before(dialect, event, key, decider)
        if event.kind == "after":
            return await self._after(dialect, event, key, decider)
        return _json(dialect.allow(event))

    def _prompt(self, dialect: Dialect, event: Event, key: Key, decider: OnBehalf) -> bytes:
        prompt = event.prompt[:MAX_PROMPT] if isinstance(event.prompt, str) else None
        session = self._session(key, decider, prompt)
        with self._lock:
            self._prompts.put(key[0], session, prompt)
        return _json(dialect.allow(event))

    async def _before(self, dialect: Dialect, event: Event, key: Key, decider: OnBehalf) -> bytes:
        session = self._session(key, decider, None)
        with self._lock:
            prompt = self._prompts.get(key[0], session)
        context = Context(prompt=prompt, parent=event.parent)
        call = call_for(event.tool, event.arguments, session=session, server=event.server, context=context)
        # A hook sees a result after the agent has it: nothing can be taken out of it any more.
        decision = await aask_dutifully(decider, call, clock=self._clock)
        if not decision.allowed:
            return _json(dialect.deny(event, explain(decision, event.tool)))
        use = _use(key, event)
        with self._lock:
            alike = self._running.get(key[0], use) or ()
            self._running.put(key[0], use, (*alike, decision.decision_id)[-ALIKE:])
        return _json(dialect.allow(event))

    async def _after(self, dialect: Dialect, event: Event, key: Key, decider: AnyDecider) -> bytes:
        use = _use(key, event)
        with self._lock:
            running = self._running.pop(key[0], use)
            if running is not None and running[1:]:
                self._running.put(key[0], use, running[1:])
        if running is None:
            return _json(dialect.allow(event))
        outcome = Outcome(
            decision_id=running[0],
            status="error" if event.failed else "ok",
            result=answers.recordable(event.result),
        )
        error = await atell(decider, outcome)
        return _json(dialect.allow(event) if error is None else dialect.deny(event, str(error)))

    async def _unread(self, agent: str, decider: OnBehalf) -> None:
        owner = decider.identity.credential
        with self._lock:
            uses = [use for who, use, _ in self._running if who == owner and use[1] == agent]
            ended = [decision for use in uses for decision in self._running.pop(owner, use) or ()]
        for decision in ended:
            await atell(decider, Outcome(decision_id=decision, status="ok", unread=True))

    def _session(self, key: Key, decider: OnBehalf, prompt: str | None) -> str:
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                session = decider.open_session(prompt=prompt)
                self._sessions.put(key, session)
            return session


def _use(key: Key, event: Event) -> Key:
    """Names one tool use: by the agent's id for it, else by what is run."""
    what = event.use or canonical.action_digest(event.tool, event.server, canonical.encode(event.arguments))
    return (*key[:2], f"{key[2]}/{what}")


def _json(value: dict[str, Json]) -> bytes:
    return msgspec.json.encode(value)
