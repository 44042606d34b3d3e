"""Writes the format's test vectors: small logs, what must be said of each, and lines inside and outside the profile.

    python tests/audit/make_vectors.py [DIRECTORY]

Everything is fixed — keys, log id, clock — so a second implementation can also produce the same bytes.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from yett_audit import note, record, verify
from yett_audit.ed25519 import SigningKey
from yett_audit.trust import Trust
from yett_audit.writer import Writer

ORIGIN = "vectors.example/yett/1"
SEEDS = [bytes([n]) * 32 for n in (1, 2)]
BODIES: list[dict[str, Any]] = [
    {"effect": "deny", "n": 0},
    {"text": 'quote " backslash \\ tab \t bell \u0007 del \u007f line \u2028 é €\U0001f512'},
    {
        "big": 2**53 - 1,
        "small": -(2**53) + 1,
        "zero": 0,
        "yes": True,
        "no": False,
        "none": None,
        "list": [1, [], {}],
    },
]
REFUSED = {
    "space": b'{"a": 1}',
    "key order": b'{"b":1,"a":1}',
    "duplicate key": b'{"a":1,"a":1}',
    "float": b'{"a":1.0}',
    "exponent": b'{"a":1e2}',
    "minus zero": b'{"a":-0}',
    "2^53": b'{"a":9007199254740992}',
    "NaN": b'{"a":NaN}',
    "escaped letter": b'{"a":"\\u0061"}',
    "escaped slash": b'{"a":"\\/"}',
    "upper case escape": b'{"a":"\\u001F"}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "invalid UTF-8": b'{"a":"\xff"}',
    "raw control": b'{"a":"\x01"}',
    "key not ASCII": '{"é":1}'.encode(),
    "byte-order mark": b'\xef\xbb\xbf{"a":1}',
    "trailing space": b'{"a":1} ',
    "17 levels": b'{"a":' * 17 + b"1" + b"}" * 17,
}


def a_log(directory: Path, mode: str) -> bytes:
    """A log with two epochs; the bytes of its only segment."""
    clock = itertools.count(1_800_000_000_000, 5)
    log = Writer.open(
        directory,
        origin=ORIGIN,
        key=SEEDS[0],
        mode=mode,
        now=clock.__next__,
        entropy=lambda n: bytes(range(n)),
    )
    for body in BODIES:
        log.append("decision", body)
    log.flush()
    log.rotate(SigningKey(SEEDS[1]))
    log.wait(log.append("outcome", {"status": "ok"}))
    log.close()
    return (directory / "000000000000.jsonl").read_bytes()


def variants(data: bytes) -> dict[str, bytes]:
    """The good log, and ways in which it is not."""
    lines = data.splitlines(keepends=True)
    return {
        "good": data,
        "edited": data.replace(b'"deny"', b'"dens"', 1),
        "record-removed": b"".join(lines[:2] + lines[3:]),
        "last-seal-stripped": b"".join(lines[:-1]),
        "torn-line": b"".join(lines[:-1]) + lines[-1][:-20],
        "cut-at-a-seal": b"".join(lines[:6]),
        "crlf": data.replace(b"\n", b"\r\n"),
        "later-format": data.replace(b"yett-log/1", b"yett-log/9", 1),
        "empty": b"",
    }


def main(out: Path) -> None:
    """Writes all vectors below `out`."""
    key = note.VerifierKey(ORIGIN, SigningKey(SEEDS[0]).public)
    index: dict[str, Any] = {
        "origin": ORIGIN,
        "seeds": [seed.hex() for seed in SEEDS],
        "key": str(key),
        "logs": [],
        "refused": {name: line.hex() for name, line in REFUSED.items()},
    }
    with tempfile.TemporaryDirectory() as scratch:
        for mode in record.MODES:
            data = a_log(Path(scratch) / mode, mode)
            for name, changed in variants(data).items():
                folder = out / f"{mode}-{name}"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "000000000000.jsonl").write_bytes(changed)
                found = verify.verify_log(folder, verify.Demand(trust=Trust(logs=[key])))
                index["logs"].append({
                    "log": folder.name, "exit": found.exit_code, "verdict": found.verdict, "sealed": found.sealed,
                    "root": found.root, "cause": found.failure["cause"] if found.failure else None,
                    "leaves": [record.leaf_of(line).hex() for line in changed.splitlines()] if name == "good" else [],
                })  # fmt: skip
    (out / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "vectors")
