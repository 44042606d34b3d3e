"""What a decision costs through the sidecar: latency at 1 and 32 connections, durable, over socket and TCP.

    python tests/bench/bench_serve.py [--seconds 3] [--workers 3]

Everything is real: `yett serve` in a process of its own, the baseline policy, tokens, records on disk before
each answer. Figures of a shared machine vary by half; the last line shows what a bare fdatasync costs here.

The last rows present a mandate of its own with each call, made beforehand: verified by whoever judges, used up in the
same commit. The processor's time of a decision says more than its rate: of the process that records, of its workers, and of
the client, which has to share the same cores. Together they say what four cores could give.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from yett import resources
from yett.ledger.tokens import jws, mandate
from yett.model import ToolCall
from yett.sdk import AsyncClient, Client, TransportError
from yett.serve.auth import FILE_NAME, Credentials

ORIGIN = "bench.example/yett"
MOST = 10_000
"""Mandates that are made for each second."""


def main(seconds: float = 2.0, workers: int = 0) -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory(prefix="yett-bench") as folder:
        state = Path(folder) / "state"
        keys = Credentials(state / FILE_NAME, clock=lambda: time.time_ns() // 1_000_000)
        token = keys.create("agent", "bench", "bench", per_minute=100_000_000)[1]
        port = _free_port()
        path = Path(folder) / "yett.sock"
        command = [sys.executable, "-c", "from yett.cli import main; main()", "serve", "--state", str(state)]
        options = [
            "--socket",
            str(path),
            "--port",
            str(port),
            "--burst",
            "100000000",
            "--workers",
            str(workers),
        ]
        options += ["--origin", ORIGIN, "--policy", str(resources.policies() / "baseline.yaml")]
        log = Path(folder) / "log"
        with log.open("wb") as stderr:
            process = subprocess.Popen([*command, *options], stdout=stderr, stderr=stderr)
        try:
            for name, url in (("socket", str(path)), ("tcp", f"http://127.0.0.1:{port}")):
                _await(url, token, log, workers)
                plain = itertools.cycle([_request(token, _call(n)) for n in range(100)])
                presenting = iter(_presenting(state, token, int(seconds * MOST)))
                lean = str(path) if name == "socket" else str(port)
                for client, run, asked in (
                    ("blocking client, 1 connection", _blocking, url),
                    ("asyncio client, 1 connection", partial(_concurrent, 1), url),
                    ("asyncio client, 32 connections", partial(_concurrent, 32), url),
                    ("bytes on 1 connection", partial(_lean, 1, plain), lean),
                    ("bytes on 32 connections", partial(_lean, 32, plain), lean),
                    ("bytes on 96 connections", partial(_lean, 96, plain), lean),
                    ("mandates on 96 connections", partial(_lean, 96, presenting), lean),
                ):
                    before, begun = _processor_s(process.pid), time.perf_counter()
                    spent = run(asked, token, seconds)
                    took = time.perf_counter() - begun
                    used = [
                        (after - once) / len(spent)
                        for after, once in zip(_processor_s(process.pid), before, strict=True)
                    ]
                    _line(f"{name}, {client}", spent, took, used)
        finally:
            process.terminate()
            process.wait(30)
        _line("fdatasync of 500 bytes", _fdatasync(Path(folder) / "raw"))


def _call(n: int) -> ToolCall:
    return ToolCall(tool="read_file", arguments={"path": f"docs/page-{n % 100}.md", "limit": 200})


def _blocking(url: str, token: str, seconds: float) -> list[float]:
    spent: list[float] = []
    with Client(url, token) as client:
        _check(client.decide(_call(0)).allowed)
        until = time.perf_counter() + seconds
        while (begun := time.perf_counter()) < until:
            client.decide(_call(len(spent)))
            spent.append(time.perf_counter() - begun)
    return spent


def _concurrent(connections: int, url: str, token: str, seconds: float) -> list[float]:
    spent: list[float] = []
    until = time.perf_counter() + seconds

    async def one() -> None:
        async with AsyncClient(url, token) as client:
            while (begun := time.perf_counter()) < until:
                decision = await client.decide(_call(len(spent)))
                _check(decision.allowed, str(decision.reasons))
                spent.append(time.perf_counter() - begun)

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(connections)))

    asyncio.run(all_of_them())
    return spent


def _request(token: str, call: ToolCall) -> bytes:
    body = msgspec.json.encode(call)
    head = (
        f"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _presenting(state: Path, token: str, count: int) -> list[bytes]:
    key, now_s = jws.SigningKey((state / "keys" / "ledger.seed").read_bytes()), int(time.time())
    requests = []
    for n in range(count):
        claims = mandate.Claims(
            v=1,
            iss="bench",
            tenant="default",
            sub="bench",
            agent="bench",
            aud=ORIGIN,
            jti=f"{now_s}-{n}",
            iat=now_s,
            exp=now_s + 600,
            tools=("read_file",),
        )
        call = msgspec.structs.replace(_call(n), mandate=mandate.sign(claims, key))
        requests.append(_request(token, call))
    return requests


def _lean(
    connections: int, requests: Iterator[bytes], address: str, token: str, seconds: float
) -> list[float]:
    """Requests made beforehand, answers read up to their length: a client that costs next to nothing."""
    spent: list[float] = []
    links: dict[int, socket.socket] = {}
    begun: dict[int, float] = {}
    parts: dict[int, bytes] = {}
    with select.epoll() as ready, contextlib.ExitStack() as open_ones:
        for _ in range(connections):
            if not address.isdigit():
                link = socket.socket(socket.AF_UNIX)
                link.connect(address)
            else:
                link = socket.create_connection(("127.0.0.1", int(address)))
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            links[link.fileno()] = open_ones.enter_context(link)
            ready.register(link, select.EPOLLIN)
            begun[link.fileno()] = time.perf_counter()
            link.sendall(next(requests))
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            for number, _ in ready.poll(1):
                link = links[number]
                answer = parts.pop(number, b"") + link.recv(65536)
                if not _whole(answer):
                    _check(answer != b"")
                    parts[number] = answer
                    continue
                _check(answer.startswith(b"HTTP/1.1 200 ") and b'"effect":"allow"' in answer, repr(answer))
                now = time.perf_counter()
                spent.append(now - begun[number])
                begun[number] = now
                if (request := next(requests, None)) is None:
                    return spent
                link.sendall(request)
    return spent


def _whole(answer: bytes) -> bool:
    _, found, rest = answer.partition(b"content-length: ")
    length, end, body = rest.partition(b"\r\n\r\n")
    return bool(found and end) and len(body) >= int(length)


def _fdatasync(path: Path) -> list[float]:
    spent = []
    with path.open("wb") as file:
        for _ in range(500):
            file.write(b"x" * 500)
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            spent.append(time.perf_counter() - begun)
    return spent


def _processor_s(pid: int) -> tuple[float, float, float]:
    """Seconds that were used by the sidecar's main process, by its workers, and by this process."""
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return _used_s(pid), sum(map(_used_s, workers)), time.process_time()


