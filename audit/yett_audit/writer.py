"""The log's writer: nothing is answered before it is chained, sealed and on disk.

`append` gives a record its place and link at once (a few µs, under one lock). `wait` returns once it is
durable. There is no writing thread at idle: the first waiter becomes the *leader*, takes everything that
is pending, seals it with one signature, writes it, calls fdatasync, and wakes the others; what arrives in
the meantime is the next batch. So a batch is never waited for, and a burst pays for one sync.

Before each commit the file must still be the one that was opened: same inode, still linked, exactly as long as
it was left. Any failure — short write, ENOSPC, EIO, a file removed or replaced, a forked process —
poisons the writer for good: what is pending fails, every later append fails, and a failed fsync is never
tried again, because the kernel may have dropped the pages. A last signed `log.failclosed` record is
attempted with blocks freed from a reserve file, if the disk only was full.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from yett_audit import disk, note, record, recovery, segment
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import InvalidRecord, LogRefused, LogUnavailable
from yett_audit.pen import Pen

LOCK = "lock"
RESERVE = "reserve"
RESERVE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A record's place: its index, its leaf hash, and the ticket to wait with."""

    index: int
    leaf: bytes
    ticket: int


class Head(NamedTuple):
    """The last durable checkpoint: a C2SP signed note, and what it says."""

    checkpoint: note.Checkpoint
    note: str
    at: int
    """Milliseconds: time of the last record it covers."""


Done = Callable[[LogUnavailable | None], None]


