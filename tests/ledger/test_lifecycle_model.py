"""The life of a use slot, explored completely: the design holds, and every rule in it is needed."""

from __future__ import annotations

import pytest
from lifecycle_model import BROKEN, SAFE, explore


@pytest.mark.parametrize("name", SAFE)
def test_no_interleaving_executes_twice(name: str) -> None:
    trace, states = explore(SAFE[name])
    assert trace is None, trace
    assert states > 1_000, "the model has to be large enough to mean something"


@pytest.mark.parametrize("name", BROKEN)
def test_a_design_with_one_rule_less_is_found_out(name: str) -> None:
    trace, _ = explore(BROKEN[name])
    assert trace is not None, f"{name}: no counterexample; is the rule needed, or is the model blind?"
    assert sum(step.startswith("execute") for step in trace) == 2
    print(name, "->", " · ".join(trace))
