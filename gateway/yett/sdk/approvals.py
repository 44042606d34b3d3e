"""A held call that is asked again after a person said yes.

An approval is a one-shot mandate for exactly that call, so the repeated call has to present it. An agent
cannot: it repeats the call and no more. `Waiting` stands before any decider and does it for the agent: it
remembers the approval request of each held call by what would run, looks whether it was granted when the
same call comes again, and presents the mandate once. With `wait`, the first call itself waits that long.

Whether the approval really permits this call is not decided here but by the gateway, which checks the
mandate against the call's digest and consumes it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Protocol, cast, runtime_checkable

import msgspec

from yett.model import Decision, Effect, Identity, Outcome, ToolCall
from yett.sdk.decider import Decider, action_digest

REMEMBERED = 1_000
"""Held calls remembered; the oldest is forgotten, and then simply asks for a new approval."""


@runtime_checkable
class Approver(Protocol):
    """A decider that can say whether an approval was given (`Client`, `Gateway`)."""

    def await_approval(self, approval: str, timeout: float) -> str | None: ...


class Waiting:
    """A decider that presents granted approvals. Thread-safe.

    Args:
        decider: who judges.
        wait: seconds a held call waits for its approval before it is answered with `hold`.
    """

    def __init__(self, decider: Decider, wait: float = 0.0) -> None:
        self._decider = decider
        self._wait = wait
        self._held: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lock = threading.Lock()

    def decide(self, call: ToolCall, identity: Identity | None = None) -> Decision:
        """As the decider does, but for calls whose approval was granted meanwhile."""
        key = (call.session, action_digest(call))
        with self._lock:
            approval = self._held.get(key)
        if approval is not None and call.mandate is None:
            mandate = self._granted(key, approval, 0.0)
            if mandate is not None:
                return self._decider.decide(msgspec.structs.replace(call, mandate=mandate))
        decision = self._decider.decide(call)
        if not isinstance(decision, Decision) or decision.effect is not Effect.HOLD or not decision.approval:
            return decision
        self._remember(key, decision.approval)
        if self._wait <= 0:
            return decision
        mandate = self._granted(key, decision.approval, self._wait)
        if mandate is None:
            return decision
        return self._decider.decide(msgspec.structs.replace(call, mandate=mandate))

    def report(self, outcome: Outcome, identity: Identity | None = None) -> Any:
        """As the decider does."""
        return self._decider.report(outcome)

    def open_session(
        self, *, prompt: str | None = None, parent: str | None = None, identity: Identity | None = None
    ) -> str:
        """As the decider does."""
        return self._decider.open_session(prompt=prompt, parent=parent)

    def _granted(self, key: tuple[str, str], approval: str, wait: float) -> str | None:
        """The mandate of a granted approval, once; None if there is none yet or never will be."""
        if not isinstance(self._decider, Approver):
            return None
        try:
            mandate = cast(Approver, self._decider).await_approval(approval, wait)
        except Exception:
            # Refused, withdrawn or unreachable: the next try of the call asks for a new approval.
            self._forget(key)
            raise
        if mandate is not None:
            self._forget(key)
        return mandate

    def _remember(self, key: tuple[str, str], approval: str) -> None:
        with self._lock:
            self._held[key] = approval
            self._held.move_to_end(key)
            while len(self._held) > REMEMBERED:
                self._held.popitem(last=False)

    def _forget(self, key: tuple[str, str]) -> None:
        with self._lock:
            self._held.pop(key, None)
