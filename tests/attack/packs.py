"""A shipped pack judging one call, as a gateway with that pack alone would: facts and score are real, the past is given."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from yett import policy
from yett.extract import extract
from yett.policy import PolicySet, testing
from yett.risk import Assessor

ROOT = Path(__file__).parents[2]


@cache
def assessor() -> Assessor:
    return Assessor.load()


@cache
def pack(name: str) -> PolicySet:
    return policy.load([ROOT / f"policies/{name}.yaml"], assess=assessor().assess)


def effect(name: str, tool: str, args: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> str:
    """What a pack says to a call: allow, hold or deny. `given` as in a policy's tests."""
    policies, past = pack(name), given or {}
    admitted = testing.admitted_of({"tool": tool, "args": args})
    spec = policies.spec(tool, None)
    facts = extract(admitted.call, spec, len(admitted.canonical))
    risk = assessor().assess(admitted.call, facts, spec)
    return policies.evaluate(admitted, facts, risk, testing.past_of(past), testing.NOON).effect.value


def shell(command: str) -> str:
    return effect("coding-agent", "shell", {"command": command})