def wall_clock() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Writer:
    """Appends to one log. Thread-safe; one per log and host, which a file lock ensures."""

    def __init__(
        self,
        directory: Path,
        pen: Pen,
        path: Path,
        size: int,
        lock: int,
        now: Callable[[], int],
        real: disk.Disk,
        segment_bytes: int,
    ) -> None:
        self._directory, self._path, self._size = directory, path, size
        self._pen, self._durable_pen = pen, pen.copy()
        self._now, self._disk, self._segment_bytes = now, real, segment_bytes
        self._lock_fd, self._pid = lock, os.getpid()
        self._lock = threading.Lock()
        self._turn = threading.Condition(threading.Lock())
        self._leading = False
        self._pending: list[bytes] = []
        self._durable = pen.next
        self._callbacks: list[tuple[int, Done]] = []
        self._poison: LogUnavailable | None = None
        self._closed = False
        self._flusher: threading.Thread | None = None
        self._wake = threading.Event()
        self._fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._identity = self._identify(self._disk.fstat(self._fd))
        disk.preallocate(self._fd, segment_bytes)
        _reserve(directory)
        self._head_fd = os.open(
            directory / recovery.HEAD, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640
        )
        self._head = Head(
            note.Checkpoint(pen.state.origin, pen.state.sealed, pen.state.sealed_root),
            pen.state.note,
            pen.state.sealed_at,
        )

    # --- opening

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        origin: str,
        key: SigningKey | bytes,
        mode: str = "sealed",
        now: Callable[[], int] = wall_clock,
        entropy: Callable[[int], bytes] = os.urandom,
        real: disk.Disk | None = None,
        segment_bytes: int = 64 << 20,
        heartbeat: int = 0,
        floor: note.Checkpoint | None = None,
    ) -> Writer:
        """Creates the log in `directory`, or continues it after `recovery`.

        Args:
            origin: the log's name, a schema-less URL (`host.example/yett/bank/gw1`); fixed by the genesis.
            key: the signing key, or its 32-byte seed. One key, one origin.
            mode: `sealed` or `per-record`; fixed by the genesis.
            heartbeat: seconds of silence after which the owner promises a heartbeat record; 0 for none.
            floor: the last checkpoint known to a witness or guardian; a log behind it is refused.

        Raises:
            LogRefused: LOCKED, TAMPERED, ROLLBACK, DELETED, WRONG_ORIGIN, WRONG_KEY, HEAD_….
            OSError: the directory cannot be used.
        """
        directory = Path(directory)
        signing = key if isinstance(key, SigningKey) else SigningKey(key)
        if mode not in record.MODES:
            raise LogRefused("MODE", f"the mode is one of {', '.join(record.MODES)}")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            lock = disk.lock(directory / LOCK)
        except BlockingIOError:
            raise LogRefused("LOCKED", "another writer has this log open") from None
        real = real or disk.RealDisk()
        try:
            if not segment.paths(directory):
                pen = Pen.blank(
                    origin=origin, key=signing, mode=mode, log=entropy(16).hex(), heartbeat=heartbeat
                )
                path, size = _create(directory, pen, now(), floor)
                return cls(directory, pen, path, size, lock, now, real, segment_bytes)
            found = recovery.recover(directory, origin=origin, public=signing.public, floor=floor)
            writer = cls(
                directory, Pen(found.chain, signing), found.path, found.size, lock, now, real, segment_bytes
            )
        except BaseException:
            os.close(lock)
            raise
        try:
            writer._append(record.RECOVERY if found.torn is not None else record.OPEN, found.torn or {})
            writer.flush()
        except BaseException:
            writer.abandon()
            raise
        return writer

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the public face

    @property
    def origin(self) -> str:
        return self._pen.state.origin

    @property
    def log_id(self) -> str:
        """32 hex digits, minted at genesis."""
        return self._pen.state.log

    @property
    def vkey(self) -> str:
        """The verifier key in force, to be pinned by `yett-verify --key`."""
        return str(self._pen.state.key)

    @property
    def directory(self) -> Path:
        return self._directory

    @property
    def failure(self) -> LogUnavailable | None:
        """Why the writer is poisoned, if it is: for readiness probes."""
        return self._poison

    def append(self, event: str, body: dict[str, Any]) -> Entry:
        """Puts a record into the log's order. It may be answered only after `wait` or the done callback.

        Raises:
            InvalidRecord: the body is outside the profile; nothing was appended.
            LogUnavailable: the writer is poisoned or closed.
        """
        if event.startswith("log.") or not record.event_ok(event):
            raise InvalidRecord("the event's name is malformed or reserved")
        return self._append(event, body)

    def _append(self, event: str, body: dict[str, Any]) -> Entry:
        if os.getpid() != self._pid:
            raise LogUnavailable("the log was opened by the parent process; a fork cannot write to it")
        with self._lock:
            if self._poison is not None:
                raise self._poison
            if self._closed:
                raise LogUnavailable("the log is closed")
            pen = self._pen
            index = pen.state.next
            self._pending.append(pen.line(event, body, self._now()))
            return Entry(index, pen.state.prev, index)

    def wait(self, entry: Entry, timeout: float | None = None) -> None:
        """Returns once the record is durable under a seal; writes the batch itself if nobody else does.

        Raises:
            LogUnavailable: it will never be.
            TimeoutError: it was not within `timeout` seconds; it may still become so.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._durable <= entry.index:
            with self._turn:
                if self._durable > entry.index:
                    break
                if self._poison is not None:
                    raise self._poison
                if self._leading:
                    left = None if deadline is None else deadline - time.monotonic()
                    if (left is not None and left <= 0) or not self._turn.wait(left):
                        raise TimeoutError("the record is not durable yet")
                    continue
                self._leading = True
            self._lead()

    def flush(self) -> None:
        """Makes everything appended so far durable."""
        with self._lock:
            last = self._pen.state.next - 1
            waiting = bool(self._pending)
        if waiting or self._leading:
            self.wait(Entry(last, b"", last))
        elif self._poison is not None:
            raise self._poison

    def add_done_callback(self, entry: Entry, done: Done) -> None:
        """Calls `done(None)` once the record is durable, or `done(error)` if it never will be.

        It is called from whichever thread commits; a background thread is started to do so if nobody waits.
        """
        with self._turn:
            if self._durable <= entry.index and self._poison is None:
                self._callbacks.append((entry.index, done))
                if self._flusher is None:
                    self._flusher = threading.Thread(
                        target=self._flush_in_background, name="yett-log", daemon=True
                    )
                    self._flusher.start()
                self._wake.set()
                return
            error = self._poison if self._durable <= entry.index else None
        done(error)

    def head(self) -> Head:
        """The last durable checkpoint."""
        return self._head

    def close(self) -> None:
        """Records the orderly end, seals it, and releases the file. After a failure it only releases."""
        if self._closed:
            return
        try:
            if self._poison is None:
                entry = self._append(record.CLOSE, {})
                self.wait(entry)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Releases the file without a closing record, as a crash would."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        with self._turn:
            while self._leading:
                self._turn.wait()
            callbacks, self._callbacks = self._callbacks, []
            self._turn.notify_all()
        self._wake.set()
        with contextlib.suppress(OSError):
            if self._poison is None:
                os.ftruncate(self._fd, self._size)  # gives preallocated blocks back
                os.fsync(self._head_fd)
        for fd in (self._fd, self._head_fd, self._lock_fd):
            os.close(fd)
        for _, done in callbacks:
            done(self._poison or LogUnavailable("the log is closed"))

    # --- committing

    def _flush_in_background(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._closed:
                return
            try:
                self.flush()
            except LogUnavailable:
                return

    def _lead(self) -> None:
        """One commit by the calling thread; then the others are woken, whatever happened."""
        error: LogUnavailable | None = None
        try:
            self._commit()
        except LogUnavailable as unavailable:
            error = unavailable
        except BaseException as unexpected:
            error = LogUnavailable(f"the commit failed: {type(unexpected).__name__}")
            self._poison = self._poison or error
            raise
        finally:
            with self._turn:
                self._leading = False
                ready = self._callbacks
                if error is None:
                    ready = [c for c in ready if c[0] < self._durable]
                self._callbacks = [c for c in self._callbacks if c not in ready] if ready else self._callbacks
                self._turn.notify_all()
            for _, done in ready:
                done(error)
        if error is not None:
            raise error

    def _commit(self) -> None:
        with self._lock:
            if self._poison is not None:
                raise self._poison
            batch, self._pending = self._pending, []
            if not batch:
                return
            line, signed = self._pen.seal()
            batch.append(line)
            data = b"\n".join(batch) + b"\n"
            following = self._next_segment() if self._size + len(data) >= self._segment_bytes else None
            durable_pen = self._pen.copy()
        size = self._size
        try:
            self._check_file()
        except OSError as error:
            self._fail(error)
        try:
            self._write(data)
        except OSError as error:
            self._fail_write(error, size, len(batch) - 1)
        try:
            self._disk.sync(self._fd)
            if following is not None:
                signed = self._turn_over(*following)
        except OSError as error:
            self._fail(error)
        state = durable_pen.state
        self._durable_pen = durable_pen
        self._head = Head(
            note.Checkpoint(state.origin, state.sealed, state.sealed_root), signed, state.sealed_at
        )
        self._remember(signed)
        with self._turn:
            self._durable = state.next

    def _next_segment(self) -> tuple[Path, bytes, str]:
        """Name and content of the segment to follow: its header and the seal over it."""
        path = self._directory / segment.name_of(self._pen.next)
        header = self._pen.line(record.SEGMENT, self._pen.header(), self._now())
        seal, signed = self._pen.seal()
        return path, header + b"\n" + seal + b"\n", signed

    def _turn_over(self, path: Path, data: bytes, signed: str) -> str:
        disk.write_new(path, data)
        os.ftruncate(self._fd, self._size)
        os.fchmod(self._fd, 0o440)
        os.close(self._fd)
        self._fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._path, self._size = path, len(data)
        self._identity = self._identify(self._disk.fstat(self._fd))
        disk.preallocate(self._fd, self._segment_bytes)
        return signed

    @staticmethod
    def _identify(status: os.stat_result) -> tuple[int, int]:
        return status.st_dev, status.st_ino

    def _check_file(self) -> None:
        """The open file is still the log: linked under its name, regular, and as long as it was left."""
        here, there = self._disk.fstat(self._fd), self._disk.stat(self._path)
        if not stat.S_ISREG(there.st_mode) or self._identify(there) != self._identity or here.st_nlink != 1:
            self._poison_with("the log's file was removed or replaced")
        if here.st_size != self._size:
            self._poison_with("the log's file has another length than the writer left it with")

    def _write(self, data: bytes) -> None:
        view, offset = memoryview(data), self._size
        while view:
            count = self._disk.write(self._fd, bytes(view) if len(view) < len(data) else data, offset)
            if count <= 0:
                raise OSError(5, "write returned nothing")
            view = view[count:]
            offset += count
        self._size = offset

    def _remember(self, signed: str) -> None:
        """Writes the head beside the log; it is an extra, so its failure poisons nothing."""
        data = signed.encode()
        with contextlib.suppress(OSError):
            os.pwrite(self._head_fd, data, 0)
            if os.fstat(self._head_fd).st_size != len(data):
                os.ftruncate(self._head_fd, len(data))

    # --- failing

    def _poison_with(self, message: str) -> NoReturn:
        self._poison = self._poison or LogUnavailable(message)
        raise self._poison

    def _fail(self, error: OSError) -> NoReturn:
        self._poison = self._poison or LogUnavailable(f"the log cannot be written: {_name(error)}")
        raise self._poison from error

    def _fail_write(self, error: OSError, good_size: int, lost: int) -> NoReturn:
        """Sets the file back to its last seal and, with blocks freed from the reserve, records why it ends.

        Only after a failed *write*: after a failed sync nobody knows what is on disk, so nothing is touched.
        """
        with contextlib.suppress(OSError):
            self._disk.truncate(self._fd, good_size)
            self._size = good_size
            os.truncate(self._directory / RESERVE, 0)
            pen = self._durable_pen.copy()
            line = pen.line(record.FAILCLOSED, {"cause": _name(error), "lost": lost}, self._now())
            seal, signed = pen.seal()
            self._write(line + b"\n" + seal + b"\n")
            self._disk.sync(self._fd)
            self._remember(signed)
        self._fail(error)


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def _reserve(directory: Path) -> None:
    """Keeps a few blocks back for the last record of a full disk; an extra, so not having it is no failure."""
    with contextlib.suppress(OSError):
        fd = os.open(directory / RESERVE, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, RESERVE_BYTES)
        finally:
            os.close(fd)


def _create(directory: Path, pen: Pen, at: int, floor: note.Checkpoint | None) -> tuple[Path, int]:
    """The first segment, under its name only when it holds a sealed genesis."""
    path = directory / segment.name_of(0)
    head = recovery.read_head(directory)
    if floor is not None or (head is not None and head.size != 1):
        raise LogRefused(
            "DELETED", "the log is gone, but its head is remembered: restore it, or use a new directory"
        )
    state = pen.state
    body: dict[str, Any] = {
        "format": record.FORMAT,
        "heartbeat": state.heartbeat,
        "key": str(state.key),
        "log": state.log,
        "mode": state.mode,
        "origin": state.origin,
    }
    genesis = pen.line(record.GENESIS, body, at)
    seal, signed = pen.seal()
    data = genesis + b"\n" + seal + b"\n"
    disk.write_new(directory / recovery.HEAD, signed.encode())
    disk.write_new(path, data)
    return path, len(data)
