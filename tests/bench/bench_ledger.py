"""The ledger: what a call costs before its fsync, mandates used per second, memory of sessions and challenges."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import shutil
import socket
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "ledger"))

import msgspec
from ledger_world import AGENT, POLICY, World

from yett.admit import admit
from yett.extract.facts import Contact, Facts
from yett.ledger import Pending, Proposal, Snapshot, assess
from yett.ledger.memory.taint import pack, to_text
from yett.ledger.tokens import jws, mandate
from yett.ledger.tokens.challenge import Challenges
from yett.ledger.workers.remote import RemoteLedger
from yett.ledger.workers.service import Service
from yett.model import AdmittedCall, Effect, Identity, Risk, ToolCall, Verdict
from yett.serve.garbage import calm
from yett.serve.serving import loop_factory

ALLOW = Verdict(stage="policy", effect=Effect.ALLOW)
CALLS = 4_000
FACTS = Facts(
    tool="send",
    does=frozenset({"send"}),
    size=40,
    contacts=(Contact(pointer="/to", kind="email", value="bob@corp.example"),),
)


@contextmanager
def _world() -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="yett-bench-"))
    made = World(folder / "state")
    try:
        yield made
    finally:
        made.ledger.close()
        shutil.rmtree(folder)


def _told(name: str, times: list[int]) -> None:
    times.sort()
    p50, p99 = times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000
    print(f"{name:<44} p50 {p50:8.1f} us   p99 {p99:8.1f} us")


def _timed(work: Callable[[], object]) -> int:
    start = time.perf_counter_ns()
    work()
    return time.perf_counter_ns() - start


def calls(world: World, session: str, *, durable: bool, count: int = CALLS) -> dict[str, list[int]]:
    """A plain outward call, stage by stage."""
    times: dict[str, list[int]] = {"snapshot + assess": [], "snapshot + assess + commit": []}
    if durable:
        times["… + durable + permit"] = []
    risk = Risk(score=20)
    answer: Pending | None = None
    for number in range(count):
        call = ToolCall(tool="send", arguments={"to": "bob@corp.example", "n": number})
        admitted = world.admit(call, AGENT, session)
        start = time.perf_counter_ns()
        view = world.ledger.snapshot(AGENT, session)
        told = world.ledger.assess(view, admitted, FACTS, risk)
        assessed = time.perf_counter_ns()
        proposal = Proposal(
            admitted=admitted, facts=FACTS, risk=risk, verdicts=(ALLOW, told), policy=POLICY, snapshot=view
        )
        committed = world.ledger.commit(proposal)
        end = time.perf_counter_ns()
        assert isinstance(committed, Pending)
        answer = committed
        times["snapshot + assess"].append(assessed - start)
        times["snapshot + assess + commit"].append(end - start)
        if durable:
            committed.result()
            times["… + durable + permit"].append(time.perf_counter_ns() - start)
    assert answer is not None
    answer.result()
    return times


def mandates(world: World, count: int, verifiers: int = 3) -> None:
    """Each used once, all issued elsewhere: verified and judged in processes of their own, used and made durable here."""
    key = world.ledger._core.keys.ledger
    tokens = [mandate.sign(_claims(world, number), key) for number in range(count)]
    only = [
        _timed(lambda each=each: jws.verify(each, jws.MANDATE, key.kid, key.public))
        for each in tokens[:2_000]
    ]  # type: ignore[misc]
    calm()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_mandates(world, tokens, verifiers, sum(only) / len(only) / 1e9))


def _claims(world: World, number: int) -> mandate.Claims:
    now_s = world.ledger.now() // 1000
    return mandate.Claims(
        v=1,
        iss="bench",
        tenant="default",
        sub="ada",
        agent="helper",
        aud=world.ledger.origin,
        jti=f"b{number}",
        iat=now_s,
        exp=now_s + 600,
        tools=("pay",),
    )


async def _mandates(world: World, tokens: list[str], verifiers: int, verify_s: float) -> None:
    loop = asyncio.get_running_loop()
    ready, gone = asyncio.Semaphore(0), asyncio.Semaphore(0)
    started: list[socket.socket] = []
    helpers = []
    for number in range(verifiers):
        link, theirs = socket.socketpair()
        go, starts = socket.socketpair()
        link.setblocking(False)
        await loop.create_connection(lambda: Service(world.ledger, on_lost=gone.release), sock=link)
        share = tokens[number::verifiers]
        args = (theirs, starts, share, world.clock())
        helpers.append(multiprocessing.get_context("fork").Process(target=_present, args=args))
        helpers[-1].start()
        theirs.close(), starts.close()
        loop.add_reader(go, lambda end=go: (loop.remove_reader(end), end.recv(1), ready.release()))
        started.append(go)
    for _ in helpers:
        await ready.acquire()
    before, used = time.perf_counter(), time.process_time()
    for go in started:
        go.send(b"g")
    times: list[int] = []
    for _ in helpers:
        await gone.acquire()
    took, used = time.perf_counter() - before, time.process_time() - used
    verifying = 0
    for go, helper in zip(started, helpers, strict=True):
        spent, *theirs = array("q", _all(go))
        verifying += spent
        times += theirs
        helper.join()
        assert helper.exitcode == 0
    assert len(times) == len(tokens)
    print(
        f"mandates verified + used + durable + permit: {len(tokens) / took:,.0f}/s with {verifiers} verifying processes;"
        f" CPU of each: {verifying / len(tokens) / 1000:.0f} us where it is verified,"
        f" {used / len(tokens) * 1e6:.0f} us where it is committed, which would allow {len(tokens) / used:,.0f}/s;"
        f" verify-only ceiling of one process in the same run: {1 / verify_s:,.0f}/s"
    )
    _told("  from presenting to the permit, 64 at once", times)


def _all(end: socket.socket) -> bytes:
    end.setblocking(True)
    return b"".join(iter(lambda: end.recv(1 << 20), b""))


def _present(link: socket.socket, go: socket.socket, tokens: list[str], now: int) -> None:
    """One verifying process: presents its tokens, 64 at a time, and tells how long each took and what it spent."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        allowed, spent, times = runner.run(_presented(link, go, tokens, now))
    go.sendall(array("q", [spent, *times]).tobytes())
    go.close()
    os._exit(0 if allowed else 1)


