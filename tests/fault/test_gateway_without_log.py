"""A gateway whose log cannot be written denies everything: prevents acting without a record.

Each drill breaks the log under a working gateway in one way, then makes calls that the policy allows.
Not one may be answered `allow`, and not one answer may claim a record.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from yett import Gateway, ToolCall
from yett.errors import YettError
from yett.model import Effect
from yett_audit.disk import RealDisk

TRIALS = 1000 if os.environ.get("YETT_LONG") == "1" else 40
CALL = ToolCall(tool="read_note", arguments={"name": "a"})


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    policy = tmp_path / "policy.yaml"
    policy.write_text("policy: open\ntools: {'*': {open: true}}\nrules: [{id: all, allow: '*'}]\n")
    opened = Gateway.open(policy, tmp_path / "state")
    assert opened.decide(CALL).effect is Effect.ALLOW
    yield opened
    opened.close()


def refuses_everything(gateway: Gateway) -> None:
    for _ in range(TRIALS):
        decision = gateway.decide(CALL)
        assert decision.effect is Effect.DENY
        assert decision.reasons[-1].code == "AUDIT_UNAVAILABLE"
        assert decision.record is None
        assert decision.permit is None


def segment(gateway: Gateway) -> Path:
    return max(Path(gateway.ledger.log_directory).glob("*.jsonl"))


def failing(name: str, number: int) -> Callable[..., object]:
    def fail(*args: object, **kwargs: object) -> object:
        raise OSError(number, f"injected {errno.errorcode[number]} in {name}")

    return fail


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("write", errno.ENOSPC),
        ("write", errno.EIO),
        ("write", errno.EROFS),
        ("write", errno.EDQUOT),
        ("sync", errno.EIO),
        ("sync", errno.ENOSPC),
        ("stat", errno.ESTALE),
        ("fstat", errno.EBADF),
    ],
)
def test_a_failing_system_call(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    monkeypatch.setattr(RealDisk, call, failing(call, number))
    refuses_everything(gateway)


def test_one_failed_sync_poisons_for_good(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(RealDisk, "sync", failing("sync", errno.EIO))
        assert gateway.decide(CALL).effect is Effect.DENY
    refuses_everything(gateway)


def test_a_short_write_on_a_full_disk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0
    real = RealDisk.write

    def full(self: RealDisk, fd: int, data: bytes, offset: int) -> int:
        nonlocal written
        if written:
            raise OSError(errno.ENOSPC, "injected: no space left")
        written = real(self, fd, data[: len(data) // 2], offset)
        return written

    monkeypatch.setattr(RealDisk, "write", full)
    refuses_everything(gateway)


def test_the_file_removed(gateway: Gateway) -> None:
    segment(gateway).unlink()
    refuses_everything(gateway)


def test_the_file_replaced_by_a_copy(gateway: Gateway, tmp_path: Path) -> None:
    live = segment(gateway)
    shutil.copy(live, tmp_path / "copy")
    os.replace(tmp_path / "copy", live)
    refuses_everything(gateway)


def test_the_file_replaced_by_a_link(gateway: Gateway, tmp_path: Path) -> None:
    live = segment(gateway)
    live.rename(tmp_path / "elsewhere")
    live.symlink_to(tmp_path / "elsewhere")
    refuses_everything(gateway)


def test_the_file_truncated(gateway: Gateway) -> None:
    os.truncate(segment(gateway), 100)
    refuses_everything(gateway)


def test_somebody_else_appends(gateway: Gateway) -> None:
    with segment(gateway).open("ab") as other:
        other.write(b"{}\n")
    refuses_everything(gateway)


def test_the_directory_removed(gateway: Gateway) -> None:
    shutil.rmtree(gateway.ledger.log_directory)
    refuses_everything(gateway)


def test_a_second_gateway_cannot_open_the_state(gateway: Gateway, tmp_path: Path) -> None:
    with pytest.raises(YettError):
        Gateway.open(tmp_path / "policy.yaml", tmp_path / "state")
    assert gateway.decide(CALL).effect is Effect.ALLOW
