"""A disk that fails when told to, and that loses in a crash what was not synced."""

from __future__ import annotations

import os
from pathlib import Path

from yett_audit.disk import RealDisk


class FaultyDisk(RealDisk):
    """Counts writes and syncs; `fail_at` makes the n-th of them fail, `short` makes a write stop halfway."""

    def __init__(self) -> None:
        self.operations = 0
        self.fail_at = -1
        self.error = 5
        self.short = False
        self.synced: dict[int, int] = {}

    def _next(self) -> None:
        self.operations += 1
        if self.operations == self.fail_at:
            raise OSError(self.error, os.strerror(self.error))

    def write(self, fd: int, data: bytes, offset: int) -> int:
        inode = os.fstat(fd).st_ino
        self.synced.setdefault(inode, offset)
        if self.short and self.operations + 1 == self.fail_at and len(data) > 1:
            self.fail_at += 1
            self.operations += 1
            return super().write(fd, data[: len(data) // 2], offset)
        self._next()
        return super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        self._next()
        super().sync(fd)
        status = os.fstat(fd)
        self.synced[status.st_ino] = status.st_size

    def lose(self, folder: Path, keep: float) -> None:
        """After a crash: of every file, only what was synced is left, and a part of the rest."""
        for path in folder.iterdir():
            if not path.is_file():
                continue
            status = path.stat()
            synced = self.synced.get(status.st_ino)
            if synced is not None and status.st_size > synced:
                os.truncate(path, synced + int((status.st_size - synced) * keep))
        self.synced.clear()
        self.fail_at = -1
