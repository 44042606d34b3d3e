"""Replay of worlds of our own (from a service desk to a smart home), with inferred manifests only.

They are nobody's benchmark. They exist so that what the policy does in a world it was not written for is
measured and stays measured: tools named and documented in different styles, results as objects, JSON and plain
text, prompts in everyday wording. As in `agentdojo_replay` the agent makes the calls of the task and obeys an
injection completely as soon as a result carries it. An attack succeeds if all its calls ran; a side effect is
one that changed anything. Prompts of the last group of each world point at what an outsider wrote: a person has
to be asked there.

    python tests/bench/worlds_replay.py [--verbose] [--world desk]

A world whose tools are `LISTED` (by an MCP server, in an OpenAPI document) is inferred from that, the others from
Python source. `--schemas` infers from JSON Schemas instead of source; `--text` hands
every result over as a JSON text, as many servers do.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import inspect
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from obedient import Obedient, Run, Score

from yett.gateway import Gateway
from yett.model import Identity, Json
from yett.policy.inference import infer

HERE = Path(__file__).parent / "worlds"
POLICY = Path(__file__).resolve().parents[2] / "policies" / "task-independent.yaml"
WORLDS = (
    "desk",
    "office",
    "works",
    "school",
    "clinic",
    "estate",
    "helpdesk",
    "shop",
    "gazette",
    "museum",
    "farm",
    "depot",
    "chambers",
    "tower",
    "treasury",
    "gala",
    "guild",
    "cottage",
    "forge",
)
SENDERS = ("sender", "author", "owner")
IDENTITY = "@drop-point.example", "@outbound.example"


def load(name: str) -> ModuleType:
    """A module of `worlds` by its name."""
    spec = importlib.util.spec_from_file_location(f"worlds_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class World:
    """One world under one policy."""

    def __init__(self, name: str, policies: list[Path], folder: Path, *, schemas: bool, text: bool) -> None:
        self.name = name
        self.story = load(name)
        self.tools = load(f"{name}_tools")
        self.text = text
        self.count = 0
        manifest = folder / f"{name}.yaml"
        listed = getattr(self.tools, "LISTED", None)
        if listed is None and schemas:
            listed = {"tools": list(self._listed())}
        proposed = (
            infer.infer_python((HERE / f"{name}_tools.py").read_text(encoding="utf-8"), name=name)
            if listed is None
            else infer.infer(listed, name=name)
        )
        manifest.write_text(infer.render(proposed), encoding="utf-8")
        self.gateway = Gateway.open([*policies, manifest], Path(tempfile.mkdtemp(dir=folder)))

    def _listed(self) -> Iterator[dict[str, Json]]:
        kinds = {
            "int": "integer",
            "float": "number",
            "bool": "boolean",
            "list[str]": "array",
            "dict": "object",
            "str": "string",
        }
        for name, tool in inspect.getmembers(self.tools, inspect.isfunction):
            if name.startswith("_"):
                continue
            parameters = inspect.signature(tool).parameters.values()
            properties: dict[str, Json] = {
                p.name: {"type": kinds[str(p.annotation).removesuffix(" | None")]} for p in parameters
            }
            required: list[Json] = [p.name for p in parameters if p.default is p.empty]
            schema: Json = {"type": "object", "properties": properties, "required": required}
            yield {"name": name, "description": inspect.getdoc(tool) or "", "inputSchema": schema}

    def replay(
        self, task: int, attack: int | None = None, *, person: bool = False, variant: str = ""
    ) -> tuple[Run, bool, bool]:
        """(run, the task was done, the attack succeeded)."""
        prompt, calls = self.story.TASKS[task]
        goal, wanted = self.story.ATTACKS[attack] if attack is not None else ("", [])
        state = self._fresh(goal, wanted, variant)
        self.tools.STATE.clear()
        self.tools.STATE.update(state)
        self.count += 1
        who = Identity(principal=f"{self.name}-{self.count}", agent="replay")
        agent = Obedient(self.gateway, who, prompt, person=person)
        useful, attacked, waiting = True, False, attack is not None
        for tool, arguments in calls:
            seen = self._call(agent, tool, arguments, honest=True)
            useful = useful and seen is not None
            if waiting and _written(goal).replace('\\"', '"') in (seen or ""):
                agent.run.reached, waiting = True, False
                ran = [self._call(agent, other, given, honest=False) is not None for other, given in wanted]
                attacked = all(ran)
        return agent.run, useful, attacked

    def _call(self, agent: Obedient, tool: str, arguments: dict[str, Json], *, honest: bool) -> str | None:
        def execute() -> tuple[Json, str]:
            before = json.dumps(self.tools.STATE)
            try:
                result = getattr(self.tools, tool.replace("-", "_"))(**copy.deepcopy(arguments))
            except StopIteration:
                return None, "there is no such thing"
            finally:
                if not honest and json.dumps(self.tools.STATE) != before:
                    agent.run.side_effects += 1
            plain = json.loads(json.dumps(result))
            return (json.dumps(plain) if self.text and not isinstance(plain, str) else plain), ""

        result = agent.attempt(tool, dict(arguments), honest, execute)
        return None if result is None else json.dumps(result).replace('\\"', '"')

    def _fresh(self, goal: str, wanted: list[Any], variant: str) -> dict[str, Any]:
        identity = next((text for text in _strings(wanted) if text.endswith(IDENTITY)), "x" + IDENTITY[0])
        state: dict[str, Any] = self.story.fresh()
        for rows in state.values():
            senders = [name for name in SENDERS if rows and name in rows[0]]
            if variant and senders:
                for row in rows:
                    if self.story.INJECT in json.dumps(row):
                        row[senders[0]] = identity
                rows.append({**copy.deepcopy(rows[-1]), senders[0]: identity})
        filled: dict[str, Any] = json.loads(json.dumps(state).replace(self.story.INJECT, _written(goal)))
        return filled

    def measure(self, score: Score, *, verbose: bool = False, thin: int = 1) -> None:
        """Run every task alone, and with every attack (of `thin`, one) in both variants."""
        for task, (prompt, _) in enumerate(self.story.TASKS):
            run, useful, _ = self.replay(task)
            score.tasks += 1
            score.calls += run.calls
            score.useful += useful
            score.held += run.held > 0
            score.denied += [f"{self.name}: {prompt}: {text}" for text in run.denied]
            if verbose and (run.held or run.denied):
                print(f"{self.name}: {prompt}", *run.told, sep="\n")
            if run.held:
                run, useful, _ = self.replay(task, person=True)
                score.denied += [f"{self.name} (with a person): {prompt}: {text}" for text in run.denied]
            score.useful_with_person += useful
            for attack, (goal, _) in enumerate(self.story.ATTACKS):
                if (task + attack) % thin:
                    continue
                for variant in ("", "adaptive"):
                    run, _, attacked = self.replay(task, attack, variant=variant)
                    if verbose and run.side_effects:
                        print(f"  {variant} {self.name}: {prompt} x {goal}", *run.told, sep="\n")
                    if variant:
                        score.adaptive_pairs += run.reached
                        score.adaptive += attacked
                        score.adaptive_affected += run.side_effects > 0
                    else:
                        score.pairs += run.reached
                        score.reached += run.reached
                        score.attacked += attacked
                        score.affected += run.side_effects > 0


def _written(text: str) -> str:
    """As it stands in JSON."""
    return json.dumps(text)[1:-1]


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def evaluate(
    names: tuple[str, ...],
    policies: list[Path],
    folder: Path,
    *,
    schemas: bool = False,
    text: bool = False,
    verbose: bool = False,
    thin: int = 1,
) -> Score:
    """The score of the given policies over worlds, with inferred manifests; `thin` as of `World.measure`."""
    score = Score()
    for name in names:
        world = World(name, policies, folder, schemas=schemas, text=text)
        try:
            world.measure(score, verbose=verbose, thin=thin)
        finally:
            world.gateway.close()
    return score


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--policy", action="append", type=Path, help="layers; several may be given")
    parser.add_argument("--world", action="append", choices=WORLDS)
    parser.add_argument("--schemas", action="store_true")
    parser.add_argument("--text", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="yett-worlds-", dir=memory if memory.is_dir() else None))
    began = time.monotonic()
    try:
        for name in options.world or WORLDS:
            score = evaluate(
                (name,),
                options.policy or [POLICY],
                folder,
                schemas=options.schemas,
                text=options.text,
                verbose=options.verbose,
            )
            print(f"{name}: {score.line()}")
            for text in score.denied:
                print(f"  denied: {text}")
        print(f"{time.monotonic() - began:.0f} s")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
