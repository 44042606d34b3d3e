"""CrewAI.

    with crewai.guard(gateway):
        crew.kickoff()

Where: CrewAI's own interception points before and after each tool call, for every agent, task and tool of
the process, delegation and memory tools included. CrewAI swallows any exception of a hook and runs the tool
("fail-open"), so everything that goes wrong here is turned into its one way to say no. A hook that comes
after ours could change the arguments once they are judged: then nothing runs.

The refused model reads why in the tool's result. CrewAI has no interrupt for tools; a held call tells its
approval request, and the agent may make the same call again.
"""

from __future__ import annotations

import importlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from yett.model import Decision
from yett.sdk.adapters.gate import Gate, Stopped, stop_unless_allowed
from yett.sdk.decider import AnyDecider

REMEMBERED = 4_096
"""Calls between their before and their after hook."""


@contextmanager
def guard(decider: AnyDecider | Gate, **about: Any) -> Iterator[Gate]:
    """Judge every tool call of CrewAI in this process while the context is open; `about` as `Gate`."""
    dispatch = _dispatch()
    gate = decider if isinstance(decider, Gate) else Gate(decider, **about)
    hooks = _Hooks(gate)
    before, after = dispatch.InterceptionPoint.PRE_TOOL_CALL, dispatch.InterceptionPoint.POST_TOOL_CALL
    dispatch.register(before, hooks.before)
    dispatch.get_global_hook_list(after).insert(0, hooks.after)
    try:
        yield gate
    finally:
        dispatch.unregister(before, hooks.before)
        dispatch.unregister(after, hooks.after)


def _dispatch() -> Any:
    # `from crewai.hooks import dispatch` gives the function of that name, not the module.
    return importlib.import_module("crewai.hooks.dispatch")


class _Hooks:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._lock = threading.Lock()
        self._running: OrderedDict[int, tuple[Any, Decision | str]] = OrderedDict()

    def before(self, context: Any) -> None:
        """Raises `HookAborted` unless the tool may run."""
        from crewai.hooks.dispatch import HookAborted

        try:
            self._judge(context)
        except Stopped as stopped:
            self._remember(context, stopped.text)
            raise HookAborted(stopped.text, "yett") from None
        except Exception as error:  # noqa: BLE001 -- CrewAI would swallow it and run the tool
            self._remember(context, f"The call was not run: judging failed ({type(error).__name__}).")
            raise HookAborted(f"judging failed ({type(error).__name__})", "yett") from None

    def after(self, context: Any) -> str | None:
        """Report; the text that replaces the result if it must be withheld or the call was refused."""
        with self._lock:
            _, found = self._running.pop(id(context.tool_input), (None, None))
        if found is None or isinstance(found, str):
            return found
        result = context.raw_tool_result if context.raw_tool_result is not None else context.tool_result
        failed = str(context.tool_result).startswith("Error executing tool")
        try:
            self._gate.settle(found, {"status": "error", "text": str(result)} if failed else result)
        except Stopped as stopped:
            return stopped.text
        except Exception as error:  # noqa: BLE001 -- CrewAI would swallow it and show the result
            return f"The tool ran, but its result is withheld ({type(error).__name__})."
        return None

    def _judge(self, context: Any) -> None:
        dispatch = _dispatch()
        point = dispatch.InterceptionPoint.PRE_TOOL_CALL
        if dispatch.get_hooks(point)[-1] != self.before or dispatch.get_scoped_hooks(point):
            raise RuntimeError("another hook comes after")
        call, decision = self._gate.judge(context.tool_name, context.tool_input)
        stop_unless_allowed(decision, context.tool_name)
        # CrewAI passes this very dict on.
        context.tool_input.clear()
        context.tool_input.update(call.arguments)
        self._remember(context, decision)

    def _remember(self, context: Any, what: Decision | str) -> None:
        with self._lock:
            # The dict itself is kept too, so that its id can't become another's.
            self._running[id(context.tool_input)] = (context.tool_input, what)
            while len(self._running) > REMEMBERED:
                self._running.popitem(last=False)
