"""Mandates, administered: issue, show, verify what was presented, revoke, resolve what is in doubt, forget.

The token itself may name recipients and amounts, so it never enters the log: the record of an issue holds
its id, its limits and its hash. A mandate can be presented as the token or, as long as the local store
keeps it, by its id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from yett import canonical
from yett.errors import LedgerError, Unauthorized
from yett.ledger.administration.freeze import check_scope
from yett.ledger.administration.reach import foreign, reaches, require_scope
from yett.ledger.core import Core
from yett.ledger.deciding.presented import Verifier
from yett.ledger.projection import rows
from yett.ledger.projection.rows import Decided
from yett.ledger.projection.state import Body
from yett.ledger.proposal import MandateCheck
from yett.ledger.tokens import jws, mandate
from yett.ledger.tokens.challenge import Challenges
from yett.ledger.tokens.mandate import Claims, Limit, Verified, refuse
from yett.model import AdmittedCall, Identity, Json, Reason, RecordRef, Struct


class Shown(Struct, frozen=True, kw_only=True):
    """What is known of one mandate."""

    jti: str
    uses: int
    used: int
    amount: int | None
    spent: int
    exp: int
    revoked: bool
    status: str
    """unused, or the status of its latest use."""
    decision: str
    """Its latest use."""


class Mandates:
    """See the module."""

    def __init__(self, core: Core, challenges: Challenges) -> None:
        self._core = core
        self._challenges = challenges
        self.verifier = Verifier(core.origin, core.keys.issuers)

    # -- issuing ---------------------------------------------------------------------------------------

    def issue(
        self,
        issuer: Identity,
        *,
        principal: str,
        agent: str,
        tool: str | tuple[str, ...] = (),
        arguments: dict[str, Json] | None = None,
        limits: dict[str, Limit] | None = None,
        lifetime_ms: int = 600_000,
        uses: int = 1,
        amount: int | None = None,
        per_use: int | None = None,
        amount_of: str = "",
        currency: str = "",
        currency_of: str = "",
        session: str = "",
        server: str | None = None,
        cnf: str = "",
        tenant: str | None = None,
    ) -> str:
        """Signs and records a mandate.

        Args:
            tool: the tool, or several, that it is for.
            arguments: exactly these arguments; or `limits`, what each may be.
            lifetime_ms: until it ends, at most `mandate.MAX_LIFE_S`.
            cnf: Ed25519 public key (base64url) that must prove possession and may delegate.
        Returns: the token.
        Raises:
            Unauthorized: NOT_OPERATOR, NOT_YOUR_TENANT. LedgerError: MANDATE_CLAIMS. AuditUnavailable.
        """
        if issuer.role != "operator":
            raise Unauthorized("NOT_OPERATOR", "only an operator may issue mandates")
        if not reaches(issuer, tenant or issuer.tenant):
            raise foreign()
        core = self._core
        now_s = core.now() // 1000
        tools = (tool,) if isinstance(tool, str) else tuple(tool)
        action = ""
        if arguments is not None:
            if len(tools) != 1:
                raise LedgerError("MANDATE_CLAIMS", "exact arguments need exactly one tool")
            action = canonical.action_digest(tools[0], server, canonical.encode(canonical.check(arguments)))
        claims = Claims(
            v=1,
            iss=f"{core.origin}#{issuer.principal}",
            tenant=tenant or issuer.tenant,
            sub=principal,
            agent=agent,
            aud=core.origin,
            jti=core.token("m_"),
            iat=now_s,
            exp=now_s + max(1, -(-lifetime_ms // 1000)),
            tools=tools,
            server=server,
            action=action,
            args=limits,
            uses=uses,
            amount=amount,
            per_use=per_use,
            amount_of=amount_of,
            currency=currency,
            currency_of=currency_of,
            session=session,
            cnf=cnf,
        )
        problem = mandate.problem_of(claims)
        if problem:
            raise LedgerError("MANDATE_CLAIMS", problem)
        token = mandate.sign(claims, core.keys.ledger)
        body = issue_body(claims, mandate.token_digest(token), issuer, core.now())
        core.store.put_view("mandate:" + claims.jti, token.encode())
        core.record("mandate", body)
        return token

    # -- verifying -------------------------------------------------------------------------------------

    def check(self, admitted: AdmittedCall, now: int) -> MandateCheck | None:
        """The stateless half for a presented mandate; None if the call presents none. Never raises."""
        presented = admitted.call.mandate
        if not presented:
            return None
        if "." in presented:
            return self.confirm(self.verifier.check(admitted, now), now)
        try:
            return self.confirm(self.verifier.judge(self._look_up(presented), admitted, now), now)
        except LedgerError as error:
            return MandateCheck(refusal=refuse(error.code, error.message))

    def confirm(self, check: MandateCheck, now: int) -> MandateCheck:
        """A check, wherever it was made: its key by this clock, and the challenge that was answered, opened here."""
        if check.claims is None:
            return check
        refusal = self.verifier.expired(check.kid, now)
        if refusal is None and check.answers:
            opened = self._challenges.open(check.answers, now, check.claims.jti)
            if not isinstance(opened, Reason):
                return msgspec.structs.replace(check, challenge=opened)
            refusal = opened
        return MandateCheck(refusal=refusal) if refusal is not None else check

    def _look_up(self, jti: str) -> Verified:
        core = self._core
        with core.lock:
            known = core.state.mandates.get(jti)
        if known is None:
            raise LedgerError("MANDATE_UNKNOWN", "no mandate of this id was issued here")
        if known.claims is not None:
            return Verified(claims=known.claims, digest=known.digest)
        token = core.store.view("mandate:" + jti)
        if token is None:
            raise LedgerError(
                "MANDATE_UNKNOWN", "the mandate's token is not kept here: present the token itself"
            )
        return self.verifier.verify(token.decode())

    def challenge(self, jti: str) -> str:
        """A fresh challenge for proving possession of one mandate's key; costs no state."""
        core = self._core
        with core.lock:
            return self._challenges.mint(core.now(), jti, core.entropy(8))

    # -- after the fact --------------------------------------------------------------------------------

    def show(self, jti: str, reader: Identity | None = None) -> Shown:
        """Args:
            reader: who asks; of other tenants' mandates it learns nothing.
        Raises:
        LedgerError: MANDATE_UNKNOWN.
        """
        core = self._core
        with core.lock:
            known = core.state.mandates.get(jti)
            last = core.state.decided.get(known.last) if known is not None and known.last else None
            revoked = core.state.revoked.get("mandate:" + jti) is not None
        if known is None or (reader is not None and not reaches(reader, known.tenant)):
            raise LedgerError("MANDATE_UNKNOWN", "no mandate of this id is known here")
        return Shown(
            jti=jti,
            uses=known.uses,
            used=known.used,
            amount=known.amount,
            spent=known.spent,
            exp=known.exp,
            revoked=revoked,
            status=last.status if last is not None else ("unused" if not known.last else rows.COMMITTED),
            decision=known.last,
        )

    def revoke(self, scope: str, by: Identity) -> RecordRef:
        """Revokes one mandate (`mandate:JTI`), all under a key (`key:KID`), or all issued so far to a principal
        or agent (`principal:T/P`, `agent:T/P/A`). Delegated mandates fall with their parent.

        Raises:
            Unauthorized: NOT_OPERATOR, NOT_YOUR_TENANT. LedgerError: BAD_SCOPE. AuditUnavailable.
        """
        if by.role != "operator":
            raise Unauthorized("NOT_OPERATOR", "only an operator may revoke")
        kind = scope.partition(":")[0]
        if kind in ("principal", "agent"):
            check_scope(scope)
        elif kind not in ("mandate", "key") or not scope.partition(":")[2]:
            raise LedgerError("BAD_SCOPE", "a scope is mandate:ID, key:KID, principal:T/P or agent:T/P/A")
        core = self._core
        with core.lock:
            require_scope(core.state, by, scope)
        return core.record("mandate", {"op": "revoke", "scope": scope, "by": by.credential, "at": core.now()})

    def in_doubt(self, reader: Identity | None = None) -> tuple[Decided, ...]:
        """Uses of which nobody knows whether the call ran, oldest first; for a reader, those it reaches."""
        core = self._core
        with core.lock:
            found = [core.state.decided.get(key) for key in core.state.in_doubt]
        known = (row for row in found if row is not None and (reader is None or reaches(reader, row.tenant)))
        return tuple(sorted(known, key=lambda row: row.at))

    def resolve(self, decision: str, to: str, by: Identity, reason: str = "") -> RecordRef:
        """Says what became of a use in doubt: `committed` (it ran) or `released` (it did not: the use is back).

        Raises:
            Unauthorized: NOT_OPERATOR. LedgerError: NOT_IN_DOUBT, BAD_STATE. AuditUnavailable.
        """
        if by.role != "operator":
            raise Unauthorized("NOT_OPERATOR", "only an operator may resolve what is in doubt")
        if to not in (rows.COMMITTED, rows.RELEASED):
            raise LedgerError("BAD_STATE", "a use in doubt is resolved to committed or released")
        core = self._core
        with core.lock:
            row = core.state.decided.get(decision)
            if row is None or row.status != rows.IN_DOUBT or not reaches(by, row.tenant):
                raise LedgerError("NOT_IN_DOUBT", "this decision is not in doubt")
            body: Body = {
                "op": "resolve",
                "decision": decision,
                "to": to,
                "by": by.credential,
                "reason": reason[:500],
                "at": core.now(),
            }
            if row.mandates:
                known = core.state.mandates.get(row.mandates[0])
                body["mandate"] = {"jti": row.mandates[0], "slot": known.used if known else 1, "state": to}
            entry = core.write("mandate", body)
        core.wait(entry)
        return core.ref(entry)


