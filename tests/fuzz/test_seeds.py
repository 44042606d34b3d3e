"""What fuzzing found once is tried in every run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

_SPEC = importlib.util.spec_from_file_location("fuzz_targets", Path(__file__).with_name("fuzz.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
fuzz: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(fuzz)


@pytest.mark.parametrize("target", list(fuzz.TARGETS))
def test_kept_inputs_do_no_harm(target: str) -> None:
    seeds = fuzz.seeds(target)
    assert seeds, f"no seeds of {target}; run tests/fuzz/fuzz.py"
    for data in seeds:
        fuzz.run(target, data)
