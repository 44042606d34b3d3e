"""LlamaIndex (`llama-index-core`).

    agent = FunctionAgent(tools=llama_index.guard([send_money], gateway), llm=llm)

Where: there is no hook before a tool, so the tools themselves are wrapped: the judged ones are copies whose
`call` and `acall` ask first, whoever calls them (an agent, a workflow, a query engine, your own code). The
defaults and fixed parameters that LlamaIndex adds are judged with the rest. A refusal is a `ToolOutput` with
`is_error`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from yett.model import Json
from yett.sdk.adapters.gate import Gate, Stopped
from yett.sdk.decider import AnyDecider


def guard(tools: Sequence[Any], decider: AnyDecider | Gate, **about: Any) -> list[Any]:
    """Judged copies of tools or functions; `about` as `Gate`."""
    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)
    return [_guarded(tool, gate) for tool in tools]


def _guarded(tool: Any, gate: Gate) -> Any:
    from llama_index.core.tools import BaseTool, FunctionTool
    from llama_index.core.tools.types import adapt_to_async_tool

    made = tool if isinstance(tool, BaseTool) else FunctionTool.from_defaults(tool)
    inner = adapt_to_async_tool(made)
    guarded = copy.copy(inner)
    name = inner.metadata.get_name()

    def call(*args: Any, **given: Any) -> Any:
        arguments, context = _arguments(inner, args, given)
        try:
            return gate.run(name, arguments, lambda judged: inner.call(**judged, **context))
        except Stopped as stopped:
            return _refusal(name, arguments, stopped)

    async def acall(*args: Any, **given: Any) -> Any:
        arguments, context = _arguments(inner, args, given)

        async def run(judged: dict[str, Json]) -> Any:
            return await inner.acall(**judged, **context)

        try:
            return await gate.arun(name, arguments, run)
        except Stopped as stopped:
            return _refusal(name, arguments, stopped)

    guarded.call = call
    guarded.acall = acall
    return guarded


def _arguments(
    tool: Any, args: tuple[Any, ...], given: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is judged, and the workflow's context object, which is the framework's and not an argument."""
    named = {**getattr(tool, "_field_defaults", {}), **getattr(tool, "partial_params", {}), **given}
    if args:
        fields = list(tool.metadata.get_parameters_dict().get("properties", {}))
        named |= dict(zip(fields, args, strict=False))
        if len(args) > len(fields):
            named["*"] = list(args[len(fields) :])
    wanted = getattr(tool, "ctx_param_name", None)
    context = {wanted: named.pop(wanted)} if wanted and wanted in named else {}
    return named, context


def _refusal(name: str, arguments: dict[str, Any], stopped: Stopped) -> Any:
    from llama_index.core.tools import ToolOutput

    return ToolOutput(
        content=stopped.text, tool_name=name, raw_input=arguments, raw_output=stopped.text, is_error=True
    )
