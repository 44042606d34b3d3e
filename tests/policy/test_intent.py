"""What the person asked for, as capabilities of the session."""

from __future__ import annotations

from pathlib import Path

import pytest

from yett.gateway import Gateway
from yett.model import Effect, ToolCall
from yett.policy.intent import of_prompt


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Please pay the bill", {"intent:pay"}),
        ("Delete the old drafts, then invite Bob.", {"intent:delete", "intent:share"}),
        ("What is the weather?", set()),
        ("She was inviting him and had paid; removed it", {"intent:share", "intent:delete"}),
        ("", set()),
    ],
)
def test_words_of_the_prompt(prompt: str, expected: set[str]) -> None:
    assert set(of_prompt(prompt)) >= expected
    if not expected:
        assert of_prompt(prompt) == ()


def test_a_session_remembers_what_it_was_opened_for(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "policy: p\ntools: {wipe: {does: [delete]}}\n"
        "rules:\n  - {id: a, allow: wipe}\n  - {id: h, hold: wipe, when: not intent('delete')}\n"
    )
    with Gateway.open(tmp_path / "p.yaml", tmp_path / "state") as gateway:
        asked = gateway.open_session(prompt="Please delete my drafts")
        other = gateway.open_session(prompt="Read my drafts")
        assert gateway.decide(ToolCall(tool="wipe", session=asked)).effect is Effect.ALLOW
        assert gateway.decide(ToolCall(tool="wipe", session=other)).effect is Effect.HOLD
