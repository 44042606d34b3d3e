"""A held call that waits for its person.

An approval is bound to exactly that call and found again by the gateway when the same call is repeated, so an
agent that is told "held" needs to do no more than repeat it. Where a program would rather wait than be told,
`Waiting` stands before the decider: it waits for the approval and then repeats the question itself. Whether
the approval permits the call, and that it does so once, is decided by the gateway alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast, runtime_checkable

from yett.model import Decision, Effect, Identity, Outcome, ToolCall
from yett.sdk.decider import Decider, awaited, enforcing


@runtime_checkable
class Approver(Protocol):
    """A decider that can say whether an approval was given."""

    def await_approval(self, approval: str, timeout: float) -> bool:
        """True: repeat the call now. False: the time is over. Raises `YettError` if it never may run."""


class Waiting:
    """A decider that waits for approvals. Thread-safe if its decider is.

    Args:
        decider: who judges.
        wait: seconds a held call waits before it is answered with `hold`.
        held: told of each held call before it waits.
    """

    def __init__(
        self, decider: Decider, wait: float = 0.0, held: Callable[[ToolCall, Decision], None] | None = None
    ) -> None:
        self._decider: Decider = enforcing(decider)
        self._wait = wait
        self._held = held

    def decide(self, call: ToolCall, identity: Identity | None = None) -> Decision:
        """As the decider does; a held call is asked once more after it was approved."""
        decision = self._decider.decide(call)
        if not self._waits(call, decision) or not self._approved(decision):
            return decision
        return self._decider.decide(call)

    async def adecide(self, call: ToolCall, identity: Identity | None = None) -> Decision:
        """As `decide`, for asyncio."""
        decision = cast(Decision, await awaited(self._decider, "decide", call))
        if not self._waits(call, decision) or not await asyncio.to_thread(self._approved, decision):
            return decision
        return cast(Decision, await awaited(self._decider, "decide", call))

    def _waits(self, call: ToolCall, decision: object) -> bool:
        if not isinstance(decision, Decision) or decision.effect is not Effect.HOLD or not decision.approval:
            return False
        if self._held is not None:
            self._held(call, decision)
        return self._wait > 0 and isinstance(self._decider, Approver)

    def _approved(self, decision: Decision) -> bool:
        return cast(Approver, self._decider).await_approval(str(decision.approval), self._wait)

    def report(self, outcome: Outcome, identity: Identity | None = None) -> Any:
        """As the decider does."""
        return self._decider.report(outcome)

    async def areport(self, outcome: Outcome, identity: Identity | None = None) -> Any:
        """As the decider does."""
        return await awaited(self._decider, "report", outcome)

    def open_session(
        self, *, prompt: str | None = None, parent: str | None = None, identity: Identity | None = None
    ) -> str:
        """As the decider does."""
        return self._decider.open_session(prompt=prompt, parent=parent)
