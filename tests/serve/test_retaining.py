"""While the sidecar runs, what is older than it was told to keep goes, and calls are decided meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from waiting import until
from yett.errors import YettError
from yett.gateway import Gateway
from yett.model import ToolCall
from yett.serve.retaining import retaining
from yett.serve.settings import Settings

DAY_MS = 24 * 3600 * 1000


def test_old_records_go_at_the_start_and_later(tmp_path: Path, root: Path) -> None:
    now = [1_800_000_000_000]
    settings = Settings(policy=(), state=tmp_path / "state", keep_ms=8 * DAY_MS, archive=tmp_path)
    policy = root / "policies" / "baseline.yaml"
    with Gateway.open(policy, tmp_path / "state", clock=lambda: now[0]) as gateway:

        def first() -> int:
            return min(int(path.stem) for path in gateway.ledger.log_directory.glob("*.jsonl"))

        with retaining(gateway.ledger, settings, every_s=0.01):
            for _ in range(30):
                now[0] += DAY_MS
                gateway.decide(ToolCall(tool="ping"))
            until(lambda: first() > 0)
        assert (tmp_path / "000000000000.jsonl").exists()
        assert gateway.decide(ToolCall(tool="ping")).record is not None


def test_what_it_is_told_must_make_sense_before_it_serves(tmp_path: Path, root: Path) -> None:
    with Gateway.open(root / "policies" / "baseline.yaml", tmp_path / "state") as gateway:
        for options, code in (
            ({"keep_ms": 1}, "KEPT_TOO_SHORT"),
            ({"keep_ms": DAY_MS, "archive": tmp_path / "none"}, "ARCHIVE_UNUSABLE"),
            ({"archive": tmp_path}, "NOTHING_TO_ARCHIVE"),
        ):
            settings = Settings(policy=(), state=tmp_path / "state", **options)
            with pytest.raises(YettError, match=code), retaining(gateway.ledger, settings):
                pass
