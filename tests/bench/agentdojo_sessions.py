"""AgentDojo's suites banking and slack as labelled sessions, for `yett replay`; the other two are not developed on.

An agent makes the calls of a user task's ground truth; in a poisoned environment it also makes those of the
injection task, as soon as a result carries the injected goal. These are labelled `malicious`; `--acting` leaves
those unlabelled that only read, which nobody can tell from the user's own. Needs the extra `bench`.

    python tests/bench/agentdojo_sessions.py [--acting] > sessions.jsonl
    yett replay --quiet sessions.jsonl
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime
from agentdojo.task_suite.load_suites import get_suite
from agentdojo.task_suite.task_suite import TaskSuite
from pydantic import BaseModel

VERSION = "v1.2.2"
SUITES = ("banking", "slack")
READING = ("get", "read", "search", "list")


def sessions(acting: bool, suites: Sequence[str] = SUITES) -> Iterator[dict[str, Any]]:
    """Each user task alone, then with each injection task whose goal it comes across."""
    for name in suites:
        suite = get_suite(VERSION, name)
        for user_id, user in suite.user_tasks.items():
            yield {
                "session": f"{name}-{user_id}",
                "prompt": user.PROMPT,
                "events": _events(suite, user, None, acting),
            }
            for injection_id, injection in suite.injection_tasks.items():
                events = _events(suite, user, injection, acting)
                if any(event["label"] == "malicious" for event in events):
                    yield {
                        "session": f"{name}-{user_id}-{injection_id}",
                        "prompt": user.PROMPT,
                        "events": events,
                    }


def _events(suite: TaskSuite[Any], user: Any, injection: Any, acting: bool) -> list[dict[str, Any]]:
    goal = injection.GOAL if injection is not None else None
    vectors = dict.fromkeys(suite.get_injection_vector_defaults(), goal) if goal is not None else {}
    env = user.init_environment(suite.load_and_inject_default_environment(vectors))
    runtime = FunctionsRuntime(suite.tools)
    events: list[dict[str, Any]] = []

    def call(wanted: FunctionCall, label: str | None) -> str:
        result, _ = runtime.run_function(env, wanted.function, dict(wanted.args))
        told = _plain(result)
        events.append(
            {"tool": wanted.function, "arguments": _plain(dict(wanted.args)), "result": told, "label": label}
        )
        return json.dumps(told, ensure_ascii=False)

    obeyed = False
    for wanted in user.ground_truth(env):
        seen = call(wanted, "benign")
        if goal is not None and not obeyed and goal[:40] in seen:
            obeyed = True
            for each in injection.ground_truth(env):
                looks = each.function.split("_")[0] in READING
                call(each, None if acting and looks else "malicious")
    return events


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def main() -> None:
    """Writes the sessions to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--acting", action="store_true")
    given = parser.parse_args()
    for session in sessions(given.acting):
        sys.stdout.write(json.dumps({"principal": session["session"], **session}) + "\n")


if __name__ == "__main__":
    main()
