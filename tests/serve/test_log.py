"""Log lines are JSON, one a line, and never hold what somebody's arguments said."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from yett.serve import log as serve_log


class Stderr:
    """A standard error that can be read back."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()

    def write(self, text: str) -> int:
        return self.buffer.write(text.encode())

    def flush(self) -> None: ...

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.buffer.getvalue().splitlines()]


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stderr]:
    before = structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level
    captured = Stderr()
    monkeypatch.setattr(sys, "stderr", captured)
    serve_log.configure()
    yield captured
    structlog.configure(**before[0])
    logging.getLogger().handlers[:] = before[1]
    logging.getLogger().setLevel(before[2])


def fail() -> None:
    try:
        raise KeyError("the password")
    except KeyError as cause:
        raise ValueError("hunter2\nfake line") from cause


def test_an_exceptions_words_stay_out_and_its_places_stand_in(stderr: Stderr) -> None:
    logger = structlog.get_logger("yett.test.words").bind()
    try:
        fail()
    except ValueError as error:
        logger.error("failed", exc_info=error)
        logger.error("failed", exc_info=True)
        logging.getLogger("yett.other").exception("failed")
    raw = stderr.buffer.getvalue()
    assert b"hunter2" not in raw
    assert b"password" not in raw
    assert len(stderr.lines) == 3
    for line in stderr.lines:
        assert [entry.split(" at ")[0] for entry in line["exception"]] == ["ValueError", "KeyError"]
        assert "test_log.py:" in line["exception"][0]


def test_what_a_caller_chose_cannot_start_a_line_of_its_own(stderr: Stderr) -> None:
    structlog.get_logger("yett.test.lines").info("decision", session='x\n{"event":"forged"}')
    assert [line["event"] for line in stderr.lines] == ["decision"]
