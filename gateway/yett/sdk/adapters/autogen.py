"""AutoGen (`autogen-core`, `autogen-agentchat`).

    agent = AssistantAgent("a", model, workbench=autogen.workbench([send_money], gateway))

Where: a workbench around the tools or around another workbench (an MCP one, say): every call of an agent's
tool goes through `call_tool`. A refusal is a tool result with `is_error`. AutoGen has no interrupt for tools;
a held call tells its approval request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yett.model import Json
from yett.sdk.adapters.gate import Gate, Stopped
from yett.sdk.decider import AnyDecider

if TYPE_CHECKING:
    from autogen_core.tools import Workbench


def workbench(tools: Sequence[Any] | Workbench, decider: AnyDecider | Gate, **about: Any) -> Workbench:
    """A workbench whose calls are judged; functions are taken as they are. `about` as `Gate`."""
    from autogen_core.tools import FunctionTool, StaticStreamWorkbench, Workbench

    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)
    if not isinstance(tools, Workbench):
        made = [
            tool if hasattr(tool, "run_json") else FunctionTool(tool, tool.__doc__ or "") for tool in tools
        ]
        tools = StaticStreamWorkbench(made)
    inner: Any = tools

    class YettWorkbench(Workbench):
        component_type = "workbench"

        async def list_tools(self) -> Any:
            return await inner.list_tools()

        async def call_tool(
            self,
            name: str,
            arguments: Mapping[str, Any] | None = None,
            cancellation_token: Any = None,
            call_id: Any = None,
        ) -> Any:
            async def run(judged: dict[str, Json]) -> Any:
                return await inner.call_tool(name, judged, cancellation_token, call_id)

            try:
                return await gate.arun(name, dict(arguments or {}), run)
            except Stopped as stopped:
                return _refusal(name, stopped)

        async def call_tool_stream(
            self,
            name: str,
            arguments: Mapping[str, Any] | None = None,
            cancellation_token: Any = None,
            call_id: Any = None,
        ) -> AsyncGenerator[Any, None]:
            # What a tool streams before its end was not looked at: it is passed on once the whole is on record.
            parts: list[Any] = []

            async def run(judged: dict[str, Json]) -> Any:
                stream = getattr(inner, "call_tool_stream", None)
                if stream is None:
                    parts.append(await inner.call_tool(name, judged, cancellation_token, call_id))
                else:
                    async for part in stream(name, judged, cancellation_token, call_id):
                        parts.append(part)
                return parts[-1]

            try:
                await gate.arun(name, dict(arguments or {}), run)
            except Stopped as stopped:
                parts = [_refusal(name, stopped)]
            for part in parts:
                yield part

        async def start(self) -> None:
            await inner.start()

        async def stop(self) -> None:
            await inner.stop()

        async def reset(self) -> None:
            await inner.reset()

        async def save_state(self) -> Mapping[str, Any]:
            state: Mapping[str, Any] = await inner.save_state()
            return state

        async def load_state(self, state: Mapping[str, Any]) -> None:
            await inner.load_state(state)

    return YettWorkbench()


def _refusal(name: str, stopped: Stopped) -> Any:
    from autogen_core.tools import TextResultContent, ToolResult

    return ToolResult(name=name, result=[TextResultContent(content=stopped.text)], is_error=True)
