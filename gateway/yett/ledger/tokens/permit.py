"""Permits: the gateway's signed word to a tool that exactly this call was allowed.

A tool or proxy that checks permits cannot be made to run a call that was not judged, or whose arguments
changed since. A permit is good once: `OneUse` remembers the ids it has seen until they expire.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

import msgspec

from yett.errors import LedgerError
from yett.ledger.tokens import jws
from yett.model import Struct


class Permit(Struct, frozen=True, kw_only=True):
    """What a permit says. Times in milliseconds."""

    v: int
    aud: str
    """The log's origin."""
    jti: str
    """The decision's id."""
    call: str
    """`AdmittedCall.digest`: who calls what, in which session."""
    action: str
    """`AdmittedCall.action_digest`: server, tool and arguments; a tool computes it from what it is about to run."""
    index: int
    """Where the decision stands in the log."""
    iat: int
    exp: int


_encode: Final = msgspec.json.Encoder(order="sorted").encode
"""Of strings, integers and ASCII names this is the canonical form (RFC 8785)."""


def sign(permit: Permit, key: jws.SigningKey) -> str:
    return jws.sign_bytes(jws.PERMIT, _encode(permit), key)


def verify(token: str, public_key: bytes, digest: str, now: int) -> Permit:
    """Checks a permit against what is about to run.

    Args:
        public_key: the gateway's Ed25519 key, 32 bytes (`Ledger.public_key`).
        digest: the call digest or the action digest, computed from the call about to run.
        now: milliseconds since the epoch.
    Raises:
        LedgerError: BAD_TOKEN, BAD_SIGNATURE, PERMIT_CALL (another call), PERMIT_EXPIRED.
    """
    payload = jws.verify(token, jws.PERMIT, jws.thumbprint(public_key), public_key)
    try:
        permit = msgspec.convert(payload, Permit, strict=True)
    except msgspec.ValidationError as error:
        raise LedgerError("BAD_TOKEN", f"the permit's claims are refused: {error}") from None
    if permit.v != 1:
        raise LedgerError("BAD_TOKEN", "the permit's version is not 1")
    if digest not in (permit.call, permit.action):
        raise LedgerError("PERMIT_CALL", "the permit is for another call")
    if now >= permit.exp:
        raise LedgerError("PERMIT_EXPIRED", "the permit has expired", remedy="ask for a new decision")
    return permit


class OneUse:
    """Refuses a permit that was used before, in this process. Holds ids only until they expire."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._order: deque[tuple[int, str]] = deque()
        self._latest = 0
        self._lock = threading.Lock()

    def use(self, permit: Permit, now: int) -> None:
        """Raises:
        LedgerError: PERMIT_USED, PERMIT_EXPIRED.
        """
        with self._lock:
            # Forget by the highest time ever seen and judge by it too: a clock stepping back revives nothing.
            self._latest = now = max(now, self._latest)
            if now >= permit.exp:
                raise LedgerError("PERMIT_EXPIRED", "the permit has expired", remedy="ask for a new decision")
            if permit.jti in self._seen:
                raise LedgerError("PERMIT_USED", "the permit was used before")
            while self._order and self._order[0][0] <= now:
                self._seen.discard(self._order.popleft()[1])
            self._seen.add(permit.jti)
            self._order.append((permit.exp, permit.jti))
