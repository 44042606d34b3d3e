"""A foreign implementation agrees: Go's sumdb packages verify a fresh log's note, tiles, receipts and growth.

`YETT_LONG=1` takes 70,000 records and 1,000 receipts; by default 3,000 and 100.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from yett_audit import note, tile
from yett_audit.ed25519 import SigningKey
from yett_audit.writer import Writer

RECORDS, RECEIPTS = (70_000, 1_000) if os.environ.get("YETT_LONG") else (3_000, 100)


@pytest.fixture(scope="session")
def program(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    out = tmp_path_factory.mktemp("go") / "interop"
    built = subprocess.run(
        ["go", "build", "-o", str(out), "."],
        cwd=root / "tests/interop/go",
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode and "golang.org/x/mod" in built.stderr:
        pytest.skip("golang.org/x/mod cannot be fetched here")
    assert built.returncode == 0, built.stderr
    return out


@pytest.mark.timeout(600)
def test_go_verifies_checkpoint_tiles_receipts_and_consistency(program: Path, tmp_path: Path) -> None:
    rng = random.Random(7)
    with Writer.open(tmp_path / "log", origin="host.example/yett/interop", key=SigningKey(bytes(32))) as log:
        old = None
        for number in range(RECORDS):
            log.append("decision", {"effect": "deny", "n": number, "text": "ü" * rng.randrange(20)})
            if rng.random() < 0.02:
                log.flush()
            if number == RECORDS // 3:
                log.flush()
                old = log.head().checkpoint
        log.flush()
        head = log.head()
        out = tmp_path / "out"
        tile.export(log.directory, out, head.checkpoint.size, head.note)
        (out / "receipts").mkdir()
        for index in rng.sample(range(head.checkpoint.size), RECEIPTS):
            text = log.receipt(index)
            assert len(text) <= 2048
            (out / f"receipts/{index}.tlog-proof").write_text(text)
        assert old is not None
        proof = log.tiles.consistency(old.size, head.checkpoint.size)
        (out / "old.root").write_text(note.to_base64(old.root))
        (out / "consistency").write_text("\n".join(map(note.to_base64, proof)))
        vkey = log.vkey
    command = [str(program), str(out), vkey, str(old.size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{RECEIPTS} receipts" in done.stdout
    (out / "tile/0/000").write_bytes(bytes(8192))
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
