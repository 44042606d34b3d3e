"""Freezing: an operator or a watcher stops a session, an agent, a principal, a tenant or everything.

It is a record like any other and is read inside the commit, so the moment it is durable nothing in its
scope is allowed any more. A watcher's credential can freeze; only an operator can thaw.
"""

from __future__ import annotations

from typing import Final

from yett.errors import LedgerError, Unauthorized
from yett.ledger.administration.reach import in_reach, require_scope
from yett.ledger.core import Core
from yett.ledger.projection.rows import Frozen
from yett.ledger.projection.state import Body, State
from yett.model import Identity, RecordRef

KINDS: Final = frozenset({"tenant", "principal", "agent", "session"})
MAX_FROZEN: Final = 10_000


def frozen_scope(state: State, identity: Identity, session: str) -> str:
    """The frozen scope that this caller and session are in, `""` if none is."""
    frozen = state.frozen.rows
    if not frozen:
        return ""
    t, p, a = identity.tenant, identity.principal, identity.agent
    for scope in ("all", f"tenant:{t}", f"principal:{t}/{p}", f"agent:{t}/{p}/{a}", f"session:{session}"):
        if scope in frozen:
            return scope
    return ""


def check_scope(scope: str) -> None:
    """Raises:
    LedgerError: BAD_SCOPE.
    """
    kind, colon, name = scope.partition(":")
    if scope != "all" and not (kind in KINDS and colon and name and name.isprintable() and len(scope) <= 800):
        raise LedgerError(
            "BAD_SCOPE",
            "a scope is all, tenant:T, principal:T/P, agent:T/P/A or session:ID",
        )


def freeze(core: Core, scope: str, by: Identity, reason: str = "") -> RecordRef:
    """Raises:
    Unauthorized: NOT_OPERATOR, NOT_YOUR_TENANT. LedgerError: BAD_SCOPE, FROZEN_FULL. AuditUnavailable.
    """
    if by.role not in ("operator", "watcher"):
        raise Unauthorized("NOT_OPERATOR", "only an operator or a watcher may freeze")
    check_scope(scope)
    with core.lock:
        require_scope(core.state, by, scope)
    if len(core.state.frozen.rows) >= MAX_FROZEN:
        raise LedgerError("FROZEN_FULL", "too many scopes are frozen", remedy="freeze `all`, or thaw some")
    return core.record("freeze", _body("freeze", scope, by, core.now(), reason))


def thaw(core: Core, scope: str, by: Identity, reason: str = "") -> RecordRef:
    """Raises:
    Unauthorized: NOT_OPERATOR, NOT_YOUR_TENANT. LedgerError: NOT_FROZEN. AuditUnavailable.
    """
    if by.role != "operator":
        raise Unauthorized("NOT_OPERATOR", "only an operator may thaw")
    with core.lock:
        require_scope(core.state, by, scope)
    if scope not in core.state.frozen.rows:
        raise LedgerError("NOT_FROZEN", f"{scope} is not frozen")
    return core.record("freeze", _body("thaw", scope, by, core.now(), reason))


def seen(state: State, reader: Identity | None) -> tuple[Frozen, ...]:
    """What is frozen, as far as a reader has to do with it."""
    found = tuple(state.frozen.rows.values())
    if reader is None:
        return found
    return tuple(row for row in found if row.scope == "all" or in_reach(state, reader, row.scope))


def _body(op: str, scope: str, by: Identity, at: int, reason: str) -> Body:
    return {"op": op, "scope": scope, "by": by.credential, "role": by.role, "at": at, "reason": reason[:500]}
