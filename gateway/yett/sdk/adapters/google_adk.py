"""Google ADK.

    runner = InMemoryRunner(agent, plugins=[google_adk.plugin(gateway)])

Where: the plugin sees every tool of every agent of the runner just before it runs and wraps its `run_async`,
so that what is judged is what comes out of all callbacks, the agent's own included. A refusal is the tool's
response (`{"error": …}`). With `interrupt=True` a held call asks for ADK's confirmation
(`adk_request_confirmation`); the confirmed call is judged again, and runs if the gateway's approver said yes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yett.model import Json
from yett.sdk.adapters.gate import Gate, Stopped
from yett.sdk.decider import AnyDecider

if TYPE_CHECKING:
    from google.adk.plugins.base_plugin import BasePlugin


def plugin(decider: AnyDecider | Gate, *, interrupt: bool = False, **about: Any) -> BasePlugin:
    """The plugin for a runner or app; `about` as `Gate`."""
    from google.adk.plugins.base_plugin import BasePlugin

    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)

    class YettPlugin(BasePlugin):
        async def before_tool_callback(
            self, *, tool: Any, tool_args: dict[str, Any], tool_context: Any
        ) -> None:
            _wrap(tool, gate, interrupt)

    return YettPlugin(name="yett")


def _wrap(tool: Any, gate: Gate, interrupt: bool) -> None:
    """Judge in the tool's own `run_async`, once for each plugin and tool."""
    if getattr(tool, "_yett_gate", None) is gate:
        return
    inner = tool.run_async

    async def run_async(*, args: dict[str, Any], tool_context: Any) -> Any:
        async def run(judged: dict[str, Json]) -> Any:
            return await inner(args=judged, tool_context=tool_context)

        try:
            return await gate.arun(tool.name, args, run, parent=getattr(tool_context, "agent_name", None))
        except Stopped as stopped:
            if stopped.held and interrupt and tool_context.tool_confirmation is None:
                tool_context.request_confirmation(hint=stopped.text)
                tool_context.actions.skip_summarization = True
            return {"error": stopped.text}

    tool.run_async = run_async
    tool._yett_gate = gate
