"""Each way in which a disk can fail the log, and that none of them yields an answer without a record.

Failures come through the writer's small seam to the operating system (`Disk`), or are real ones where no root
rights are needed: a removed, replaced or truncated file, a file-size limit that makes writes short.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from waiting import until
from yett_audit.disk import RealDisk
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import LogRefused, LogUnavailable
from yett_audit.reader import records
from yett_audit.verify import Demand, verify_log
from yett_audit.writer import Writer

ORIGIN = "host.example/yett/test"
KEY = SigningKey(bytes(range(32)))
TRIALS = int(os.environ.get("YETT_TRIALS", "10000" if os.environ.get("YETT_LONG") else "50"))


class BrokenDisk(RealDisk):
    """A disk that starts to fail when told to."""

    def __init__(self) -> None:
        self.write_error: int | None = None
        self.sync_error: int | None = None
        self.short = 0
        self.syncs = 0

    def write(self, fd: int, data: bytes, offset: int) -> int:
        if self.short:
            count, self.short = min(self.short, len(data)), 0
            return super().write(fd, data[:count], offset)
        if self.write_error is not None:
            raise OSError(self.write_error, os.strerror(self.write_error))
        return super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        self.syncs += 1
        if self.sync_error is not None:
            raise OSError(self.sync_error, os.strerror(self.sync_error))
        super().sync(fd)


def open_log(directory: Path, disk: RealDisk | None = None) -> Writer:
    return Writer.open(directory, origin=ORIGIN, key=KEY, real=disk)


def answered(log: Writer, number: int) -> bool:
    """Whether the log let one decision be answered."""
    try:
        log.wait(log.append("decision", {"n": number}))
    except LogUnavailable:
        return False
    return True


def numbers(directory: Path) -> set[int]:
    return {r.body["n"] for r in records(directory) if r.event == "decision"}


def check_after(directory: Path, log: Writer, acknowledged: set[int]) -> None:
    """The writer stays poisoned; a new one starts; nothing that was answered is missing; the log verifies."""
    assert log.failure is not None
    assert not answered(log, -1)
    log.abandon()
    open_log(directory).close()
    assert acknowledged <= numbers(directory)
    assert verify_log(directory, Demand()).failure is None


def test_a_disk_that_is_full_from_the_first_byte_prevents_every_answer(tmp_path: Path) -> None:
    disk = BrokenDisk()
    log = open_log(tmp_path, disk)
    assert answered(log, 1)
    disk.write_error = errno.ENOSPC
    assert not any(answered(log, n) for n in range(2, 2 + TRIALS))
    disk.write_error = None  # space is back, but only a restart makes the log writable again
    check_after(tmp_path, log, {1})


@pytest.mark.parametrize("short", [1, 50, 150, 250, 400])
def test_a_short_write_then_a_full_disk_prevents_the_answer_and_leaves_no_half_line(
    tmp_path: Path, short: int
) -> None:
    disk = BrokenDisk()
    log = open_log(tmp_path, disk)
    assert answered(log, 1)
    disk.short, disk.write_error = short, errno.ENOSPC
    assert not answered(log, 2)
    assert verify_log(tmp_path, Demand()).torn is None
    check_after(tmp_path, log, {1})


def test_a_short_write_that_goes_on_is_no_failure(tmp_path: Path) -> None:
    disk = BrokenDisk()
    log = open_log(tmp_path, disk)
    disk.short = 10
    assert answered(log, 1)
    assert numbers(tmp_path) == {1}
    log.close()


def test_when_blocks_come_free_the_log_records_why_it_ends(tmp_path: Path) -> None:
    class FullOnce(BrokenDisk):
        def write(self, fd: int, data: bytes, offset: int) -> int:
            error, self.write_error = self.write_error, None
            if error is not None:
                raise OSError(error, os.strerror(error))
            return super().write(fd, data, offset)

    disk = FullOnce()
    log = open_log(tmp_path, disk)
    disk.write_error = errno.ENOSPC
    assert not answered(log, 1)
    last = list(records(tmp_path))[-1]
    assert (last.event, last.body) == ("log.failclosed", {"cause": "ENOSPC", "lost": 1})
    check_after(tmp_path, log, set())


def test_a_failed_sync_is_never_tried_again(tmp_path: Path) -> None:
    disk = BrokenDisk()
    log = open_log(tmp_path, disk)
    disk.sync_error = errno.EIO
    assert not answered(log, 1)
    disk.sync_error, before = None, disk.syncs
    assert not any(answered(log, n) for n in range(2, 2 + TRIALS))
    assert disk.syncs == before
    check_after(tmp_path, log, set())


def test_a_removed_file_prevents_every_answer(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    assert answered(log, 1)
    (tmp_path / "000000000000.jsonl").unlink()
    assert not any(answered(log, n) for n in range(2, 2 + TRIALS))
    log.abandon()
    with pytest.raises(LogRefused):
        open_log(tmp_path)


@pytest.mark.parametrize("how", ["copy", "link", "fifo", "directory", "hardlink"])
def test_a_replaced_file_prevents_every_answer(tmp_path: Path, how: str) -> None:
    log = open_log(tmp_path / "log")
    assert answered(log, 1)
    path, aside = tmp_path / "log/000000000000.jsonl", tmp_path / "aside"
    if how == "hardlink":
        os.link(path, aside)
    else:
        path.rename(aside)
    if how == "copy":
        path.write_bytes(aside.read_bytes())
    elif how == "link":
        path.symlink_to(aside)
    elif how == "fifo":
        os.mkfifo(path)
    elif how == "directory":
        path.mkdir()
    assert not any(answered(log, n) for n in range(2, 2 + TRIALS))
    log.abandon()


@pytest.mark.parametrize("change", [b"", b"\n", b'{"at":1}\n'])
def test_a_file_that_somebody_else_wrote_to_prevents_every_answer(tmp_path: Path, change: bytes) -> None:
    log = open_log(tmp_path)
    assert answered(log, 1)
    path = tmp_path / "000000000000.jsonl"
    data = path.read_bytes()
    path.write_bytes(data + change if change else data[:-1])
    assert not any(answered(log, n) for n in range(2, 2 + TRIALS))
    log.abandon()


def test_a_removed_directory_prevents_every_answer(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    assert answered(log, 1)
    (tmp_path / "log").rename(tmp_path / "gone")
    assert not any(answered(log, n) for n in range(2, 2 + TRIALS))
    log.abandon()


def test_a_second_writer_never_gets_in(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    for number in range(TRIALS):
        with pytest.raises(LogRefused):
            open_log(tmp_path)
        assert answered(log, number)
    log.close()
    assert numbers(tmp_path) == set(range(TRIALS))


def test_a_stepping_clock_neither_stops_nor_turns_the_log(tmp_path: Path) -> None:
    now = 10**12
    log = Writer.open(tmp_path, origin=ORIGIN, key=KEY, now=lambda: now)
    for number in range(TRIALS):
        now += (-1) ** number * 3_600_000 * number
        assert answered(log, number)
    log.close()
    assert verify_log(tmp_path, Demand()).failure is None


def test_a_callback_hears_of_the_failure(tmp_path: Path) -> None:
    disk = BrokenDisk()
    log = open_log(tmp_path, disk)
    disk.sync_error = errno.EIO
    heard: list[LogUnavailable | None] = []
    log.add_done_callback(log.append("decision", {"n": 1}), heard.append)
    until(lambda: heard)
    assert isinstance(heard[0], LogUnavailable)
    log.abandon()


def run_child(code: str, *arguments: str, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


WORK = """
    import sys, threading
    from pathlib import Path
    from yett_audit.errors import LogUnavailable
    from yett_audit.writer import Writer
    log = Writer.open(Path(sys.argv[1]), origin="host.example/yett/test", key=bytes(range(32)))
    def work(thread):
        for n in range(int(sys.argv[2]), 10**9):
            try:
                log.wait(log.append("decision", {"n": n * 8 + thread, "pad": "x" * 300}))
            except LogUnavailable:
                return
            sys.stdout.write(f"{n * 8 + thread}\\n"); sys.stdout.flush()
    for t in [threading.Thread(target=work, args=(i,)) for i in range(4)]: t.start()
