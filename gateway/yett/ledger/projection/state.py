"""The state: what the log, applied record by record, amounts to.

Rows by table and key, and the look-ups over them. What a record changes is planned by `changes.plan`, a pure
function; `State.install` puts the planned rows in place. There is no other way to change anything.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import islice, takewhile
from typing import Any, Final, Generic, TypeVar

import msgspec

from yett.errors import LedgerError
from yett.ledger.memory.budget import DAY, Account
from yett.ledger.memory.session import Session
from yett.ledger.projection import rows
from yett.ledger.projection.rows import Approval, Credential, Decided, Frozen, Mandate, Principal, Revoked
from yett.model import Struct

Body = dict[str, Any]
Row = Struct
Change = tuple[str, str, Row | None]
"""(table, key, new row or None for its removal)."""
R = TypeVar("R", bound=Struct)
MAX_ABSENT: Final = 50_000

KEPT_MS: Final = DAY
"""How long after its end an allowed decision can still be reported, and an attempt be recognised."""
MAX_UNREPORTED: Final = 200_000
"""Allowed decisions that wait for their outcome; beyond it the oldest can no longer be reported."""


class Meta(Struct, frozen=True, kw_only=True):
    """The ledger's own counters."""

    epoch: int = 0
    now: int = 0
    """Latest time in any record: the clock never goes back behind it."""
    watermark: int = 0
    """Seconds: mandates that ended at or before it may have been forgotten, so none of them is accepted."""
    policy: str = ""
    policy_id: str = ""
    lost: bool = False
    """History is known to be missing: acting calls are held until an operator clears it."""
    fence: int = 0
    """Seconds: mandates issued at or before it may have been used in history that is missing; none is accepted."""
    boot: str = ""
    """The run of the operating system that the epoch began in (`ahead.boot`)."""
    began: int = 0
    """When the epoch began, ms."""


class Attempt(Struct, frozen=True, kw_only=True):
    """An idempotency key that was used: by which decision, and for what."""

    decision: str
    call: str


class Table(Generic[R]):
    """Rows of one kind by key. With a capacity, rows that are safely stored may leave memory and are fetched again."""

    def __init__(self, name: str, kind: type[R], capacity: int | None = None) -> None:
        self.name = name
        self.kind = kind
        self.rows: dict[str, R] = {}
        self.fetch: Callable[[str, str], bytes | None] | None = None
        """Set while the store holds rows that memory does not."""
        self.capacity = capacity
        self._decode = msgspec.msgpack.Decoder(kind).decode
        self._absent: set[str] = set()
        """Keys that the store was asked for in vain: what is new is not asked for with every call."""

    def get(self, key: str) -> R | None:
        row = self.rows.get(key)
        if row is not None or self.fetch is None or key in self._absent:
            return row
        data = self.fetch(self.name, key)
        if data is not None:
            try:
                row = self.rows[key] = self._decode(data)
            except msgspec.MsgspecError as error:
                raise LedgerError(
                    "STATE_UNAVAILABLE",
                    f"a stored {self.name} is damaged",
                    remedy="run `yett ledger rebuild`",
                ) from error
        else:
            if len(self._absent) >= MAX_ABSENT:
                self._absent.clear()
            self._absent.add(key)
        return row

    def put(self, key: str, row: R | None) -> None:
        """Installs a row, as the one that changed last; or removes it."""
        rows = self.rows
        if self.capacity is not None or row is None:
            rows.pop(key, None)
            self._absent.discard(key)
        if row is not None:
            rows[key] = row

    def load(self, key: str, data: bytes) -> None:
        self.rows[key] = self._decode(data)

    def trim(self, keep: set[tuple[str, str]]) -> int:
        """Drops rows from memory, oldest first, until the table fits; never one in `keep` (not stored yet)."""
        excess = len(self.rows) - self.capacity if self.capacity is not None else 0
        if excess <= 0:
            return 0
        dropped = list(islice((key for key in self.rows if (self.name, key) not in keep), excess))
        for key in dropped:
            del self.rows[key]
        return len(dropped)


