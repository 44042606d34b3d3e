"""Checking a presented mandate: the half that needs no state, wherever the call is judged.

Signature, chain, bindings and proof of possession cost most of a mandate's processor time and depend on nothing
that a commit changes, so a worker process checks them itself; it needs public keys only. What is left is with
the ledger: opening the challenge, and everything in `consume`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from yett.errors import LedgerError
from yett.ledger.proposal import MandateCheck
from yett.ledger.tokens import jws, mandate
from yett.ledger.tokens.keys import Issuer
from yett.ledger.tokens.mandate import Verified, refuse
from yett.model import AdmittedCall, Reason

CACHE: Final = 4096


class Verifier:
    """See the module.

    Args:
        origin: the log's; mandates are for it.
        issuers: whose mandates are accepted, by key id.
    """

    def __init__(self, origin: str, issuers: Mapping[str, Issuer]) -> None:
        self._origin = origin
        self._issuers = issuers
        self._verified: dict[bytes, Verified] = {}

    def check(self, admitted: AdmittedCall, now: int) -> MandateCheck:
        """Of the token that the call presents. Never raises for what it contains."""
        try:
            return self.judge(self.verify(admitted.call.mandate or ""), admitted, now)
        except LedgerError as error:
            return MandateCheck(refusal=refuse(error.code, error.message))

    def verify(self, token: str) -> Verified:
        """Signatures and structure.

        Raises:
            LedgerError: as `mandate.verify`.
        """
        # A verified token stays verified: signature and structure do not depend on time. Keyed by hash.
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(key)
        if known is None:
            known = mandate.verify(token, self._issuers.get)
            if len(self._verified) >= CACHE:
                self._verified.clear()
            self._verified[key] = known
        return known

    def expired(self, kid: str, now: int) -> Reason | None:
        """Why a mandate under this key is not accepted any more; None if it is, or names no key."""
        issuer = self._issuers.get(kid)
        if issuer is None or now // 1000 < issuer.exp:
            return None
        # Whoever has the key by now could date a mandate back into its time.
        return refuse("MANDATE_ISSUER", "the mandate's key has expired")

    def judge(self, verified: Verified, admitted: AdmittedCall, now: int) -> MandateCheck:
        """A verified mandate, compared with the call.

        Raises:
            LedgerError: the proof of possession is no token, or its signature does not hold.
        """
        claims = verified.claims
        refusal = self.expired(verified.kid, now)
        refusal = refusal or mandate.judge(verified, admitted, self._origin, now // 1000)
        if refusal is not None:
            return MandateCheck(refusal=refusal)
        sender, answers = admitted.identity.agent, ""
        if claims.cnf:
            proven = self._prove(verified, admitted)
            if isinstance(proven, Reason):
                return MandateCheck(refusal=proven)
            sender, answers = sender + "#" + jws.thumbprint(jws.decode(claims.cnf)), proven
        everyone = (claims, *reversed(verified.chain))
        return MandateCheck(
            claims=claims,
            chain=verified.chain,
            kid=verified.kid,
            digest=verified.digest,
            sender=sender,
            amounts=tuple(mandate.amount_of(each, admitted) for each in everyone),
            answers=answers,
        )

    def _prove(self, verified: Verified, admitted: AdmittedCall) -> str | Reason:
        """The challenge that the proof of possession answers."""
        proof = admitted.call.proof
        if not proof:
            return refuse("PROOF_REQUIRED", "this mandate must be presented with a proof of possession")
        public = jws.decode(verified.claims.cnf)
        payload = jws.verify(proof, jws.PROOF, jws.thumbprint(public), public)
        expected = {
            "mandate": verified.digest,
            "call": admitted.digest,
            "attempt": admitted.call.attempt or "",
            "aud": self._origin,
        }
        if {name: payload.get(name) for name in expected} != expected or set(payload) != {
            *expected,
            "challenge",
        }:
            return refuse("PROOF_MISMATCH", "the proof was made for another call, attempt or mandate")
        challenge = payload["challenge"]
        if not isinstance(challenge, str) or not challenge:
            return refuse("PROOF_MISMATCH", "the proof names no challenge")
        return challenge
