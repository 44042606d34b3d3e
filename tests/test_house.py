"""The house stays in order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_imports_point_one_way(root: Path) -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rooms_that_read_attacker_bytes_do_not_use_backtracking_patterns(root: Path) -> None:
    rooms = ("extract", "risk", "policy", "proxy", "expr", "ledger", "serve", "sdk")
    offenders = [
        str(path.relative_to(root))
        for room in rooms
        for path in (root / "gateway" / "yett" / room).rglob("*.py")
        for line in path.read_text().splitlines()
        if line.strip().startswith(("import re ", "from re import")) or line.strip() == "import re"
    ]
    assert offenders == []


def test_files_are_of_a_size_that_can_be_read(root: Path) -> None:
    long = {
        str(path.relative_to(root)): lines
        for source in ("gateway", "audit")
        for path in (root / source).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 600
    }
    assert long == {}
