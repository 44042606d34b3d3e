"""The ledger's end of the link to one worker process (see `link`).

It runs in the event loop of the process that holds the ledger. Questions are answered in the order they came,
except that a commit's answer waits for its record: whatever was asked while the disk was busy shares the next
flush, and all answers that a flush releases are sent with one write.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import structlog

from yett.errors import LedgerError
from yett.ledger.commit import Committed, shown_of
from yett.ledger.deciding.show import View
from yett.ledger.ledger import Ledger
from yett.ledger.proposal import Conflict, Pending, Settled
from yett.ledger.view import Snapshot
from yett.ledger.workers.link import (
    Answer,
    BadFrame,
    Commit,
    DecidedOf,
    Done,
    Failed,
    Forgotten,
    Frames,
    Given,
    Hello,
    Here,
    InForce,
    Known,
    Past,
    PastOf,
    Question,
    Recorded,
    Reply,
    Report,
    Stale,
    Wanted,
    Welcome,
    frame,
)

log = structlog.get_logger("yett.ledger")

MAX_UNSENT: Final = 64 * 1024 * 1024
"""Bytes of answers that a worker may leave unread before it is given up."""
KEPT: Final = 4_000
"""Pasts of one worker that are remembered: more than it keeps itself."""


@dataclass(slots=True)
class _Waiting:
    """A commit or report whose record is on its way to the disk."""

    number: int
    found: Committed | Pending
    past: int = 0
    """Number of the past that was judged by."""
    since: float = 0.0


class Service(asyncio.Protocol):
    """One worker's link. Made for `loop.create_connection(…, sock=…)`.

    Args:
        on_decision: told what came of every call and the seconds from its draft to its durable record.
        on_lost: told when the link is gone.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        on_decision: Callable[[Settled, float], None] = lambda *_: None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._on_decision = on_decision
        self._on_lost = on_lost
        self._frames = Frames(Question)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._pasts: OrderedDict[int, Snapshot] = OrderedDict()
        """What the worker was told, without the bulk, by number; the oldest are forgotten."""
        self._told = 0
        self._entered: list[_Waiting] = []
        """What this turn of the loop has appended to the log."""
        self._released: deque[_Waiting] = deque()
        self._woken = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._on_lost()

    def data_received(self, data: bytes) -> None:
        answers: list[bytes] = []
        try:
            for question in self._frames.feed(data):
                assert isinstance(question, Question)
                found = self._answer(question)
                if isinstance(found, _Waiting):
                    if not self._entered:
                        self._loop.call_soon(self._hand_over)
                    self._entered.append(found)
                else:
                    answers.append(frame(Answer(number=question.number, reply=found)))
        except BadFrame as error:
            log.error("a worker's link was closed", reason=str(error))
            self._abort()
            return
        self._send(answers)

    def _hand_over(self) -> None:
        """What all workers asked for in one turn of the loop is in the log by now, and is flushed together."""
        entered, self._entered = self._entered, []
        commits: list[_Waiting] = []
        committed: list[Committed] = []
        for each in entered:
            if isinstance(each.found, Committed):
                commits.append(each)
                committed.append(each.found)
            else:
                each.found.add_done_callback(partial(self._release, [each]))
        if committed:
            # Once the last is durable, or never will be, that is so of all before it.
            self._ledger.subscribe(committed[-1], partial(self._release, commits))
        for found in committed:
            found.sign()  # while the disk is busy

    def _answer(self, question: Question) -> Reply | _Waiting:
        ask = question.ask
        ledger = self._ledger
        try:
            match ask:
                case Commit():
                    return self._commit(question.number, ask)
                case PastOf():
                    past = Past.of(ledger.snapshot(ask.identity, ask.session))
                    return Here(number=self._tell(past), past=past)
                case Report():
                    return _Waiting(question.number, ledger.report(ask.outcome, ask.identity))
                case DecidedOf():
                    return Known(decided=ledger.decided(ask.decision_id, ask.identity))
                case InForce():
                    return self._follows(ask)
                case Hello():
                    return Welcome(hasher=ledger.hasher_key, origin=ledger.origin, issuers=ledger.issuers)
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
        judged = self._pasts.get(ask.past)
        if judged is None:
            return Forgotten()
        self._pasts.move_to_end(ask.past)
        since, ledger, details = time.perf_counter(), self._ledger, ask.details
        if ask.presents and details is None:
            return Wanted()
        now = ledger.now()
        mandate = None
        if ask.mandate is not None:
            mandate = ledger.confirm_mandate(ask.mandate, now)
        elif ask.presents and details is not None:
            mandate = ledger.check_mandate(details.admitted, now)
        judged.reads = dict(ask.reads)
        show = _unshown if details is None else shown_of(details.admitted, details.facts, details.risk)
        try:
            found = ledger.enter(
                ask.draft, judged, show, mandate=mandate, now=now, final=ask.final and ask.draft.denied
            )
        except _Unshown:
            return Wanted()
        except LedgerError as error:
            self._on_decision(Settled.unrecorded(error), time.perf_counter() - since)
            raise
        if isinstance(found, Conflict):
            return self._stale(judged)
        return _Waiting(number, found, ask.past, since)

    def _stale(self, judged: Snapshot) -> Stale:
        past = Past.of(self._ledger.snapshot(judged.identity, judged.row.id))
        return Stale(number=self._tell(past), past=past.lean(judged))

    def _tell(self, past: Past) -> int:
        """The number of a past that the worker is about to be told."""
        self._told += 1
        self._pasts[self._told] = past.basis().view(self._ledger.hasher, past.now)
        if len(self._pasts) > KEPT:
            self._pasts.popitem(last=False)
        return self._told

    # -- answers that were waited for ------------------------------------------------------------------

    def _release(self, waiting: list[_Waiting], _: object = None) -> None:
        # In the log's thread. The flag is cleared before the queue is read, so nothing is left behind.
        self._released.extend(waiting)
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._woken = False
        answers = []
        changed: dict[int, Stale | None] = {}
        while self._released:
            waiting = self._released.popleft()
            answers.append(frame(Answer(number=waiting.number, reply=self._settled(waiting, changed))))
        self._send(answers)

    def _settled(self, waiting: _Waiting, changed: dict[int, Stale | None]) -> Reply:
        """Args:
        changed: by the number of a past, what is known already of what came of it.
        """
        found = waiting.found
        try:
            if isinstance(found, Pending):
                return Recorded(decision=found.result(0))
            settled = found.settled(0)
        except LedgerError as error:
            if isinstance(found, Committed):
                self._on_decision(Settled.unrecorded(error), time.perf_counter() - waiting.since)
            return Failed(code=error.code, message=error.message, path=error.path)
        except Exception as error:  # noqa: BLE001 - what waits gets an answer, whatever happened
            return Failed(code="INTERNAL", message=f"the ledger failed ({type(error).__name__})")
        self._on_decision(settled, time.perf_counter() - waiting.since)
        if waiting.past not in changed:
            changed[waiting.past] = self._changed(waiting.past)
        past = changed[waiting.past]
        if past is None:
            return Given(settled=settled)
        return Given(settled=settled, number=past.number, past=past.past)

    def _changed(self, number: int) -> Stale | None:
        """What the next call of this session is judged by, if it is not what this one was judged by."""
        judged = self._pasts.get(number)
        if judged is None or self._ledger.still_holds(judged):
            return None
        return self._stale(judged)

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


class _Unshown(Exception):
    """The call is held, and nothing was sent that could be shown of it."""


def _unshown(_: Snapshot, __: tuple[str, ...]) -> View:
    raise _Unshown
