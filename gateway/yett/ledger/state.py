"""The state: what the log, applied record by record, amounts to.

`plan` is a pure function from a record to the rows it changes; `install` puts them in place. A commit
plans, writes the hash of the resulting session into the record, appends, and installs; a replay plans the
same record and must come to the same hash. There is no other way to change anything, so memory, SQLite
and the log cannot disagree.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar

import msgspec

from yett.errors import LedgerError
from yett.ledger import rows, session, taint
from yett.ledger.budget import DAY, Account
from yett.ledger.mandate import Claims
from yett.ledger.rows import Approval, Decided, Frozen, Mandate, Principal, Revoked
from yett.ledger.session import Clock, Session
from yett.model import Struct

Body = dict[str, Any]
Row = Struct
Change = tuple[str, str, Row | None]
"""(table, key, new row or None for its removal)."""
R = TypeVar("R", bound=Struct)
_RECENT_LAST: Final = frozenset({"session", "principal", "account"})
"""Tables whose rows may leave memory: kept in the order of their last change."""

KEPT_MS: Final = DAY
"""How long after its end an allowed decision can still be reported, and an attempt be recognised."""


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


class Attempt(Struct, frozen=True, kw_only=True):
    """An idempotency key that was used: by which decision, and for what."""

    decision: str
    call: str


class Table(Generic[R]):
    """Rows of one kind by key. Rows that are safely stored may leave memory and are fetched again."""

    def __init__(self, name: str, kind: type[R], capacity: int) -> None:
        self.name = name
        self.kind = kind
        self.rows: dict[str, R] = {}
        self.fetch: Callable[[str, str], bytes | None] | None = None
        """Set while the store holds rows that memory does not."""
        self._capacity = capacity
        self._decode = msgspec.msgpack.Decoder(kind).decode

    def get(self, key: str) -> R | None:
        row = self.rows.get(key)
        if row is None and self.fetch is not None:
            data = self.fetch(self.name, key)
            if data is not None:
                row = self.rows[key] = self._decode(data)
        return row

    def load(self, key: str, data: bytes) -> None:
        self.rows[key] = self._decode(data)

    def trim(self, keep: set[tuple[str, str]]) -> int:
        """Drops rows from memory, oldest first, until the table fits; never one in `keep` (not stored yet)."""
        excess = len(self.rows) - self._capacity
        if excess <= 0:
            return 0
        dropped = [key for key in self.rows if (self.name, key) not in keep][:excess]
        for key in dropped:
            del self.rows[key]
        return len(dropped)


class State:
    """See the module. Not thread-safe: the ledger's lock guards it."""

    def __init__(self, capacity: int = 50_000) -> None:
        self.meta = Meta()
        self.sessions = Table("session", Session, capacity)
        self.principals = Table("principal", Principal, capacity)
        self.accounts = Table("account", Account, capacity)
        self.decided = Table("decided", Decided, 10**9)
        self.mandates = Table("mandate", Mandate, 10**9)
        self.approvals = Table("approval", Approval, 10**9)
        self.frozen = Table("frozen", Frozen, 10**9)
        self.revoked = Table("revoked", Revoked, 10**9)
        self.attempts = Table("attempt", Attempt, 10**9)
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
            )
        }
        self.by_call: dict[str, str] = {}
        """Call digest -> its latest approval request."""
        self.in_doubt: set[str] = set()
        self.open: set[str] = set()
        """Allowed decisions that hold a mandate's use and have no outcome yet."""
        self.order: deque[str] = deque()
        """Allowed decisions, oldest first: the order in which they are forgotten."""
        self.applied = 0
        """Index of the next record to apply."""
        self.leaf = b""
        """Leaf hash of the last applied record."""
        self.dirty: set[tuple[str, str]] = set()

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

    # -- changing --------------------------------------------------------------------------------------

    def plan(self, event: str, body: Body) -> list[Change]:
        """The rows a record changes. Pure; unknown events change nothing (the log holds others' too)."""
        planner = _PLANNERS.get(event)
        return planner(self, body) if planner is not None else []

    def install(self, changes: list[Change], at: int) -> None:
        for table, key, row in changes:
            if table == "meta":
                assert isinstance(row, Meta)
                self.meta = row
                continue
            if table == "order":
                self.order.remove(key)
                continue
            known = self.tables[table].rows
            new = key not in known
            if row is None:
                known.pop(key, None)
            else:
                if table in _RECENT_LAST:
                    known.pop(key, None)
                known[key] = row
            self.dirty.add((table, key))
            if table == "decided":
                self._note_decided(key, row, not new)
            elif table == "approval" and isinstance(row, Approval):
                self.by_call[row.call] = key
        if at > self.meta.now:
            self.meta = msgspec.structs.replace(self.meta, now=at)

    def apply(self, event: str, body: Body, index: int, leaf: bytes) -> None:
        """Plans and installs one record of the log.

        Raises:
            LedgerError: STATE_MISMATCH, if the record says its session came out otherwise.
        """
        changes = self.plan(event, body)
        expected = body.get("session")
        if isinstance(expected, dict) and "after" in expected:
            found = next((r for t, _, r in changes if t == "session"), None)
            if not isinstance(found, Session) or found.hash != expected["after"]:
                raise LedgerError(
                    "STATE_MISMATCH",
                    f"record {index} does not lead to the session state it states",
                    remedy="verify the log with yett-verify; if it holds, this version replays differently",
                )
        at = body.get("at")
        self.install(changes, at if isinstance(at, int) else 0)
        self.applied = index + 1
        self.leaf = leaf

    def _note_decided(self, key: str, row: Row | None, known: bool) -> None:
        settled = key in self.open or key in self.in_doubt
        status = row.status if isinstance(row, Decided) and row.mandates else ""
        for kept, name in ((self.open, rows.RESERVED), (self.in_doubt, rows.IN_DOUBT)):
            if status == name:
                kept.add(key)
            else:
                kept.discard(key)
        if row is not None and (not known or (settled and key not in self.order)):
            self.order.append(key)

    def index(self) -> None:
        """Rebuilds the look-ups after rows were loaded from a store."""
        for key, decided in sorted(self.decided.rows.items(), key=lambda item: item[1].at):
            self._note_decided(key, decided, False)
        for key, approval in sorted(self.approvals.rows.items(), key=lambda item: item[1].at):
            self.by_call[approval.call] = key

    def expired(self, now: int) -> Iterator[Change]:
        """Decisions that nothing can ask for any more, oldest first; at most two each time."""
        for place in range(min(2, len(self.order))):
            key = self.order[place]
            row = self.decided.get(key)
            if row is not None and row.expires + KEPT_MS >= now:
                return
            if row is None or key in self.open or key in self.in_doubt:
                # What is not settled is never forgotten; it comes back into the order once it is.
                yield ("order", key, None)
                continue
            yield ("decided", key, None)
            yield ("order", key, None)
            if row.attempt:
                yield ("attempt", attempt_key(row), None)


