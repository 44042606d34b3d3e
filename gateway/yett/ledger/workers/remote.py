"""The ledger, from a worker process: as much of it as judging needs (`yett.judging.Memory`).

The past of a session is asked for once and kept; each commit says by what it was judged, and an answer that
tells of a newer past replaces the kept one. So a call costs one exchange, and a stale past costs another
judgement, never a wrong decision.

A thread reads the answers, or an event loop does between judging: then nothing is handed from thread to thread,
and whoever asks in that loop's own thread, and has to wait, reads until it is answered. When the link breaks, or is silent for too long, everything that waits and
everything that comes is a deny without a record, and `on_broken` is called: a worker that has lost its ledger
has nothing left to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import select
import socket
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from yett.errors import AuditUnavailable, LedgerError, YettError
from yett.ledger.deciding import record
from yett.ledger.deciding.presented import Verifier
from yett.ledger.memory.taint import Hasher
from yett.ledger.proposal import ATTEMPTS, Decided, Judge, MandateCheck, Pending, Proposal, Settled
from yett.ledger.workers.link import (
    Answer,
    BadFrame,
    Commit,
    DecidedOf,
    Details,
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
from yett.model import Decision, Effect, Identity, OutcomeFacts, PolicyRef

KEPT: Final = 2_000
"""Sessions whose past is kept."""
SILENCE_S: Final = 5.0
"""A ledger that does not answer for so long is taken for hung."""
TOGETHER: Final = 8
"""Questions that are sent without waiting for the turn's end: the ledger need not be idle meanwhile."""
_CHUNK: Final = 256 * 1024

Ask = Hello | PastOf | Commit | DecidedOf | Report | InForce
_Key = tuple[str, str, str, str]
_Kept = tuple[int, Past]
"""A past, and its number on the link."""
R = TypeVar("R", bound=Reply)


