"""LangChain agents and LangGraph tool nodes.

    agent = create_agent(model, tools, middleware=[langchain.middleware(gateway)])
    node = ToolNode(tools, **langchain.wrappers(gateway))

Where: `wrap_tool_call`, around the execution of each call. Put the middleware last, so that it is the
innermost and sees what really runs. A refusal is a `ToolMessage` with status `error`. With `interrupt=True`
a held call interrupts the graph (`langgraph.types.interrupt`, which needs a checkpointer); after the approval
was given at the gateway, resume with any `Command(resume=…)`: the call is judged again and then runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from yett.errors import YettError
from yett.model import Json
from yett.sdk.adapters.gate import Gate, Stopped
from yett.sdk.decider import AnyDecider

if TYPE_CHECKING:
    from langchain.agents.middleware import AgentMiddleware


def middleware(decider: AnyDecider | Gate, *, interrupt: bool = False, **about: Any) -> AgentMiddleware:
    """The middleware for `create_agent`; `about` as `Gate`."""
    from langchain.agents.middleware import AgentMiddleware

    both = wrappers(decider, interrupt=interrupt, **about)

    class YettMiddleware(AgentMiddleware):
        name = "yett"

        def wrap_tool_call(self, request: Any, handler: Any) -> Any:
            return both["wrap_tool_call"](request, handler)

        async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
            return await both["awrap_tool_call"](request, handler)

    return YettMiddleware()


def wrappers(
    decider: AnyDecider | Gate, *, interrupt: bool = False, **about: Any
) -> dict[str, Callable[..., Any]]:
    """Keyword arguments for LangGraph's `ToolNode`."""
    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)

    def wrap(request: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return gate.run(
                _name(request), _arguments(request), lambda judged: handler(_with(request, judged))
            )
        except Stopped as stopped:
            return _answer(request, stopped, interrupt)

    async def awrap(request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        async def run(judged: dict[str, Json]) -> Any:
            return await handler(_with(request, judged))

        try:
            return await gate.arun(_name(request), _arguments(request), run)
        except Stopped as stopped:
            return _answer(request, stopped, interrupt)

    return {"wrap_tool_call": wrap, "awrap_tool_call": awrap}


def _name(request: Any) -> str:
    return str(request.tool_call["name"])


def _arguments(request: Any) -> object:
    arguments = request.tool_call["args"]
    if not isinstance(arguments, dict):
        raise YettError("ARGUMENTS_INVALID", "the call's arguments are not an object")
    return arguments


def _with(request: Any, judged: dict[str, Json]) -> Any:
    return request.override(tool_call={**request.tool_call, "args": judged})


def _answer(request: Any, stopped: Stopped, interrupt: bool) -> Any:
    from langchain_core.messages import ToolMessage

    if stopped.held and interrupt:
        from langgraph.types import interrupt as pause

        # The first time this raises; after a resume it returns, and the call is still held: say so.
        pause({"tool": _name(request), "approval": stopped.decision.approval, "why": stopped.text})
    return ToolMessage(
        content=stopped.text, tool_call_id=request.tool_call["id"], name=_name(request), status="error"
    )
