"""The sidecar's commands as the README shows them, on a port that is free here."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from waiting import until
from yett_audit.reader import records

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "NO_PROXY": "*",
}

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")


def commands(*words: str) -> list[str]:
    """The block of the README with all these words, one command each."""
    blocks = [block for block in README.split("```") if all(word in block for word in words)]
    assert len(blocks) == 1, words
    return blocks[0].replace("\\\n", " ").strip().splitlines()


KEYS, SERVE, ASK = commands("yett keys create", "curl")
APPROVER, LIST, APPROVE = commands("yett keys create", "yett approve")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(command: str, folder: Path, answer: str = "") -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=ENVIRONMENT, input=answer, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextlib.contextmanager
def sidecar(folder: Path) -> Iterator[int]:
    (folder / "policies").symlink_to(ROOT / "policies")
    run(KEYS, folder)
    port = free_port()
    command = [*shlex.split(SERVE.strip().rstrip("&")), "--port", str(port)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log)
    try:
        until(lambda: b'"listening"' in (folder / "log").read_bytes(), lambda: server.poll() is None)
        yield port
    finally:
        server.terminate()
        assert server.wait(timeout=120) == 0


def ask(port: int, folder: Path, command: str = "rm -rf /") -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(
        run(ASK.replace("8787", str(port)).replace("rm -rf /", command), folder)
    )
    return answer


def test_the_readme_leads_from_nothing_to_a_denied_call(tmp_path: Path) -> None:
    with sidecar(tmp_path) as port:
        answer = ask(port, tmp_path)
    assert answer["effect"] == "deny"
    assert answer["record"]["index"] > 0
    text = (tmp_path / "log").read_text()
    assert f"http://127.0.0.1:{port}" in text
    assert "yett keys create" in text
    assert "rm -rf" not in text
    assert [record.event for record in records(tmp_path / "state" / "log")][-1] == "log.close"


def test_and_from_a_held_call_to_one_that_a_person_approved_once(tmp_path: Path) -> None:
    held = "cat ~/.ssh/id_rsa"
    assert f"`{held}`" in README
    with sidecar(tmp_path) as port:
        waiting = ask(port, tmp_path, held)
        assert waiting["effect"] == "hold"
        run(APPROVER, tmp_path)
        assert waiting["approval"] in run(LIST, tmp_path)
        shown = run(APPROVE.replace("ID", waiting["approval"]), tmp_path, "y\n")
        assert held in shown
        assert [ask(port, tmp_path, held)["effect"] for _ in range(2)] == ["allow", "hold"]
