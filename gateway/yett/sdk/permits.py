"""For tools: run nothing without the gateway's signed word for exactly this call.

    permits = PermitChecker(public_key)              # the gateway's key, from `GET /v1/keys` or its operator
    permits.verify_permit(token, "send_money", {"recipient": iban, "amount": 10})

A tool that checks permits does not depend on its callers being honest about having asked: the permit names
the digest of server, tool and canonical arguments, which the tool computes from what it is about to run. It
is good for some seconds and, by default, once in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from yett import canonical
from yett.clock import wall_clock
from yett.errors import LedgerError
from yett.ledger.tokens import permit
from yett.ledger.tokens.permit import OneUse, Permit
from yett.model import Json
from yett.sdk.caller import key_bytes


class PermitChecker:
    """Checks the permits of one gateway. Thread-safe.

    Args:
        public_key: the gateway's Ed25519 key for permits: 32 bytes, or their 64 hex digits.
        audience: the gateway's origin; None accepts any that this key signs for.
        once: refuse a permit that this checker has accepted before.
        clock: milliseconds since the epoch.
    """

    def __init__(
        self,
        public_key: bytes | str,
        *,
        audience: str | None = None,
        once: bool = True,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        key = key_bytes(public_key)
        assert key is not None
        self._key = key
        self._audience = audience
        self._once = OneUse() if once else None
        self._clock = clock

    def verify_permit(
        self, token: str, tool: str, arguments: Mapping[str, Json], *, server: str | None = None
    ) -> Permit:
        """Return the permit's claims if it allows this call to run now.

        Raises:
            InvalidCall: the arguments are not ones that can have been judged.
            LedgerError: BAD_TOKEN, BAD_SIGNATURE, PERMIT_CALL (another call), PERMIT_AUDIENCE,
                PERMIT_EXPIRED, PERMIT_USED.
        """
        encoded = canonical.encode(canonical.check(dict(arguments)))
        action = canonical.action_digest(tool, server, encoded)
        now = self._clock()
        claims = permit.verify(token, self._key, action, now)
        if claims.action != action:
            raise LedgerError("PERMIT_CALL", "the permit is for another call")
        if self._audience is not None and claims.aud != self._audience:
            raise LedgerError("PERMIT_AUDIENCE", "the permit was signed for another gateway")
        if self._once is not None:
            self._once.use(claims, now)
        return claims


def verify_permit(
    token: str,
    public_key: bytes | str,
    tool: str,
    arguments: Mapping[str, Json],
    *,
    server: str | None = None,
    now: int | None = None,
) -> Permit:
    """As `PermitChecker.verify_permit`, without a memory: the caller sees to it that it is used once.

    Args:
        now: milliseconds since the epoch; the wall clock if not given.
    """
    checker = PermitChecker(public_key, once=False, clock=wall_clock if now is None else lambda: now)
    return checker.verify_permit(token, tool, arguments, server=server)
