"""Outcomes whose results go ahead of their records, and what is left of them after a crash.

An enforcement point in the gateway's own process shows a result as soon as the session knows what was read. The
outcome's record is in the log's queue by then; it becomes durable with the next decision's, or within `LINGER_S`
(docs/adr/0016). Until it has, it also stands in a file here, written before the result is shown: what the system
holds of that file survives the death of the process, and is recorded by whoever opens the ledger next (`left`).

Only with the system itself (a power cut) can it be lost. The epoch names the boot it began in; if that is another
one now, every call that was under way counts as one whose result was read and forgotten (`Core.open`).

Two files take turns: while one is written to, what stands in the other becomes durable, and then it is emptied.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from yett.errors import AuditUnavailable
from yett.ledger.projection.state import Body
from yett.log import Logger

log = Logger("yett.ledger")

FILES: Final = ("ahead.0", "ahead.1")
LINGER_S: Final = 0.005
"""How long an outcome waits for a decision that takes it along to the disk."""
BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_NEEDED: Final = {"decision", "to", "session"}
"""Of an outcome's body; without them nobody knows what it was of."""
_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(tuple[int, dict[str, Any]]).decode


class Ahead:
    """See the module.

    Args:
        folder: the ledger's.
        lock: the ledger's; `add` is called with it held.
        wait: returns once a record is durable, or raises `AuditUnavailable`.
    """

    def __init__(
        self, folder: Path, lock: contextlib.AbstractContextManager[Any], wait: Callable[[Any], None]
    ) -> None:
        self._paths = [folder / name for name in FILES]
        self._files: list[int] = []
        self._lock = lock
        self._wait = wait
        self._last: Any = None
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def left(self) -> list[Body] | None:
        """What a process that died has left here, in the log's order; None if that can't be told."""
        found: list[tuple[int, Body]] = []
        try:
            for path in self._paths:
                # A line without its end was not written whole: its result was not shown.
                found += map(_decode, path.read_bytes().split(b"\n")[:-1])
        except (OSError, msgspec.MsgspecError, UnicodeError):
            return None
        if any(_NEEDED - body.keys() for _, body in found):
            return None
        return [body for _, body in sorted(found, key=lambda line: line[0])]

    def begin(self) -> None:
        """Opens the files, empty. What was left in them must be on record.

        Raises:
            AuditUnavailable: they cannot be made.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            for path in self._paths:
                self._files.append(os.open(path, flags, 0o600))
        except OSError as error:
            self.close()
            raise AuditUnavailable(
                f"outcomes cannot be set aside: {error.strerror}", path=str(path)
            ) from error

    def add(self, entry: Any, body: Body) -> bool:
        """Sets an outcome aside whose record is queued as `entry`. False: it is not; wait for the record."""
        if not self._files:
            return False
        line = _encode((entry.index, body)) + b"\n"
        try:
            whole = os.write(self._files[0], line) == len(line)
        except OSError:
            whole = False
        if not whole:  # what follows half a line could not be read
            self._release()
            return False
        self._last = entry
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="yett-ahead", daemon=True)
            self._thread.start()
        self._wake.set()
        return True

    def close(self) -> None:
        """Releases the files as they are."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._release()

    def _release(self) -> None:
        files, self._files = self._files, []
        for file in files:
            os.close(file)

    def _follow(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._stop.wait(LINGER_S):
                return
            try:
                self.turn()
            except AuditUnavailable as error:
                # Every later call is denied. What is set aside is recorded when the ledger opens again.
                log.error("outcomes of shown results could not be recorded", reason=str(error))
                return

    def turn(self) -> None:
        """Makes durable what is set aside, while what comes next goes to the other file; empties this one.

        Raises:
            AuditUnavailable: it never will be durable.
        """
        with self._lock:
            self._files.reverse()
            last = self._last
        self._wait(last)
        with self._lock:
            for file in self._files[1:]:
                os.ftruncate(file, 0)


def boot() -> str:
    """A name of this run of the operating system; "" where it has none that a program can read."""
    try:
        return hashlib.sha256(b"yett/boot\0" + BOOT.read_bytes().strip()).hexdigest()[:32]
    except OSError:
        return ""
