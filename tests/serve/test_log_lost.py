"""A sidecar whose log is taken away denies everything and says that it is not ready."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import Any

import pytest

from yett.model import Outcome, ToolCall
from yett.sdk import TransportError
from yett.serve.probe import ready


def removed(log: Any) -> None:
    shutil.rmtree(log)


def replaced_by_a_link(log: Any) -> None:
    log.rename(log.with_name("elsewhere"))
    log.mkdir()


def emptied(log: Any) -> None:
    for path in log.iterdir():
        if path.is_file():
            path.unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="the log's file checks are Linux'")
@pytest.mark.parametrize("harm", [removed, replaced_by_a_link, emptied])
def test_without_its_log_nothing_is_allowed(make_living: Any, harm: Callable[[Any], None]) -> None:
    own = make_living()
    client, operator = own.client("agent"), own.client("operator")
    before = client.decide(ToolCall(tool="ping"))
    assert before.allowed
    assert ready(str(own.settings.socket))
    harm(own.settings.state / "log")
    for _ in range(3):
        decision = client.decide(ToolCall(tool="ping"))
        assert not decision.allowed
        assert "AUDIT_UNAVAILABLE" in [reason.code for reason in decision.reasons]
        assert decision.record is None
    assert not ready(str(own.settings.socket))
    for work in (
        lambda: client.report(Outcome(decision_id=before.decision_id, result="x")),
        lambda: client.open_session(),
        lambda: operator.request("POST", "/v1/freezes", {"scope": "all"}),
    ):
        with pytest.raises(TransportError) as refused:
            work()
        assert refused.value.code == "AUDIT_UNAVAILABLE"
