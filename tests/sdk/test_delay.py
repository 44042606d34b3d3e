"""The obligation `delay`: whoever asks through the seam waits it out, and then acts on a permission that still holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from yett.errors import PolicyError
from yett.gateway import Gateway
from yett.policy import load
from yett.sdk import decider as seam

POLICY = "policy: p\ntools: {go: {does: [write]}}\nrules:\n  - {id: a, allow: go, oblige: {delay: {ms: %d}, cap: {bytes: 9}}}\n"


class Clock:
    """Time that only waiting moves."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms

    def sleep(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(seam.time, "sleep", found.sleep)
    monkeypatch.setattr(seam.asyncio, "sleep", found.asleep)
    return found


def open_gateway(folder: Path, clock: Callable[[], int], ms: int) -> Gateway:
    (folder / "p.yaml").write_text(POLICY % ms)
    return Gateway.open(folder / "p.yaml", folder / "state", clock=clock)


def test_an_allowed_call_waits_and_keeps_its_other_duties(tmp_path: Path, clock: Clock) -> None:
    with open_gateway(tmp_path, clock, 1500) as gateway:
        for ask in (seam.ask, lambda *given, **more: asyncio.run(seam.aask(*given, **more))):
            began = clock.ms
            decision = ask(gateway, seam.call_for("go", {}), clock=clock)
            assert decision.allowed
            assert clock.ms == began + 1500
            assert [duty.kind for duty in decision.obligations] == ["cap"]


def test_a_permission_that_ran_out_meanwhile_is_a_deny(tmp_path: Path, clock: Clock) -> None:
    with open_gateway(tmp_path, clock, 1500) as gateway:

        def hurried() -> int:
            return clock.ms if clock.ms == began else clock.ms + 60_000

        began = clock.ms
        decision = seam.ask(gateway, seam.call_for("go", {}), clock=hurried)
        assert not decision.allowed
        assert decision.reasons[0].code == "DECISION_EXPIRED"


def test_a_delay_beyond_the_permission_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICY % 20_001)
    with pytest.raises(PolicyError, match="a delay may be"):
        load([tmp_path / "p.yaml"])