def principal_key(tenant: str, principal: str) -> str:
    return f"{tenant}\0{principal}"


def attempt_key(row: Decided) -> str:
    return "\0".join((row.tenant, row.principal, row.agent, row.attempt))


# -- one planner an event ------------------------------------------------------------------------------


def _plan_session(state: State, body: Body) -> list[Change]:
    tenant, name = body["tenant"], body["principal"]
    owner = state.principal(tenant, name)
    at = body["at"]
    row = state.blank_session(body["id"], tenant, name, body["agent"])
    parent = state.sessions.get(body["parent"]) if body.get("parent") else None
    labels, index, clock, lineage = row.labels, row.taint, row.clock, row.lineage
    if parent is not None:
        labels = session.with_labels(labels, set(parent.labels))
        index, lineage = parent.taint, parent.lineage
        clock = Clock(
            fast=max(clock.fast, parent.clock.aged(at).fast),
            slow=max(clock.slow, parent.clock.aged(at).slow),
            at=at,
        )
    for kind, packed in body.get("values", []):
        index = index.plus(kind, taint.from_text(packed))
    row = msgspec.structs.replace(
        row,
        parent=body.get("parent") or "",
        lineage=lineage,
        opened=at,
        version=1,
        labels=labels,
        taint=index,
        clock=clock,
    )
    owner = msgspec.structs.replace(
        owner,
        account=owner.account.charged((("cap:sessions", 1),), at),
        clock=owner.clock.struck(session.OPENING_RISK, at),
    )
    return [("session", row.id, row), ("principal", owner.key, owner)]


