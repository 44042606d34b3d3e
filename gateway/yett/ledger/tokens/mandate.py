"""Mandates: a person's or a parent's signed word that a certain call may be made, so often and no more.

A mandate is a compact JWS (`jws`) over `Claims`. Judging one has two halves. This module is the stateless
half, done by any number of workers at once: the signature under a key that may issue for this principal,
every binding compared with the call *as it will run*, time, attenuation along a delegation chain, and
proof of possession where the mandate names a key. The ledger's commit is the other half: the slot is
unspent, the budget holds for every ancestor, nothing was revoked, the clock has not passed the mandate's
end in between, and all that in one step with the record.

A chain of delegation is written `root~child~grandchild`. A child is signed by the key its parent names in
`cnf`, carries the hash of the parent's token, and may only narrow it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec

from yett import canonical
from yett.errors import LedgerError
from yett.ledger.tokens import jws
from yett.ledger.tokens.keys import Issuer
from yett.model import AdmittedCall, Json, Reason, Struct

MAX_DEPTH: Final = 4
MAX_LIFE_S: Final = 30 * 24 * 3600
"""Longest life of a mandate, seconds: what was used must be remembered that long."""
SKEW_S: Final = 5
"""Seconds another issuer's clock may run ahead of ours (`iat`, `nbf`). `exp` has no grace at all."""
MAX_AMOUNT: Final = 2**53 - 1


class Limit(Struct, frozen=True, kw_only=True):
    """What one argument may be: every part given must hold."""

    eq: Json = msgspec.UNSET
    among: tuple[Json, ...] | None = None
    most: int | None = None
    least: int | None = None

    def admits(self, value: Json) -> bool:
        if self.eq is not msgspec.UNSET and not _same(value, self.eq):
            return False
        if self.among is not None and not any(_same(value, each) for each in self.among):
            return False
        if self.most is not None and not (type(value) is int and value <= self.most):
            return False
        return self.least is None or (type(value) is int and value >= self.least)

    def within(self, parent: Limit) -> bool:
        """Whether everything this admits, the parent admits."""
        if self.eq is not msgspec.UNSET:
            return parent.admits(self.eq)
        if self.among is not None:
            return all(parent.admits(each) for each in self.among)
        if parent.eq is not msgspec.UNSET or parent.among is not None:
            return False
        most = parent.most is None or (self.most is not None and self.most <= parent.most)
        return most and (parent.least is None or (self.least is not None and self.least >= parent.least))


def _same(left: Json, right: Json) -> bool:
    # In Python True == 1 == 1.0, also within lists and objects; in a mandate they are three different values.
    return type(left) is type(right) and canonical.encode(left) == canonical.encode(right)


