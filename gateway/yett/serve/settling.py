"""Waiting for records to become durable, many at once, without blocking the event loop.

The log commits in a thread of its own, and each commit costs a seal and a disk flush however many records it
holds. So calls that are judged in one turn of the loop are handed over together at its end, to share a
commit; and the thread wakes the loop once for all the answers that a commit has released.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from yett.errors import YettError

if TYPE_CHECKING:
    from yett.ledger import Pending
    from yett.model import Decision

DURABLE_SECONDS: Final = 10.0
"""For a record to become durable; then the answer is 503, and the record may still be written."""
TOGETHER: Final = 16
"""Calls that are handed over without waiting for the turn's end: an answer must not wait for many others."""


class Settling:
    """The pending answers of one event loop."""

    def __init__(self) -> None:
        self._judged: list[tuple[Pending, asyncio.Future[None]]] = []
        self._released: deque[asyncio.Future[None]] = deque()
        self._woken = False

    async def settled(self, pending: Pending, seconds: float = DURABLE_SECONDS) -> Decision:
        """The answer, once its record is durable.

        Raises:
            YettError: NOT_DURABLE_IN_TIME; or what the ledger raised.
        """
        loop = asyncio.get_running_loop()
        released: asyncio.Future[None] = loop.create_future()
        self._judged.append((pending, released))
        if len(self._judged) >= TOGETHER:
            self._hand_over(loop)
        elif len(self._judged) == 1:
            loop.call_soon(self._hand_over, loop)
        try:
            async with asyncio.timeout(seconds):
                await released
            return pending.result(0)
        except TimeoutError:
            raise YettError("NOT_DURABLE_IN_TIME", "the record is not on disk yet; nothing may run") from None

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        judged, self._judged = self._judged, []
        for pending, released in judged:
            self._subscribe(loop, pending, released)

    def _subscribe(
        self, loop: asyncio.AbstractEventLoop, pending: Pending, released: asyncio.Future[None]
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
                released.set_result(None)
