"""Sessions, administered: opened, named by default, and seen as they are now."""

from __future__ import annotations

import hmac
from typing import Final

from yett.errors import LedgerError
from yett.ledger.administration.freeze import frozen_scope
from yett.ledger.core import Core
from yett.ledger.deciding import record
from yett.ledger.memory.budget import Cap
from yett.ledger.memory.session import Session
from yett.ledger.projection.state import Body
from yett.ledger.tokens.jws import encode
from yett.ledger.tokens.keys import session_id
from yett.ledger.view import Snapshot
from yett.model import Identity

MAX_DEFAULTS: Final = 10_000
"""Callers whose default session's id is kept."""


class Sessions:
    """See the module."""

    def __init__(self, core: Core, caps: tuple[Cap, ...]) -> None:
        self._core = core
        self._caps = caps
        self._defaults: dict[tuple[str, str, str], str] = {}

    def open(self, identity: Identity, prompt: str | None, parent: str | None) -> str:
        """See `Ledger.open_session`."""
        core = self._core
        at = core.now()
        sid = session_id(
            core.session_key, identity.tenant, identity.principal, identity.agent, core.entropy(16), at
        )
        told = record.prompted(core.hasher, prompt)
        with core.lock:
            if parent:
                self.own(identity, parent, same_agent=False)
            self._check_rate(identity, at)
            body: Body = {"id": sid, "at": core.now(), **record.who(identity), **told}
            if parent:
                body["parent"] = parent
            entry = core.write("session", body)
        core.wait(entry)
        return sid

    def _check_rate(self, identity: Identity, now: int) -> None:
        owner = self._core.state.principal(identity.tenant, identity.principal)
        for cap in self._caps:
            if cap.what == "sessions" and owner.account.spent("cap:sessions", now, cap.span_ms) >= cap.limit:
                raise LedgerError("SESSIONS_EXHAUSTED", "this principal opens sessions too fast")

    def default(self, identity: Identity) -> str:
        """Id of the session that a caller's calls belong to when they name none."""
        caller = (identity.tenant, identity.principal, identity.agent)
        known = self._defaults.get(caller)
        if known is None:
            owner = "\0".join(("default", *caller)).encode()
            known = "s_" + encode(hmac.digest(self._core.session_key, owner, "sha256")[:15])
            if len(self._defaults) >= MAX_DEFAULTS:
                self._defaults.clear()
            self._defaults[caller] = known
        return known

    def own(self, identity: Identity, session: str = "", *, same_agent: bool = True) -> Session:
        """A session of the caller's, by its id; "" = its default one, which need not have begun.

        Raises:
            LedgerError: SESSION_UNKNOWN, SESSION_NOT_YOURS.
        """
        core, default = self._core, self.default(identity)
        with core.lock:
            row = core.state.sessions.get(session or default)
            if row is not None:
                mine = (row.tenant, row.principal) == (identity.tenant, identity.principal)
                if not mine or (same_agent and row.agent != identity.agent):
                    raise LedgerError("SESSION_NOT_YOURS", "the session belongs to another caller")
                return row
            if session and not hmac.compare_digest(session.encode(), default.encode()):
                raise LedgerError("SESSION_UNKNOWN", "no session of this id was opened here")
            return core.state.blank_session(default, identity.tenant, identity.principal, identity.agent)

    def snapshot(self, identity: Identity, session: str = "") -> Snapshot:
        """See `Ledger.snapshot`."""
        with self._core.lock:
            return seen(self._core, identity, self.own(identity, session), self._core.now())


def seen(core: Core, identity: Identity, row: Session, now: int) -> Snapshot:
    """The present, as a caller's session sees it. Call with the lock held."""
    state = core.state
    return Snapshot(
        identity=identity,
        row=row,
        principal=state.principal(identity.tenant, identity.principal),
        hasher=core.hasher,
        now=now,
        frozen=frozen_scope(state, identity, row.id),
        lost=state.meta.lost,
    )
