"""Crash images: whatever a crash leaves behind is recovered, never called tampering, and loses no answer.

`YETT_LONG=1` makes 1,000 images of each kind.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from yett_audit.disk import RealDisk
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import LogUnavailable
from yett_audit.reader import records
from yett_audit.verify import Demand, verify_log
from yett_audit.writer import Writer

IMAGES = 1_000 if os.environ.get("YETT_LONG") else 60
ORIGIN, KEY = "host.example/yett/test", SigningKey(bytes(range(32)))


class TornDisk(RealDisk):
    """Loses power during a write: a prefix gets there, and, like a lost page, a stretch of it may be zeros."""

    def __init__(self, rng: random.Random, dies_at: int, holes: bool) -> None:
        self.rng, self.left, self.holes = rng, dies_at, holes

    def write(self, fd: int, data: bytes, offset: int) -> int:
        self.left -= 1
        if self.left > 0:
            return super().write(fd, data, offset)
        part = bytearray(data[: self.rng.randrange(len(data) + 1)])
        if self.holes and part:
            start = self.rng.randrange(len(part))
            end = min(len(part), start + self.rng.randrange(1, 4096))
            part[start:end] = bytes(end - start)
        if part:
            super().write(fd, bytes(part), offset)
        raise PowerCut

    def truncate(self, fd: int, size: int) -> None:
        raise PowerCut


class PowerCut(BaseException):
    """The machine is off: nothing after this point runs."""


def answered_until_the_cut(directory: Path, disk: TornDisk, rng: random.Random) -> set[int]:
    answered: set[int] = set()
    log = None
    try:
        log = Writer.open(directory, origin=ORIGIN, key=KEY, real=disk, segment_bytes=30_000)
        number = 0
        while True:
            entries = []
            for _ in range(rng.randrange(1, 8)):
                number += 1
                entries.append(
                    (log.append("decision", {"n": number, "pad": "x" * rng.randrange(600)}), number)
                )
            for entry, value in entries:
                log.wait(entry)
                answered.add(value)
    except (PowerCut, LogUnavailable):
        if log is not None:
            log._poison = LogUnavailable("off")  # nothing tidies up after a power cut
            log.abandon()
    return answered


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.timeout(600)
def test_torn_writes_are_no_tampering_and_lose_no_answer(tmp_path: Path, holes: bool) -> None:
    for image in range(IMAGES):
        rng = random.Random(image)
        directory = tmp_path / str(image)
        answered = answered_until_the_cut(directory, TornDisk(rng, rng.randrange(1, 60), holes), rng)
        found = verify_log(directory, Demand())
        assert found.failure is None, (image, found.failure)
        again = Writer.open(directory, origin=ORIGIN, key=KEY)
        again.close()
        kept = {r.body["n"] for r in records(directory) if r.event == "decision"}
        assert answered <= kept, image
        assert verify_log(directory, Demand()).torn is None
        shutil.rmtree(directory)


def test_a_crash_at_any_step_of_a_new_segment_is_recovered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yett_audit import disk, tape

    for step in range(3):
        directory = tmp_path / str(step)
        log = Writer.open(directory, origin=ORIGIN, key=KEY, segment_bytes=3_000)
        real = disk.write_new

        def dies(path: Path, data: bytes, mode: int = 0o640, step: int = step, real: object = real) -> None:
            if step == 1:
                path.with_name(path.name + ".new").write_bytes(data[: len(data) // 2])
            if step == 2:
                real(path, data, mode)  # type: ignore[operator]
            raise PowerCut

        monkeypatch.setattr(tape.disk, "write_new", dies)
        answered = set()
        with pytest.raises(PowerCut):
            for number in range(100):
                log.wait(log.append("decision", {"n": number, "pad": "x" * 300}))
                answered.add(number)
        log.abandon()
        monkeypatch.undo()
        assert verify_log(directory, Demand()).failure is None
        Writer.open(directory, origin=ORIGIN, key=KEY, segment_bytes=3_000).close()
        assert answered <= {r.body["n"] for r in records(directory) if r.event == "decision"}


def test_a_crash_while_the_log_is_made_leaves_a_log_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yett_audit import writer

    real = writer.disk.write_new
    for survives in range(3):
        directory = tmp_path / str(survives)
        count = 0

        def dies(path: Path, data: bytes, mode: int = 0o640, survives: int = survives) -> None:
            nonlocal count
            if count == survives:
                path.with_name(path.name + ".new").write_bytes(data[:50])
                raise PowerCut
            count += 1
            real(path, data, mode)

        monkeypatch.setattr(writer.disk, "write_new", dies)
        if survives < 2:
            with pytest.raises(PowerCut):
                Writer.open(directory, origin=ORIGIN, key=KEY)
        monkeypatch.undo()
        Writer.open(directory, origin=ORIGIN, key=KEY).close()
        assert verify_log(directory, Demand()).failure is None
