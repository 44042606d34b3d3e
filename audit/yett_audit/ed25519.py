"""Strict Ed25519, the same verdict from three implementations.

RFC 8032 leaves edge cases open, and mainstream libraries differ: on the 914 CCTV vectors OpenSSL accepts
208 and libsodium 43. All differences have a public key A or a commitment R of low order. So the rule here is:

1. the signature has 64 bytes, S < L;
2. A is a canonical encoding (y < p) and not of low order; R is not of low order;
3. the cofactorless equation holds, compared as bytes: encode(S·B − h·A) == R.

Steps 1 and 2 are checked here before any library is asked, which makes all implementations agree.
PyNaCl is used if it is installed (72 µs), else pure Python (about 2 ms); `verify_with` names one.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable

try:
    from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
    from nacl.exceptions import BadSignatureError

    HAVE_NACL = True
except ImportError:  # the standard library alone is enough
    HAVE_NACL = False

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
MASK = (1 << 255) - 1

Point = tuple[int, int, int, int]
"""Extended twisted Edwards coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z."""

IDENTITY: Point = (0, 1, 1, 0)


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _double(p: Point) -> Point:
    a = p[0] * p[0] % P
    b = p[1] * p[1] % P
    h = a + b
    e = h - (p[0] + p[1]) ** 2
    g = a - b
    f = 2 * p[2] * p[2] + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def _recover_x(y: int, sign: int) -> int | None:
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def _decode(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    y = number & MASK
    x = _recover_x(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


def _encode(p: Point) -> bytes:
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _base_point() -> Point:
    y = 4 * pow(5, P - 2, P) % P
    x = _recover_x(y, 0)
    assert x is not None
    return x, y, 1, x * y % P


BASE = _base_point()


def _low_order_ys() -> frozenset[int]:
    """The y coordinates of the eight points of low order: 1, −1, 0 and ±the two of order 8.

    A point of order 8 doubles to one of order 4 (y = 0), that is x² + y² = 0 · …: x² = −y², which with
    the curve equation −x² + y² = 1 + d·x²·y² gives d·y⁴ + 2·y² − 1 = 0.
    """
    root = pow((1 + D) % P, (P + 3) // 8, P)
    if (root * root - 1 - D) % P:
        root = root * SQRT_M1 % P
    ys = {0, 1, P - 1}
    for square in ((root - 1) * pow(D, P - 2, P) % P, (-root - 1) * pow(D, P - 2, P) % P):
        y = pow(square, (P + 3) // 8, P)
        if (y * y - square) % P:
            y = y * SQRT_M1 % P
        if (y * y - square) % P == 0:
            ys |= {y, P - y}
    return frozenset(ys)


LOW_ORDER = _low_order_ys()


def acceptable_key(public: bytes) -> bool:
    """Whether a public key is 32 bytes, canonical and not of low order."""
    if len(public) != 32:
        return False
    y = int.from_bytes(public, "little") & MASK
    return y < P and y not in LOW_ORDER


def _acceptable(public: bytes, signature: bytes) -> bool:
    if len(signature) != 64 or not acceptable_key(public):
        return False
    r = int.from_bytes(signature[:32], "little") & MASK
    return int.from_bytes(signature[32:], "little") < L and r % P not in LOW_ORDER


def _challenge(r: bytes, public: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L


@functools.lru_cache(maxsize=16)
def _table(public: bytes) -> tuple[Point, ...] | None:
    """i·B + j·(−A) at index i + 4·j, for i, j in 0..3; None if A is no point."""
    point = _decode(public)
    if point is None:
        return None
    negative: Point = (P - point[0], point[1], 1, P - point[3])
    table = [IDENTITY] * 16
    for i in range(1, 4):
        table[i] = _add(table[i - 1], BASE)
    for i in range(4, 16):
        table[i] = _add(table[i - 4], negative)
    return tuple(table)


def _pure_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    table = _table(public)
    if table is None:
        return False
    s = int.from_bytes(signature[32:], "little")
    h = _challenge(signature[:32], public, message)
    result = IDENTITY
    # Straus: one run of doublings for S·B + h·(−A), two bits of each scalar at a time.
    for shift in range(252, -1, -2):
        result = _double(_double(result))
        index = (s >> shift & 3) | (h >> shift & 3) << 2
        if index:
            result = _add(result, table[index])
    return _encode(result) == signature[:32]


def _nacl_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return False
    return True


def _openssl_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


_IMPLEMENTATIONS: dict[str, Callable[[bytes, bytes, bytes], bool]] = {
    "pure": _pure_verify,
    "nacl": _nacl_verify,
    "cryptography": _openssl_verify,
}


def verify_with(implementation: str, public: bytes, message: bytes, signature: bytes) -> bool:
    """`verify` by a named implementation: `pure`, `nacl` or `cryptography`."""
    return _acceptable(public, signature) and _IMPLEMENTATIONS[implementation](public, message, signature)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (64 bytes) is a strict Ed25519 signature of `message` under `public` (32 bytes)."""
    return _acceptable(public, signature) and _fastest(public, message, signature)


_fastest = _nacl_verify if HAVE_NACL else _pure_verify


def _multiply_base(scalar: int) -> Point:
    result, addend = IDENTITY, BASE
    while scalar:
        if scalar & 1:
            result = _add(result, addend)
        addend = _double(addend)
        scalar >>= 1
    return result


class SigningKey:
    """An Ed25519 private key from its 32-byte seed. Never printed; `public` is its 32-byte public key."""

    __slots__ = ("_secret", "public", "seed")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != 32:
            raise ValueError("an Ed25519 seed has 32 bytes")
        self.seed = seed
        if HAVE_NACL:
            self.public, self._secret = crypto_sign_seed_keypair(seed)
        else:
            scalar, _ = self._expanded()
            self.public, self._secret = _encode(_multiply_base(scalar)), b""

    def _expanded(self) -> tuple[int, bytes]:
        digest = hashlib.sha512(self.seed).digest()
        scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
        return scalar, digest[32:]

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message` (RFC 8032 §5.1.6)."""
        if self._secret:
            signed: bytes = crypto_sign(message, self._secret)[:64]
            return signed
        scalar, prefix = self._expanded()
        r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
        commitment = _encode(_multiply_base(r))
        s = (r + _challenge(commitment, self.public, message) * scalar) % L
        return commitment + s.to_bytes(32, "little")

    def __repr__(self) -> str:
        return "SigningKey(public=" + self.public.hex() + ")"
