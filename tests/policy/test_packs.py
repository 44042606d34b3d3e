"""The shipped packs load, and their own tests notice every change that matters.

Mutations of each rule: leave it out, turn its effect round, and, for every condition in it, at any depth of
`and` and `or`, leave that condition out or turn it round. One that no test of the pack notices is a hole. Within
`any(…)` that is so for every pack but `coding-agent`: of what it says of single commands, its tests and the calls
of `tests/attack` notice most, not all.
"""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yett import policy
from yett.errors import PolicyError
from yett.policy import PolicySet, parse, source, testing
from yett.policy.manifest import Toolbox, read_tools
from yett.risk import Assessor

PACKS = (
    "baseline",
    "browsing",
    "coding-agent",
    "database-readonly",
    "mail-and-calendar",
    "mcp-default",
    "payments",
    "task-independent",
)
SHIPPED = ("demo", *PACKS)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_loads_with_its_tests(root: Path, name: str) -> None:
    loaded = policy.load([root / f"policies/{name}.yaml"], assess=Assessor.load().assess)
    assert loaded.layers[0].id == name


@pytest.mark.parametrize("name", PACKS)
def test_every_rule_of_a_pack_fires_in_a_test_and_stays_silent_in_another(root: Path, name: str) -> None:
    loaded = policy.load([root / f"policies/{name}.yaml"])
    assert [(rule, missing) for _, rule, missing in testing.untested(loaded)] == []


@pytest.mark.parametrize("manifest", ["agentdojo-banking", "agentdojo-slack", "agentdojo-slack-guests"])
def test_a_manifest_loads_under_the_task_independent_policy(root: Path, manifest: str) -> None:
    loaded = policy.load([root / "policies/task-independent.yaml", root / f"policies/tools/{manifest}.yaml"])
    assert len(loaded.toolbox.all) > 10


def conditions(tree: ast.expr) -> Iterator[ast.expr]:
    """Every operand of `and` and `or`, at any depth, and the whole."""
    yield tree
    if isinstance(tree, ast.BoolOp):
        for part in tree.values:
            yield from conditions(part)


def without(tree: ast.expr, gone: ast.expr) -> ast.expr | None:
    """The condition without one operand."""
    if tree is gone:
        return None
    if isinstance(tree, ast.BoolOp):
        kept = [part for value in tree.values if (part := without(value, gone)) is not None]
        return kept[0] if len(kept) == 1 else ast.BoolOp(tree.op, kept)
    return tree


def inverted(tree: ast.expr, turned: ast.expr) -> ast.expr:
    if tree is turned:
        return ast.UnaryOp(ast.Not(), tree)
    if isinstance(tree, ast.BoolOp):
        return ast.BoolOp(tree.op, [inverted(part, turned) for part in tree.values])
    return tree


def mutants(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, rule in enumerate(document["rules"]):
        name = rule["id"]

        def changed(index: int = index, **fields: Any) -> dict[str, Any]:
            mutant = copy.deepcopy(document)
            mutant["rules"][index] = {
                k: v for k, v in (mutant["rules"][index] | fields).items() if v is not None
            }
            return mutant

        left = copy.deepcopy(document)
        del left["rules"][index]
        yield f"{name}: left out", left
        effect = next(e for e in ("allow", "hold", "deny") if e in rule)
        other = "deny" if effect == "allow" else "allow"
        yield f"{name}: {other}", changed(**{effect: None, other: rule[effect], "approvers": None})
        if "when" not in rule:
            continue
        tree = ast.parse(f"({rule['when']}\n)", mode="eval").body
        for part in conditions(tree):
            text = ast.unparse(part)
            rest = without(tree, part)
            yield f"{name}: without `{text}`", changed(when=None if rest is None else ast.unparse(rest))
            yield f"{name}: not `{text}`", changed(when=ast.unparse(inverted(tree, part)))


def operands(tree: ast.expr) -> Iterator[tuple[ast.BoolOp, int]]:
    """Every operand of `and` and `or`, those within `any` and `all` included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp):
            yield from ((node, index) for index in range(len(node.values)))


def inner_mutants(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, rule in enumerate(document["rules"]):
        if "any(" not in rule.get("when", ""):
            continue
        tree = ast.parse(f"({rule['when']}\n)", mode="eval").body
        for number in range(len(list(operands(tree)))):
            for turned in (False, True):
                changed = copy.deepcopy(tree)
                node, place = list(operands(changed))[number]
                part = node.values[place]
                neutral = ast.Constant(isinstance(node.op, ast.And))
                node.values[place] = ast.UnaryOp(ast.Not(), part) if turned else neutral
                mutant = copy.deepcopy(document)
                mutant["rules"][index]["when"] = ast.unparse(changed)
                yield f"{rule['id']}: {'not' if turned else 'without'} `{ast.unparse(part)}`", mutant


def noticed(document: dict[str, Any]) -> bool:
    """Whether a test of the document fails."""
    try:
        read = source.parse(json.dumps(document).encode(), "mutant")[0]
        toolbox = Toolbox(read_tools(read, document.get("tools", {}), ("tools",), None))
        layer = parse.read_layer(read, toolbox)
        assert layer is not None
        return any(not result.passed for result in testing.run(PolicySet((layer,), toolbox, sources=())))
    except PolicyError:
        return True


@pytest.mark.parametrize("name", PACKS)
def test_every_mutation_of_a_pack_fails_one_of_its_tests(root: Path, name: str) -> None:
    document = source.read(root / f"policies/{name}.yaml")[0].value
    assert not noticed(document)
    survivors = [what for what, mutant in mutants(document) if not noticed(mutant)]
    if name != "coding-agent":
        survivors += [what for what, mutant in inner_mutants(document) if not noticed(mutant)]
    assert survivors == []
