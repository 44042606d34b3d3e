"""Each adapter on its real framework; `make test-adapters` makes the environments, this uses what is there."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

_SPEC = importlib.util.spec_from_file_location("adapter_run", Path(__file__).with_name("run.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
runner: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(runner)


@pytest.mark.parametrize("name", list(runner.PINS))
def test_the_adapter_never_fails_open_on_the_real_framework(name: str) -> None:
    made = (runner.CACHE / name / ".pins").exists()
    if not made and not os.environ.get("YETT_TEST_ADAPTERS"):
        pytest.skip(f"no environment for {name} yet; `make test-adapters` makes it")
    try:
        rows = runner.drive(name)
    except runner.Unavailable as error:
        pytest.skip(str(error))
    assert [row for row in rows if not row["passed"]] == []
    assert len(rows) > 20