class State:
    """See the module. Not thread-safe: the ledger's lock guards it."""

    def __init__(self, capacity: int = 10_000) -> None:
        self.meta = Meta()
        self.sessions = Table("session", Session, capacity)
        self.principals = Table("principal", Principal, capacity)
        self.accounts = Table("account", Account, 5 * capacity)
        self.decided = Table("decided", Decided)
        self.mandates = Table("mandate", Mandate)
        self.approvals = Table("approval", Approval)
        self.frozen = Table("frozen", Frozen)
        self.revoked = Table("revoked", Revoked)
        self.attempts = Table("attempt", Attempt)
        self.credentials = Table("credential", Credential)
        self.tables: dict[str, Table[Any]] = {
            table.name: table
            for table in (
                self.sessions,
                self.principals,
                self.accounts,
                self.decided,
                self.mandates,
                self.approvals,
                self.frozen,
                self.revoked,
                self.attempts,
                self.credentials,
            )
        }
        self.by_call: dict[str, str] = {}
        """Call digest -> its latest approval request."""
        self.in_doubt: set[str] = set()
        self.open: set[str] = set()
        """Allowed decisions that hold a mandate's use and have no outcome yet."""
        self.unreported: OrderedDict[str, None] = OrderedDict()
        """Allowed decisions that wait for their outcome and nothing else, oldest first."""
        self.lasting: OrderedDict[str, None] = OrderedDict()
        """Allowed decisions that are remembered for a mandate that they used or an attempt, oldest first."""
        self.requests: dict[tuple[str, str], OrderedDict[str, None]] = {}
        """Approval requests of each (tenant, principal) that nobody has answered, oldest first."""
        self.applied = 0
        """Index of the next record to apply."""
        self.leaf = b""
        """Leaf hash of the last applied record."""
        self.dirty: set[tuple[str, str]] = set()

    def trim(self, fetch: Callable[[str, str], bytes | None]) -> None:
        """Lets stored rows leave memory where there are too many of them."""
        for table in self.tables.values():
            if table.trim(self.dirty):
                table.fetch = fetch

    # -- reading ---------------------------------------------------------------------------------------

    def principal(self, tenant: str, name: str) -> Principal:
        key = principal_key(tenant, name)
        return self.principals.get(key) or Principal(key=key, account=Account(key="p:" + key))

    def account(self, key: str) -> Account:
        return self.accounts.get(key) or Account(key=key)

    def blank_session(self, sid: str, tenant: str, principal: str, agent: str) -> Session:
        """A session that begins: with what its principal carries over from all the others."""
        owner = self.principal(tenant, principal)
        return Session(
            id=sid,
            tenant=tenant,
            principal=principal,
            agent=agent,
            lineage=sid,
            clock=owner.clock,
            labels=owner.labels,
        )

    def waiting(self, tenant: str, principal: str, now: int) -> int:
        """Approval requests of a principal that wait for an answer. All live equally long: the newest are looked at."""
        unanswered = reversed(self.requests.get((tenant, principal), {}))
        found = (self.approvals.rows[key] for key in unanswered)
        return sum(1 for _ in takewhile(lambda request: now < request.expires, found))

    # -- changing --------------------------------------------------------------------------------------

    def install(self, changes: list[Change], at: int) -> None:
        tables, dirty = self.tables, self.dirty
        for table, key, row in changes:
            kept = tables.get(table)
            if kept is None:
                assert isinstance(row, Meta)
                self.meta = row
                continue
            if table == "decided":
                self._note_decided(key, row)
            elif table == "approval":
                self._note_approval(key, row)
            kept.put(key, row)
            dirty.add((table, key))
        if at > self.meta.now:
            self.meta = msgspec.structs.replace(self.meta, now=at)

    def _note_decided(self, key: str, row: Row | None) -> None:
        for place in (self.open, self.in_doubt):
            place.discard(key)
        if not isinstance(row, Decided):
            self.unreported.pop(key, None)
            self.lasting.pop(key, None)
        elif row.mandates and row.status == rows.RESERVED:
            self.open.add(key)
        elif row.mandates and row.status == rows.IN_DOUBT:
            self.in_doubt.add(key)
        elif row.mandates or row.attempt:
            self.lasting[key] = None
        else:
            self.unreported[key] = None

    def _note_approval(self, key: str, row: Row | None) -> None:
        known = self.approvals.rows.get(key) if row is None else row
        if not isinstance(known, Approval):
            return
        who = (known.tenant, known.principal)
        if row is not None:
            self.by_call[known.call] = key
        elif self.by_call.get(known.call) == key:
            del self.by_call[known.call]
        if row is not None and known.status == rows.WAITING:
            self.requests.setdefault(who, OrderedDict())[key] = None
        elif who in self.requests:
            self.requests[who].pop(key, None)
            if not self.requests[who]:
                del self.requests[who]

    def index(self) -> None:
        """Rebuilds the look-ups after rows were loaded from a store."""
        for key, decided in sorted(self.decided.rows.items(), key=lambda item: item[1].at):
            self._note_decided(key, decided)
        for key, approval in sorted(self.approvals.rows.items(), key=lambda item: item[1].at):
            self._note_approval(key, approval)

    def expired(self, now: int) -> Iterator[Change]:
        """Decisions that nothing can ask for any more, oldest first; at most two of each kind."""
        for queue, most in ((self.unreported, MAX_UNREPORTED), (self.lasting, None)):
            for key in islice(queue, 2):
                row = self.decided.get(key)
                if row is None or (row.expires + KEPT_MS >= now and (most is None or len(queue) <= most)):
                    break
                yield ("decided", key, None)
                if row.attempt:
                    yield ("attempt", attempt_key(row), None)


def principal_key(tenant: str, principal: str) -> str:
    return f"{tenant}\0{principal}"


def attempt_key(row: Decided) -> str:
    return "\0".join((row.tenant, row.principal, row.agent, row.attempt))
