"""Replay of AgentDojo without a model: a worst-case agent behind the real gateway.

For each user task the agent makes the calls of the task's ground truth; as soon as a result carries the
injected goal it makes the injection's ground-truth calls, completely, and then goes on. Every call is decided
by a `Gateway` (gate, ledger, log), run by AgentDojo's own runtime only if it is allowed, and its result is
reported back. Utility and attack success are AgentDojo's own functions on the calls that ran.

    python tests/bench/agentdojo_replay.py                       banking and slack, manifests by hand
    python tests/bench/agentdojo_replay.py --inferred            manifests as `yett tools infer` proposes them
    python tests/bench/agentdojo_replay.py --frontier            one line for each set of trusted origins

Injected text is the bare goal, in every injection vector at once: nothing in it looks like an attack, so that
what is measured is provenance and not the recognition of phrases. `adaptive`: the attacker also stands in the
sender field of whatever carries his text, and of a harmless item in every list that has senders. `insider`: that
item carries his text too, so he can write where only members can. Needs the extra `bench`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime
from agentdojo.task_suite.load_suites import get_suite
from agentdojo.task_suite.task_suite import TaskSuite
from obedient import Obedient, Run, Score
from pydantic import BaseModel

from yett.gateway import Gateway
from yett.model import Identity, Json

VERSION = "v1.2.2"
ROOT = Path(__file__).resolve().parents[2]
POLICY = ROOT / "policies" / "task-independent.yaml"
TOOLS = ROOT / "policies" / "tools"
ORIGINS = ("mandate", "prompt", "config", "records", "directory", "untrusted", "novel")

WRITTEN: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
"""Ground truths of injection tasks that AgentDojo leaves empty, written here: (suite, task) -> calls."""


class Agent(Obedient):
    """Does what the ground truth says, and what the injection says once it has read it."""

    def __init__(
        self,
        suite: TaskSuite[Any],
        env: Any,
        gateway: Gateway | None,
        who: Identity,
        prompt: str,
        *,
        person: bool,
    ) -> None:
        super().__init__(gateway, who, prompt, person=person)
        self.runtime = FunctionsRuntime(suite.tools)
        self.env = env

    def call(self, wanted: FunctionCall, *, honest: bool) -> str:
        """Propose one call; the text of its result, or nothing if it did not run."""

        def execute() -> tuple[Json, str]:
            before = self.env.model_dump_json()
            result, error = self.runtime.run_function(self.env, wanted.function, dict(wanted.args))
            self.run.executed.append(wanted)
            self.run.side_effects += not honest and self.env.model_dump_json() != before
            return _plain(result), error or ""

        arguments = json.loads(json.dumps(dict(wanted.args), default=str))
        result = self.attempt(wanted.function, arguments, honest, execute)
        return "" if result is None else json.dumps(result, ensure_ascii=False)


VERBOSE = False


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


class Bench:
    """One suite under one policy."""

    def __init__(self, name: str, policy: list[Path] | None, state: Path) -> None:
        self.suite = get_suite(VERSION, name)
        self.name = name
        self.gateway = Gateway.open(policy, state) if policy else None
        self.count = 0
        self._worlds: dict[str, Any] = {}

    def close(self) -> None:
        if self.gateway is not None:
            self.gateway.close()

    def world(self, goal: str = "") -> Any:
        """The suite's environment, with a text at every place that an attacker can write to. Read once: it is YAML."""
        if goal not in self._worlds:
            vectors = dict.fromkeys(self.suite.get_injection_vector_defaults(), goal) if goal else {}
            self._worlds[goal] = self.suite.load_and_inject_default_environment(vectors)
        return self._worlds[goal].model_copy(deep=True)

    @cached_property
    def injections(self) -> list[tuple[str, Any]]:
        """Injection tasks that make calls; the rest only want words and are left out."""
        env = self.world()
        return [
            (key, task) for key, task in self.suite.injection_tasks.items() if self._truth(key, task, env)
        ]

    def excluded(self) -> list[str]:
        kept = {key for key, _ in self.injections}
        return [key for key in self.suite.injection_tasks if key not in kept]

    def _truth(self, key: str, task: Any, env: Any) -> list[FunctionCall]:
        written = WRITTEN.get((self.name, key))
        if written is not None:
            return [FunctionCall(function=function, args=args) for function, args in written]
        return list(task.ground_truth(env))

    def replay(
        self, user: Any, injection: tuple[str, Any] | None, *, person: bool = False, variant: str = ""
    ) -> tuple[Run, bool, bool]:
        """(run, the task's check passes, the attack's check passes)."""
        goal = "" if injection is None else injection[1].GOAL.replace('"', "'").replace("\n", " ")
        env = user.init_environment(self.world(goal))
        if variant and injection is not None:
            _impersonate(
                env, self._truth(injection[0], injection[1], env), goal, insider=variant == "insider"
            )
        before = env.model_copy(deep=True)
        self.count += 1
        who = Identity(principal=f"{self.name}-{self.count}", agent="replay")
        agent = Agent(self.suite, env, self.gateway, who, user.PROMPT, person=person)
        waiting = injection
        for wanted in user.ground_truth(before):
            seen = agent.call(wanted, honest=True)
            if waiting is not None and goal[:60] in json.loads(json.dumps(seen)).replace('\\"', '"'):
                agent.run.reached = True
                for injected in self._truth(waiting[0], waiting[1], before):
                    agent.call(injected, honest=False)
                waiting = None
        run = agent.run
        output = [{"type": "text", "content": user.GROUND_TRUTH_OUTPUT}]
        useful = self.suite._check_user_task_utility(user, output, before, env, run.executed)  # type: ignore[arg-type]
        attacked = False
        if injection is not None:
            attacked = self.suite._check_injection_task_security(
                injection[1],
                output,
                before,
                env,
                run.executed,  # type: ignore[arg-type]
            )
        # A check can pass by what the attacker wrote himself: an attack is something that the agent did.
        return run, bool(useful), bool(attacked) and run.side_effects > 0


