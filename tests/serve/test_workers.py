"""`yett serve --workers`: clients notice nothing of who answers them, and the death of any process is a deny or a delay."""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from waiting import until
from yett.model import Outcome, ToolCall
from yett.sdk import Client, TransportError
from yett.serve.auth import FILE_NAME, Credentials
from yett_audit.reader import records

POLICY = """
policy: workers
tools:
  ping: {does: [read], open: true}
  send: {does: [send], args: {to: {role: target}}}
rules:
  - {id: ping, allow: ping}
  - {id: send, hold: send}
"""
READ = ToolCall(tool="ping", arguments={"n": 1})


class Crewed:
    """A sidecar of three processes."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.socket = folder / "yett.sock"
        self.stderr = folder / "stderr"
        (folder / "policy.yaml").write_text(POLICY)
        keys = Credentials(self.state / FILE_NAME, clock=lambda: time.time_ns() // 1_000_000)
        self.agent = keys.create("agent", "ann", "coder")[1]
        self.approver = keys.create("approver", "paul", "desk")[1]
        self.auditor = keys.create("auditor", "aude", "desk")[1]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-c", "from yett.cli import main; main()", "serve", "--workers", "2"]
        options = ["--state", str(self.state), "--policy", str(folder / "policy.yaml")]
        listen = ["--socket", str(self.socket), "--port", str(self.port)]
        with self.stderr.open("ab") as stderr:
            self.process = subprocess.Popen([*command, *options, *listen], stdout=stderr, stderr=stderr)
        self.await_ready(2)

    def await_ready(self, times: int) -> None:
        until(
            lambda: self.stderr.read_bytes().count(b"a worker is ready") >= times,
            lambda: self.process.poll() is None,
        )

    @property
    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"serve.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def client(self, token: str = "", **options: Any) -> Client:
        return Client(str(self.socket), token or self.agent, **options)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(120)


@pytest.fixture
def crewed(tmp_path: Path) -> Iterator[Crewed]:
    running = Crewed(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()


def test_one_connection_asks_for_everything_in_any_order(crewed: Crewed) -> None:
    with crewed.client() as client, crewed.client(crewed.approver) as approver:
        decision = client.decide(READ)
        assert decision.allowed
        client.report(Outcome(decision_id=decision.decision_id, status="ok", result="pong"))
        session = client.open_session(prompt="ping it")
        assert client.decide(ToolCall(tool="ping", session=session)).allowed
        held = client.decide(ToolCall(tool="send", arguments={"to": "bo@example.org"}))
        assert held.approval is not None
        waited: list[bool] = []
        waiter = threading.Thread(
            target=lambda: waited.append(crewed.client().await_approval(str(held.approval), 20))
        )
        waiter.start()
        approver.request("POST", f"/v1/approvals/{held.approval}/approve", {})
        waiter.join(120)
        assert waited == [True]
        assert client.decide(ToolCall(tool="send", arguments={"to": "bo@example.org"})).allowed
        assert client.request("GET", "/readyz") == {"ready": True, "problems": []}
    assert crewed.stop() == 0
    events = [record.event for record in records(crewed.state / "log")]
    assert events[-1] == "log.close"
    assert events.count("decision") == 4


def test_connections_are_spread_and_decisions_counted_in_one_place(crewed: Crewed) -> None:
    for _ in range(6):
        with crewed.client() as client:
            assert client.decide(READ).allowed
    connection = http.client.HTTPConnection("127.0.0.1", crewed.port, timeout=60)
    connection.request("GET", "/metrics", headers={"authorization": f"Bearer {crewed.auditor}"})
    text = connection.getresponse().read().decode()
    connection.close()
    assert 'yett_decisions_total{effect="allow"} 6.0' in text
    assert "yett_workers 2.0" in text


@pytest.mark.parametrize("cut", [1, 5, 14, 24, 30])
def test_a_request_line_may_come_in_pieces(crewed: Crewed, cut: int) -> None:
    body = b'{"tool":"ping","arguments":{}}'
    head = f"authorization: Bearer {crewed.agent}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    for path, status in ((b"/v1/decisions", b"200"), (b"/v1/nothing", b"404")):
        request = b"POST " + path + b" HTTP/1.1\r\nhost: x\r\n" + head.encode() + body
        with socket.create_connection(("127.0.0.1", crewed.port), timeout=60) as wire:
            wire.sendall(request[:cut])
            time.sleep(0.05)
            wire.sendall(request[cut:])
            answer = b""
            while data := wire.recv(65536):
                answer += data
        assert answer.split(b" ")[1] == status, answer


def test_a_worker_that_is_killed_is_replaced_and_nobody_is_let_through_meanwhile(crewed: Crewed) -> None:
    before = crewed.workers
    assert len(before) == 2
    with crewed.client() as client:
        assert client.decide(READ).allowed
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        first = client.decide(READ)
        assert first.allowed or first.reasons[0].stage == "client"
        until(lambda: client.decide(READ).allowed)  # the main process answers while there is no worker
        crewed.await_ready(4)
        assert not set(before) & set(crewed.workers)
        assert client.decide(READ).allowed
    assert crewed.stop() == 0


def test_workers_do_not_outlive_the_main_process(crewed: Crewed) -> None:
    workers = crewed.workers
    with crewed.client() as client:
        assert client.decide(READ).allowed
        crewed.process.kill()
        crewed.process.wait()
        assert not client.decide(READ).allowed
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() and _alive(pid) for pid in workers))


def test_a_ledger_that_hangs_lets_nothing_run(crewed: Crewed) -> None:
    with crewed.client() as patient, crewed.client(timeout=1.0) as client:
        assert patient.decide(READ).allowed
        crewed.process.send_signal(signal.SIGSTOP)
        try:
            assert not client.decide(READ).allowed
        finally:
            crewed.process.send_signal(signal.SIGCONT)
        until(lambda: patient.decide(READ).allowed)


def test_a_worker_holds_no_key(crewed: Crewed) -> None:
    for pid in crewed.workers:
        opened = set()
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                opened.add(os.readlink(entry))
        assert not [name for name in opened if "/keys/" in name or "/log/" in name or "ledger.db" in name]


def test_a_client_that_leaves_half_way_harms_nobody(crewed: Crewed) -> None:
    for request in (
        b"POST /v1/dec",
        b"GET /v1/approvals HTTP/1.1\r\n",
        b"POST /v1/decisions HTTP/1.1\r\ncontent-le",
    ):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", crewed.port), timeout=60) as wire:
                wire.sendall(request)
    with crewed.client() as client:
        assert client.decide(READ).allowed
        with contextlib.suppress(TransportError):
            client.request("GET", "/v1/approvals")
        assert client.decide(READ).allowed


def test_a_process_out_of_descriptors_pauses_and_does_not_spin(crewed: Crewed) -> None:
    resource.prlimit(crewed.process.pid, resource.RLIMIT_NOFILE, (3, 4096))
    before = crewed.stderr.read_bytes().count(b"was not accepted")
    with socket.create_connection(("127.0.0.1", crewed.port), timeout=60):
        began = time.monotonic()
        until(lambda: crewed.stderr.read_bytes().count(b"was not accepted") > before)
        time.sleep(1.5)
        refusals = crewed.stderr.read_bytes().count(b"was not accepted") - before
        assert refusals <= 3 + (time.monotonic() - began)
        resource.prlimit(crewed.process.pid, resource.RLIMIT_NOFILE, (4096, 4096))
    with crewed.client() as client:
        assert client.decide(READ).allowed


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
