"""Log lines are JSON, one a line, and never hold what somebody's arguments said."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from yett.log import Logger
from yett.model import ToolCall
from yett.sdk import TransportError
from yett.serve import log as serve_log


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What was written to standard error since it was last asked, with logs as `yett serve` writes them."""
    before = structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level
    serve_log.configure()
    yield lambda: capsys.readouterr().err
    structlog.configure(**before[0])
    logging.getLogger().handlers[:] = before[1]
    logging.getLogger().setLevel(before[2])


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def fail() -> None:
    try:
        raise KeyError("the password")
    except KeyError as cause:
        raise ValueError("hunter2\nfake line") from cause


def test_an_exceptions_words_stay_out_and_its_places_stand_in(said: Callable[[], str]) -> None:
    logger = structlog.get_logger("yett.test.words").bind()
    try:
        fail()
    except ValueError as error:
        logger.error("failed", exc_info=error)
        logger.error("failed", exc_info=True)
        logging.getLogger("yett.other").exception("failed")
    raw = said()
    assert "hunter2" not in raw
    assert "password" not in raw
    assert len(lines(raw)) == 3
    for line in lines(raw):
        assert [entry.split(" at ")[0] for entry in line["exception"]] == ["ValueError", "KeyError"]
        assert "test_log.py:" in line["exception"][0]


def test_what_a_caller_chose_cannot_start_a_line_of_its_own(said: Callable[[], str]) -> None:
    structlog.get_logger("yett.test.lines").info("decision", session='x\n{"event":"forged"}')
    assert [line["event"] for line in lines(said())] == ["decision"]


class Gone:
    """A standard error that nobody reads any more, or whose disk is full."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("lost", [Gone(), None, "closed"])
def test_a_line_that_cannot_be_written_changes_no_answer(
    make_living: Any, monkeypatch: pytest.MonkeyPatch, lost: Any
) -> None:
    own = make_living()
    client = own.client("agent")
    assert client.decide(ToolCall(tool="ping")).allowed
    if lost == "closed":
        lost = io.StringIO()
        lost.close()
    monkeypatch.setattr(sys, "stderr", lost)
    structlog.get_logger("yett.test.lost").error("look")
    logging.getLogger("yett.other").error("look")
    Logger("yett.test.lost").error("look")
    with pytest.raises(TransportError):
        client.request("POST", "/v1/outcomes", {"decision_id": "d"})
    assert client.decide(ToolCall(tool="ping")).allowed
