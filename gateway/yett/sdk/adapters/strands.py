"""Strands Agents.

    agent = Agent(model, tools=[…], hooks=[strands.hooks(gateway)])

Where: `BeforeToolCallEvent` puts a judged tool in place of the selected one; the judging happens when that
tool is streamed, behind all hooks and middleware, so nothing changes the arguments afterwards. A refusal is a
tool result with status `error`. With `interrupt=True` a held call interrupts the agent Strands' own way
(`result.interrupts`); the resumed call is judged again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from yett.model import Decision, Effect
from yett.sdk.adapters.gate import Gate, Stopped, stop_unless_allowed
from yett.sdk.decider import AnyDecider

if TYPE_CHECKING:
    from strands.hooks import HookProvider


def hooks(decider: AnyDecider | Gate, *, interrupt: bool = False, **about: Any) -> HookProvider:
    """The hook provider for `Agent(hooks=[…])`; `about` as `Gate`."""
    from strands.hooks import BeforeToolCallEvent, HookProvider

    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)

    class YettHooks(HookProvider):
        def register_hooks(self, registry: Any, **more: Any) -> None:
            registry.add_callback(BeforeToolCallEvent, self.before)

        async def before(self, event: Any) -> None:
            early = None
            if interrupt:
                _, early = await gate.ajudge(event.tool_use["name"], event.tool_use["input"])
                if early.effect is Effect.HOLD:
                    event.interrupt(f"yett {event.tool_use['name']}", reason={"approval": early.approval})
                elif early.allowed:
                    await gate.aunused(early)
            if event.selected_tool is not None:
                event.selected_tool = _guarded(event.selected_tool, gate)

    return YettHooks()


def _guarded(inner: Any, gate: Gate) -> Any:
    from strands.types.tools import AgentTool

    if getattr(inner, "yett_gate", None) is gate:
        return inner

    class YettTool(AgentTool):
        yett_gate = gate

        @property
        def tool_name(self) -> str:
            return str(inner.tool_name)

        @property
        def tool_spec(self) -> Any:
            return inner.tool_spec

        @property
        def tool_type(self) -> str:
            return str(inner.tool_type)

        async def stream(
            self, tool_use: Any, invocation_state: dict[str, Any], **more: Any
        ) -> AsyncIterator[Any]:
            call, decision = await gate.ajudge(tool_use["name"], tool_use["input"])
            try:
                stop_unless_allowed(decision, tool_use["name"])
            except Stopped as stopped:
                yield _refusal(tool_use, stopped)
                return
            async for event in _judged(
                gate, decision, inner, {**tool_use, "input": call.arguments}, invocation_state, more
            ):
                yield event

    return YettTool()


async def _judged(
    gate: Gate, decision: Decision, inner: Any, tool_use: Any, state: dict[str, Any], more: dict[str, Any]
) -> AsyncIterator[Any]:
    """Stream the tool; its last event is the result, which is passed on once it is on record."""
    last: Any = None
    try:
        async for event in inner.stream(tool_use, state, **more):
            if last is not None:
                yield last
            last = event
    except BaseException as error:
        await gate.asettle(decision, error=error)
        raise
    result = getattr(last, "tool_result", last)
    try:
        await gate.asettle(decision, result)
    except Stopped as stopped:
        yield _refusal(tool_use, stopped)
        return
    yield last


def _refusal(tool_use: Any, stopped: Stopped) -> Any:
    from strands.types._events import ToolResultEvent

    result: Any = {"toolUseId": tool_use["toolUseId"], "status": "error", "content": [{"text": stopped.text}]}
    return ToolResultEvent(result)
