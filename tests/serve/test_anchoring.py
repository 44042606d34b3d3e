"""The log's head is taken elsewhere while the sidecar runs, and what is not there yet is a metric."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from waiting import until
from yett.errors import LedgerError, YettError
from yett.gateway import Gateway
from yett.ledger.administration.backup import mark_restored
from yett.model import ToolCall
from yett.serve.anchoring import anchoring, floor
from yett.serve.metrics import Metrics
from yett.serve.settings import Settings
from yett_audit.anchor import FileSink
from yett_audit.verify import Demand, verify_log


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


@pytest.fixture
def lived(tmp_path: Path, root: Path) -> Callable[[], str]:
    """Lets the gateway of `tmp_path / "state"` live a little; the log's head behind it."""

    def live() -> str:
        with Gateway.open(root / "policies" / "baseline.yaml", tmp_path / "state") as gateway:
            gateway.decide(ToolCall(tool="ping"))
        return verify_log(tmp_path / "state" / "log", Demand()).checkpoint

    return live


def test_an_older_copy_of_a_log_is_not_opened_where_a_file_remembers_more(
    lived: Callable[[], str], tmp_path: Path, root: Path
) -> None:
    """prevents: a backup put back unnoticed, in which mandates that were used since are fresh."""
    state, heads = tmp_path / "state", tmp_path / "heads"
    settings = Settings(policy=(), state=state, anchor_files=(heads, tmp_path / "none"))
    assert floor(settings) is None
    first = lived()
    FileSink(heads).send(first)
    shutil.copytree(state, tmp_path / "old")
    FileSink(heads).send(lived())
    FileSink(heads).send(first.replace(first.splitlines()[1], "9999", 1))  # signed by nobody
    known = floor(settings)
    assert known is not None
    assert known.size > int(first.splitlines()[1])
    shutil.rmtree(state)
    (tmp_path / "old").rename(state)
    with pytest.raises(LedgerError, match="ROLLBACK"):
        Gateway.open(root / "policies" / "baseline.yaml", state, floor=floor(settings))
    mark_restored(state)
    assert floor(settings) is None
    with Gateway.open(root / "policies" / "baseline.yaml", state) as gateway:
        assert gateway.ledger._core.state.meta.lost


def test_who_cannot_be_asked_at_the_start_is_not_waited_for(lived: Callable[[], str], tmp_path: Path) -> None:
    lived()
    (tmp_path / "heads").mkdir()
    assert floor(Settings(policy=(), state=tmp_path / "state", anchor_files=(tmp_path / "heads",))) is None
