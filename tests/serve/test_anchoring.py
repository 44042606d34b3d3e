"""The log's head is taken elsewhere while the sidecar runs, and what is not there yet is a metric."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from waiting import until
from yett.errors import YettError
from yett.model import ToolCall
from yett.serve.anchoring import anchoring
from yett.serve.metrics import Metrics
from yett.serve.settings import Settings


def value(metrics: Metrics, name: str) -> float:
    lines = metrics.render().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))


def test_checkpoints_reach_a_file_and_the_exposure_falls(living: Any, tmp_path: Path) -> None:
    metrics = Metrics()
    settings = Settings(policy=(), state=tmp_path, anchor_files=(tmp_path / "heads",), anchor_every_s=0.02)
    living.client("agent", "ann", "anchored").decide(ToolCall(tool="ping"))
    size = living.gateway.ledger.head.checkpoint.size
    with anchoring(living.gateway.ledger, metrics, settings):
        until(lambda: value(metrics, "yett_exposure_records") == 0)
        assert value(metrics, "yett_exposure_seconds") < 60
        assert value(metrics, "yett_anchor_alarm") == 0
    heads = (tmp_path / "heads").read_text()
    assert living.gateway.ledger.origin in heads
    assert f"\n{size}\n" in heads


def test_without_an_anchor_everything_is_exposed(living: Any, tmp_path: Path) -> None:
    metrics = Metrics()
    with anchoring(living.gateway.ledger, metrics, Settings(policy=(), state=tmp_path)):
        assert value(metrics, "yett_exposure_records") == value(metrics, "yett_log_records") > 0
        assert value(metrics, "yett_exposure_seconds") == float("inf")


def test_a_policy_of_witnesses_that_cannot_be_read_stops_the_start(living: Any, tmp_path: Path) -> None:
    (tmp_path / "policy").write_text("quorum nobody\n")
    for path in (tmp_path / "policy", tmp_path / "none"):
        settings = Settings(policy=(), state=tmp_path, anchor_policy=path)
        with pytest.raises(YettError), anchoring(living.gateway.ledger, Metrics(), settings):
            pass
