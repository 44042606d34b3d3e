"""The commands a newcomer types first, as the README shows them, on a port that is free here."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from yett_audit.reader import records

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
STEPS = next((block for block in README.split("```") if "yett keys create" in block and "curl" in block), "")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_readme_leads_from_nothing_to_a_denied_call(tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    assert STEPS, "the README no longer shows how to run the sidecar"
    port = free_port()
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    lines = STEPS.replace("\\\n", " ").splitlines()[1:]
    keys, serve, ask = (next(line for line in lines if word in line) for word in ("keys", "serve", "curl"))
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NO_PROXY": "*",
    }
    subprocess.run(keys, shell=True, cwd=tmp_path, env=environment, check=True, capture_output=True)
    command = [*shlex.split(serve.split("#")[0].strip().rstrip("&")), "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 30
        while b'"listening"' not in (tmp_path / "log").read_bytes():
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until
            time.sleep(0.05)
        ask = ask.replace("8787", str(port))
        done = subprocess.run(ask, shell=True, cwd=tmp_path, env=environment, check=True, capture_output=True)
    finally:
        server.terminate()
        assert server.wait(timeout=30) == 0
    answer = json.loads(done.stdout)
    assert answer["effect"] == "deny"
    assert answer["record"]["index"] > 0
    text = (tmp_path / "log").read_text()
    assert f"http://127.0.0.1:{port}" in text
    assert "yett keys create" in text
    assert "rm -rf" not in text
    assert [record.event for record in records(tmp_path / "state" / "log")][-1] == "log.close"
