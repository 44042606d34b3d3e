"""Clearing: an operator's word that a session's risk is explained, or that lost history is accepted.

The word is a token: signed by the ledger, for one session exactly as it was when the operator looked at it, used
once, and kept whole in the record of its use. Whoever presents it may be another operator than the one it was
signed for; if the session has moved on meanwhile, somebody has to look again.

A clearing takes the session's fast and slow risk off, and the labels that it names; and what new sessions of the
principal would start with, unless another session has added to that since. It gives no budget back.
"""

from __future__ import annotations

from typing import Final

import msgspec

from yett.errors import LedgerError, Unauthorized
from yett.ledger.administration.reach import HOST, foreign, reaches
from yett.ledger.core import Core
from yett.ledger.memory.session import KNOWN_LABELS
from yett.ledger.tokens import jws, mandate
from yett.model import Identity, RecordRef, Struct

LIFE_MS: Final = 10 * 60 * 1000
MAX_REASON: Final = 500
EVERYTHING: Final = "all"
"""Scope of a clearing that accepts that history was lost."""


class Clearing(Struct, frozen=True, kw_only=True):
    """What a clearing token says. Times in milliseconds."""

    v: int
    aud: str
    """The log's origin."""
    jti: str
    by: str
    """Credential of the operator it was signed for."""
    scope: str
    """A session's id, or `all`."""
    before: str
    """Hash of the session as it was looked at; of `all`, the epoch."""
    owner: str
    """Its principal's risk as it was then."""
    labels: tuple[str, ...]
    reason: str
    iat: int
    exp: int


def issue(core: Core, scope: str, by: Identity, labels: tuple[str, ...] = (), reason: str = "") -> str:
    """Signs a clearing of a session as it is now; returns the token. Nothing has changed yet.

    Raises:
        Unauthorized: NOT_OPERATOR, NOT_YOUR_TENANT. LedgerError: SESSION_UNKNOWN, UNKNOWN_LABEL.
    """
    if strange := set(labels) - KNOWN_LABELS:
        raise LedgerError("UNKNOWN_LABEL", f"no label {min(strange)!r} is set by the ledger")
    with core.lock:
        before, owner = _before(core, scope, by)
        now = core.now()
    return jws.sign(
        jws.CLEARANCE,
        msgspec.to_builtins(
            Clearing(
                v=1,
                aud=core.origin,
                jti=core.token("k_"),
                by=by.credential,
                scope=scope,
                before=before,
                owner=owner,
                labels=tuple(sorted(set(labels))),
                reason=reason[:MAX_REASON],
                iat=now,
                exp=now + LIFE_MS,
            )
        ),
        core.keys.ledger,
    )


def use(core: Core, token: str, by: Identity) -> RecordRef:
    """Clears what a token says, once.

    Raises:
        Unauthorized: NOT_OPERATOR, NOT_YOUR_TENANT. AuditUnavailable.
        LedgerError: BAD_TOKEN, BAD_SIGNATURE, SESSION_UNKNOWN, CLEARING_USED, CLEARING_EXPIRED, CLEARING_STALE.
    """
    key = core.keys.ledger
    payload = jws.verify(token, jws.CLEARANCE, key.kid, key.public)
    try:
        told = msgspec.convert(payload, Clearing, strict=True)
    except msgspec.ValidationError as error:
        raise LedgerError("BAD_TOKEN", f"the clearing's claims are refused: {error}") from None
    if told.v != 1 or told.aud != core.origin:
        raise LedgerError("BAD_TOKEN", "the clearing is of another version, or for another ledger")
    with core.lock:
        (before, owner), now = _before(core, told.scope, by), core.now()
        if core.state.mandates.get(told.jti) is not None:
            raise LedgerError("CLEARING_USED", "this clearing was used before")
        if now >= told.exp:
            raise LedgerError("CLEARING_EXPIRED", "the clearing has expired", remedy="look at it again")
        if before != told.before:
            raise LedgerError(
                "CLEARING_STALE", "the session has moved on since it was looked at", remedy="look at it again"
            )
        entry = core.write(
            "clear",
            {
                "scope": told.scope,
                "labels": list(told.labels),
                "by": by.credential,
                "reason": told.reason,
                "at": now,
                "mandate": {"jti": told.jti, "slot": 1, "state": "committed", "exp": told.exp // 1000},
                "digest": mandate.token_digest(token),
                "token": token,
                **({"owner": "kept"} if owner != told.owner else {}),
            },
        )
    core.wait(entry)
    return core.ref(entry)


def _before(core: Core, scope: str, by: Identity) -> tuple[str, str]:
    """What a clearing of this scope is bound to: the session, and its principal's risk."""
    if by.role != "operator":
        raise Unauthorized("NOT_OPERATOR", "only an operator may clear")
    if scope == EVERYTHING:
        if by.tenant != HOST:
            raise foreign()
        return str(core.state.meta.epoch), ""
    row = core.state.sessions.get(scope)
    if row is None or not reaches(by, row.tenant):
        raise LedgerError("SESSION_UNKNOWN", "no session of this id was opened here")
    clock = core.state.principal(row.tenant, row.principal).clock
    return core.hash_of(row), f"{clock.fast}/{clock.slow}/{clock.at}"
