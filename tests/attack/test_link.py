"""Attacks on the link between a worker and the ledger: by either end, dying or gone mad."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest
from ledger_world import AGENT, World

from waiting import until
from yett.errors import AuditUnavailable
from yett.ledger.workers.link import Answer, DecidedOf, Frames, Hello, PastOf, Question, Stale, frame
from yett.ledger.workers.remote import RemoteLedger
from yett.ledger.workers.service import Service


@pytest.fixture
def connect(world: World) -> Iterator[Callable[[], socket.socket]]:
    """Makes the worker's end of a link to the world's ledger."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    ends: list[socket.socket] = []

    def make() -> socket.socket:
        near, far = socket.socketpair()
        near.setblocking(False)

        async def serve() -> None:
            await loop.create_connection(lambda: Service(world.ledger), sock=near)

        asyncio.run_coroutine_threadsafe(serve(), loop).result(120)
        far.settimeout(10)
        ends.append(far)
        return far

    yield make
    for end in ends:
        end.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def _closed(end: socket.socket) -> bool:
    try:
        while end.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


HELLO = frame(Question(number=1, ask=Hello()))


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xff\xff\xff",
        struct.pack(">I", 32 * 1024 * 1024 + 1),
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x01\xc0",
        b"\x00\x00\x00\x05\xdd\xff\xff\xff\xff",
        struct.pack(">I", 100_000) + b"\x91" * 100_000,
        frame(Answer(number=1, reply=Stale(number=1, past=None))),  # type: ignore[arg-type]
        HELLO[:-1] + b"\xc1",
    ],
)
def test_a_worker_that_says_nonsense_is_cut_off_and_nobody_else_is(
    connect: Callable[[], socket.socket], said: bytes
) -> None:
    mad, sane = connect(), connect()
    mad.sendall(HELLO + said)
    assert _closed(mad)
    sane.sendall(HELLO)
    assert next(Frames(Answer).feed(sane.recv(65536))).number == 1


def test_a_worker_that_announces_much_and_drips_keeps_nobody_waiting(
    connect: Callable[[], socket.socket],
) -> None:
    slow, sane = connect(), connect()
    slow.sendall(struct.pack(">I", 32 * 1024 * 1024))
    for _ in range(20):
        slow.sendall(b"\x00" * 1000)
        sane.sendall(HELLO)
        assert sane.recv(65536)


def test_a_worker_that_dies_in_the_middle_of_a_question_leaves_nothing(
    connect: Callable[[], socket.socket],
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for cut in (0, 1, 4, 5, len(HELLO) - 1):
        end = connect()
        end.sendall(HELLO[:cut])
        end.close()
    until(lambda: len(os.listdir("/proc/self/fd")) <= before)


def test_questions_under_one_number_or_out_of_order_are_answered_each_by_its_number(
    connect: Callable[[], socket.socket],
) -> None:
    end = connect()
    numbers = [7, 7, 3, 2**53, 0, -1]
    asked = [DecidedOf(decision_id="d_none", identity=AGENT), PastOf(identity=AGENT, session=""), Hello()] * 2
    end.sendall(b"".join(frame(Question(number=n, ask=ask)) for n, ask in zip(numbers, asked, strict=True)))
    frames, got = Frames(Answer), []
    while len(got) < len(numbers):
        got += [answer.number for answer in frames.feed(end.recv(65536))]
    assert got == numbers


def test_an_answer_that_cannot_be_passed_on_ends_the_link_and_everybody_is_told(
    world: World, connect: Callable[[], socket.socket]
) -> None:
    broken = threading.Event()
    remote = RemoteLedger(connect(), clock=world.clock, on_broken=broken.set)
    told: list[str] = []

    def fail(_: object) -> None:
        raise RuntimeError("the loop is closed")

    with world.ledger._core.lock:  # the ledger is busy: nothing is answered yet
        remote.ask(PastOf(identity=AGENT, session=""), fail)
        remote.ask(Hello(), lambda reply: told.append(type(reply).__name__))
    assert broken.wait(120)
    assert told
    with pytest.raises(AuditUnavailable):
        remote.ask(Hello(), lambda _: None)


def test_a_link_that_is_given_up_is_over_at_the_other_end_too(world: World) -> None:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    number = iter(range(1, 9))

    def greet() -> None:
        theirs.recv(65536)
        body = msgspec.msgpack.encode({"number": next(number), "reply": {"type": "Welcome", "hasher": b"k"}})
        theirs.sendall(struct.pack(">I", len(body)) + body)

    thread = threading.Thread(target=greet)
    thread.start()
    remote = RemoteLedger(ours, clock=world.clock)
    thread.join()
    remote.give_up("a drill")
    assert theirs.recv(1) == b""
