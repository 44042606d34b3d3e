"""The one place where the ledger changes: a lock, a log, a state, a store.

`Core.write` plans a record against the state, appends it to the log and installs the plan, all under the
lock; what it returns can be waited for. Everything else in the ledger checks something first and then calls
`write`. `Core.open` takes the log's lock, checks the stored position against the log, replays the rest, records
what a process that died had set aside, and begins a new epoch, in which every use that was under way before is in
doubt.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from yett.errors import AuditUnavailable, LedgerError
from yett.ledger.memory.session import Session
from yett.ledger.memory.taint import Hasher
from yett.ledger.projection import position, rows
from yett.ledger.projection.ahead import Ahead, boot
from yett.ledger.projection.changes import plan, session_of
from yett.ledger.projection.epoch import under_way
from yett.ledger.projection.recovery import fetcher, recover, refused
from yett.ledger.projection.rows import Decided
from yett.ledger.projection.sqlite import SqliteStore
from yett.ledger.projection.state import Body, Change, State
from yett.ledger.projection.store import Saved, Store, StoreBroken
from yett.ledger.projection.sweep import Sweeper
from yett.ledger.tokens import jws
from yett.ledger.tokens.keys import Keys, settle_rotation
from yett.log import Logger
from yett.model import Identity, RecordRef
from yett_audit.commitments import SubjectKeys
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import AuditError, InvalidRecord, LogRefused, LogUnavailable
from yett_audit.segment import SUFFIX
from yett_audit.writer import Writer

log = Logger("yett.ledger")

UPKEEP_S: Final = 60
"""Seconds after which what ended long ago is forgotten, in the background."""
MAX_RUNS: Final = 100
"""Runs of one sweep."""
SAVE_EVERY: Final = 2_000
"""Changed rows after which the projection is saved, in the background."""
NAMED: Final = 500
"""Decisions that one epoch's record names, of each kind."""
MAX_HASHES: Final = 2_000
"""Sessions whose hash is kept; each entry keeps its session's row in memory."""
RESTORED: Final = "restored"
"""File that says: this folder is a copy, and what the gateway did since it was made is not in it."""
_encode = msgspec.msgpack.Encoder().encode


class Entry(Protocol):
    """A record's place in the log."""

    @property
    def index(self) -> int: ...

    @property
    def leaf(self) -> bytes: ...


class Log(Protocol):
    """What the ledger needs of a log; `yett_audit.writer.Writer` is one."""

    def append(self, event: str, body: dict[str, Any]) -> Any: ...

    def wait(self, entry: Any, timeout: float | None = None) -> None: ...

    def add_done_callback(self, entry: Any, done: Callable[[LogUnavailable | None], None]) -> None: ...

    def close(self) -> None: ...


def subject_of(tenant: str, principal: str) -> str:
    """Whose key the arguments of a call are committed under."""
    return f"{tenant}\0{principal}"