def _plan_decision(state: State, body: Body) -> list[Change]:
    at, who, told, does = body["at"], body["who"], body["session"], body["does"]
    tenant, name = who["tenant"], who["principal"]
    row = state.sessions.get(told["id"]) or state.blank_session(told["id"], tenant, name, who["agent"])
    owner = state.principal(tenant, name)
    allowed = body["effect"] == "allow"
    strike = does["strike"]
    charges = tuple((what, amount) for what, amount in does.get("charges", ()))
    spent = tuple((what, amount) for what, amount in does.get("spent", ()))
    counted = tuple((f"count:{what}", amount) for what, amount in does.get("counts", ()))
    changes: list[Change] = []

    fields: dict[str, Any] = {"version": row.version + 1, "clock": row.clock.struck(strike, at)}
    if allowed:
        if does.get("labels"):
            fields["labels"] = session.with_labels(row.labels, set(does["labels"]))
        if does.get("targets"):
            fields["targets"] = _newest(row.targets, taint.from_text(does["targets"]))
        if does.get("explained"):
            fields["explained"] = _newest(row.explained, taint.from_text(does["explained"]))
    row = msgspec.structs.replace(row, **fields)
    changes.append(("session", row.id, row))

    owed = counted
    if allowed:
        owed += tuple(("cap:" + what, amount) for what, amount in charges)
        owed += tuple(("spent:" + what, amount) for what, amount in spent)
    if not allowed and body["effect"] == "deny":
        owed += (("cap:denied", 1),)
    labels = owner.labels
    if allowed and "persist_taint" in does.get("labels", ()):
        labels = session.with_labels(labels, {"persist_taint", "read_untrusted"})
    owner = Principal(
        key=owner.key,
        account=owner.account.charged(owed, at) if owed else owner.account,
        clock=owner.clock.struck(strike, at),
        long=owner.long.struck(strike, at, session.PRINCIPAL_HALF_LIFE),
        labels=labels,
    )
    changes.append(("principal", owner.key, owner))

    destinations = tuple(does.get("accounts", ()))
    if allowed and charges:
        caps = tuple(("cap:" + what, amount) for what, amount in charges)
        for key in {"s:" + row.id, "l:" + row.lineage, *destinations}:
            changes.append(("account", key, state.account(key).charged(caps, at)))
    if allowed:
        changes += _plan_allowed(state, body, charges, spent, destinations)
    if body.get("approval") and body["effect"] == "hold" and "request" in body:
        changes.append(("approval", body["approval"], _request(body)))
    changes += state.expired(at)
    return changes


def _plan_allowed(
    state: State,
    body: Body,
    charges: tuple[tuple[str, int], ...],
    spent: tuple[tuple[str, int], ...],
    destinations: tuple[str, ...],
) -> list[Change]:
    who, call = body["who"], body["call"]
    use: Body = body.get("mandate") or {}
    row = Decided(
        id=body["id"],
        tenant=who["tenant"],
        principal=who["principal"],
        agent=who["agent"],
        session=body["session"]["id"],
        tool=call["tool"],
        server=call.get("server"),
        call=call["digest"],
        at=body["at"],
        expires=body["expires"],
        charges=charges,
        spent=spent,
        targets=destinations,
        mandates=tuple(use.get("ids", ())),
        amount=use.get("amount", 0),
        attempt=call.get("attempt", ""),
        sender=use.get("sender", ""),
    )
    changes: list[Change] = [("decided", row.id, row)]
    if row.attempt:
        changes.append(("attempt", attempt_key(row), Attempt(decision=row.id, call=row.call)))
    limits = {link["jti"]: link for link in use.get("chain", ())}
    for jti in row.mandates:
        known = state.mandates.get(jti)
        if known is None:
            link = limits[jti]
            known = Mandate(
                jti=jti, uses=link["uses"], exp=link["exp"], iat=link["iat"], amount=link.get("amount")
            )
        digest = known.digest or (use.get("digest", "") if jti == row.mandates[0] else "")
        changes.append(
            (
                "mandate",
                jti,
                msgspec.structs.replace(
                    known, used=known.used + 1, spent=known.spent + row.amount, last=row.id, digest=digest
                ),
            )
        )
    if body.get("approval"):
        approval = state.approvals.get(body["approval"])
        if approval is not None:
            changes.append(("approval", approval.id, msgspec.structs.replace(approval, status=rows.USED)))
    return changes