class RemoteLedger:
    """See the module. Thread-safe.

    Args:
        link: a connected stream socket whose other end is a `service.Service`.
        clock: milliseconds since the epoch.
        on_broken: called once, from any thread, when the link is of no use any more.
        loop: reads the answers, if it is made in that loop's thread; else a thread does.
    Raises:
        AuditUnavailable: the other end does not answer.
    """

    def __init__(
        self,
        link: socket.socket,
        *,
        clock: Callable[[], int],
        on_broken: Callable[[], None] = lambda: None,
        silence_s: float = SILENCE_S,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._link = link
        self._clock = clock
        self._on_broken = on_broken
        self._silence_s = silence_s
        self._loop = loop
        self._home = threading.get_ident()
        self._frames = Frames(Answer)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Callable[[Reply], None]] = {}
        self._unsent: list[bytes] = []
        self._broken = ""
        self._pasts: OrderedDict[_Key, _Kept] = OrderedDict()
        link.setblocking(True)
        # A ledger that has stopped reading must not stop a worker for ever in the middle of a send.
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", math.ceil(silence_s), 0))
        if loop is None:
            threading.Thread(target=self._read, name="yett-link", daemon=True).start()
        else:
            loop.add_reader(link, self._hear, socket.MSG_DONTWAIT)
        welcome = self._asked(Hello(), Welcome)
        self._hasher = Hasher(welcome.hasher)
        self._verifier = Verifier(welcome.origin, {issuer.kid: issuer for issuer in welcome.issuers})
        self.origin = welcome.origin

    # -- what judging needs ----------------------------------------------------------------------------

    def settle(self, identity: Identity, session: str, judge: Judge) -> Pending:
        """As `Ledger.settle`."""
        key = (identity.tenant, identity.principal, identity.agent, session)
        kept = self._pasts.get(key)
        if kept is None or kept[1].identity != identity:
            here = self._asked(PastOf(identity=identity, session=session), Here)
            kept = here.number, here.past
        settlement = _Settlement(self, key, judge)
        settlement.propose(kept)
        return Pending(settlement.result, settlement.subscribe)

    def decided(self, decision_id: str, identity: Identity) -> Decided:
        """As `Ledger.decided`."""
        return self._asked(DecidedOf(decision_id=decision_id, identity=identity), Known).decided

    def report(self, outcome: OutcomeFacts, identity: Identity) -> Pending:
        """As `Ledger.report`."""
        slot = _Slot()
        self.ask(Report(outcome=outcome, identity=identity), slot.put)

        def settle(timeout: float | None) -> Decision:
            return _expected(slot.get(timeout), Recorded).decision

        return Pending(settle, slot.subscribe)

    def record_policy(self, ref: PolicyRef, sources: tuple[tuple[str, str], ...] = ()) -> None:
        """Makes sure that a policy is in force; recording it is for the process that holds the ledger.

        Raises:
            LedgerError: POLICY_NOT_IN_FORCE. AuditUnavailable.
        """
        self._asked(InForce(policy=ref), Done)

    # -- the link --------------------------------------------------------------------------------------

    def ask(self, ask: Ask, answered: Callable[[Reply], None]) -> None:
        """Send a question; `answered` is called from whichever thread reads, whatever happens.

        What is asked in one turn of the event loop goes out together at its end: a send wakes the other process.

        Raises:
            AuditUnavailable: the link is of no use any more.
        """
        with self._lock:
            if self._broken:
                raise AuditUnavailable(self._broken)
            number = next(self._numbers)
            self._waiting[number] = answered
            self._unsent.append(frame(Question(number=number, ask=ask)))
            count = len(self._unsent)
        if self._loop is None or threading.get_ident() != self._home or count >= TOGETHER:
            self._send()
        elif count == 1:
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        with self._lock:
            unsent, self._unsent = self._unsent, []
            if not unsent or self._broken:
                return
            try:
                self._link.sendall(b"".join(unsent))
                return
            except OSError as error:
                reason = f"the ledger's process cannot be reached: {error.strerror}"
        self.give_up(reason)

    def give_up(self, reason: str) -> None:
        """The link is of no use: answer everybody, once."""
        with self._lock:
            if self._broken:
                return
            self._broken = reason
            waiting, self._waiting = self._waiting, {}
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)  # also wakes the reading thread, which a close does not
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._unwatch, self._loop)
            else:
                self._link.close()
        except RuntimeError:  # the loop has ended, and watches nothing any more
            self._link.close()
        for answered in waiting.values():
            with contextlib.suppress(Exception):  # one that cannot be told must not keep it from the others
                answered(Failed(code="AUDIT_UNAVAILABLE", message=reason))
        self._on_broken()

    def close(self) -> None:
        """End the link."""
        self.give_up("the link to the ledger's process is closed")

    def _asked(self, ask: Ask, kind: type[R]) -> R:
        slot = _Slot()
        self.ask(ask, slot.put)
        patience: float = self._silence_s
        if self._loop is not None and threading.get_ident() == self._home:
            self._send()
            self._hear_until(slot)
            patience = 0
        try:
            return _expected(slot.get(patience), kind)
        except TimeoutError:
            reason = "the ledger's process does not answer"
            self.give_up(reason)
            raise AuditUnavailable(reason) from None

    def _hear_until(self, slot: _Slot) -> None:
        """Reads in the loop's stead, which waits for this; returns with an answer, or when it is silent too long."""
        coming = select.poll()
        coming.register(self._link, select.POLLIN)
        until = time.monotonic() + self._silence_s
        while not slot.answered and (left := until - time.monotonic()) > 0:
            if coming.poll(left * 1000):
                self._hear(socket.MSG_DONTWAIT)

    def _read(self) -> None:
        while self._hear():
            pass

    def _hear(self, flags: int = 0) -> bool:
        """Reads once and passes on what was answered; False if nothing more will come."""
        try:
            data = self._link.recv(_CHUNK, flags)
            # All of it before the first is passed on: what that brings about may read again.
            for answer in list(self._frames.feed(data)):
                assert isinstance(answer, Answer)
                with self._lock:
                    answered = self._waiting.pop(answer.number, None)
                if answered is not None:
                    answered(answer.reply)
            if data:
                return True
            reason = "the ledger's process has ended"
        except BlockingIOError:
            return True
        except OSError as error:
            reason = f"the link to the ledger's process broke: {error.strerror}"
        except BadFrame as error:
            reason = f"the ledger's process talks nonsense: {error}"
        except Exception as error:  # noqa: BLE001 - nobody would read on, and everybody would wait
            reason = f"an answer could not be passed on ({type(error).__name__})"
        self.give_up(reason)
        return False

    def _unwatch(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(self._link)
        self._link.close()

    # -- the pasts that are kept -----------------------------------------------------------------------

    def keep(self, key: _Key, kept: _Kept) -> None:
        """The past by which the next call of this caller and session is judged."""
        with self._lock:
            self._pasts[key] = kept
            self._pasts.move_to_end(key)
            while len(self._pasts) > KEPT:
                self._pasts.popitem(last=False)

    def drafted(self, kept: _Kept, judge: Judge, *, final: bool) -> tuple[Proposal, Commit]:
        """A judgement against a past, and the question whether it stands."""
        number, past = kept
        now = self._clock()
        view = past.view(self._hasher, now)
        proposal = judge(view, final)
        presented = proposal.admitted.call.mandate or ""
        check = None
        if "." in presented:
            # What it permits of the arguments is compared here, and its bounds on them stay here.
            check = _without_bounds(self._verifier.check(proposal.admitted, max(now, past.now)))
        presents = bool(presented) and check is None
        likely = presents or any(verdict.effect is Effect.HOLD for verdict in proposal.verdicts)
        ask = Commit(
            draft=record.draft(proposal),
            past=number,
            reads=tuple(view.reads.items()),
            final=final,
            mandate=check,
            presents=presents,
            details=Details.of(proposal) if likely else None,
        )
        return proposal, ask


class _Slot:
    """Where one answer arrives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._there: threading.Event | None = None
        """Made only if somebody blocks."""
        self._reply: Reply | None = None
        self._calls: list[Callable[[], None]] = []

    def put(self, reply: Reply) -> None:
        with self._lock:
            self._reply = reply
            calls, self._calls = self._calls, []
            there = self._there
        if there is not None:
            there.set()
        for call in calls:
            call()

    @property
    def answered(self) -> bool:
        return self._reply is not None

    def get(self, timeout: float | None) -> Reply:
        with self._lock:
            if self._reply is not None:
                return self._reply
            there = self._there = self._there or threading.Event()
        if not there.wait(timeout):
            raise TimeoutError("the ledger has not answered yet")
        assert self._reply is not None
        return self._reply

    def subscribe(self, call: Callable[[], None]) -> None:
        with self._lock:
            if self._reply is None:
                self._calls.append(call)
                return
        call()


class _Settlement:
    """One call on its way to a decision: proposed, and proposed again as long as the past was stale."""

    def __init__(self, ledger: RemoteLedger, key: _Key, judge: Judge) -> None:
        self._ledger = ledger
        self._key = key
        self._judge = judge
        self._attempt = 0
        self._asked: tuple[_Kept, Proposal, Commit] | None = None
        self._slot = _Slot()
        self.subscribe = self._slot.subscribe

    def propose(self, kept: _Kept) -> None:
        """Judge against a past, and ask the ledger to take it."""
        final = self._attempt >= ATTEMPTS
        self._attempt += 1
        proposal, ask = self._ledger.drafted(kept, self._judge, final=final)
        self._asked = kept, proposal, ask
        self._ledger.ask(ask, self._answered)

    def _answered(self, reply: Reply) -> None:
        try:
            self._follow(reply)
        except YettError as error:
            self._slot.put(Failed(code=error.code, message=error.message, path=error.path))
        except Exception as error:  # noqa: BLE001 - judged well before; whatever it is now, it is not an allow
            self._slot.put(Failed(code="INTERNAL", message=f"judging failed ({type(error).__name__})"))

    def _follow(self, reply: Reply) -> None:
        assert self._asked is not None
        kept, proposal, ask = self._asked
        match reply:
            case Given():
                newer = (reply.number, reply.past.filled(kept[1])) if reply.past is not None else kept
                self._ledger.keep(self._key, newer)
                self._slot.put(reply)
            case Stale():
                newer = reply.number, reply.past.filled(kept[1])
                self._ledger.keep(self._key, newer)
                self.propose(newer)
            case Here():
                self.propose((reply.number, reply.past))
            case Forgotten():
                again = PastOf(identity=kept[1].identity, session=self._key[-1])
                self._ledger.ask(again, self._answered)
            case Wanted() if ask.details is None:
                ask = msgspec.structs.replace(ask, details=Details.of(proposal))
                self._asked = kept, proposal, ask
                self._ledger.ask(ask, self._answered)
            case _:
                self._slot.put(reply)

    def result(self, timeout: float | None) -> Decision:
        """The decision. A ledger that failed is a deny without a record."""
        reply = self._slot.get(timeout)
        assert self._asked is not None
        if isinstance(reply, Given):
            settled = reply.settled
        elif isinstance(reply, Failed):
            settled = Settled.unrecorded(reply.error())
        else:
            settled = Settled.unrecorded(LedgerError("INTERNAL", "the ledger is confused"))
        return settled.decision(self._asked[1], self._ledger.origin)


def _without_bounds(check: MandateCheck) -> MandateCheck:
    if check.claims is None or (check.claims.args is None and not check.chain):
        return check
    claims = msgspec.structs.replace(check.claims, args=None)
    chain = tuple(msgspec.structs.replace(each, args=None) for each in check.chain)
    return msgspec.structs.replace(check, claims=claims, chain=chain)


def _expected(reply: Reply, kind: type[R]) -> R:
    if isinstance(reply, Failed):
        error = reply.error()
        raise AuditUnavailable(error.message) if error.code == "AUDIT_UNAVAILABLE" else error
    if not isinstance(reply, kind):
        raise LedgerError("INTERNAL", "the ledger gave an answer to another question")
    return reply