async def _presented(
    link: socket.socket, go: socket.socket, tokens: list[str], now: int
) -> tuple[bool, int, list[int]]:
    """Whether all were allowed, CPU time spent and time of each, ns; as a worker of the sidecar asks the ledger."""
    ledger = RemoteLedger(link, clock=lambda: now, loop=asyncio.get_running_loop())
    judge = _Judge()
    ledger.settle(AGENT, "", judge)
    while not ledger._pasts:
        await asyncio.sleep(0)
    go.send(b"r")
    go.recv(1)
    before = time.process_time_ns()
    times: list[int] = []
    room = asyncio.Semaphore(64)
    allowed = True

    def answered(begun: int, pending: Pending) -> None:
        nonlocal allowed
        allowed = pending.result().allowed and allowed
        times.append(time.perf_counter_ns() - begun)
        room.release()

    for token in tokens:
        await room.acquire()
        judge.mandate = token
        ledger.settle(AGENT, "", judge).add_done_callback(partial(answered, time.perf_counter_ns()))
    while len(times) < len(tokens):
        await room.acquire()
    spent = time.process_time_ns() - before
    ledger.close()
    return allowed, spent, times


class _Judge:
    """Judges as the gate would, at no cost."""

    mandate: str | None = None

    def __call__(self, view: Snapshot, _: bool) -> Proposal:
        admitted = admit(ToolCall(tool="pay", arguments={"n": 1}, mandate=self.mandate), AGENT, view.session)
        facts = Facts(tool="pay", does=frozenset({"pay"}), size=len(admitted.canonical))
        told = assess(view, admitted, facts, Risk())
        return Proposal(
            admitted=admitted, facts=facts, risk=Risk(), verdicts=(ALLOW, told), policy=POLICY, snapshot=view
        )


def _person(number: int) -> Identity:
    return msgspec.structs.replace(AGENT, principal=f"p{number}")


def _enter_session(world: World, number: int) -> None:
    """One more session that has read something, as a record would put it there; not waited for."""
    core, who = world.ledger._core, _person(number)
    read = core.hasher.of_value(f"mail {number} of x{number}@y.example: please write to bob@corp.example")
    body = {
        "id": world.ledger.default_session(who),
        "at": core.now(),
        "tenant": who.tenant,
        "principal": who.principal,
        "agent": who.agent,
        "credential": "bench",
        "values": [["untrusted", to_text(pack(read))]],
    }
    core.write("session", body)


def _resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def scale(world: World, sizes: tuple[int, ...]) -> None:
    """What a call costs, and a start, with ever more sessions; each call is another session's."""
    generator = random.Random(1)
    opened = 0
    for size in sizes:
        while opened < size:
            _enter_session(world, opened)
            opened += 1
        world.ledger.close()
        started = time.perf_counter()
        world.ledger = world._open()
        took = time.perf_counter() - started
        warm = [_person(generator.randrange(size)) for _ in range(500)]
        for who in warm:
            world.ledger.snapshot(who)
        times: list[int] = []
        for number in range(4_000):
            who = generator.choice(warm)
            call = ToolCall(tool="send", arguments={"to": "bob@corp.example", "n": number})
            admitted = world.admit(call, who, world.ledger.default_session(who))
            times.append(_timed(lambda a=admitted, w=who: _assess(world, a, w)))  # type: ignore[misc]
        _told(f"snapshot + assess with {size:,} sessions", times)
        row = world.ledger.snapshot(warm[0]).row
        print(f"  opened in {took:.2f} s, {_resident_mb()} MB resident, {row.size:,} bytes a session")


def _assess(world: World, admitted: AdmittedCall, who: Identity) -> Verdict:
    view = world.ledger.snapshot(who)
    return world.ledger.assess(view, admitted, FACTS, Risk(score=20))


def main() -> None:
    """Prints the figures."""
    with _world() as world:
        session = world.ledger.open_session(AGENT, prompt="write to bob@corp.example")
        for name, times in calls(world, session, durable=False).items():
            _told(name, times)
        _told(
            "… + durable + permit", calls(world, session, durable=True, count=1_000)["… + durable + permit"]
        )
        mandates(world, 6_000)
    with _world() as world:
        scale(
            world,
            (10, 1_000, 10_000) if os.environ.get("YETT_LONG") is None else (10, 1_000, 10_000, 100_000),
        )
    challenges = Challenges(bytes(32), 1)
    texts = [challenges.mint(0, "m", bytes(8)) for _ in range(1_000)]
    minted = [_timed(lambda: challenges.mint(0, "m", bytes(8))) for _ in range(2_000)]
    _told("minting a challenge", minted)
    opened_challenge = challenges.open(texts[0], 1, "m")
    assert isinstance(opened_challenge, tuple)
    print(f"a window of {1 << 20:,} live challenges takes {challenges.size:,} bytes")


if __name__ == "__main__":
    main()
