"""`yett demo` keeps every promise it prints, and README shows what it prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def yett(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("yett")
    return subprocess.run([script, *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def plain() -> str:
    done = yett("demo", "--plain")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_expectation_holds(plain: str) -> None:
    assert "✗" not in plain
    assert plain.rstrip().endswith("every expectation held; log verified by yett-verify")


def test_it_prints_the_same_every_time(plain: str) -> None:
    assert yett("demo", "--plain").stdout == plain


def test_readme_shows_what_it_prints(plain: str, root: Path) -> None:
    readme = (root / "README.md").read_text()
    shown = readme.partition("<!-- demo -->")[2].partition("<!-- /demo -->")[0]
    assert shown.strip().strip("`").strip() == plain.strip()


def test_the_scratch_directory_can_be_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert yett("demo", "--keep", kept).returncode == 0
    assert (kept / "state" / "log").is_dir()
    assert yett("demo", "--keep", kept).returncode == 2


def test_readme_shows_what_the_first_blocked_call_prints(root: Path) -> None:
    readme = (root / "README.md").read_text()
    shown = readme.partition("<!-- check -->")[2].partition("<!-- /check -->")[0]
    done = yett("check", "shell", "command=env -S'rm -rf /srv'")
    assert done.returncode == 1
    assert shown.strip().strip("`").strip() == done.stdout.strip()
