"""The writer's files: the active segment, the remembered head, and the reserve.

The segment must stay the file that was opened: regular, linked under its name exactly once, as long as it was
left. `check` says so before every commit; `rm` or `mv` of a live log is noticed by the next record, where an
open descriptor alone would go on writing to an unlinked inode.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from yett_audit import disk, recovery
from yett_audit.errors import LogUnavailable

RESERVE = "reserve"
RESERVE_BYTES = 1 << 20


def error_name(error: OSError) -> str:
    """`ENOSPC` and the like; never a path or a value."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


class Tape:
    """The end of a log on disk. Not thread-safe: only the leader of a commit touches it."""

    def __init__(self, directory: Path, path: Path, size: int, real: disk.Disk, segment_bytes: int) -> None:
        self.directory, self.path, self.size = directory, path, size
        self._disk, self._segment_bytes = real, segment_bytes
        self._fd = self._open()
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._head_fd = os.open(directory / recovery.HEAD, flags, 0o640)
        self._head_size = -1
        self._keep_reserve()

    def _open(self) -> int:
        fd = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        status = self._disk.fstat(fd)
        self._identity = status.st_dev, status.st_ino
        disk.preallocate(fd, self._segment_bytes)
        return fd

    def check(self) -> None:
        """Raises LogUnavailable or OSError unless the segment is still the one that was opened."""
        here, there = self._disk.fstat(self._fd), self._disk.stat(self.path)
        same = (there.st_dev, there.st_ino) == self._identity
        if not same or not stat.S_ISREG(there.st_mode) or here.st_nlink != 1:
            raise LogUnavailable("the log's file was removed, linked or replaced")
        if here.st_size != self.size:
            raise LogUnavailable("the log's file has another length than the writer left it with")

    def full_with(self, more: int) -> bool:
        """Whether the segment has reached its length with `more` bytes."""
        return self.size + more >= self._segment_bytes

    def write(self, data: bytes) -> None:
        """Appends all of `data`, however many calls that takes. Raises OSError; nothing is durable yet."""
        done = 0
        while done < len(data):
            count = self._disk.write(self._fd, data[done:] if done else data, self.size + done)
            if count <= 0:
                raise OSError(errno.EIO, "write returned nothing")
            done += count
        self.size += done

    def sync(self) -> None:
        """Makes what was written durable. After an error, nobody knows what is on disk: never try again."""
        self._disk.sync(self._fd)

    def back_to(self, size: int) -> None:
        """Cuts a half-written batch off and frees the reserve, so that a last record may fit."""
        self._disk.truncate(self._fd, size)
        self.size = size
        os.truncate(self.directory / RESERVE, 0)

    def turn_over(self, path: Path, data: bytes) -> None:
        """Begins the next segment with `data`, durable under its name at once, and closes this one for good."""
        disk.write_new(path, data)
        os.ftruncate(self._fd, self.size)
        os.fchmod(self._fd, 0o440)
        os.close(self._fd)
        self.path, self.size = path, len(data)
        self._fd = self._open()

    def remember(self, signed: str) -> None:
        """Writes the head beside the log; it is an extra, so its failure poisons nothing."""
        data = signed.encode()
        with contextlib.suppress(OSError):
            os.pwrite(self._head_fd, data, 0)
            if self._head_size != len(data):
                os.ftruncate(self._head_fd, len(data))
                self._head_size = len(data)

    def close(self, orderly: bool) -> None:
        """Gives preallocated blocks back and closes; after a failure, only closes."""
        if orderly:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)
                os.fsync(self._head_fd)
        os.close(self._fd)
        os.close(self._head_fd)

    def _keep_reserve(self) -> None:
        """Keeps blocks back for the last record of a full disk; an extra, so not having them is no failure."""
        with contextlib.suppress(OSError):
            fd = os.open(
                self.directory / RESERVE, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            try:
                os.posix_fallocate(fd, 0, RESERVE_BYTES)
            finally:
                os.close(fd)
