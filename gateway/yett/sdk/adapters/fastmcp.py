"""FastMCP servers.

    mcp = FastMCP("bank", middleware=[fastmcp.middleware(gateway)])

Where: `on_call_tool`, `on_read_resource` and `on_get_prompt`, for those who own the server; to stand before
somebody else's, use `yett mcp`. Add it last, so that it is the innermost. A refusal of a tool is a tool
error, which the model reads; of a resource or prompt, a protocol error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yett.model import Json
from yett.sdk.adapters.gate import Gate, Stopped
from yett.sdk.decider import AnyDecider, Lister

if TYPE_CHECKING:
    from fastmcp.server.middleware import Middleware


def middleware(decider: AnyDecider | Gate, **about: Any) -> Middleware:
    """The middleware; `about` as `Gate` (`server` names it to the policy)."""
    from fastmcp.exceptions import PromptError, ResourceError, ToolError
    from fastmcp.server.middleware import Middleware

    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)

    async def judged(name: str, arguments: dict[str, Any], run: Any, refusal: type[Exception]) -> Any:
        try:
            return await gate.arun(name, arguments, run)
        except Stopped as stopped:
            raise refusal(stopped.text) from None

    class YettMiddleware(Middleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            async def run(arguments: dict[str, Json]) -> Any:
                message = context.message.model_copy(update={"arguments": arguments})
                return await call_next(context.copy(message=message))

            return await judged(context.message.name, context.message.arguments or {}, run, ToolError)

        async def on_read_resource(self, context: Any, call_next: Any) -> Any:
            async def run(_: dict[str, Json]) -> Any:
                return await call_next(context)

            return await judged("resources/read", {"uri": str(context.message.uri)}, run, ResourceError)

        async def on_get_prompt(self, context: Any, call_next: Any) -> Any:
            async def run(_: dict[str, Json]) -> Any:
                return await call_next(context)

            arguments = {"name": context.message.name, "arguments": dict(context.message.arguments or {})}
            return await judged("prompts/get", arguments, run, PromptError)

        async def on_list_tools(self, context: Any, call_next: Any) -> Any:
            tools = await call_next(context)
            if not isinstance(gate.decider, Lister):
                return tools
            return [tool for tool in tools if gate.decider.visible(tool.name, gate.server)]

    return YettMiddleware()
