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
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from yett_audit import disk, merkle, note, record, recovery, segment, tile
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import Broken, InvalidRecord, LogRefused, LogUnavailable
from yett_audit.pen import Pen
from yett_audit.receipt import Receipt
from yett_audit.tape import Tape, error_name

LOCK = "lock"


@dataclass(slots=True)
class Entry:
    """A record's place, to wait with: its index and its leaf hash."""

    index: int
    leaf: bytes


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
        self, directory: Path, pen: Pen, tape: Tape, lock: int, now: Callable[[], int], heartbeat: int
    ) -> None:
        self._directory, self._tape, self._now = directory, tape, now
        self._pen, self._durable_pen = pen, pen.copy()
        self._lock_fd, self._pid = lock, os.getpid()
        self._lock = threading.Lock()
        self._turn = threading.Condition(threading.Lock())
        self._leading = False
        self._pending: list[bytes] = []
        self._sealed = True
        self._turn_due = False
        self._durable = pen.next
        self._callbacks: list[tuple[int, Done]] = []
        self._poison: LogUnavailable | None = None
        self._closed = False
        self._flusher: threading.Thread | None = None
        self._wake, self._stop = threading.Event(), threading.Event()
        self._head = _head_of(pen)
        self.tiles = tile.Tiles(directory)
        if heartbeat:
            threading.Thread(
                target=self._beat, args=(heartbeat,), name="yett-log-heartbeat", daemon=True
            ).start()

    # --- opening

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        origin: str,
        key: SigningKey | bytes | Sequence[SigningKey],
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
            key: the signing key, or its 32-byte seed. One key, one origin. Of several, the one in force is used
                (after a rotation that a crash interrupted, the old and the new one).
            mode: `sealed` or `per-record`; fixed by the genesis.
            heartbeat: seconds of silence after which a heartbeat record is written, which makes a silent cut of
                the newest part visible as silence; 0 for none. Fixed by the genesis.
            floor: the last checkpoint known to a witness or guardian; a log behind it is refused.

        Raises:
            LogRefused: LOCKED, TAMPERED, ROLLBACK, DELETED, WRONG_ORIGIN, WRONG_KEY, HEAD_….
            OSError: the directory cannot be used.
        """
        directory = Path(directory)
        signers = [k if isinstance(k, SigningKey) else SigningKey(k) for k in _as_list(key)]
        if mode not in record.MODES:
            raise LogRefused("MODE", f"the mode is one of {', '.join(record.MODES)}")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            lock = disk.lock(directory / LOCK)
        except BlockingIOError:
            raise LogRefused("LOCKED", "another writer has this log open") from None
        real = real or disk.RealDisk()
        try:
            torn: dict[str, Any] | None = None
            fresh = not segment.paths(directory)
            if fresh:
                pen = Pen.blank(
                    origin=origin, key=signers[0], mode=mode, log=entropy(16).hex(), heartbeat=heartbeat
                )
                path, size = _create(directory, pen, now(), floor)
            else:
                found = recovery.recover(
                    directory, origin=origin, publics=[k.public for k in signers], floor=floor
                )
                signing = next(k for k in signers if k.public == found.chain.key.key)
                pen, path, size, torn = Pen(found.chain, signing), found.path, found.size, found.torn
            tape = Tape(directory, path, size, real, segment_bytes)
            writer = cls(directory, pen, tape, lock, now, pen.state.heartbeat)
        except BaseException:
            os.close(lock)
            raise
        if not fresh:
            try:
                writer._append(record.RECOVERY if torn is not None else record.OPEN, torn or {})
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
        with self._lock:
            self._refuse_if_unusable()
            state = self._pen.state
            index = state.next
            self._pending.append(self._pen.line(event, body, self._now()))
            self._sealed = False
            return Entry(index, state.prev)

    def _refuse_if_unusable(self) -> None:
        if self._poison is not None:
            raise self._poison
        if self._closed:
            raise LogUnavailable("the log is closed")
        if os.getpid() != self._pid:
            raise LogUnavailable("the log was opened by the parent process; a fork cannot write to it")

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
            self.wait(Entry(last, b""))
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

    def receipt(self, index: int) -> str:
        """The C2SP `.tlog-proof` of a durable record, its line included, against the last checkpoint.

        Raises:
            Broken: there is no durable record of this index, or the files do not hold what was sealed.
        """
        head = self._head
        if not 0 <= index < head.checkpoint.size:
            raise Broken("missing", "no durable record has this index")
        proof = self.tiles.inclusion(index, head.checkpoint.size)
        line = self.tiles.line(index)
        merkle.verify_inclusion(
            index, head.checkpoint.size, record.leaf_of(line), proof, head.checkpoint.root
        )
        return str(Receipt(index, tuple(proof), head.note, line))

    def append_own(self, event: str, body: dict[str, Any]) -> int:
        """Records an anchor or a retention and waits for it; the size of the log behind it and its seal."""
        if event not in (record.ANCHOR, record.RETENTION):
            raise InvalidRecord("this event is not for callers")
        entry = self._append(event, body)
        self.wait(entry)
        return entry.index + 2

    def begin_segment(self) -> None:
        """Ends the segment that is written to, however short: what a retention removes is whole segments."""
        with self._lock:
            self._refuse_if_unusable()
            self._turn_due = True
            header = Entry(self._pen.state.next, b"")
        self.wait(header)

    def rotate(self, new: SigningKey) -> None:
        """Appoints the next key: the rotation record is sealed at once by the old key and by the new one.

        When this returns, the old key signs nothing any more and should be destroyed by the caller.
        """
        with self._lock:
            self._refuse_if_unusable()
            pen = self._pen
            index = pen.state.next
            appointed = note.VerifierKey(pen.state.origin, new.public)
            if any(appointed.key == old.key for _, old in pen.state.keys):
                raise LogRefused("KEY_REUSED", "this key has been in force before")
            body = {"epoch": pen.state.epoch + 1, "key": str(appointed)}
            self._pending.append(pen.line(record.ROTATE, body, self._now()))
            line, _ = pen.seal(new)
            self._pending.append(line)
            pen.turn_to(new)
            self._sealed = True
            entry = Entry(index, pen.state.prev)
        self.wait(entry)

    def close(self) -> None:
        """Records the orderly end, seals it, and releases the file. After a failure it only releases."""
        if self._closed:
            return
        try:
            if self._poison is None:
                self.wait(self._append(record.CLOSE, {}))
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
        self._stop.set()
        self._wake.set()
        self._tape.close(orderly=self._poison is None)
        os.close(self._lock_fd)
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
                ready, self._callbacks = self._callbacks, []
                if error is None:
                    self._callbacks = [c for c in ready if c[0] >= self._durable]
                    ready = [c for c in ready if c[0] < self._durable]
                self._turn.notify_all()
            for _, done in ready:
                done(error)
        if error is not None:
            raise error

    def _commit(self) -> None:
        with self._lock:
            if self._poison is not None:
                raise self._poison
            if self._closed:
                raise LogUnavailable("the log is closed")
            batch, self._pending = self._pending, []
            due, self._turn_due = self._turn_due, False
            if not batch and not due:
                return
            count = len(batch)
            if not self._sealed:
                batch.append(self._pen.seal()[0])
                self._sealed = True
            data = b"".join(line + b"\n" for line in batch)
            following = self._next_segment() if due or self._tape.full_with(len(data)) else None
            durable_pen = self._pen.copy()
        size = self._tape.size
        try:
            self._tape.check()
        except (OSError, LogUnavailable) as error:
            raise self._poisoned(error) from error
        try:
            self._tape.write(data)
        except OSError as error:
            self._last_words(error, size, count)
            raise self._poisoned(error) from error
        try:
            self._tape.sync()
            if following is not None:
                self._tape.turn_over(*following)
        except OSError as error:
            raise self._poisoned(error) from error
        self._durable_pen, self._head = durable_pen, _head_of(durable_pen)
        self._tape.remember(self._head.note)
        with self._turn:
            self._durable = durable_pen.next

    def _next_segment(self) -> tuple[Path, bytes]:
        """Name and content of the segment to follow: its header and the seal over it."""
        path = self._directory / segment.name_of(self._pen.next)
        header = self._pen.line(record.SEGMENT, self._pen.header(), self._now())
        return path, header + b"\n" + self._pen.seal()[0] + b"\n"

    def _poisoned(self, error: OSError | LogUnavailable) -> LogUnavailable:
        if self._poison is None:
            text = (
                f"the log cannot be written: {error_name(error)}"
                if isinstance(error, OSError)
                else str(error)
            )
            self._poison = LogUnavailable(text)
        return self._poison

    def _last_words(self, error: OSError, good_size: int, lost: int) -> None:
        """After a failed *write*: sets the file back to its last seal and tries to record why the log ends."""
        with contextlib.suppress(OSError):
            self._tape.back_to(good_size)
            pen = self._durable_pen.copy()
            line = pen.line(record.FAILCLOSED, {"cause": error_name(error), "lost": lost}, self._now())
            seal, signed = pen.seal()
            self._tape.write(line + b"\n" + seal + b"\n")
            self._tape.sync()
            self._tape.remember(signed)

    def _beat(self, seconds: int) -> None:
        seen = self._pen.next
        while not self._stop.wait(seconds):
            try:
                if self._pen.next == seen:
                    self.wait(self._append(record.HEARTBEAT, {}))
            except LogUnavailable:
                return
            seen = self._pen.next


def _head_of(pen: Pen) -> Head:
    state = pen.state
    return Head(note.Checkpoint(state.origin, state.sealed, state.sealed_root), state.note, state.sealed_at)


def _as_list(key: SigningKey | bytes | Sequence[SigningKey]) -> Sequence[SigningKey | bytes]:
    return [key] if isinstance(key, SigningKey | bytes) else key


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
