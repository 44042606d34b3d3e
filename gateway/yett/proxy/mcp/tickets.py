"""What a session remembers between rounds: running tasks and the request states a server gave out.

Both come back through the client, and both decide what a later answer is: a task's result belongs to the
call that started it, and a request state may continue only the request it was given for. Bounded; what was
forgotten is refused, never trusted.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from yett import canonical
from yett.errors import InvalidCall
from yett.model import Decision, Json
from yett.proxy.mcp import wire


class States:
    """Remembers up to `size` of each, the oldest forgotten first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tasks: OrderedDict[str, Decision] = OrderedDict()
        self._states: OrderedDict[bytes, None] = OrderedDict()

    def learn(self, request: wire.Request, result: dict[str, Json], decision: Decision) -> None:
        """Look at the answer to a judged call for a task or a request state."""
        task = result.get("task")
        if isinstance(task, dict) and isinstance(task.get("taskId"), str):
            self._tasks[_short(task["taskId"])] = decision
        state = result.get("requestState")
        if result.get("resultType") == "input_required" and isinstance(state, str):
            mark = _mark(state, request)
            if mark:
                self._states[mark] = None
        for memory in (self._tasks, self._states):
            while len(memory) > self._size:
                memory.popitem(last=False)

    def task(self, task: object) -> Decision | None:
        """The decision under which a task runs."""
        return self._tasks.get(_short(task)) if isinstance(task, str) else None

    def knows_state(self, state: object, request: wire.Request) -> bool:
        """Whether the server gave this state out for the same method, tool and arguments."""
        return isinstance(state, str) and _mark(state, request) in self._states


def _short(task: str) -> str:
    return hashlib.sha256(task.encode("utf-8", "surrogatepass")).hexdigest()


def _mark(state: str, request: wire.Request) -> bytes:
    """A digest over the state and what it continues; nothing of the state itself is kept. Empty if there is none."""
    params = request.params
    about = [request.method, params.get("name"), params.get("uri"), params.get("arguments"), state]
    try:
        return hashlib.sha256(canonical.encode(canonical.check(about))).digest()
    except InvalidCall:
        return b""
