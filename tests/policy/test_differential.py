"""Two evaluators that share nothing agree, errors included; and what must hold of any policy holds of all.

20,000 pairs by default; YETT_LONG=1 makes it a million.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import slow_policy
from generated import Policies

from yett.errors import PolicyError
from yett.extract.facts import Facts
from yett.model import Effect, Verdict
from yett.policy import PolicySet, parse, source, testing
from yett.policy.manifest import Toolbox, read_tools

PAIRS = 1_000_000 if os.environ.get("YETT_LONG") else 20_000
CALLS = 50


def compiled(documents: list[dict[str, Any]]) -> PolicySet:
    """The policy set of plain values, without the checks that block loading."""
    read = [source.parse(json.dumps(document).encode(), f"d{i}")[0] for i, document in enumerate(documents)]
    tools = [tool for d in read for tool in read_tools(d, d.value.get("tools", {}), ("tools",), None)]
    toolbox = Toolbox(tools)
    layers = [parse.read_layer(document, toolbox) for document in read]
    return PolicySet(tuple(layer for layer in layers if layer is not None), toolbox, sources=())


def verdict(policy: PolicySet, call: dict[str, Any], given: dict[str, Any]) -> tuple[Verdict, int]:
    admitted = testing.admitted_of(call)
    spec = policy.spec(call["tool"])
    facts = Facts(
        tool=call["tool"],
        does=frozenset(spec.does if spec else ()),
        size=len(admitted.canonical),
        limits=tuple(given.get("limits", ())),
    )
    found = policy.evaluate(admitted, facts, testing.risk_of(given), testing.past_of(given), testing.NOON)
    return found, facts.size


def decisive(found: Verdict) -> set[str]:
    """The rules, or else the codes, of the strictest layers."""
    wanted = {Effect.ALLOW: ("RULE_ALLOWS",), Effect.HOLD: ("RULE_HOLDS", "RULE_UNDECIDED")}.get(found.effect)
    if wanted is None:
        wanted = ("RULE_DENIES", "RULE_UNDECIDED")
    rules = {r.rule for r in found.reasons if r.rule and r.code in wanted}
    return {str(r) for r in rules} | {r.code for r in found.reasons if not r.rule}


@pytest.mark.timeout(7200)
def test_the_slow_evaluator_agrees() -> None:
    effects = dict.fromkeys(Effect, 0)
    undecided = refused = 0
    for seed in range(PAIRS // CALLS):
        stream = Policies(seed)
        documents = stream.documents()
        try:
            policy = compiled(documents)
        except PolicyError:
            refused += 1
            continue
        for _ in range(CALLS):
            call, given = stream.call(documents)
            found, size = verdict(policy, call, given)
            expected, names = slow_policy.judge(documents, call, given | {"size": size})
            assert found.effect.value == expected, (seed, documents, call, given, found.reasons)
            if expected == "allow":
                assert decisive(found) == names, (seed, documents, call, given, found.reasons)
            else:
                assert names <= decisive(found), (seed, documents, call, given, found.reasons)
            effects[found.effect] += 1
            undecided += any(r.code == "RULE_UNDECIDED" for r in found.reasons)
            assert not any(r.code == "POLICY_FAILED" for r in found.reasons)
    judged = sum(effects.values())
    # The generator must reach every corner, or agreement says nothing.
    assert refused < PAIRS // CALLS // 3
    assert all(count > judged / 50 for count in effects.values()), effects
    assert undecided > judged / 50


def test_adding_a_layer_never_loosens_and_order_never_matters() -> None:
    for seed in range(200):
        stream = Policies(10_000 + seed)
        documents = stream.documents()
        more = Policies(20_000 + seed)
        extra = {"policy": "extra", "data": {"list": ["a"], "n": 1}}
        extra["rules"] = [more.rule(f"e{i}", documents[0]["tools"]) for i in range(2)]
        shuffled = [dict(d, rules=list(reversed(d["rules"]))) for d in documents]
        try:
            policy, wider, other = compiled(documents), compiled([*documents, extra]), compiled(shuffled)
        except PolicyError:
            continue
        for _ in range(20):
            call, given = stream.call(documents)
            alone = verdict(policy, call, given)[0].effect
            assert verdict(wider, call, given)[0].effect.rank >= alone.rank
            assert verdict(other, call, given)[0].effect is alone


def test_missing_facts_only_tighten() -> None:
    """Leaving out an optional argument that a rule reads never turns a deny into an allow by itself."""
    for seed in range(100):
        stream = Policies(30_000 + seed)
        documents = stream.documents()
        for document in documents:
            for rule in document["rules"]:
                rule.pop("when", None)
                if "allow" in rule:
                    rule["when"] = "args.x == 5 and args.y == 'a'"
        documents[0]["tools"] = {"t0": {"does": ["read"], "open": True}}
        try:
            policy = compiled(documents)
        except PolicyError:
            continue
        for args in ({}, {"x": 5}, {"y": "a"}, {"x": "5", "y": "a"}, {"x": None, "y": "a"}):
            found, _ = verdict(policy, {"tool": "t0", "args": args, "agent": "bot"}, {})
            assert found.effect is not Effect.ALLOW