"""


def test_a_real_file_size_limit_makes_a_short_write_and_prevents_the_answer(tmp_path: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    child = run_child(WORK, str(tmp_path), "0", before=limit)
    output, _ = child.communicate()
    acknowledged = {int(line) for line in output.split()}
    assert len(acknowledged) > 100
    open_log(tmp_path).close()
    assert acknowledged <= numbers(tmp_path)
    assert verify_log(tmp_path, Demand()).failure is None


@pytest.mark.parametrize("round_", range(100 if os.environ.get("YETT_LONG") else 4))
def test_kill_9_under_load_loses_no_answered_decision(tmp_path: Path, round_: int) -> None:
    acknowledged: set[int] = set()
    for start in range(2):
        child = run_child(WORK, str(tmp_path), str(start * 10**6))
        assert child.stdout is not None
        for _ in range(20 + 37 * round_ % 100):
            acknowledged.add(int(child.stdout.readline()))
        child.kill()
        acknowledged |= {
            int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")
        }
        child.wait()
        assert verify_log(tmp_path, Demand()).failure is None  # a torn tail is no tampering
    open_log(tmp_path).close()
    assert acknowledged <= numbers(tmp_path)


def test_a_read_only_directory_is_refused() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        privileged = os.geteuid() == 0
        if privileged:  # root writes to read-only directories, so stop being root for a moment
            os.seteuid(65534)
        try:
            with pytest.raises(OSError):
                open_log(folder / "log")
        finally:
            if privileged:
                os.seteuid(0)
            folder.chmod(0o755)
