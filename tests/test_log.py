"""What the gateway says of itself: never a value, and never where a protocol is spoken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import structlog

from yett.gateway import Gateway
from yett.judging import Judging
from yett.log import Logger
from yett.model import ToolCall

SECRET = "hunter2-of-the-vault"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has configured structlog, as in a program that has the gateway inside."""
    monkeypatch.setattr(structlog, "is_configured", lambda: False)


@pytest.mark.usefixtures("bare")
def test_when_judging_fails_the_arguments_stand_in_no_output(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError(SECRET)

    monkeypatch.setattr(Judging, "_propose", fail)
    with Gateway.open(root / "policies" / "baseline.yaml", tmp_path / "state") as gateway:
        decision = gateway.decide(ToolCall(tool="note", arguments={"text": SECRET}))
    said = capsys.readouterr()
    assert not decision.allowed
    assert said.out == "", "a protocol may be spoken there"
    assert SECRET not in said.err
    line = json.loads(said.err.splitlines()[0])
    assert (line["event"], line["level"]) == ("judging failed", "error")
    assert line["exception"][0].startswith("KeyError at ")


def test_a_program_that_has_configured_structlog_gets_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structlog, "is_configured", lambda: True)
    with structlog.testing.capture_logs() as lines:
        Logger("yett").warning("look", size=3)
    assert lines == [{"event": "look", "log_level": "warning", "size": 3}]
