"""What the log costs: append, seal, verify, memory, receipts, cold start. Prints figures; asserts nothing.

python tests/bench/bench_audit.py [RECORDS]      default 100,000; 1,000,000 takes some minutes
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from yett_audit.ed25519 import SigningKey
from yett_audit.writer import Writer

ORIGIN = "host.example/yett/bench"
BODY = {
    "id": "dec_01HZX0000000000000000000",
    "effect": "deny",
    "reasons": [{"stage": "policy", "code": "DEFAULT_DENY", "rule": "no-rule", "path": "/command"}] * 2,
    "risk": 700,
    "session": {"id": "ses_01HZX", "risk": 3, "labels": ["read_untrusted", "read_secret"]},
    "policy": {"id": "baseline", "digest": "sha256:" + "0" * 64},
    "call": {
        "tool": "bash",
        "digest": "sha256:" + "1" * 64,
        "args": [["/command", "hmac-sha256:" + "2" * 43]],
    },
}


def show(what: str, value: str) -> None:
    print(f"{what:<58} {value}", flush=True)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def timed(count: int, act: Callable[[int], None]) -> list[float]:
    """Milliseconds of each of `count` calls."""
    found = []
    for number in range(count):
        began = time.perf_counter()
        act(number)
        found.append((time.perf_counter() - began) * 1000)
    return found


@contextmanager
def a_log(folder: Path, name: str, **options: object) -> Iterator[Writer]:
    with Writer.open(folder / name, origin=ORIGIN, key=SigningKey(bytes(32)), **options) as log:  # type: ignore[arg-type]
        yield log


def bench_disk(folder: Path) -> float:
    """The machine's own append of 1 kB and fdatasync, in a preallocated file: the floor."""
    fd = os.open(folder / "raw", os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(fd, 0, 8 << 20)
    data = b"x" * 1000

    def act(number: int) -> None:
        os.pwrite(fd, data, number * 1000)
        os.fdatasync(fd)

    found = timed(2000, act)
    os.close(fd)
    show(
        "this disk: write 1 kB + fdatasync, p50 / p99",
        f"{percentile(found, 0.5):.3f} / {percentile(found, 0.99):.3f} ms",
    )
    return percentile(found, 0.5)


def bench_append(folder: Path, floor: float) -> None:
    for mode in ("sealed", "per-record"):
        with a_log(folder, mode, mode=mode) as log:
            found = timed(2000, lambda _, log=log: log.wait(log.append("decision", BODY)))  # type: ignore[misc]
            p50 = percentile(found, 0.5)
            text = f"{p50:.3f} / {percentile(found, 0.99):.3f} ms ({p50 - floor:+.3f} over the disk's p50)"
            show(f"append + durable, one client, {mode}, p50 / p99", text)
            cpu = time.thread_time()
            for _ in range(5000):
                log.append("decision", BODY)
            show(f"append alone, CPU, {mode}", f"{(time.thread_time() - cpu) / 5000 * 1e6:.1f} µs")
            log.flush()


def bench_load(folder: Path) -> None:
    for threads, window in ((16, 1), (64, 1), (8, 64)):
        with a_log(folder, f"load-{threads}-{window}") as log:
            each = 40_000 // threads

            def work(log: Writer = log, each: int = each, window: int = window) -> None:
                for number in range(each):
                    entry = log.append("decision", BODY)
                    if number % window == window - 1:
                        log.wait(entry)
                log.flush()

            workers = [threading.Thread(target=work) for _ in range(threads)]
            began = time.perf_counter()
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            rate = threads * each / (time.perf_counter() - began)
            show(f"sealed load, {threads} threads, {window} in flight each", f"{rate:,.0f} records/s")


def fill(folder: Path, name: str, records: int, mode: str) -> tuple[Path, str]:
    with a_log(folder, name, mode=mode) as log:
        began = time.perf_counter()
        for number in range(records):
            log.append("decision", BODY)
            if number % 64 == 63:
                log.flush()
        log.flush()
        rate = records / (time.perf_counter() - began)
        show(f"one thread, a commit for every 64 records, {mode}", f"{rate:,.0f} records/s")
        return log.directory, log.vkey


_CHILD = """
import resource, sys, time
from pathlib import Path
from yett_audit import note, verify
from yett_audit.trust import Trust
demand = verify.Demand(trust=Trust(logs=[note.VerifierKey.parse(sys.argv[2])]), jobs=int(sys.argv[3]))
began, cpu = time.perf_counter(), time.process_time()
report = verify.verify_log(Path(sys.argv[1]), demand)
wall, cpu = time.perf_counter() - began, time.process_time() - cpu
assert report.exit_code == 0, report
print(report.sealed, wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, report.bytes)
"""


def bench_verify(directory: Path, vkey: str, mode: str, jobs: int = 1) -> None:
    command = [sys.executable, "-c", _CHILD, str(directory), vkey, str(jobs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    records, wall, cpu, memory, size = map(float, done.stdout.split())
    rate = f"{records / wall:,.0f} records/s wall, {size / wall / 1e6:.0f} MB/s"
    per_core = f", {records / cpu:,.0f} a core" if jobs == 1 else ""
    show(f"verify {records:,.0f} records, {mode}, {jobs} jobs", f"{rate}{per_core}; peak {memory:.0f} MiB")


def bench_receipts(folder: Path, directory: Path) -> None:
    with a_log(folder, directory.name) as log:
        size = log.head().checkpoint.size
        log.receipt(size - 5)

        def act(number: int) -> None:
            log.receipt(number * (size // 301))

        found = timed(300, act)
        length = len(log.receipt(size // 2))
        show(f"receipt at {size:,} records: size, p50", f"{length} bytes, {percentile(found, 0.5):.2f} ms")


def bench_start(root: Path, folder: Path, directory: Path, vkey: str) -> None:
    small = folder / "small"
    with a_log(folder, "small") as log:
        log.wait(log.append("decision", BODY))
    single = folder / "yett-verify.py"
    subprocess.run(
        [sys.executable, root / "audit/build_single_file.py", single], check=True, capture_output=True
    )
    for name, command in {
        "yett-verify (installed)": [sys.executable, "-m", "yett_audit.cli"],
        "single file, standard library alone": [sys.executable, "-I", "-S", str(single)],
    }.items():
        found = [
            timed(
                1,
                lambda _, c=command: subprocess.run(
                    [*c, "log", small, "--key", log.vkey], check=True, capture_output=True
                ),
            )[0]  # type: ignore[misc]
            for _ in range(15)
        ]
        show(f"cold start and check of a small log, {name}", f"{statistics.median(found):.0f} ms")


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    root = Path(__file__).resolve().parents[2]
    folder = Path(tempfile.mkdtemp(prefix="yett-bench-", dir=os.environ.get("YETT_BENCH_DIR")))
    try:
        floor = bench_disk(folder)
        bench_append(folder, floor)
        bench_load(folder)
        for mode in ("sealed", "per-record"):
            directory, vkey = fill(folder, f"big-{mode}", records, mode)
            bench_verify(directory, vkey, mode)
            if mode == "sealed":
                bench_verify(directory, vkey, mode, jobs=os.cpu_count() or 1)
                bench_receipts(folder, directory)
                bench_start(root, folder, directory, vkey)
        show(
            "peak memory of this process",
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB",
        )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