class Claims(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a mandate says. Times in seconds since the epoch; amounts are positive integers in minor units."""

    v: int
    iss: str
    tenant: str
    sub: str
    """The principal."""
    agent: str
    """The agent's name, as its credential says it."""
    aud: str
    """The gateway's origin."""
    jti: str
    iat: int
    exp: int
    nbf: int = 0
    tools: tuple[str, ...] = ()
    """Tools it is for; none = none, unless `call` or `action` names one call."""
    server: str | None = None
    call: str = ""
    """Exactly this call: `AdmittedCall.digest`. Approvals are bound so."""
    action: str = ""
    """Exactly this tool with these arguments, in any session: `AdmittedCall.action_digest`."""
    args: dict[str, Limit] | None = None
    """Top-level argument name -> what it may be. Arguments not named are refused."""
    uses: int = 1
    amount: int | None = None
    """All uses together; the argument `amount_of` counts against it."""
    per_use: int | None = None
    amount_of: str = ""
    currency: str = ""
    currency_of: str = ""
    session: str = ""
    policy: str = ""
    """Digest of the policy it was issued under."""
    cnf: str = ""
    """Ed25519 public key (base64url) whose holder must prove possession; may delegate."""
    parent: str = ""
    """`sha256:` hash of the parent's token."""
    depth: int = 0
    approval: str = ""
    """The approval request it answers: only such a mandate lifts a hold."""


class Verified(Struct, frozen=True, kw_only=True):
    """A mandate whose signatures and structure hold; nothing about the call has been compared yet."""

    claims: Claims
    chain: tuple[Claims, ...] = ()
    """Ancestors, root first."""
    kid: str = ""
    digest: str = ""


def token_digest(token: str) -> str:
    return "sha256:" + hashlib.sha256(b"yett/mandate/v1\0" + token.encode("ascii")).hexdigest()


def sign(claims: Claims, key: jws.SigningKey) -> str:
    return jws.sign(jws.MANDATE, msgspec.to_builtins(claims), key)


def verify(text: str, issuer: Callable[[str], Issuer | None]) -> Verified:
    """Signatures, chain and attenuation of a presented mandate.

    Raises:
        LedgerError: BAD_TOKEN, BAD_SIGNATURE, MANDATE_ISSUER, MANDATE_CLAIMS, MANDATE_CHAIN, MANDATE_WIDENED.
    """
    tokens = text.split("~")
    if len(tokens) > MAX_DEPTH + 1:
        raise LedgerError("MANDATE_CHAIN", f"more than {MAX_DEPTH} delegations")
    if not text.isascii():
        raise LedgerError("BAD_TOKEN", "the token is not ASCII")
    kid = jws.key_id(tokens[0])
    trusted = issuer(kid)
    if trusted is None or trusted.status == "compromised":
        raise LedgerError("MANDATE_ISSUER", "the mandate's key may not issue mandates here")
    claims = _claims(jws.verify(tokens[0], jws.MANDATE, kid, jws.decode(trusted.key)))
    _check_issuer(claims, trusted)
    if claims.parent or claims.depth:
        raise LedgerError("MANDATE_CHAIN", "a delegated mandate was presented without its parent")
    chain: list[Claims] = []
    digest = token_digest(tokens[0])
    for token in tokens[1:]:
        if not claims.cnf:
            raise LedgerError("MANDATE_CHAIN", "the parent names no key that may delegate")
        holder = jws.decode(claims.cnf)
        child = _claims(jws.verify(token, jws.MANDATE, jws.thumbprint(holder), holder))
        if child.parent != digest:
            raise LedgerError("MANDATE_CHAIN", "the child was made for another parent")
        check_narrower(child, claims)
        chain.append(claims)
        claims, digest = child, token_digest(token)
    return Verified(
        claims=claims, chain=tuple(chain), kid=kid, digest=token_digest(text) if chain else digest
    )


def _claims(payload: dict[str, Json]) -> Claims:
    try:
        claims = msgspec.convert(payload, Claims, strict=True)
    except msgspec.ValidationError as error:
        raise LedgerError("MANDATE_CLAIMS", f"the mandate's claims are refused: {error}") from None
    problem = problem_of(claims)
    if problem:
        raise LedgerError("MANDATE_CLAIMS", problem)
    return claims


def problem_of(claims: Claims) -> str:
    """Why these claims make no mandate; `""` if they do."""
    if claims.v != 1:
        return "the mandate's version is not 1"
    if not (claims.jti and len(claims.jti) <= 128 and claims.jti.isascii() and claims.jti.isprintable()):
        return "the mandate's id is empty, too long or not printable ASCII"
    if not claims.iat < claims.exp <= claims.iat + MAX_LIFE_S:
        return f"a mandate must end after it begins and live at most {MAX_LIFE_S} s"
    if not 1 <= claims.uses <= 1_000_000:
        return "uses must lie between 1 and 1,000,000"
    if not (claims.tools or claims.call or claims.action):
        return "the mandate names no tool and no call"
    for amount in (claims.amount, claims.per_use):
        if amount is not None and not 0 < amount <= MAX_AMOUNT:
            return "amounts are positive"
    if (claims.amount is not None or claims.per_use is not None) and not claims.amount_of:
        return "an amount limit must say which argument it counts (`amount_of`)"
    if claims.currency and not claims.currency_of:
        return "a currency must say which argument holds it (`currency_of`)"
    if not 0 <= claims.depth <= MAX_DEPTH:
        return f"more than {MAX_DEPTH} delegations"
    return ""


def _check_issuer(claims: Claims, issuer: Issuer) -> None:
    if issuer.tenants and claims.tenant not in issuer.tenants:
        raise LedgerError("MANDATE_ISSUER", "the mandate's key may not issue for this tenant")
    if issuer.principals and claims.sub not in issuer.principals:
        raise LedgerError("MANDATE_ISSUER", "the mandate's key may not issue for this principal")
    if claims.approval:
        # Such a mandate the ledger issues to itself, by its id: there is no token of one to be presented.
        raise LedgerError("MANDATE_ISSUER", "a mandate cannot speak for a person's approval")
    if not issuer.nbf <= claims.iat < issuer.exp:
        raise LedgerError("MANDATE_ISSUER", "the mandate was issued outside its key's time")


def check_narrower(child: Claims, parent: Claims) -> None:
    """Attenuation: in every respect, the child is at most what the parent is.

    Raises:
        LedgerError: MANDATE_WIDENED, naming the respect.
    """
    respects = (
        ("tenant", child.tenant == parent.tenant),
        ("sub", child.sub == parent.sub),
        ("aud", child.aud == parent.aud),
        ("depth", child.depth == parent.depth + 1 <= MAX_DEPTH),
        ("exp", child.exp <= parent.exp),
        ("nbf", child.nbf >= parent.nbf),
        ("tools", not parent.tools or (bool(child.tools) and set(child.tools) <= set(parent.tools))),
        ("server", parent.server is None or child.server == parent.server),
        ("call", not parent.call or child.call == parent.call),
        ("action", not parent.action or child.action == parent.action),
        ("session", not parent.session or child.session == parent.session),
        ("policy", not parent.policy or child.policy == parent.policy),
        ("uses", child.uses <= parent.uses),
        (
            "amount",
            _at_most(child.amount, parent.amount)
            and child.amount_of == (parent.amount_of or child.amount_of),
        ),
        ("per_use", _at_most(child.per_use, parent.per_use)),
        (
            "currency",
            not parent.currency
            or (child.currency, child.currency_of) == (parent.currency, parent.currency_of),
        ),
        ("args", parent.args is None or _args_within(child.args, parent.args)),
        ("approval", not child.approval),
    )
    for respect, holds in respects:
        if not holds:
            raise LedgerError(
                "MANDATE_WIDENED", f"the delegated mandate is wider than its parent in `{respect}`"
            )


def _at_most(child: int | None, parent: int | None) -> bool:
    return parent is None or (child is not None and child <= parent)


def _args_within(child: dict[str, Limit] | None, parent: dict[str, Limit]) -> bool:
    return child is not None and all(
        name in parent and limit.within(parent[name]) for name, limit in child.items()
    )


def judge(verified: Verified, admitted: AdmittedCall, aud: str, now_s: int) -> Reason | None:
    """Compares a verified mandate, and each of its ancestors, with the call. None if it fits."""
    for claims in (*verified.chain, verified.claims):
        # The ancestors' agent is who delegated, not who calls; everything else binds all along the chain.
        refusal = _mismatch(claims, admitted, aud, now_s, leaf=claims is verified.claims)
        if refusal is not None:
            return refusal
    return None


def _mismatch(claims: Claims, admitted: AdmittedCall, aud: str, now_s: int, *, leaf: bool) -> Reason | None:
    call, identity = admitted.call, admitted.identity
    if now_s >= claims.exp:
        return refuse("MANDATE_EXPIRED", "the mandate has expired")
    if now_s < claims.nbf - SKEW_S or now_s < claims.iat - SKEW_S:
        return refuse("MANDATE_NOT_YET", "the mandate is not valid yet")
    if claims.aud != aud:
        return refuse("MANDATE_AUDIENCE", "the mandate is for another gateway")
    if claims.tenant != identity.tenant:
        return refuse("MANDATE_TENANT", "the mandate is of another tenant")
    if claims.sub != identity.principal:
        return refuse("MANDATE_PRINCIPAL", "the mandate is of another principal")
    if leaf and claims.agent != identity.agent:
        return refuse("MANDATE_AGENT", "the mandate is for another agent")
    if claims.session and claims.session != call.session:
        return refuse("MANDATE_SESSION", "the mandate is for another session")
    if claims.tools and call.tool not in claims.tools:
        return refuse("MANDATE_TOOL", "the mandate is for another tool")
    if claims.server is not None and claims.server != call.server:
        return refuse("MANDATE_TOOL", "the mandate is for another server's tool")
    if claims.call and claims.call != admitted.digest:
        return refuse("MANDATE_ARGUMENTS", "the mandate is for another call")
    if claims.action and claims.action != admitted.action_digest:
        return refuse("MANDATE_ARGUMENTS", "the mandate is for other arguments")
    return _mismatch_of_arguments(claims, call.arguments)


def _mismatch_of_arguments(claims: Claims, arguments: dict[str, Json]) -> Reason | None:
    if claims.args is not None:
        for name in arguments:
            if name not in claims.args:
                return refuse("MANDATE_ARGUMENTS", "an argument is not covered by the mandate", "/" + name)
        for name, limit in claims.args.items():
            if name not in arguments or not limit.admits(arguments[name]):
                return refuse(
                    "MANDATE_ARGUMENTS", "an argument is outside what the mandate permits", "/" + name
                )
    if claims.amount_of:
        amount = arguments.get(claims.amount_of)
        if type(amount) is not int or amount <= 0:
            return refuse("MANDATE_AMOUNT", "the amount is not a positive integer", "/" + claims.amount_of)
        if claims.per_use is not None and amount > claims.per_use:
            return refuse(
                "MANDATE_AMOUNT",
                "the amount is above the mandate's limit for one use",
                "/" + claims.amount_of,
            )
        if claims.amount is not None and amount > claims.amount:
            return refuse("MANDATE_AMOUNT", "the amount is above the mandate's limit", "/" + claims.amount_of)
    if claims.currency and arguments.get(claims.currency_of) != claims.currency:
        return refuse("MANDATE_AMOUNT", "the currency is not the mandate's", "/" + claims.currency_of)
    return None


def amount_of(claims: Claims, admitted: AdmittedCall) -> int:
    """What the call counts against the mandate's amount; `judge` has checked that it is a positive integer."""
    value = admitted.call.arguments.get(claims.amount_of) if claims.amount_of else None
    return value if type(value) is int else 0


def refuse(code: str, message: str, path: str | None = None) -> Reason:
    return Reason(stage="mandate", code=code, message=message, path=path)
