"""Compact JWS, one algorithm, one header: what mandates, proofs and permits are written in.

A JWS library offers choices (algorithms, key look-up by header, `crit`, `jku`, duplicate claims) and each
has been an attack. Here the header is *computed* from the type and the key id that the verifier expects
and compared as bytes; base64url is accepted in its one canonical spelling; the payload is read by the same
strict parser as a call; and Ed25519 is libsodium's, which refuses small-order keys and non-canonical
signatures (OpenSSL accepts a key of all zeros but one for any message).

Sources: RFC 7515, RFC 8032, RFC 8037 (`EdDSA`).
"""

from __future__ import annotations

import binascii
import hashlib
from functools import lru_cache
from typing import Final

import nacl.bindings
import nacl.exceptions

from yett import canonical
from yett.errors import InvalidCall, LedgerError
from yett.model import Json

MAX_TOKEN: Final = 8192
"""Characters of one token."""

MANDATE: Final = "yett-mandate+jwt"
PROOF: Final = "yett-proof+jwt"
PERMIT: Final = "yett-permit+jwt"
CLEARANCE: Final = "yett-clearance+jwt"
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


class SigningKey:
    """An Ed25519 key pair with its key id (the thumbprint of the public key)."""

    def __init__(self, seed: bytes) -> None:
        self.public, self._secret = nacl.bindings.crypto_sign_seed_keypair(seed)
        self.kid = thumbprint(self.public)

    def sign(self, message: bytes) -> bytes:
        signed: bytes = nacl.bindings.crypto_sign(message, self._secret)
        return signed[:64]


def thumbprint(public: bytes) -> str:
    """Short stable name of a public key: 22 characters of base64url over its SHA-256."""
    return encode(hashlib.sha256(b"yett/key/v1\0" + public).digest()[:16])


def encode(data: bytes) -> str:
    """base64url without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Canonical base64url without padding, nothing else.

    Raises:
        LedgerError: BAD_TOKEN.
    """
    try:
        data = binascii.a2b_base64(text.encode("ascii").translate(_STANDARD) + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise LedgerError("BAD_TOKEN", "a part of the token is not base64url") from None
    if encode(data) != text:
        # Two spellings of one token would be two keys in a store of used tokens.
        raise LedgerError("BAD_TOKEN", "a part of the token is not in canonical base64url")
    return data


@lru_cache(64)
def header(kind: str, kid: str) -> str:
    """The only header accepted for this type and key, encoded."""
    return encode(canonical.encode({"alg": "EdDSA", "kid": kid, "typ": kind}))


def sign(kind: str, payload: Json, key: SigningKey) -> str:
    """A compact JWS over the canonical payload."""
    return sign_bytes(kind, canonical.encode(payload), key)


def sign_bytes(kind: str, payload: bytes, key: SigningKey) -> str:
    """As `sign`, of a payload that is in canonical form already."""
    signed = header(kind, key.kid) + "." + encode(payload)
    return signed + "." + encode(key.sign(signed.encode("ascii")))


def key_id(token: str) -> str:
    """The key id a token claims, to look its key up by. Says nothing about who signed it.

    Raises:
        LedgerError: BAD_TOKEN.
    """
    return _named(token[:MAX_TOKEN].partition(".")[0])


@lru_cache(64)
def _named(header: str) -> str:
    kid = _parse(decode(header)).get("kid")
    if not isinstance(kid, str):
        raise LedgerError("BAD_TOKEN", "the token's header names no key")
    return kid


def verify(token: str, kind: str, kid: str, public: bytes) -> dict[str, Json]:
    """The payload of a token of this type under exactly this key.

    Raises:
        LedgerError: BAD_TOKEN (form, type, algorithm, header), BAD_SIGNATURE.
    """
    if len(token) > MAX_TOKEN:
        raise LedgerError("BAD_TOKEN", f"the token has more than {MAX_TOKEN} characters")
    parts = token.split(".")
    if len(parts) != 3:
        raise LedgerError("BAD_TOKEN", "the token does not have three parts")
    if parts[0] != header(kind, kid):
        raise LedgerError("BAD_TOKEN", f"the token's header is not the one of a {kind} under this key")
    signature = decode(parts[2])
    if not check(public, f"{parts[0]}.{parts[1]}".encode("ascii"), signature):
        raise LedgerError("BAD_SIGNATURE", "the token's signature does not hold")
    return _parse(decode(parts[1]))


def check(public: bytes, message: bytes, signature: bytes) -> bool:
    """Strict Ed25519: canonical S, canonical and not small-order A and R."""
    if len(signature) != 64 or len(public) != 32:
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + message, public)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def _parse(data: bytes) -> dict[str, Json]:
    try:
        value = canonical.parse(data)
    except InvalidCall as error:
        raise LedgerError("BAD_TOKEN", f"the token's JSON is refused: {error.code}") from None
    if not isinstance(value, dict):
        raise LedgerError("BAD_TOKEN", "the token's JSON is not an object")
    return value
