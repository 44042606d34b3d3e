"""Arguments that only the log's commitments stand for: shown to somebody, and erased for good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from yett import Gateway, ToolCall
from yett.cli import build
from yett.clock import wall_clock
from yett.errors import LedgerError
from yett.ledger.administration import subjects
from yett.model import Identity
from yett_audit.cli import main as verify
from yett_audit.reader import records

POLICY = """policy: p
log: {preview: %s}
tools: {note: {does: [write], args: {text: {role: content}}}}
rules: [{id: a, allow: note}]
"""
ADA = Identity(principal="ada", agent="helper", credential="c1")
BOB = Identity(principal="bob", agent="helper", credential="c2")


def call(state: Path, who: Identity, text: str, *, preview: bool = False) -> int:
    policy = state.parent / "p.yaml"
    policy.write_text(POLICY % str(preview).lower())
    with Gateway.open(policy, state) as gateway:
        return gateway.decide(ToolCall(tool="note", arguments={"text": text}), who).record.index


def yett(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(build(["ledger"]), ["ledger", *words])
    assert done.exit_code == status, done.output
    return done.output


def verified(state: Path, *words: str) -> int:
    return verify([words[0], str(state / "log"), *words[1:], "--key", str(state / "keys" / "log.pub")])


def test_an_argument_can_be_shown_to_whoever_has_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, file = tmp_path / "state", tmp_path / "shown.json"
    index = call(state, ADA, "blue")
    file.write_text(yett("disclose", str(state), str(index), "text=blue"))
    assert verified(state, "disclose", str(file)) == 0
    file.write_text(json.dumps(json.loads(file.read_text()) | {"value": "red"}))
    assert verified(state, "disclose", str(file)) == 1
    capsys.readouterr()


@pytest.mark.parametrize(
    ("index", "path", "value", "code"),
    [
        (None, "/arguments/text", "red", "NOT_THE_VALUE"),
        (None, "/arguments/tex", "blue", "NO_SUCH_RECORD"),
        (0, "/arguments/text", "blue", "NO_SUCH_RECORD"),
        (10_000, "/arguments/text", "blue", "NO_SUCH_RECORD"),
    ],
)
def test_what_is_not_so_is_not_shown(
    tmp_path: Path, index: int | None, path: str, value: str, code: str
) -> None:
    at = call(tmp_path / "state", ADA, "blue")
    with pytest.raises(LedgerError) as refused:
        subjects.disclose(tmp_path / "state", at if index is None else index, path, value)
    assert refused.value.code == code


def test_what_was_erased_can_be_shown_by_nobody_and_the_log_stays_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    hers, his = call(state, ADA, "blue"), call(state, BOB, "blue")
    before = [record.leaf for record in records(state / "log")]
    said = yett("erase", str(state), "--principal", "ada", "--reason", "she asked", "--yes")
    assert "of 1 calls" in said
    assert "previews" not in said
    with pytest.raises(LedgerError, match="erased"):
        subjects.disclose(state, hers, "/arguments/text", "blue")
    assert subjects.disclose(state, his, "/arguments/text", "blue")["index"] == his
    after = list(records(state / "log"))
    assert [record.leaf for record in after][: len(before)] == before
    (erasure,) = (record.body for record in after if record.event == "erasure")
    assert (erasure["tenant"], erasure["principal"], erasure["reason"]) == ("default", "ada", "she asked")
    assert verified(state, "log", "--json") == 0
    assert json.loads(capsys.readouterr().out)["events"]["erasure"] == 1
    later = call(state, ADA, "green")
    with pytest.raises(LedgerError, match="erased"):
        subjects.disclose(state, later, "/arguments/text", "green")


def test_an_erasure_says_what_it_does_not_reach(tmp_path: Path) -> None:
    state = tmp_path / "state"
    call(state, ADA, "blue", preview=True)
    assert "1 of them stand in the log as redacted previews" in yett(
        "erase", str(state), "--principal", "ada", "--reason", "she asked", "--yes"
    )


def test_nothing_is_erased_of_nobody_without_a_yes_or_beside_a_gateway_that_runs(tmp_path: Path) -> None:
    state = tmp_path / "state"
    index = call(state, ADA, "blue")
    words = ["erase", str(state), "--principal", "ada", "--reason", "x"]
    yett(*words, status=1)
    with Gateway.open(tmp_path / "p.yaml", state), pytest.raises(LedgerError) as locked:
        subjects.erase(state, "default", "ada", reason="x", clock=wall_clock)
    assert locked.value.code == "LOCKED"
    with pytest.raises(LedgerError) as unknown:
        subjects.erase(state, "default", "eve", reason="x", clock=wall_clock)
    assert unknown.value.code == "SUBJECT_UNKNOWN"
    assert subjects.disclose(state, index, "/arguments/text", "blue")["value"] == "blue"