def _used_s(pid: int | str) -> float:
    """Seconds of processor time of a process, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _line(name: str, spent: list[float], seconds: float = 0.0, used: Sequence[float] = ()) -> None:
    micros = sorted(value * 1e6 for value in spent)
    p50, p99 = statistics.median(micros), micros[int(len(micros) * 0.99)]
    line = f"{name:38} p50 {p50:7.0f} us  p99 {p99:7.0f} us"
    if used:
        main, workers, client = (each * 1e6 for each in used)
        line += f"  {len(spent) / seconds:6.0f} /s  processor: main {main:4.0f}, workers {workers:4.0f}, client {client:4.0f} us"
        line += f" (4 cores: {4 / sum(used):6.0f} /s)"
    print(line)


def _await(url: str, token: str, log: Path, workers: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(TransportError), Client(url, token) as client:
            client.request("GET", "/readyz")
            if log.read_bytes().count(b"a worker is ready") == workers:
                return
        time.sleep(0.05)
    raise RuntimeError("the sidecar did not start")


def _check(held: bool, what: str = "") -> None:
    if not held:
        raise RuntimeError("a call of the benchmark was not allowed " + what)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=3.0)
    options.add_argument("--workers", type=int, default=0)
    given = options.parse_args()
    main(given.seconds, given.workers)