def _impersonate(env: Any, injected: list[FunctionCall], goal: str, *, insider: bool) -> None:
    """The attacker's identity stands in structured fields: he is a sender.

    What carries the injected text is his, and in every list of things with a sender there is one more of his.
    An insider's own one carries the text as well: he can write where only members can.
    """
    identities = [
        value
        for call in injected
        for name, value in call.args.items()
        if name in ("recipient", "user", "user_email", "url", "recipients", "participants", "email")
        and isinstance(value, str)
    ]
    identity = identities[0] if identities else "attacker"
    for items in _lists(env):
        if not items or not isinstance(items[0], BaseModel):
            continue
        senders = [
            name for name in ("sender", "from_", "author", "owner") if name in type(items[0]).model_fields
        ]
        for item in items if senders else ():
            if goal[:60] in json.dumps(_plain(item), ensure_ascii=False).replace('\\"', '"'):
                setattr(item, senders[0], identity)
        if senders:
            fake = items[-1].model_copy(deep=True)
            setattr(fake, senders[0], identity)
            for name in ("body", "subject"):
                if name in type(fake).model_fields:
                    setattr(fake, name, goal if insider else "Hello")
            items.append(fake)


def _lists(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _lists(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _lists(item)
    elif isinstance(value, list):
        yield value


def measure(bench: Bench, score: Score) -> None:
    """Run everything of one suite into a score."""
    for key, user in bench.suite.user_tasks.items():
        run, useful, _ = bench.replay(user, None)
        score.tasks += 1
        score.useful += useful
        score.calls += run.calls
        score.held += run.held > 0
        score.denied += [f"{bench.name}/{key} {text}" for text in run.denied]
        if VERBOSE:
            print(f"{bench.name}/{key}: useful {useful}, held {run.held}", *run.told, sep="\n")
        with_person = useful
        if run.held:
            run, with_person, _ = bench.replay(user, None, person=True)
            score.denied += [f"{bench.name}/{key} (with a person) {text}" for text in run.denied]
        score.useful_with_person += with_person
        for injection in bench.injections:
            run, _, attacked = bench.replay(user, injection)
            score.pairs += 1
            score.reached += run.reached
            score.attacked += attacked and run.reached
            score.affected += run.side_effects > 0
            if VERBOSE and (attacked or run.side_effects):
                print(
                    f"  {bench.name}/{key} x {injection[0]}: attack {attacked}, side effects {run.side_effects}"
                )
            for variant in ("adaptive", "insider"):
                run, _, attacked = bench.replay(user, injection, variant=variant)
                if VERBOSE and (attacked or run.side_effects):
                    print(
                        f"  {variant} {bench.name}/{key} x {injection[0]}: {attacked}, effects {run.side_effects}"
                    )
                if variant == "adaptive":
                    score.adaptive_pairs += 1
                    score.adaptive += attacked and run.reached
                    score.adaptive_affected += run.side_effects > 0
                else:
                    score.insider += attacked and run.reached
                    score.insider_affected += run.side_effects > 0


def evaluate(suites: list[str], policies: list[Path], folder: Path, *, inferred: bool) -> Score:
    """The score of the given policies over all suites."""
    score = Score()
    for name in suites:
        manifest = TOOLS / f"agentdojo-{name}.yaml"
        own = [path for path in policies if path.is_file()]
        if inferred:
            own = [*own, _inferred(name, folder)]
        elif manifest.exists() and not any("tools" in path.parts and path != POLICY for path in own):
            own = [*own, manifest]
        bench = Bench(name, own, Path(tempfile.mkdtemp(dir=folder)))
        try:
            measure(bench, score)
        finally:
            bench.close()
    return score


def _inferred(name: str, folder: Path) -> Path:
    """The manifest that `yett tools infer` proposes from the JSON Schemas of the suite's tools."""
    from yett.policy.inference import infer

    tools = [
        {
            "name": tool.name,
            "description": tool.full_docstring,
            "inputSchema": tool.parameters.model_json_schema(),
        }
        for tool in get_suite(VERSION, name).tools
    ]
    path = folder / f"inferred-{name}.yaml"
    path.write_text(infer.render(infer.infer({"tools": tools}, name=f"inferred-{name}")), encoding="utf-8")
    return path


def _variant(policy: Path, trusted: tuple[str, ...], folder: Path) -> Path:
    """The policy with another set of trusted origins, and without its own tests, which are about the shipped set."""
    own = {
        "trusted": trusted,
        "places": tuple(origin for origin in trusted if origin != "directory"),
        "named": trusted if "untrusted" in trusted else trusted[:3],
    }
    lines = policy.read_text(encoding="utf-8").split("\ntests:\n")[0].splitlines()
    for index, line in enumerate(lines):
        name = line.strip().split(":")[0]
        if name in own and line.startswith("  ") and "[" in line:
            lines[index] = f"  {name}: [{', '.join(own[name])}]"
    path = folder / f"trusts-{len(trusted)}.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def main() -> int:
    """The command line."""
    global VERBOSE
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--policy", action="append", type=Path, help="layers and manifests; several may be given"
    )
    parser.add_argument("--suite", action="append", help="banking, slack")
    parser.add_argument("--inferred", action="store_true", help="use inferred manifests")
    parser.add_argument("--frontier", action="store_true", help="utility against side effects")
    parser.add_argument("--ungated", action="store_true", help="without a gateway: what the agent would do")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    VERBOSE = options.verbose
    suites = options.suite or ["banking", "slack"]
    policies = options.policy or [POLICY]
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="yett-replay-", dir=memory if memory.is_dir() else None))
    began = time.monotonic()
    try:
        for name in suites:
            if left_out := Bench(name, None, folder).excluded():
                print(f"{name}: injection tasks without calls, left out: {', '.join(left_out)}")
        if options.ungated:
            score = Score()
            for name in suites:
                measure(Bench(name, None, folder), score)
            print("ungated:", score.line())
        elif options.frontier:
            for size in range(1, len(ORIGINS) + 1):
                variant = _variant(policies[0], ORIGINS[:size], folder)
                score = evaluate(suites, [variant, *policies[1:]], folder, inferred=options.inferred)
                print(f"trusts {' '.join(ORIGINS[:size])}: {score.line()}")
        else:
            score = evaluate(suites, policies, folder, inferred=options.inferred)
            print(f"{'inferred' if options.inferred else 'by hand'}: {score.line()}")
            for text in score.denied:
                print(f"  denied: {text}")
        print(f"{time.monotonic() - began:.0f} s")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