def issue_body(claims: Claims, digest: str, by: Identity, at: int) -> Body:
    """The record of an issue: the mandate's limits and hash; its claims only if they hold no argument values."""
    told: dict[str, Any] = {
        "jti": claims.jti,
        "slot": 0,
        "state": "issued",
        "uses": claims.uses,
        "exp": claims.exp,
        "iat": claims.iat,
        "tenant": claims.tenant,
        "principal": claims.sub,
        "agent": claims.agent,
        "tools": list(claims.tools),
    }
    if claims.amount is not None:
        told["amount"] = claims.amount
    body: Body = {"op": "issue", "at": at, "by": by.credential, "mandate": told, "digest": digest}
    if claims.args is None:
        body["claims"] = msgspec.to_builtins(claims)
    return body


def delegate(
    parent: str,
    key: jws.SigningKey,
    *,
    jti: str,
    now_s: int,
    narrow: Callable[[Claims], Claims] | None = None,
) -> str:
    """A chain with one more link, signed by the key that the parent names in `cnf`. Needs no ledger.

    Args:
        parent: the token (or chain) that is held.
        narrow: changes the child's claims; whatever it does, a child wider than its parent is refused.
    Raises:
        LedgerError: MANDATE_CHAIN (not the parent's key), MANDATE_WIDENED, MANDATE_CLAIMS.
    """
    last = parent.rsplit("~", 1)[-1]
    payload = canonical.parse(jws.decode(last.split(".")[1]))
    claims = msgspec.convert(payload, Claims)
    if claims.cnf != jws.encode(key.public):
        raise LedgerError("MANDATE_CHAIN", "the parent does not name this key")
    child = msgspec.structs.replace(
        claims, jti=jti, iat=now_s, parent=mandate.token_digest(last), depth=claims.depth + 1, iss=key.kid
    )
    if narrow is not None:
        child = narrow(child)
    mandate.check_narrower(child, claims)
    problem = mandate.problem_of(child)
    if problem:
        raise LedgerError("MANDATE_CLAIMS", problem)
    return parent + "~" + mandate.sign(child, key)
