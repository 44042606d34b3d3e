"""What a decision costs through the sidecar: latency at 1 and 32 connections, durable, over socket and TCP.

    python tests/bench/bench_serve.py [--seconds 3] [--workers 3]

Everything is real: `yett serve` in a process of its own, the baseline policy, tokens, records on disk before
each answer. Figures of a shared machine vary by half; the last line shows what a bare fdatasync costs here.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from yett import resources
from yett.model import ToolCall
from yett.sdk import AsyncClient, Client, TransportError
from yett.serve.auth import FILE_NAME, Credentials


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
        options += ["--policy", str(resources.policies() / "baseline.yaml")]
        with (Path(folder) / "log").open("wb") as stderr:
            process = subprocess.Popen([*command, *options], stdout=stderr, stderr=stderr)
        try:
            for name, url in (("socket", str(path)), ("tcp", f"http://127.0.0.1:{port}")):
                _await(url, token)
                before = _cpu_s(process.pid)
                spent = _blocking(url, token, seconds)
                used = (_cpu_s(process.pid) - before) / len(spent)
                _line(f"{name}, blocking client, 1 connection", spent, seconds, used)
                for connections in (1, 32):
                    before = _cpu_s(process.pid)
                    spent = asyncio.run(_concurrent(url, token, connections, seconds))
                    used = (_cpu_s(process.pid) - before) / len(spent)
                    _line(f"{name}, asyncio client, {connections} connections", spent, seconds, used)
                before = _cpu_s(process.pid)
                spent = _lean(str(path) if name == "socket" else port, token, 32, seconds)
                used = (_cpu_s(process.pid) - before) / len(spent)
                _line(f"{name}, bytes on 32 connections", spent, seconds, used)
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


async def _concurrent(url: str, token: str, connections: int, seconds: float) -> list[float]:
    spent: list[float] = []
    until = time.perf_counter() + seconds

    async def one() -> None:
        async with AsyncClient(url, token) as client:
            while (begun := time.perf_counter()) < until:
                decision = await client.decide(_call(len(spent)))
                _check(decision.allowed, str(decision.reasons))
                spent.append(time.perf_counter() - begun)

    await asyncio.gather(*(one() for _ in range(connections)))
    return spent


def _lean(address: str | int, token: str, connections: int, seconds: float) -> list[float]:
    """Requests made beforehand, answers read up to their length: a client that costs next to nothing."""
    requests = []
    for n in range(100):
        body = msgspec.json.encode(_call(n))
        head = (
            f"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    spent: list[float] = []
    begun: dict[socket.socket, float] = {}
    with selectors.DefaultSelector() as ready, contextlib.ExitStack() as open_ones:
        for _ in range(connections):
            if isinstance(address, str):
                link = socket.socket(socket.AF_UNIX)
                link.connect(address)
            else:
                link = socket.create_connection(("127.0.0.1", address))
            open_ones.enter_context(link)
            ready.register(link, selectors.EVENT_READ, bytearray())
            begun[link] = time.perf_counter()
            link.sendall(requests[0])
        until = time.perf_counter() + seconds
        while (now := time.perf_counter()) < until:
            for key, _ in ready.select(1):
                link, answer = key.fileobj, key.data
                assert isinstance(link, socket.socket)
                answer += link.recv(65536)
                head, _, rest = bytes(answer).partition(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                if not length or len(rest) < int(length):
                    continue
                _check(head.startswith(b"HTTP/1.1 200") and b'"effect":"allow"' in rest, repr(bytes(answer)))
                answer.clear()
                now = time.perf_counter()
                spent.append(now - begun[link])
                begun[link] = now
                link.sendall(requests[len(spent) % len(requests)])
    return spent


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


def _cpu_s(pid: int) -> float:
    """Seconds of processor time a process has used, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _line(name: str, spent: list[float], seconds: float = 0.0, cpu: float = 0.0) -> None:
    micros = sorted(value * 1e6 for value in spent)
    p50, p99 = statistics.median(micros), micros[int(len(micros) * 0.99)]
    rate = f"{len(spent) / seconds:8.0f} /s   server CPU {cpu * 1e6:5.0f} us" if seconds else ""
    print(f"{name:42} p50 {p50:8.0f} us   p99 {p99:8.0f} us   {rate}")


def _await(url: str, token: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(TransportError), Client(url, token) as client:
            client.request("GET", "/readyz")
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
