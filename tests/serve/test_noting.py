"""What `yett keys` does is in the log: made, revoked, changed by hand, removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from waiting import until
from yett.ledger import Ledger
from yett.ledger.projection.replay import replay
from yett.serve.auth import FILE_NAME, Credentials
from yett.serve.noting import noting
from yett_audit.reader import records


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "state", origin="test.example/yett")
    yield opened
    opened.close()


def told(ledger: Ledger) -> list[dict[str, Any]]:
    return [each.body for each in records(ledger.log_directory) if each.event == "credential"]


def keys(ledger: Ledger) -> Credentials:
    return Credentials(ledger.log_directory.parent / FILE_NAME, clock=lambda: 1_800_000_000_000)


def test_making_and_revoking_a_token_are_records_without_its_secret(ledger: Ledger) -> None:
    made, token = keys(ledger).create("operator", "olga", "console")
    with noting(ledger, keys(ledger)):
        pass
    keys(ledger).revoke(made.id)
    for _ in range(2):
        with noting(ledger, keys(ledger)):
            pass
    first, second = told(ledger)
    assert (first["seen"][0]["id"], first["seen"][0]["role"]) == (made.id, "operator")
    assert first["seen"][0]["revoked"] is None
    assert second["seen"][0]["revoked"] == 1_800_000_000_000
    line = json.dumps([first, second])
    assert token.split("_", 2)[2] not in line
    assert made.secret_sha256 not in line


def test_it_is_seen_while_the_sidecar_runs(ledger: Ledger) -> None:
    with noting(ledger, keys(ledger), every_s=0.01):
        keys(ledger).create("agent", "ada", "helper")
        until(lambda: told(ledger))
    assert len(told(ledger)) == 1


def test_a_token_changed_by_hand_is_noticed_and_so_is_one_that_is_gone(ledger: Ledger) -> None:
    """prevents: access through an edited file that no record speaks of."""
    made, _ = keys(ledger).create("agent", "ada", "helper")
    with noting(ledger, keys(ledger)):
        pass
    path = ledger.log_directory.parent / FILE_NAME
    path.write_text(
        path.read_text().replace(made.secret_sha256, "0" * 64).replace('"agent"', '"operator"', 1)
    )
    with noting(ledger, keys(ledger)):
        pass
    path.unlink()
    with noting(ledger, keys(ledger)):
        pass
    _, changed, gone = told(ledger)
    assert changed["seen"][0]["id"] == made.id
    assert gone["gone"] == [made.id]


def test_a_restart_tells_nothing_twice_and_the_log_replays(ledger: Ledger, tmp_path: Path) -> None:
    for number in range(90):
        keys(ledger).create("agent", f"p{number}", "helper")
    with noting(ledger, keys(ledger)):
        pass
    ledger.close()
    again = Ledger.open(tmp_path / "state")
    with noting(again, keys(again)):
        pass
    assert [len(each["seen"]) for each in told(again)] == [40, 40, 10]
    again.close()
    assert replay(tmp_path / "state" / "log", tmp_path / "state" / "ledger.db").differing == ()
