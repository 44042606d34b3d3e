"""OpenAI Agents SDK (`openai-agents`).

    agent = openai_agents.guard(agent, gateway)

`guard` returns a clone whose function tools, MCP servers and handoff targets are judged. Where: in
`FunctionTool.on_invoke_tool`, the last call before the tool's own code, behind guardrails and approval; the
text the model wrote is parsed once, strictly, and the judged arguments are what the tool gets. MCP tools are
judged in the server's `call_tool`.

A refusal is the tool's output, so the model reads why. With `interrupt=True` a held call interrupts the run
the SDK's own way (`result.interruptions`); once it was approved at the gateway, `state.approve(item)` and
`Runner.run(agent, state)` go on. Saying yes in the SDK alone does not let it run.

Tools that run at the provider (web search, hosted MCP, code interpreter) never come by here; `guard` refuses
an agent that has one, unless `hosted=True` takes that on.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from yett.errors import YettError
from yett.model import Decision, Json
from yett.sdk.adapters.gate import Gate, Stopped, encoded, parsed
from yett.sdk.decider import AnyDecider

if TYPE_CHECKING:
    from agents import Agent


def guard(
    agent: Agent[Any],
    decider: AnyDecider | Gate,
    *,
    interrupt: bool = False,
    hosted: bool = False,
    **about: Any,
) -> Agent[Any]:
    """A clone of the agent, and of those it hands off to, whose tools are judged.

    Args:
        decider: who judges, or a `Gate` that is shared with other agents.
        interrupt: a held call interrupts the run instead of answering the model.
        hosted: accept tools that run at the provider, unjudged.
        about: as `Gate` (session, server, prompt).

    Raises:
        YettError: TOOL_UNGUARDED, for a tool that cannot be judged here.
    """
    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)
    return _Guard(gate, interrupt, hosted).agent(agent)


class _Guard:
    def __init__(self, gate: Gate, interrupt: bool, hosted: bool) -> None:
        self._gate = gate
        self._interrupt = interrupt
        self._hosted = hosted
        self._done: dict[int, Any] = {}
        self._judged: dict[str, tuple[dict[str, Json], Decision]] = {}

    def agent(self, agent: Any) -> Any:
        if id(agent) in self._done:
            return self._done[id(agent)]
        clone = self._done[id(agent)] = agent.clone()
        clone.tools = [self.tool(tool) for tool in agent.tools]
        clone.mcp_servers = [self._server(server) for server in agent.mcp_servers]
        clone.handoffs = [self._handoff(target) for target in agent.handoffs]
        return clone

    def tool(self, tool: Any) -> Any:
        from agents import FunctionTool

        if not isinstance(tool, FunctionTool):
            if self._hosted:
                return tool
            raise YettError(
                "TOOL_UNGUARDED",
                f"{type(tool).__name__} does not run in this process and can't be judged here",
                remedy="remove it, or pass hosted=True to run it unjudged",
            )
        inner = tool.on_invoke_tool

        async def invoke(context: Any, text: str) -> Any:
            async def run(arguments: dict[str, Json]) -> Any:
                return await inner(context, encoded(arguments))

            try:
                return await self._run(tool.name, context, text, run)
            except Stopped as stopped:
                return stopped.text
            except YettError as error:
                return f"The call of {tool.name} was not run: {error}"

        guarded = copy.copy(tool)
        guarded.on_invoke_tool = invoke
        if self._interrupt:
            guarded.needs_approval = self._asking(tool.name, tool.needs_approval)
        return guarded

    async def _run(self, name: str, context: Any, text: str, run: Callable[[dict[str, Json]], Any]) -> Any:
        early = self._judged.pop(str(getattr(context, "tool_call_id", "")), None)
        arguments = parsed(text)
        if early is not None and early[0] == arguments and early[1].allowed:
            return await self._gate.acarry_out(name, *early, run)
        return await self._gate.arun(name, arguments, run)

    def _asking(self, name: str, before: Any) -> Callable[[Any, dict[str, Any], str], Any]:
        """`needs_approval`: judge early; a held call interrupts, an allowed one runs under this decision."""

        async def needs_approval(context: Any, arguments: dict[str, Any], call_id: str) -> bool:
            wanted = await before(context, arguments, call_id) if callable(before) else bool(before)
            call, decision = await self._gate.ajudge(name, arguments)
            if decision.allowed and not wanted:
                self._judged[call_id] = (call.arguments, decision)
            elif decision.allowed:
                await self._gate.aunused(decision)
            return wanted or decision.effect.value == "hold"

        return needs_approval

    def _server(self, server: Any) -> Any:
        """The server itself with its `call_tool` judged; connections can't be cloned."""
        if getattr(server, "_yett_guarded", False):
            return server
        inner = server.call_tool

        async def call_tool(tool_name: str, arguments: dict[str, Any] | None, *rest: Any, **more: Any) -> Any:
            async def run(judged: dict[str, Json]) -> Any:
                return await inner(tool_name, judged, *rest, **more)

            return await self._gate.arun(tool_name, arguments or {}, run, server=server.name)

        server.call_tool = call_tool
        server._yett_guarded = True
        return server

    def _handoff(self, target: Any) -> Any:
        from agents import Agent, Handoff

        if isinstance(target, Agent):
            return self.agent(target)
        if isinstance(target, Handoff):
            inner = target.on_invoke_handoff

            async def invoke(context: Any, text: str) -> Any:
                return self.agent(await inner(context, text))

            return dataclasses.replace(target, on_invoke_handoff=invoke)
        raise YettError("TOOL_UNGUARDED", f"a handoff of type {type(target).__name__} can't be judged")