def _request(body: Body) -> Approval:
    who, call, request = body["who"], body["call"], body["request"]
    return Approval(
        id=body["approval"],
        decision=body["id"],
        call=call["digest"],
        action=call["action"],
        tenant=who["tenant"],
        principal=who["principal"],
        agent=who["agent"],
        session=body["session"]["id"],
        tool=call["tool"],
        server=call.get("server"),
        groups=tuple(request["groups"]),
        quorum=request["quorum"],
        causes=tuple(request["causes"]),
        at=body["at"],
        expires=request["expires"],
        risk=body["risk"],
    )


def _newest(known: bytes, added: bytes) -> bytes:
    """Packed hashes with others appended that are not among them; the oldest fall out."""
    have = {known[i : i + 6] for i in range(0, len(known), 6)}
    for place in range(0, len(added), 6):
        item = added[place : place + 6]
        if item not in have:
            known += item
    return known[-6 * session.MAX_TARGETS :]


def _plan_outcome(state: State, body: Body) -> list[Change]:
    decided = state.decided.get(body["decision"])
    row = state.sessions.get(body["session"]["id"])
    if decided is None or row is None:
        return []
    status = body["to"]
    changes: list[Change] = [
        (
            "decided",
            decided.id,
            msgspec.structs.replace(decided, status=status, result=body.get("digest", "")),
        )
    ]
    index = row.taint
    for kind, packed in body.get("values", []):
        index = index.plus(kind, taint.from_text(packed))
    labels = session.with_labels(row.labels, set(body.get("labels", ())))
    if index.saturated:
        labels = session.with_labels(labels, {"taint_saturated"})
    row = msgspec.structs.replace(
        row,
        version=row.version + 1,
        taint=index,
        labels=labels,
        clock=row.clock.struck(body.get("strike", 0), body["at"]),
        stages=_stages(row.stages, body.get("stages", [])),
    )
    changes.append(("session", row.id, row))
    owner = state.principal(row.tenant, row.principal)
    account = owner.account
    if body.get("records"):
        charge = (("cap:records", body["records"]),)
        account = account.charged(charge, body["at"])
        for key in {"s:" + row.id, "l:" + row.lineage}:
            changes.append(("account", key, state.account(key).charged(charge, body["at"])))
    if status == rows.RELEASED:
        given_back = tuple(("cap:" + what, amount) for what, amount in decided.charges)
        given_back += tuple(("spent:" + what, amount) for what, amount in decided.spent)
        account = account.refunded(given_back, decided.at)
        caps = tuple(("cap:" + what, amount) for what, amount in decided.charges)
        if caps:
            for key in {"s:" + row.id, "l:" + row.lineage, *decided.targets}:
                base = next((r for t, k, r in changes if t == "account" and k == key), None)
                known = base if isinstance(base, Account) else state.account(key)
                changes.append(("account", key, known.refunded(caps, decided.at)))
        changes += _release(state, decided)
        if decided.attempt:
            changes.append(("attempt", attempt_key(decided), None))
    if account is not owner.account or body.get("strike"):
        owner = msgspec.structs.replace(
            owner, account=account, clock=owner.clock.struck(body.get("strike", 0), body["at"])
        )
        changes.append(("principal", owner.key, owner))
    return changes


def _stages(known: tuple[tuple[str, str], ...], moved: list[list[str]]) -> tuple[tuple[str, str], ...]:
    if not moved:
        return known
    table = dict(known)
    for name, place in moved:
        if name in table or len(table) < session.MAX_STAGES:
            table[name] = place
    return tuple(sorted(table.items()))


def _release(state: State, decided: Decided) -> list[Change]:
    changes: list[Change] = []
    for jti in decided.mandates:
        known = state.mandates.get(jti)
        if known is not None:
            changes.append(
                (
                    "mandate",
                    jti,
                    msgspec.structs.replace(known, used=known.used - 1, spent=known.spent - decided.amount),
                )
            )
    return changes


