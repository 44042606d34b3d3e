"""Attacks on `yett serve --workers`: on the seam between the process that judges and the one that records."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from living import Living

from waiting import until
from yett.model import ToolCall
from yett.serve import crew
from yett.serve.ratelimit import Allowance, RateLimiter

CALL = b'{"tool":"ping","arguments":{"n":1}}'


class Wire:
    """A client that says exactly what it wants, in the pieces it wants."""

    def __init__(self, living: Living) -> None:
        self.token = living.token("agent").encode()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(living.settings.socket))

    def request(self, line: bytes, body: bytes = b"", *more: bytes) -> bytes:
        head = (line, b"host: x", b"authorization: Bearer " + self.token, b"content-length: %d" % len(body))
        return b"\r\n".join((*head, *more)) + b"\r\n\r\n" + body

    def decision(self, *more: bytes) -> bytes:
        return self.request(b"POST /v1/decisions HTTP/1.1", CALL, *more)

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def heard(self) -> bytes:
        """Everything until the other side closes."""
        said = b""
        while True:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:  # it left something unread; what it said is still there
                continue
            if not data:
                return said
            said += data

    def statuses(self) -> list[bytes]:
        return [part.split(b" ", 1)[0] for part in self.heard().split(b"HTTP/1.1 ")[1:]]


@pytest.fixture(scope="module")
def crewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    made = Living(tmp_path_factory.mktemp("crewed"), workers=2)
    made.start()
    _await_workers(made, 2)
    yield made
    made.stop()


def _await_workers(living: Living, number: int) -> None:
    until(lambda: b"yett_workers %d.0" % number in living.sidecar.metrics.render())


def test_what_is_pipelined_behind_a_decision_and_not_a_workers_is_to_be_asked_again(crewed: Living) -> None:
    wire = Wire(crewed)
    wire.say(wire.decision() + wire.request(b"GET /readyz HTTP/1.1"))
    assert wire.statuses() == [b"200", b"421"]  # and the connection is closed: RFC 9110, 15.5.20


def test_decisions_may_be_pipelined(crewed: Living) -> None:
    wire = Wire(crewed)
    wire.say(wire.decision() * 3 + wire.decision(b"connection: close"))
    assert wire.statuses() == [b"200"] * 4


@pytest.mark.parametrize("cut", [1, 10, 29, 60, 130])
def test_the_rest_of_a_pipelined_head_is_not_taken_for_a_request(crewed: Living, cut: int) -> None:
    wire = Wire(crewed)
    second = wire.request(b"POST /v1/decisions HTTP/1.1", CALL, b"connection: close")
    wire.say(wire.decision() + second[:cut])
    time.sleep(0.3)  # the first is answered
    wire.say(second[cut:])
    assert wire.statuses() == [b"200", b"200"]


def test_a_header_value_cut_off_by_its_packet_does_not_become_a_request(crewed: Living) -> None:
    wire = Wire(crewed)
    smuggled = wire.request(b"GET /v1/sessions/smuggled HTTP/1.1")
    second = b"POST /v1/decisions HTTP/1.1\r\nhost: x\r\nx-note: "
    wire.say(wire.decision() + second)
    time.sleep(0.3)
    wire.say(smuggled + wire.request(b"GET /nothing HTTP/1.1", b"", b"connection: close"))
    # One request: its note is the smuggled line. It says two lengths or has no call in it; either ends it.
    assert b"404" not in wire.statuses()


@pytest.mark.parametrize("workers", [0, 1])
def test_the_body_of_a_request_that_offers_another_protocol_is_not_taken_for_a_request(
    living: Callable[..., Living], workers: int
) -> None:
    made = living(workers=workers)
    smuggled = Wire(made).request(b"GET /readyz HTTP/1.1", b"", b"connection: close")
    for line in (b"POST /v1/decisions HTTP/1.1", b"POST /v1/sessions HTTP/1.1"):
        wire = Wire(made)
        offer = wire.request(line, smuggled, b"connection: upgrade", b"upgrade: h2c")
        head, _, _ = offer.partition(b"\r\n\r\n")
        wire.say(head + b"\r\n\r\n")
        time.sleep(0.2)
        with contextlib.suppress(BrokenPipeError):
            wire.say(smuggled)
        assert wire.statuses() == [b"400"]


def test_nothing_is_read_behind_an_offer_of_another_protocol(living: Callable[..., Living]) -> None:
    wire = Wire(living())
    offer = b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    wire.say(offer + b"GET /readyz HTTP/1.1\r\nx-note: ")
    time.sleep(0.2)
    with contextlib.suppress(BrokenPipeError):
        wire.say(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert len(wire.statuses()) == 1


def test_a_worker_that_sends_what_is_no_connection_costs_the_main_process_no_descriptor(
    crewed: Living, tmp_path: Path
) -> None:
    worker = crewed._server._crew._workers[0]
    before = len(os.listdir("/proc/self/fd"))
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    real, worker.control = worker.control, ours
    with (tmp_path / "file").open("wb") as file, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        for sent in (file.fileno(), datagrams.fileno()) * 4:
            socket.send_fds(theirs, [crew.BACK], [sent])
            crewed._server._crew._loop.call_soon_threadsafe(crewed._server._crew._hear, worker)
            time.sleep(0.05)
    worker.control = real
    theirs.close()
    ours.close()
    until(lambda: len(os.listdir("/proc/self/fd")) <= before)
    with crewed.client("agent") as client:
        assert client.decide(ToolCall(tool="ping")).allowed


def test_a_worker_that_starts_anew_judges_by_the_policy_in_force_and_not_by_an_edited_file(
    living: Callable[..., Living],
) -> None:
    made = living(workers=1)
    _await_workers(made, 1)
    with made.client("agent") as client:
        refused = ToolCall(tool="format_disk")
        assert not client.decide(refused).allowed
        policy = made.folder / "policy.yaml"
        policy.write_text(policy.read_text().replace("ping", "format_disk"))
        os.kill(made._server._crew._workers[0].process.pid, signal.SIGKILL)
        _await_workers(made, 0)
        soon = time.monotonic() + 5
        while time.monotonic() < soon:  # a new worker comes up, and is sent away
            decision = client.decide(refused)
            assert not decision.allowed
            time.sleep(0.1)
        assert client.decide(ToolCall(tool="ping")).allowed
        made._server._crew._loop.call_soon_threadsafe(made._server._hang_up)
        until(lambda: client.decide(refused).allowed)
    assert made.gateway.policy_ref == made.gateway.ledger.policy


def test_a_worker_that_hangs_is_replaced_and_the_others_are_left_alone(
    living: Callable[..., Living], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "PING_S", 0.1)
    monkeypatch.setattr(crew, "HUNG_S", 6.0)
    made = living(workers=2)
    _await_workers(made, 2)
    hung, well = (worker.process for worker in made._server._crew._workers)
    os.kill(hung.pid, signal.SIGSTOP)
    assert hung.wait(60) == -signal.SIGKILL
    _await_workers(made, 2)
    assert well.poll() is None
    for _ in range(4):
        with made.client("agent") as client:
            assert client.decide(ToolCall(tool="ping")).allowed


def test_a_credentials_own_limit_is_divided_among_the_workers_too() -> None:
    limiters = [RateLimiter(Allowance(per_minute=60_000, burst=2_000), shares=3) for _ in range(3)]
    passed = sum(limiter.wait("c", 30, now=0.0) == 0.0 for limiter in limiters for _ in range(50))
    assert passed == 30
