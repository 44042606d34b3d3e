"""smolagents.

    agent = smolagents.guard(CodeAgent(tools=[…], model=model), gateway)

Where: there is no hook before a tool. `Tool.forward` is what both a `ToolCallingAgent` and the Python code of
a `CodeAgent` end in, so it is judged there, with named arguments; and a code agent's program is itself a call
of `python_interpreter` with the whole code, before any of it runs. Managed agents are guarded with their
manager. A refusal is an exception, which the model reads as the tool's or the code's error.
"""

from __future__ import annotations

from typing import Any

from yett.model import Json
from yett.sdk.adapters.gate import Gate
from yett.sdk.decider import AnyDecider

CODE = "python_interpreter"
"""The tool name under which a code agent's programs are judged."""


def guard(agent: Any, decider: AnyDecider | Gate, **about: Any) -> Any:
    """The agent itself, its tools judged; `about` as `Gate`."""
    from smolagents import FinalAnswerTool

    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)
    for tool in agent.tools.values():
        if not isinstance(tool, FinalAnswerTool):
            _wrap(tool, gate)
    for managed in agent.managed_agents.values():
        guard(managed, gate)
    executor = getattr(agent, "python_executor", None)
    if executor is not None and not isinstance(executor, _Executor):
        agent.python_executor = _Executor(executor, gate)
    return agent


def _wrap(tool: Any, gate: Gate) -> None:
    if getattr(tool, "_yett_gate", None) is gate:
        return
    inner = tool.forward

    def forward(*args: Any, **given: Any) -> Any:
        names = list(tool.inputs)
        if len(args) > len(names):
            raise TypeError(f"{tool.name} takes {len(names)} arguments")
        arguments = {**dict(zip(names, args, strict=False)), **given}
        if len(arguments) != len(args) + len(given):
            raise TypeError(f"an argument of {tool.name} is given twice")
        return gate.run(tool.name, arguments, lambda judged: inner(**judged))

    tool.forward = forward
    tool._yett_gate = gate


class _Executor:
    """A code agent's executor that asks before it runs a program."""

    def __init__(self, inner: Any, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

    def __call__(self, code: str) -> Any:
        def run(judged: dict[str, Json]) -> Any:
            return self._inner(judged["code"])

        return self._gate.run(CODE, {"code": code}, run)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