def _plan_mandate(state: State, body: Body) -> list[Change]:
    op = body["op"]
    if op == "issue":
        return [_issued(body)]
    if op == "revoke":
        scope = body["scope"]
        return [("revoked", scope, Revoked(scope=scope, at=body["at"] // 1000, by=body["by"]))]
    if op == "resolve":
        decided = state.decided.get(body["decision"])
        if decided is None:
            return []
        changes: list[Change] = [("decided", decided.id, msgspec.structs.replace(decided, status=body["to"]))]
        if body["to"] == rows.RELEASED:
            changes += _release(state, decided)
        return changes
    return []


def _issued(body: Body) -> Change:
    told = body["mandate"]
    row = Mandate(
        jti=told["jti"],
        uses=told["uses"],
        exp=told["exp"],
        iat=told["iat"],
        amount=told.get("amount"),
        digest=body["digest"],
        claims=msgspec.convert(body["claims"], Claims) if "claims" in body else None,
        tenant=told["tenant"],
        principal=told["principal"],
        agent=told["agent"],
    )
    return "mandate", row.jti, row


def _plan_approval(state: State, body: Body) -> list[Change]:
    known = state.approvals.get(body["id"])
    if known is None:
        return []
    changes: list[Change] = []
    fields: dict[str, Any] = {"status": body["to"], "decided_at": body["at"]}
    if body["op"] == "approve":
        fields["yes"] = (*known.yes, (body["by"], body["principal"]))
        account = state.account("a:" + body["by"])
        changes.append(("account", account.key, account.charged((("approvals", 1),), body["at"])))
    if "claims" in body:
        issued = _issued(body)
        changes.append(issued)
        fields["mandate"] = issued[1]
        if body["claims"].get("call", known.call) != known.call:
            # A narrowed approval permits another call than the one that was held.
            fields["call"] = body["claims"]["call"]
    changes.append(("approval", known.id, msgspec.structs.replace(known, **fields)))
    return changes


def _plan_freeze(state: State, body: Body) -> list[Change]:
    scope = body["scope"]
    if body["op"] == "thaw":
        return [("frozen", scope, None)]
    return [
        ("frozen", scope, Frozen(scope=scope, by=body["by"], at=body["at"], reason=body.get("reason", "")))
    ]


def _plan_epoch(state: State, body: Body) -> list[Change]:
    changes: list[Change] = [
        (
            "meta",
            "",
            msgspec.structs.replace(
                state.meta, epoch=body["epoch"], lost=state.meta.lost or bool(body.get("lost", False))
            ),
        )
    ]
    for decision in body.get("in_doubt", []):
        decided = state.decided.get(decision)
        if decided is not None:
            changes.append(("decided", decision, msgspec.structs.replace(decided, status=rows.IN_DOUBT)))
    return changes


def _plan_policy(state: State, body: Body) -> list[Change]:
    meta = msgspec.structs.replace(state.meta, policy=body["digest"], policy_id=body["id"])
    return [("meta", "", meta)]


def _plan_clear(state: State, body: Body) -> list[Change]:
    if body.get("scope") == "all":
        return [("meta", "", msgspec.structs.replace(state.meta, lost=False))]
    row = state.sessions.get(body["scope"])
    if row is None:
        return []
    labels = tuple(name for name in row.labels if name not in set(body.get("labels", ())))
    row = msgspec.structs.replace(row, version=row.version + 1, clock=Clock(at=body["at"]), labels=labels)
    owner = state.principal(row.tenant, row.principal)
    cleared = msgspec.structs.replace(
        owner,
        clock=Clock(at=body["at"]),
        account=msgspec.structs.replace(owner.account, version=owner.account.version + 1),
    )
    return [("session", row.id, row), ("principal", owner.key, cleared)]


def _plan_sweep(state: State, body: Body) -> list[Change]:
    changes: list[Change] = [
        (
            "meta",
            "",
            msgspec.structs.replace(state.meta, watermark=max(state.meta.watermark, body["watermark"])),
        )
    ]
    changes += [("mandate", jti, None) for jti in body.get("mandates", [])]
    changes += [("revoked", scope, None) for scope in body.get("revoked", [])]
    changes += [("approval", each, None) for each in body.get("approvals", [])]
    return changes


_PLANNERS: Final[dict[str, Callable[[State, Body], list[Change]]]] = {
    "session": _plan_session,
    "decision": _plan_decision,
    "outcome": _plan_outcome,
    "mandate": _plan_mandate,
    "approval": _plan_approval,
    "freeze": _plan_freeze,
    "epoch": _plan_epoch,
    "policy": _plan_policy,
    "clear": _plan_clear,
    "sweep": _plan_sweep,
}
