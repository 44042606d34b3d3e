"""What holds for all values: our canonical bytes are RFC 8785's, both parsers agree, and notes and trees round-trip."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from yett_audit import canonical, commitments, merkle, note
from yett_audit.ed25519 import SigningKey, verify_with
from yett_audit.errors import Broken, InvalidRecord

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KEY = st.text(st.characters(max_codepoint=127), max_size=8)
SCALAR = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
VALUE: Any = st.recursive(
    SCALAR, lambda v: st.lists(v, max_size=4) | st.dictionaries(KEY, v, max_size=4), max_leaves=20
)


def verdict(decode: Any, data: bytes) -> Any:
    try:
        return decode(data)
    except Broken as broken:
        return broken.exit_code


@given(st.dictionaries(KEY, VALUE, max_size=6))
def test_canonical_bytes_are_those_of_rfc_8785_and_come_back(value: dict[str, Any]) -> None:
    try:
        data = canonical.encode(value)
    except InvalidRecord:
        pytest.fail("a value of the profile was refused")
    assert data == rfc8785.dumps(value)
    assert canonical.decode(data) == canonical.slow_decode(data) == value


@given(st.dictionaries(KEY, VALUE, max_size=4), st.data())
def test_both_parsers_say_the_same_of_changed_bytes(value: dict[str, Any], data: st.DataObject) -> None:
    good = canonical.encode(value)
    place = data.draw(st.integers(0, len(good) - 1))
    changed = good[:place] + data.draw(st.binary(max_size=3)) + good[place + data.draw(st.integers(0, 2)) :]
    assert verdict(canonical.decode, changed) == verdict(canonical.slow_decode, changed)


@given(st.binary(max_size=60))
def test_both_parsers_say_the_same_of_any_bytes(data: bytes) -> None:
    assert verdict(canonical.decode, data) == verdict(canonical.slow_decode, data)


@given(st.binary(max_size=300))
def test_no_bytes_make_a_parser_of_notes_crash(data: bytes) -> None:
    for parse in (note.parse, lambda d: note.VerifierKey.parse(d.decode("latin-1"))):
        try:
            parse(data)
        except Broken:
            continue


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100), st.integers(0, 511))
def test_any_flipped_bit_breaks_a_signature_for_every_implementation(
    seed: bytes, message: bytes, bit: int
) -> None:
    key = SigningKey(seed)
    signature = bytearray(key.sign(message))
    assert all(
        verify_with(name, key.public, message, bytes(signature)) for name in ("pure", "nacl", "cryptography")
    )
    signature[bit // 8] ^= 1 << bit % 8
    assert not any(
        verify_with(name, key.public, message, bytes(signature)) for name in ("pure", "nacl", "cryptography")
    )


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70), st.data())
def test_a_compact_range_goes_on_from_anywhere(leaves: list[bytes], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(leaves)))
    first = merkle.Range()
    for leaf in leaves[:cut]:
        first.append(leaf)
    second = merkle.Range(first.size, first.hashes)
    for leaf in leaves[cut:]:
        second.append(leaf)
    assert second.root() == merkle.root_of(leaves)


@given(st.binary(min_size=32, max_size=32), TEXT, st.binary(max_size=300))
def test_a_commitment_is_hmac_sha256_as_the_standard_library_has_it(
    salt: bytes, path: str, value: bytes
) -> None:
    digest = hmac.digest(salt, path.encode() + b"\x00" + value, "sha256")
    expected = "hmac-sha256:" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert commitments.commit(salt, path, value) == expected
