"""What the SDK's tests share."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _load(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"yett_test_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def hostile_module() -> ModuleType:
    return sys.modules.get("yett_test_hostile") or _load("hostile")


@pytest.fixture
def hostile(tmp_path: Path, hostile_module: ModuleType) -> Iterator[Callable[..., Any]]:
    """Start a misbehaving gateway: `hostile(behaviour)`; its socket is `.path`."""
    started: list[Any] = []

    def start(behaviour: Any) -> Any:
        server = hostile_module.Hostile(tmp_path / f"h{len(started)}.sock", behaviour)
        started.append(server)
        return server

    yield start
    for server in started:
        server.close()
