"""The primitives against vectors that nobody here wrote."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from yett_audit import canonical, ed25519, merkle, note, subtree
from yett_audit.errors import Broken

IMPLEMENTATIONS = ("pure", "nacl", "cryptography")
TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_wycheproof_ed25519_is_decided_as_published(shared: Path, implementation: str) -> None:
    groups = json.loads((shared / "vectors/audit/ed25519/wycheproof_ed25519.json").read_text())["testGroups"]
    cases = [(bytes.fromhex(g["publicKey"]["pk"]), t) for g in groups for t in g["tests"]]
    assert len(cases) == 151
    for key, case in cases:
        got = ed25519.verify_with(implementation, key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
        assert got == (case["result"] == "valid"), case["tcId"]


def test_cctv_edge_cases_are_decided_alike_by_all_implementations(shared: Path) -> None:
    cases = json.loads((shared / "vectors/audit/ed25519/cctv_ed25519.json").read_text())
    assert len(cases) == 914
    accepted = 0
    for case in cases:
        arguments = bytes.fromhex(case["key"]), case["msg"].encode(), bytes.fromhex(case["sig"])
        verdicts = {ed25519.verify_with(name, *arguments) for name in IMPLEMENTATIONS}
        assert len(verdicts) == 1, case["number"]
        if {"low_order_A", "low_order_R"} & set(case["flags"] or ()):
            assert verdicts == {False}, case["number"]
        accepted += verdicts == {True}
    assert accepted == 43


def test_pure_python_signs_what_libsodium_signs() -> None:
    for seed in (bytes(32), bytes(range(32)), hashlib.sha256(b"seed").digest()):
        with_library = ed25519.SigningKey(seed)
        alone = ed25519.SigningKey(seed)
        alone._secret = b""
        assert alone.sign(b"message") == with_library.sign(b"message")
        assert ed25519.verify_with("pure", alone.public, b"message", alone.sign(b"message"))


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_rfc8785_files_are_accepted_where_the_profile_applies(shared: Path, name: str) -> None:
    expected = (shared / f"vectors/audit/jcs/output/{name}.json").read_bytes()
    value = json.loads((shared / f"vectors/audit/jcs/input/{name}.json").read_text())
    assert rfc8785.dumps(value) == expected
    if name in (
        "values",
        "french",
        "weird",
    ):  # floats; keys that are not ASCII: outside I-JSON-int on purpose
        with pytest.raises(Broken):
            canonical.decode(expected)
        with pytest.raises(Broken):
            canonical.slow_decode(expected)
    else:
        assert canonical.decode(expected) == canonical.slow_decode(expected) == value
        assert canonical.encode(json.loads(expected)) == expected


def _vectors(shared: Path, kind: str) -> list[tuple[str, dict[str, Any]]]:
    files = sorted((shared / "vectors/audit/merkle" / kind).rglob("*.json"))
    return [(str(f), json.loads(f.read_text())) for f in files]


def _accepts(check: Any, *arguments: Any) -> bool:
    try:
        check(*arguments)
    except Broken:
        return False
    return True


def _b64(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_merkle_inclusion_vectors(shared: Path) -> None:
    cases = _vectors(shared, "inclusion")
    assert len(cases) == 98
    for name, case in cases:
        proof = [_b64(p) for p in case["proof"] or ()]
        got = _accepts(
            merkle.verify_inclusion,
            case["leafIdx"],
            case["treeSize"],
            _b64(case["leafHash"]),
            proof,
            _b64(case["root"]),
        )
        assert got != case["wantErr"], name


def test_merkle_consistency_vectors(shared: Path) -> None:
    cases = _vectors(shared, "consistency")
    assert len(cases) == 98
    for name, case in cases:
        proof = [_b64(p) for p in case["proof"] or ()]
        got = _accepts(
            merkle.verify_consistency,
            case["size1"],
            case["size2"],
            _b64(case["root1"]),
            _b64(case["root2"]),
            proof,
        )
        assert got != case["wantErr"], name


def test_every_proof_we_make_verifies_and_no_other_size_accepts_it() -> None:
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(40)]

    def reader(level: int, index: int) -> bytes:
        return merkle.root_of(leaves[index << level : (index + 1) << level])

    roots = [merkle.root_of(leaves[:size]) for size in range(41)]
    for size in range(1, 41):
        for index in range(size):
            proof = merkle.inclusion_proof(reader, index, size)
            merkle.verify_inclusion(index, size, leaves[index], proof, roots[size])
            assert not _accepts(
                merkle.verify_inclusion, index, size, leaves[index], [*proof, bytes(32)], roots[size]
            )
    for old, new in itertools.combinations(range(1, 41), 2):
        proof = merkle.consistency_proof(reader, old, new)
        merkle.verify_consistency(old, new, roots[old], roots[new], proof)
        assert not _accepts(merkle.verify_consistency, old, new, roots[old - 1], roots[new], proof)


def test_tessera_log_checkpoints_roots_tiles_and_consistency(shared: Path) -> None:
    log = shared / "vectors/audit/tessera/log"
    key = note.VerifierKey.parse(TESSERA_KEY)
    checkpoints = {}
    for path in log.glob("checkpoint*"):
        parsed = note.parse(path.read_bytes())
        assert set(note.verified(parsed, [key])) == {key}
        point = note.Checkpoint.parse(parsed.text)
        checkpoints[point.size] = point
    assert len(checkpoints) == 16
    bundle, leaves = (log / "tile/entries/000.p/15").read_bytes(), []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        leaves.append(merkle.leaf_hash(bundle[2 : 2 + length]))
        bundle = bundle[2 + length :]
    assert b"".join(leaves) == (log / "tile/0/000.p/15").read_bytes()
    assert all(merkle.root_of(leaves[:size]) == point.root for size, point in checkpoints.items())

    def reader(level: int, index: int) -> bytes:
        return merkle.root_of(leaves[index << level : (index + 1) << level])

    pairs = [(a, b) for a, b in itertools.combinations(sorted(checkpoints), 2) if a]
    for old, new in pairs:
        proof = merkle.consistency_proof(reader, old, new)
        merkle.verify_consistency(old, new, checkpoints[old].root, checkpoints[new].root, proof)
    assert len(pairs) == 105  # and from the empty tree, which proves nothing, 15 more


def test_subtree_inclusion_vectors(shared: Path) -> None:
    cases = _vectors(shared, "subtreeinclusion")
    assert len(cases) == 204
    for name, case in cases:
        proof = [_b64(p) for p in case["proof"] or ()]
        place = case["leafIdx"], case["start"], case["end"]
        got = _accepts(subtree.verify_inclusion, *place, _b64(case["leafHash"]), proof, _b64(case["root"]))
        assert got != case["wantErr"], name


def test_subtree_consistency_vectors(shared: Path) -> None:
    cases = _vectors(shared, "subtreeconsistency")
    assert len(cases) == 118
    for name, case in cases:
        proof = [_b64(p) for p in case["proof"] or ()]
        place = case["start"], case["end"], case["size"]
        got = _accepts(subtree.verify_consistency, *place, _b64(case["root1"]), _b64(case["root2"]), proof)
        assert got != case["wantErr"], name
