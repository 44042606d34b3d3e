"""What `diff` proves holds of generated calls: narrower is never looser, equal is never different."""

from __future__ import annotations

import copy
import os

import pytest

pytest.importorskip("z3")

from generated import Policies
from test_differential import compiled, verdict

from yett.errors import PolicyError
from yett.policy.diff import diff

PAIRS = 1500 if os.environ.get("YETT_LONG") else 60


@pytest.mark.timeout(3600)
def test_narrower_is_never_looser() -> None:
    relations = {"narrower": 0, "equal": 0, "wider": 0}
    for seed in range(PAIRS):
        stream = Policies(50_000 + seed)
        documents = stream.documents()
        changed = copy.deepcopy(documents)
        layer = stream.r.choice(changed)
        rule = stream.r.choice(layer["rules"])
        effect = next(e for e in ("allow", "hold", "deny") if e in rule)
        kind = stream.r.randrange(4)
        if kind == 0:
            merged = {
                arg: {spec["type"]}
                for tool in documents[0]["tools"].values()
                for arg, spec in tool["args"].items()
            }
            rule["when"] = f"({rule.get('when', 'True')}) and ({stream.boolean(merged, 2)})"
        elif kind == 1:
            layer["rules"].append(stream.rule("more", documents[0]["tools"]))
        elif kind == 2:
            rule["hold" if effect != "hold" else "deny"] = rule.pop(effect)
        elif len(layer["rules"]) > 1:
            layer["rules"].remove(rule)
        try:
            old, new = compiled(documents), compiled(changed)
        except PolicyError:
            continue
        relation = diff(old, new, timeout_ms=500).relation
        relations[relation] += 1
        for _ in range(150):
            call, given = stream.call(documents)
            before, after = verdict(old, call, given)[0].effect, verdict(new, call, given)[0].effect
            where = (seed, documents, changed, call, given)
            if relation != "wider":
                assert after.rank >= before.rank, where
            if relation == "equal":
                assert after is before, where
    assert all(count >= 3 for count in relations.values()), relations
