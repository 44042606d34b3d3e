"""The ledger's end of the link to one worker process (see `link`).

It runs in the event loop of the process that holds the ledger. Questions are answered in the order they came,
except that a commit's answer waits for its record: whatever was asked while the disk was busy shares the next
flush, and all answers that a flush releases are sent with one write.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, cast

import structlog

from yett.errors import LedgerError
from yett.ledger.ledger import Ledger
from yett.ledger.link import (
    Answer,
    BadFrame,
    Commit,
    DecidedOf,
    Done,
    Failed,
    Frames,
    Given,
    Hello,
    Here,
    InForce,
    Known,
    Past,
    PastOf,
    Question,
    Reply,
    Report,
    Stale,
    Welcome,
    frame,
)
from yett.ledger.proposal import Conflict, Pending
from yett.ledger.view import Snapshot
from yett.model import Decision

log = structlog.get_logger("yett.ledger")

MAX_UNSENT: Final = 64 * 1024 * 1024
"""Bytes of answers that a worker may leave unread before it is given up."""


class _Waiting:
    """A commit or report whose record is on its way to the disk."""

    def __init__(
        self, number: int, pending: Pending, commit: Commit | None = None, judged: Snapshot | None = None
    ) -> None:
        self.number = number
        self.pending = pending
        self.commit = commit
        self.judged = judged
        self.since = time.perf_counter()


class Service(asyncio.Protocol):
    """One worker's link. Made for `loop.create_connection(…, sock=…)`.

    Args:
        on_decision: told of every decision and the seconds from its proposal to its durable record.
        on_lost: told when the link is gone.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        on_decision: Callable[[Decision, float], None] = lambda *_: None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._on_decision = on_decision
        self._on_lost = on_lost
        self._frames = Frames(Question)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._released: deque[_Waiting] = deque()
        self._woken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._on_lost()

    def data_received(self, data: bytes) -> None:
        answers: list[bytes] = []
        waiting: list[_Waiting] = []
        try:
            for question in self._frames.feed(data):
                assert isinstance(question, Question)
                found = self._answer(question)
                if isinstance(found, _Waiting):
                    waiting.append(found)
                else:
                    answers.append(frame(Answer(number=question.number, reply=found)))
        except BadFrame as error:
            log.error("a worker's link was closed", reason=str(error))
            self._abort()
            return
        # Only now does the log's thread get to know: what was appended together is flushed together.
        for each in waiting:
            each.pending.add_done_callback(lambda _, one=each: self._release(one))  # type: ignore[misc]
        self._send(answers)

    def _answer(self, question: Question) -> Reply | _Waiting:
        ask = question.ask
        ledger = self._ledger
        try:
            match ask:
                case Commit():
                    return self._commit(question.number, ask)
                case PastOf():
                    return Here(past=Past.of(ledger.snapshot(ask.identity, ask.session)))
                case Report():
                    return _Waiting(question.number, ledger.report(ask.outcome, ask.identity))
                case DecidedOf():
                    return Known(decided=ledger.decided(ask.decision_id, ask.identity))
                case InForce():
                    return self._follows(ask)
                case Hello():
                    return Welcome(hasher=ledger.hasher_key)
        except LedgerError as error:
            return Failed(code=error.code, message=error.message, path=error.path)
        except Exception as error:
            log.error("a worker's question failed", kind=type(error).__name__, exc_info=True)
            return Failed(code="INTERNAL", message=f"the ledger failed ({type(error).__name__})")

    def _follows(self, ask: InForce) -> Reply:
        """Which policy is in force is not a worker's to say: its file may have been edited since it was loaded."""
        if ask.policy == self._ledger.policy:
            return Done()
        return Failed(code="POLICY_NOT_IN_FORCE", message="the policy on disk is not the one in force")

    def _commit(self, number: int, ask: Commit) -> Reply | _Waiting:
        ledger = self._ledger
        judged = _judged(ask, ledger)
        now = ledger.snapshot(ask.admitted.identity, ask.basis.row.id)
        if not ask.final and not judged.still_holds(now):
            return Stale(past=Past.of(now).lean(ask.basis))
        now.reads = judged.reads
        now.measured = (ask.admitted.digest, ask.measured)
        outcome = ledger.commit(ledger.with_mandate(ask.proposal(now)))
        if isinstance(outcome, Conflict):
            fresh = ledger.snapshot(ask.admitted.identity, ask.basis.row.id)
            return Stale(past=Past.of(fresh).lean(ask.basis))
        return _Waiting(number, outcome, ask, judged)

    # -- answers that were waited for ------------------------------------------------------------------

    def _release(self, waiting: _Waiting) -> None:
        # In the log's thread. The flag is cleared before the queue is read, so nothing is left behind.
        self._released.append(waiting)
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._woken = False
        answers = []
        while self._released:
            waiting = self._released.popleft()
            answers.append(frame(Answer(number=waiting.number, reply=self._settled(waiting))))
        self._send(answers)

    def _settled(self, waiting: _Waiting) -> Reply:
        try:
            decision = waiting.pending.result(0)
        except LedgerError as error:
            return Failed(code=error.code, message=error.message, path=error.path)
        except Exception as error:  # noqa: BLE001 - what waits gets an answer, whatever happened
            return Failed(code="INTERNAL", message=f"the ledger failed ({type(error).__name__})")
        if waiting.commit is None or waiting.judged is None:
            return Given(decision=decision)
        self._on_decision(decision, time.perf_counter() - waiting.since)
        return Given(decision=decision, past=self._changed(waiting.commit, waiting.judged))

    def _changed(self, ask: Commit, judged: Snapshot) -> Past | None:
        """What the next call of this session is judged by, if it is not what this one was judged by."""
        now = self._ledger.snapshot(ask.basis.identity, ask.basis.row.id)
        return None if judged.still_holds(now) else Past.of(now).lean(ask.basis)

    def _send(self, answers: list[bytes]) -> None:
        if not answers or self._transport is None:
            return
        self._transport.write(b"".join(answers))
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            log.error("a worker's link was closed", reason="it does not read its answers")
            self._abort()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _judged(ask: Commit, ledger: Ledger) -> Snapshot:
    """What the worker judged by, to be compared with the present."""
    view = ask.basis.view(ledger.hasher, ask.basis.now)
    view.reads = dict(ask.reads)
    return view
