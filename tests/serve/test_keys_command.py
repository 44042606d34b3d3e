"""`yett keys`: a token is shown once, its file is private, and what is listed tells nothing secret."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from yett.cli import build
from yett.errors import Unauthorized
from yett.serve.auth import FILE_NAME, Credentials


def run(*words: str) -> str:
    done = CliRunner().invoke(build(["keys"]), ["keys", *words])
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def credentials(state: Path) -> Credentials:
    return Credentials(state / FILE_NAME, clock=lambda: time.time_ns() // 1_000_000)


def test_a_created_token_works_until_it_is_revoked(state: Path) -> None:
    token = run(
        "create", "--role", "approver", "--principal", "tom", "--group", "treasury", "--state", str(state)
    )
    credential = credentials(state).identify(token)
    assert (credential.role, credential.groups) == ("approver", ("treasury",))
    run("revoke", credential.id, "--state", str(state))
    with pytest.raises(Unauthorized):
        credentials(state).identify(token)
    assert "revoked" in run("list", "--state", str(state))


def test_a_token_written_to_a_file_is_private_and_never_overwrites(state: Path, tmp_path: Path) -> None:
    out = tmp_path / "agent.token"
    shown = run("create", "--out", str(out), "--state", str(state))
    token = out.read_text().strip()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert token not in shown
    credentials(state).identify(token)
    again = CliRunner().invoke(build(["keys"]), ["keys", "create", "--out", str(out), "--state", str(state)])
    assert again.exit_code != 0
    assert out.read_text().strip() == token
    assert len(credentials(state).all()) == 1


def test_the_list_holds_no_secret(state: Path) -> None:
    token = run("create", "--state", str(state))
    assert token.split("_", 2)[2] not in run("list", "--state", str(state))


@pytest.mark.parametrize("lifetime", ["30", "d", "-1d", "1y", "1.5h", "²d"])
def test_a_lifetime_that_is_none_is_refused(state: Path, lifetime: str) -> None:
    done = CliRunner().invoke(
        build(["keys"]), ["keys", "create", "--expires", lifetime, "--state", str(state)]
    )
    assert done.exit_code == 2


def test_a_token_with_a_lifetime_says_so(state: Path) -> None:
    run("create", "--expires", "30d", "--state", str(state))
    assert "until 20" in run("list", "--state", str(state))