class Core:
    """See the module. Built by `open`."""

    def __init__(
        self,
        *,
        writer: Writer,
        store: Store,
        state: State,
        keys: Keys,
        origin: str,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        folder: Path,
    ) -> None:
        self.writer = writer
        self.store = store
        self.state = state
        self.keys = keys
        self.origin = origin
        self.entropy = entropy
        self.lock = threading.RLock()
        self.ahead = Ahead(folder, self.lock, self.wait)
        self.folder = folder
        self.hasher = Hasher(keys.derive("taint"))
        self._subjects = SubjectKeys(folder / "keys" / "subjects", entropy=entropy)
        self._subject_keys: dict[str, bytes] = {}
        self.session_key = keys.derive("session")
        self._clock = clock
        self._hashes: dict[str, tuple[Session, str]] = {}
        self._last: Any = None
        self._pool: list[str] = []
        """Ids that were drawn and not given yet."""
        self._wake = threading.Event()
        self._closed = False
        self._saving = threading.RLock()
        self.sweeper = Sweeper()
        self._upkeeper = threading.Thread(target=self._keep_up, name="yett-ledger", daemon=True)

    # -- opening ---------------------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        origin: str | None,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        store: Callable[[str], Store] | None = None,
        writer_options: dict[str, Any] | None = None,
    ) -> Core:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        begun = any((folder / "log").glob("*" + SUFFIX))
        keys = Keys.open(folder / "keys", None if begun else entropy)
        name = _origin(folder / "keys" / "origin", origin, entropy)
        try:
            writer = Writer.open(
                folder / "log",
                origin=name,
                key=[SigningKey(seed) for seed in keys.log_seeds],
                now=clock,
                entropy=entropy,
                **(writer_options or {}),
            )
        except LogRefused as error:
            raise refused(error, folder / "log") from error
        except OSError as error:
            raise AuditUnavailable(
                f"the log cannot be opened: {error.strerror}", path=str(folder / "log")
            ) from error
        try:
            kept = SqliteStore(folder / "ledger.db") if store is None else store(name)
            settle_rotation(folder / "keys", writer.vkey)
            state, lost, orderly = recover(kept, folder / "log")
            state.trim(fetcher(kept))
            restored = folder / RESTORED
            core = cls(
                writer=writer,
                store=kept,
                state=state,
                keys=keys,
                origin=name,
                clock=clock,
                entropy=entropy,
                folder=folder,
            )
            publish(folder / "keys", writer.vkey)
            core._begin_epoch(lost or restored.exists(), [] if orderly else core._unknown())
            restored.unlink(missing_ok=True)
            core.ahead.begin()
            if behind := core.behind() // 1000:
                log.warning(
                    "the clock is behind the log: until it has caught up, nothing expires", seconds=behind
                )
            core._upkeeper.start()
        except BaseException as error:
            writer.abandon()
            if isinstance(error, StoreBroken):
                raise LedgerError("STATE_UNAVAILABLE", f"the projection cannot be opened: {error}") from error
            raise
        return core

    def _unknown(self) -> list[str]:
        """After a crash: records what outlived it, or else names the calls whose results may have been read."""
        state, left = self.state, self.ahead.left()
        if left is not None and state.meta.boot and state.meta.boot == boot():
            for body in left:
                known = state.decided.get(body["decision"])
                if known is not None and known.status == rows.RESERVED:
                    self.settle(known, body)
            return []
        unknown = under_way(state)
        if unknown:
            sessions = sorted({row.session for row in unknown})
            log.warning("nobody knows what these sessions have read last", sessions=sessions[:20])
        return sorted(row.id for row in unknown)

    def _begin_epoch(self, lost: bool, unknown: list[str]) -> None:
        epoch = self.state.meta.epoch + 1
        body: Body = {"epoch": epoch, "boot": boot()}
        if lost:
            body["lost"] = True
        # More than fit one record go into further ones of the same epoch.
        while True:
            body |= {"in_doubt": sorted(self.state.open)[:NAMED], "at": self.now()}
            if unknown:
                body["unknown"], unknown = unknown[:NAMED], unknown[NAMED:]
            entry = self.write("epoch", body)
            if not self.state.open and not unknown:
                break
            body = {"epoch": epoch}
        self.wait(entry)

    # -- changing --------------------------------------------------------------------------------------

    def now(self) -> int:
        """Milliseconds; never earlier than any record's time, whatever the wall clock does."""
        return max(self._clock(), self.state.meta.now)

    def behind(self) -> int:
        """Milliseconds by which the clock is behind the latest record: until it has caught up, no time passes here."""
        return max(0, self.state.meta.now - self._clock())

    def write(self, event: str, body: Body, changes: list[Change] | None = None) -> Any:
        """Appends a record and installs what it changes. Call with the lock held, or where nobody else runs.

        Raises:
            AuditUnavailable: nothing was recorded, nothing has changed.
            LedgerError: RECORD_REFUSED, the body does not fit a record; nothing has changed.
        """
        with self.lock:
            planned = plan(self.state, event, body) if changes is None else changes
            try:
                entry = self.writer.append(event, body)
            except LogUnavailable as error:
                raise AuditUnavailable(str(error)) from error
            except InvalidRecord as error:
                raise LedgerError("RECORD_REFUSED", str(error)) from error
            self.state.install(planned, body["at"])
            self.state.applied = entry.index + 1
            self.state.leaf = entry.leaf
            self._last = entry
            if len(self.state.dirty) >= SAVE_EVERY:
                self._wake.set()
            return entry

    def plan(self, event: str, body: Body) -> list[Change]:
        """What a decision or an outcome changes; its body gets the hash of the session that results."""
        changes = plan(self.state, event, body)
        after = session_of(changes)
        assert after is not None
        body["session"]["after"] = self.hash_of(after)
        return changes

    def settle(self, decided: Decided, body: Body) -> Any:
        """Writes the outcome of a decision: `body` (`outcome.body_of`) is completed. Call with the lock held.

        Raises:
            LedgerError: SESSION_UNKNOWN, RECORD_REFUSED. AuditUnavailable.
        """
        body["at"] = self.now()
        if decided.mandates:
            used = self.state.mandates.get(decided.mandates[0])
            slot = used.used if used is not None else 1
            body["mandate"] = {"jti": decided.mandates[0], "slot": slot, "state": body["to"]}
        before = self.state.sessions.get(decided.session)
        if before is None:
            raise LedgerError("SESSION_UNKNOWN", "the decision's session is gone")
        body["session"]["before"] = self.hash_of(before)
        return self.write("outcome", body, self.plan("outcome", body))

    def wait(self, entry: Any, timeout: float | None = None) -> None:
        """Returns once a record is durable.

        Raises:
            AuditUnavailable: it never will be. TimeoutError: not yet.
        """
        try:
            self.writer.wait(entry, timeout)
        except LogUnavailable as error:
            raise AuditUnavailable(str(error)) from error

    def record(self, event: str, body: Body) -> RecordRef:
        """Writes a record and waits until it is durable."""
        entry = self.write(event, body)
        self.wait(entry)
        return self.ref(entry)

    def ref(self, entry: Any) -> RecordRef:
        return RecordRef(
            log=self.origin,
            index=entry.index,
            leaf=entry.leaf.hex(),
            checkpoint=self.writer.head().checkpoint.size,
        )

    def hash_of(self, row: Session) -> str:
        """A session's hash, computed once a version."""
        kept = self._hashes.get(row.id)
        if kept is not None and kept[0] is row:
            return kept[1]
        digest = row.hash
        if len(self._hashes) > MAX_HASHES:
            self._hashes.clear()
        self._hashes[row.id] = (row, digest)
        return digest

    def subject_key(self, identity: Identity) -> bytes:
        """The key under which a principal's arguments are committed to; random and kept nowhere once erased."""
        subject = subject_of(identity.tenant, identity.principal)
        key = self._subject_keys.get(subject)
        if key is None:
            try:
                key = self._subjects.get(subject)
            except AuditError:
                return self.entropy(32)
            except OSError as error:
                raise LedgerError("KEYS_UNREADABLE", "a subject's key cannot be read or made") from error
            self._subject_keys[subject] = key
        return key

    def erase_subject(self, tenant: str, principal: str) -> None:
        """Destroys a principal's key: the arguments in its records can never be opened again.

        Raises:
            LedgerError: SUBJECT_UNKNOWN.
        """
        subject = subject_of(tenant, principal)
        try:
            self._subjects.erase(subject)
        except OSError as error:
            raise LedgerError("SUBJECT_UNKNOWN", "there is no key for this principal") from error
        self._subject_keys.pop(subject, None)

    def token(self, prefix: str) -> str:
        """A fresh random id: a prefix and 128 bits."""
        try:
            return prefix + self._pool.pop()
        except IndexError:
            drawn = self.entropy(4096)
            given, *self._pool = [jws.encode(drawn[place : place + 16]) for place in range(0, 4096, 16)]
            return prefix + given

    # -- the projection --------------------------------------------------------------------------------

    def _keep_up(self) -> None:
        swept = time.monotonic()
        while True:
            self._wake.wait(UPKEEP_S)
            self._wake.clear()
            if self._closed:
                return
            try:
                if len(self.state.dirty) >= SAVE_EVERY:
                    self.save()
                if time.monotonic() - swept >= UPKEEP_S:
                    swept = time.monotonic()
                    self.sweep()
                    if doubts := len(self.state.in_doubt):
                        log.warning("nobody knows whether these mandates' calls ran", in_doubt=doubts)
            except (StoreBroken, LedgerError) as error:
                log.error("the ledger's upkeep failed", kind=type(error).__name__)

    def sweep(self) -> int:
        """Forgets what ended long ago, in short runs between which calls are decided. Returns how much.

        Raises:
            AuditUnavailable, StoreBroken.
        """
        forgotten = 0
        for _ in range(MAX_RUNS):
            forgotten += self._forget()
            if self.sweeper.done or self._closed:
                break
        return forgotten

    def _forget(self) -> int:
        with self.lock:
            now = self.now()
            over = self.sweeper.over(self.state, now)
            if not over.rows:
                return 0
            entry = self.write("sweep", {**over.body, "at": now})
        self.wait(entry)
        self.store.drop_views(over.views)
        return over.rows

    def save(self) -> None:
        """Stores what has changed since the last save, once the log has it durably.

        Raises:
            StoreBroken: the store failed; the rows stay in memory and are tried again.
        """
        with self._saving:
            with self.lock:
                state = self.state
                keys, state.dirty = state.dirty, set()
                rows = [(table, key, state.tables[table].rows.get(key)) for table, key in keys]
                position = Saved(applied=state.applied, leaf=state.leaf, meta=_encode(state.meta))
                last = self._last
            try:
                if last is not None:
                    # Never ahead of the log: a projection of records that a crash took back would be a lie.
                    self.wait(last)
                self.store.save(
                    [(table, key, None if row is None else _encode(row)) for table, key, row in rows],
                    position,
                )
            except BaseException:
                with self.lock:
                    state.dirty |= keys
                raise
            with self.lock:
                state.trim(fetcher(self.store))

    def keep_position(self) -> None:
        """Writes the state to a file that the log names, so that it can do without its beginning. See `position`.

        Raises:
            LedgerError: POSITION_NOT_KEPT; nothing has changed. AuditUnavailable.
        """
        folder = self.folder / position.FOLDER
        with self._saving:
            try:
                self.save()
                saved = self.store.saved()
                assert saved is not None
                digest = position.write(folder, self.store, saved)
            except (OSError, StoreBroken) as error:
                raise LedgerError(
                    "POSITION_NOT_KEPT",
                    f"the state cannot be written down: {getattr(error, 'strerror', None) or error}",
                    path=str(folder),
                ) from error
        self.record(position.EVENT, {"applied": saved.applied, "sha256": digest, "at": self.now()})
        position.drop_before(folder, saved.applied)

    def close(self) -> None:
        """Saves, seals the log, releases everything. After a failure of the log it only releases."""
        with self.lock:
            if self._closed:
                return
            self._closed = True
        self._wake.set()
        self._upkeeper.join()
        self.ahead.close()
        with contextlib.suppress(StoreBroken, AuditUnavailable):
            self.save()
        try:
            self.writer.close()
        except LogUnavailable as error:
            log.error("the log was not closed in order", reason=str(error))
        finally:
            self.store.close()

    def abandon(self) -> None:
        """Releases the files as a crash would: nothing is saved, no closing record is written."""
        self._closed = True
        self._wake.set()
        self.ahead.close()
        self.writer.abandon()
        self.store.close()


def _origin(path: Path, wanted: str | None, entropy: Callable[[int], bytes]) -> str:
    """The log's name: as it was when the log was made, or as wanted for a new one."""
    try:
        known = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        name = wanted or f"localhost/yett/{entropy(4).hex()}"
        path.write_text(name + "\n", encoding="ascii")
        return name
    if wanted is not None and wanted != known:
        raise LedgerError("WRONG_ORIGIN", f"this state belongs to the log {known}", path=str(path))
    return known


def publish(folder: Path, key: str) -> None:
    """Lays the log's verifier key beside its secret ones, for whoever runs `yett-verify`."""
    path = folder / "log.pub"
    if not path.exists() or path.read_text(encoding="ascii").strip() != key:
        path.write_text(key + "\n", encoding="ascii")
        path.chmod(0o644)
