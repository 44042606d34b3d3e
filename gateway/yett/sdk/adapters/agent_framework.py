"""Microsoft Agent Framework.

    agent = Agent(client, tools=[…], middleware=[agent_framework.middleware(gateway)])

Where: function middleware, around each call of a tool. Put it last, so that it is the innermost; the
framework itself stops a run in which arguments were changed after a security middleware. A refusal is the
tool's result. A held call tells its approval request (the framework's own approval is asked before
middleware runs, and knows nothing of the arguments' risk).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from yett.model import Json
from yett.sdk.adapters.gate import Gate, Stopped
from yett.sdk.decider import AnyDecider

if TYPE_CHECKING:
    from agent_framework import FunctionMiddleware


def middleware(decider: AnyDecider | Gate, **about: Any) -> FunctionMiddleware:
    """The middleware for an agent, client or single run; `about` as `Gate`."""
    from agent_framework import FunctionMiddleware, MiddlewareFailure

    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)

    class YettMiddleware(FunctionMiddleware):
        async def process(self, context: Any, call_next: Callable[[], Awaitable[None]]) -> None:
            name = context.function.name

            async def run(judged: dict[str, Json]) -> Any:
                if isinstance(context.arguments, dict):
                    context.arguments.clear()
                    context.arguments.update(judged)
                await call_next()
                return context.result

            try:
                await gate.arun(name, context.arguments, run)
            except Stopped as stopped:
                context.result = stopped.text
            except MiddlewareFailure:
                raise

    return YettMiddleware()
