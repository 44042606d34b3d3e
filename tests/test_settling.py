"""Answers wait together and are released together, each exactly its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from yett.errors import YettError
from yett.settling import TOGETHER, Settling


class Pending:
    """A pending answer of a log that commits when told."""

    def __init__(self, log: Log, value: int) -> None:
        self.log = log
        self.value = value

    def prepare(self) -> None:
        """Nothing to do."""

    def add_done_callback(self, call: Callable[[Any], None]) -> None:
        self.log.subscribed.append((self, call))
        self.log.handed_over.set()

    def result(self, timeout: float | None = None) -> int:
        assert timeout == 0, "the event loop must never wait"
        if self.value in self.log.durable:
            return self.value
        raise TimeoutError


class Log:
    """Commits in a thread of its own, in whatever order."""

    def __init__(self) -> None:
        self.subscribed: list[tuple[Pending, Callable[[Any], None]]] = []
        self.durable: set[int] = set()
        self.handed_over = threading.Event()
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            self.handed_over.wait(0.01)
            self.handed_over.clear()
            batch, self.subscribed = self.subscribed, []
            for pending, call in reversed(batch):
                self.durable.add(pending.value)
                call(pending)


@pytest.fixture
def log() -> Any:
    made = Log()
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.stopped = True
    thread.join()


def test_every_caller_gets_its_own_answer(log: Log) -> None:
    async def main() -> list[Any]:
        settling = Settling()
        return await asyncio.gather(*(settling.settled(Pending(log, n)) for n in range(500)))  # type: ignore[arg-type]

    assert asyncio.run(main()) == list(range(500))


def test_what_is_judged_in_one_turn_is_handed_over_together_but_not_without_bound() -> None:
    silent = Log()

    async def main() -> list[int]:
        settling = Settling(0.05)
        seen = []
        tasks = [
            asyncio.ensure_future(settling.settled(Pending(silent, n)))  # type: ignore[arg-type]
            for n in range(TOGETHER + 3)
        ]
        await asyncio.sleep(0)
        seen.append(len(silent.subscribed))
        await asyncio.sleep(0.01)
        seen.append(len(silent.subscribed))
        await asyncio.gather(*tasks, return_exceptions=True)
        return seen

    assert asyncio.run(main()) == [TOGETHER, TOGETHER + 3]


def test_what_is_never_durable_is_given_up_by_itself() -> None:
    async def main() -> None:
        settling = Settling(0.01)
        with pytest.raises(YettError, match="NOT_DURABLE_IN_TIME"):
            await settling.settled(Pending(Log(), 1))  # type: ignore[arg-type]

    asyncio.run(main())


def test_an_answer_that_is_not_durable_in_time_is_an_error_and_harms_no_other(log: Log) -> None:
    silent = Log()

    async def main() -> Any:
        settling = Settling()
        late = asyncio.ensure_future(settling.settled(Pending(silent, 1)))  # type: ignore[arg-type]
        good = await settling.settled(Pending(log, 2))  # type: ignore[arg-type]
        settling.give_up(float("inf"))
        with pytest.raises(YettError) as refused:
            await late
        for pending, call in silent.subscribed:
            call(pending)  # it becomes durable after all, and nobody waits any more
        await asyncio.sleep(0.01)
        return good, refused.value.code, await settling.settled(Pending(log, 3))  # type: ignore[arg-type]

    assert asyncio.run(main()) == (2, "NOT_DURABLE_IN_TIME", 3)
