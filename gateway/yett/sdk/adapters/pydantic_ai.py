"""Pydantic AI.

    agent = Agent(model, tools=[…], capabilities=[pydantic_ai.capability(gateway)])

Where: a wrapper around the agent's assembled toolset, so that function tools, toolsets and MCP tools are all
judged with their validated arguments. Put the capability last: the last one wraps innermost and sees what
really runs. A refusal is the tool's result (`interrupt=False`); with `interrupt=True` a held call ends the
run with `DeferredToolRequests`, and an approved one is judged again when the run goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yett.model import Json
from yett.sdk.adapters.gate import Gate, Stopped
from yett.sdk.decider import AnyDecider

if TYPE_CHECKING:
    from pydantic_ai.capabilities import AbstractCapability
    from pydantic_ai.toolsets import AbstractToolset


def capability(
    decider: AnyDecider | Gate, *, interrupt: bool = False, **about: Any
) -> AbstractCapability[Any]:
    """The capability for `Agent(capabilities=[…])`; `about` as `Gate`."""
    from pydantic_ai.capabilities import AbstractCapability

    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)

    class YettCapability(AbstractCapability[Any]):
        def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
            return guard(toolset, gate, interrupt=interrupt)

    return YettCapability()


def guard(
    toolset: AbstractToolset[Any], decider: AnyDecider | Gate, *, interrupt: bool = False, **about: Any
) -> Any:
    """One toolset, judged; for those who compose toolsets themselves."""
    from dataclasses import dataclass

    from pydantic_ai.exceptions import ApprovalRequired
    from pydantic_ai.toolsets import WrapperToolset

    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)

    @dataclass
    class YettToolset(WrapperToolset[Any]):
        async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: Any, tool: Any) -> Any:
            async def run(judged: dict[str, Json]) -> Any:
                return await self.wrapped.call_tool(name, _typed(tool_args, judged), ctx, tool)

            try:
                return await gate.arun(name, tool_args, run)
            except Stopped as stopped:
                if stopped.held and interrupt:
                    raise ApprovalRequired(
                        {"approval": stopped.decision.approval, "why": stopped.text}
                    ) from None
                return stopped.text

    return YettToolset(toolset)


def _typed(validated: dict[str, Any], judged: dict[str, Json]) -> dict[str, Any]:
    """The validated arguments, where they are more than JSON (models, dates), else the judged copy."""
    return {
        key: judged[key] if type(value) is type(judged[key]) else value for key, value in validated.items()
    }
