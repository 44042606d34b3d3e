"""Tokens: one spelling, one header, one algorithm, strict keys. Everything else is refused with a code."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from yett import canonical
from yett.errors import LedgerError
from yett.ledger.tokens import jws, permit

KEY = jws.SigningKey(bytes(range(32)))
PAYLOAD = {"a": 1}


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(head: bytes, body: bytes) -> str:
    start = b64(head) + "." + b64(body)
    return start + "." + b64(KEY.sign(start.encode()))


def test_a_token_verifies_under_its_key_and_type_only() -> None:
    token = jws.sign(jws.MANDATE, PAYLOAD, KEY)
    assert jws.verify(token, jws.MANDATE, KEY.kid, KEY.public) == PAYLOAD
    other = jws.SigningKey(bytes(32))
    for kind, kid, public in (
        (jws.PERMIT, KEY.kid, KEY.public),
        (jws.MANDATE, other.kid, KEY.public),
        (jws.MANDATE, KEY.kid, other.public),
    ):
        with pytest.raises(LedgerError):
            jws.verify(token, kind, kid, public)


HEAD = {"alg": "EdDSA", "kid": KEY.kid, "typ": jws.MANDATE}


@pytest.mark.parametrize(
    "token",
    [
        signed(canonical.encode({**HEAD, "alg": "none"}), b"{}"),
        signed(canonical.encode({**HEAD, "alg": "HS256"}), b"{}"),
        signed(canonical.encode({**HEAD, "crit": ["b64"]}), b"{}"),
        signed(json.dumps(HEAD).encode(), b"{}"),
        signed(canonical.encode(HEAD), b'{"a":1,"a":2}'),
        signed(canonical.encode(HEAD), b"[]"),
        signed(canonical.encode(HEAD), b'{"a":NaN}'),
        jws.sign(jws.MANDATE, PAYLOAD, KEY) + "=",
        jws.sign(jws.MANDATE, PAYLOAD, KEY) + ".x",
        jws.sign(jws.MANDATE, PAYLOAD, KEY)[:-1],
        jws.sign(jws.MANDATE, {"a": "x" * 9000}, KEY),
        "",
        "..",
        "é.é.é",
    ],
)
def test_every_other_spelling_is_refused(token: str) -> None:
    with pytest.raises(LedgerError, match=r"BAD_TOKEN|BAD_SIGNATURE"):
        jws.verify(token, jws.MANDATE, KEY.kid, KEY.public)


def test_a_small_order_key_signs_nothing() -> None:
    for public in (b"\x01" + bytes(31), bytes(32), bytes(31) + b"\x80"):
        assert not jws.check(public, b"any message", b"\x01" + bytes(63))


def test_wycheproof_vectors_hold(shared: Path) -> None:
    vectors = json.loads((shared / "vectors" / "audit" / "ed25519" / "wycheproof_ed25519.json").read_bytes())
    checked = 0
    for group in vectors["testGroups"]:
        public = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            good = jws.check(public, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            assert good == (case["result"] == "valid"), case["tcId"]
            checked += 1
    assert checked > 100


def test_a_permit_is_for_one_call_one_time_and_not_for_ever() -> None:
    told = permit.Permit(
        v=1, aud="o", jti="d_1", call="sha256:c", action="sha256:a", index=3, iat=0, exp=1000
    )
    token = permit.sign(told, KEY)
    assert permit.verify(token, KEY.public, "sha256:c", 5) == told
    with pytest.raises(LedgerError, match="PERMIT_CALL"):
        permit.verify(token, KEY.public, "sha256:other", 5)
    with pytest.raises(LedgerError, match="PERMIT_EXPIRED"):
        permit.verify(token, KEY.public, "sha256:c", 1000)
    once = permit.OneUse()
    once.use(told, 5)
    with pytest.raises(LedgerError, match="PERMIT_USED"):
        once.use(told, 6)
    once.use(permit.Permit(**{**told_fields(told), "jti": "d_2", "exp": 5000}), 2000)
    with pytest.raises(LedgerError, match=r"PERMIT_EXPIRED|PERMIT_USED"):
        once.use(told, 5)


def told_fields(told: permit.Permit) -> dict[str, object]:
    return {name: getattr(told, name) for name in told.__struct_fields__}
