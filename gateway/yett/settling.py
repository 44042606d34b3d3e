"""Waiting for records to become durable, many at once, without blocking the event loop.

The log commits in a thread of its own, and each commit costs a seal and a disk flush however many records it
holds. So calls that are judged in one turn of the loop are handed over together at its end, to share a
commit; and the thread wakes the loop once for all the answers that a commit has released.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from yett.errors import YettError

if TYPE_CHECKING:
    from yett.ledger import Pending
    from yett.model import Decision

DURABLE_SECONDS: Final = 10.0
"""For a record to become durable; then the answer is 503, and the record may still be written."""
TOGETHER: Final = 16
"""Calls that are handed over without waiting for the turn's end: an answer must not wait for many others."""


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Settling] = WeakKeyDictionary()


async def settled(pending: Pending) -> Decision:
    """As `Settling.settled`, together with whatever else waits so in this event loop."""
    loop = asyncio.get_running_loop()
    settling = _of_loop.get(loop)
    if settling is None:
        settling = _of_loop[loop] = Settling()
    return await settling.settled(pending)


class Settling:
    """The pending answers of one event loop.

    Args:
        seconds: for a record to become durable.
    """

    def __init__(self, seconds: float = DURABLE_SECONDS) -> None:
        self._seconds = seconds
        self._judged: list[tuple[Pending, asyncio.Future[bool]]] = []
        self._awaited: deque[tuple[float, asyncio.Future[bool]]] = deque()
        """With the time until which each is waited for, earliest first: one timer is enough for all."""
        self._watching = False
        self._released: deque[asyncio.Future[bool]] = deque()
        self._woken = False

    async def settled(self, pending: Pending) -> Decision:
        """The answer, once its record is durable.

        Raises:
            YettError: NOT_DURABLE_IN_TIME; or what the ledger raised.
        """
        loop = asyncio.get_running_loop()
        released: asyncio.Future[bool] = loop.create_future()
        self._judged.append((pending, released))
        while self._awaited and self._awaited[0][1].done():
            self._awaited.popleft()
        self._awaited.append((loop.time() + self._seconds, released))
        if not self._watching:
            self._watching = True
            loop.call_later(self._seconds, self._watch, loop)
        if len(self._judged) >= TOGETHER:
            self._hand_over(loop)
        elif len(self._judged) == 1:
            loop.call_soon(self._hand_over, loop)
        if await released:
            return pending.result(0)
        raise YettError("NOT_DURABLE_IN_TIME", "the record is not on disk yet; nothing may run")

    def give_up(self, now: float) -> None:
        """Waits no longer for what should have become durable by now (seconds, the loop's clock)."""
        while self._awaited and (self._awaited[0][1].done() or self._awaited[0][0] <= now):
            _, released = self._awaited.popleft()
            if not released.done():
                released.set_result(False)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        self.give_up(loop.time())
        self._watching = bool(self._awaited)
        if self._awaited:
            loop.call_at(self._awaited[0][0], self._watch, loop)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        judged, self._judged = self._judged, []
        for pending, released in judged:
            self._subscribe(loop, pending, released)
        for pending, _ in judged:
            pending.prepare()  # while the disk is busy

    def _subscribe(
        self, loop: asyncio.AbstractEventLoop, pending: Pending, released: asyncio.Future[bool]
    ) -> None:
        def release(_: Pending) -> None:
            # In the log's thread. The flag is cleared before the queue is read, so nothing is left behind.
            self._released.append(released)
            if not self._woken:
                self._woken = True
                loop.call_soon_threadsafe(self._wake)

        pending.add_done_callback(release)

    def _wake(self) -> None:
        self._woken = False
        while self._released:
            released = self._released.popleft()
            if not released.done():
                released.set_result(True)
