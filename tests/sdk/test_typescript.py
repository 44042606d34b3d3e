"""The TypeScript client: its own tests, the conformance kit, and a real sidecar."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from yett.sdk import conformance


@pytest.fixture(scope="module")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("needs node and npm on PATH")
    folder = tmp_path_factory.mktemp("typescript") / "client"
    shutil.copytree(
        root / "gateway" / "typescript", folder, ignore=shutil.ignore_patterns("node_modules", "dist")
    )
    for command in (["npm", "install", "--no-audit", "--no-fund"], ["npm", "run", "build"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode and command[1] == "install":
            pytest.skip("npm cannot install the compiler (no network?)")
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_its_own_tests_pass(built: Path) -> None:
    done = subprocess.run(
        ["npm", "test"], cwd=built, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("tcp", [False, True])
def test_the_tool_runs_exactly_when_it_may(built: Path, tcp: bool) -> None:
    def target(address: str, token: str) -> conformance.Ran:
        timeout = str(int(conformance.client_timeout() * 1000))
        done = subprocess.run(
            ["node", "dist/test/drive.js", address, token, conformance.TOOL, timeout],
            cwd=built,
            input=json.dumps(conformance.ARGUMENTS),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        ran = json.loads(done.stdout)
        return conformance.Ran(times=ran["times"], arguments=ran["arguments"], told=ran["told"])

    rows = conformance.check("typescript", target, tcp=tcp)
    assert len(rows) == len(conformance.SCENARIOS)
    assert [row for row in rows if not row.passed] == []
