"""`yett-verify` as a person or a nightly job uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from yett_audit import cli, commitments, keys
from yett_audit.ed25519 import SigningKey
from yett_audit.writer import Writer

Open = Callable[..., Writer]


@pytest.fixture
def log(opened: Open) -> Writer:
    writer = opened()
    for number in range(300):
        writer.append("decision", {"id": f"dec-{number}", "effect": "allow", "n": number})
        if number % 20 == 19:
            writer.flush()
    writer.flush()
    return writer


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, Any]:
    """Exit code, and the JSON that was printed."""
    code = cli.main([*map(str, arguments), "--json"])
    output = capsys.readouterr().out
    return code, json.loads(output) if output.startswith("{") else output


def test_log_tells_the_rungs_apart(capsys: Any, log: Writer, tmp_path: Path) -> None:
    anchor, state = tmp_path / "anchor", tmp_path / "state"
    anchor.write_text(log.head().note)
    assert run(capsys, "log", log.directory)[0] == 3
    assert run(capsys, "log", log.directory, "--require", "unpinned")[0] == 0
    code, found = run(capsys, "log", log.directory, "--key", log.vkey, "--state", state)
    assert (code, found["verdict"], found["exposure"]) == (0, "SEALED", None)
    code, found = run(capsys, "log", log.directory, "--key", log.vkey, "--require", "anchored")
    assert code == 0 or found["verdict"] == "SEALED"
    code, found = run(
        capsys, "log", log.directory, "--key", log.vkey, "--anchor", anchor, "--require", "anchored"
    )
    assert (code, found["verdict"], found["exposure"]["records"]) == (0, "ANCHORED", 0)
    assert (
        run(capsys, "log", log.directory, "--key", log.vkey, "--require", "anchored", "--state", state)[0]
        == 0
    )
    assert (
        run(capsys, "log", log.directory, "--key", log.vkey, "--require", "witnessed", "--state", state)[0]
        == 3
    )
    assert run(capsys, "log", log.directory, "--key", log.vkey, "--strict")[0] == 3
    log.close()
    assert run(capsys, "log", log.directory, "--key", log.vkey, "--strict")[0] == 0


def test_state_catches_a_cut_between_two_runs_and_is_not_overwritten(
    capsys: Any, log: Writer, tmp_path: Path
) -> None:
    state, evidence = tmp_path / "state", tmp_path / "evidence"
    assert run(capsys, "log", log.directory, "--key", log.vkey, "--state", state)[0] == 0
    remembered = state.read_text()
    path = log.directory / "000000000000.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    last = max(n for n, line in enumerate(lines[:-1]) if b'"ev":"log.seal"' in line)
    path.write_bytes(b"".join(lines[: last + 1]))
    code, found = run(
        capsys, "log", log.directory, "--key", log.vkey, "--state", state, "--evidence", evidence
    )
    assert (code, found["failure"]["cause"]) == (4, "rollback")
    assert state.read_text() == remembered
    assert json.loads(evidence.read_text())["anchor"] != json.loads(evidence.read_text())["here"]


def test_an_incremental_run_reads_only_what_came_since(capsys: Any, opened: Open, tmp_path: Path) -> None:
    log, state = opened(segment_bytes=20_000), tmp_path / "state"

    def check() -> tuple[int, Any]:
        return run(capsys, "log", log.directory, "--key", log.vkey, "--state", state, "--incremental")

    starts = []
    for _ in range(4):
        for number in range(100):
            log.append("decision", {"n": number})
        log.flush()
        code, found = check()
        assert (code, found["sealed"]) == (0, log.head().checkpoint.size)
        starts.append(found["verified_from"])
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert check()[0] == 0
    log.rotate(SigningKey(b"n" * 32))
    code, found = check()
    assert (code, found["failure"]["cause"]) == (0, None) if found["failure"] else code == 0
    last = sorted(log.directory.glob("*.jsonl"))[-1]
    last.write_bytes(last.read_bytes()[:-300])
    assert check()[0] == 4


def test_an_anchor_of_another_log_is_no_anchor(
    capsys: Any, log: Writer, opened: Open, tmp_path: Path
) -> None:
    other = opened(directory=tmp_path / "other", origin="other.example/log")
    anchor = tmp_path / "anchor"
    anchor.write_text(other.head().note)
    assert run(capsys, "log", log.directory, "--key", log.vkey, "--anchor", anchor)[0] == 1
    anchor.write_text("garbage")
    assert run(capsys, "log", log.directory, "--key", log.vkey, "--anchor", anchor)[0] == 2


def test_keys_may_stand_in_a_file_or_a_policy(capsys: Any, log: Writer, tmp_path: Path) -> None:
    key, policy = tmp_path / "key.pub", tmp_path / "policy"
    key.write_text(log.vkey + "\n")
    policy.write_text(f"log {log.vkey}\nquorum none\n")
    assert run(capsys, "log", log.directory, "--key", key)[0] == 0
    assert run(capsys, "log", log.directory, "--trust", policy)[0] == 0
    wrong = keys.verifier_key(log.origin, SigningKey(bytes(32)))
    assert run(capsys, "log", log.directory, "--key", wrong)[0] == 1


def test_prove_and_receipt_need_no_trust_between_them(capsys: Any, log: Writer, tmp_path: Path) -> None:
    for what in ("7", "dec-250"):
        proof = tmp_path / "one.tlog-proof"
        assert run(capsys, "prove", log.directory, what, "--key", log.vkey, "--out", proof)[0] == 0
        code, found = run(capsys, "receipt", proof, "--key", log.vkey)
        assert code == 0
    assert found["record"]["body"]["id"] == "dec-250"
    assert run(capsys, "receipt", proof)[0] == 3
    assert run(capsys, "prove", log.directory, "dec-9999", "--key", log.vkey)[0] == 2


def test_checkpoints_are_consistent_by_log_and_by_proof(capsys: Any, log: Writer, tmp_path: Path) -> None:
    old, new, proof = tmp_path / "old", tmp_path / "new", tmp_path / "proof"
    old.write_text(log.head().note)
    log.append("decision", {"id": "x"})
    log.flush()
    new.write_text(log.head().note)
    code, found = run(capsys, "consistency", old, new, "--log", log.directory, "--key", log.vkey)
    assert (code, found["verdict"]) == (0, "CONSISTENT")
    proof.write_text("\n".join(found["proof"]))
    assert run(capsys, "consistency", old, new, "--proof", proof, "--key", log.vkey)[0] == 0
    proof.write_text("\n".join(found["proof"][::-1]))
    assert run(capsys, "consistency", old, new, "--proof", proof, "--key", log.vkey)[0] == 1
    assert run(capsys, "checkpoint", new, "--key", log.vkey)[0] == 0


def test_compare_proves_that_one_key_signed_two_histories(capsys: Any, opened: Open, tmp_path: Path) -> None:
    logs = []
    for name in ("a", "b"):
        writer = opened(directory=tmp_path / name, entropy=bytes)
        for number in range(20):
            writer.append("decision", {"n": number if number < 10 or name == "a" else -number})
        writer.flush()
        logs.append(writer)
    a, b = logs
    assert run(capsys, "compare", a.directory, a.directory, "--key", a.vkey)[1]["verdict"] == "SAME"
    code, found = run(
        capsys, "compare", a.directory, b.directory, "--key", a.vkey, "--evidence", tmp_path / "evidence"
    )
    assert (code, found["record"]) == (4, 12)
    notes = []
    for name, text in zip("ab", json.loads((tmp_path / "evidence").read_text())["notes"], strict=True):
        notes.append(tmp_path / f"note-{name}")
        notes[-1].write_text(text)
    assert run(capsys, "compare", *notes, "--key", a.vkey)[0] == 4


def test_tiles_are_exported(capsys: Any, log: Writer, tmp_path: Path) -> None:
    code, found = run(capsys, "tiles", log.directory, tmp_path / "out", "--key", log.vkey)
    assert (code, found["size"]) == (0, log.head().checkpoint.size)
    assert (tmp_path / "out/checkpoint").read_text() == log.head().note


def test_a_disclosed_field_opens_and_another_value_or_path_does_not(
    capsys: Any, opened: Open, tmp_path: Path
) -> None:
    log, salt, path = opened(), bytes(range(32)), "/arguments/recipient"
    commitment = commitments.commit(salt, path, b'"bob@example.com"')
    entry = log.append("decision", {"call": {"args": [[path, commitment]]}})
    log.wait(entry)
    told = {"index": entry.index, "path": path, "salt": salt.hex(), "value": "bob@example.com"}
    file = tmp_path / "disclosure.json"
    for change, code in (
        ({}, 0),
        ({"value": "eve"}, 1),
        ({"path": "/arguments/cc"}, 1),
        ({"salt": bytes(32).hex()}, 1),
    ):
        file.write_text(json.dumps({**told, **change}))
        assert run(capsys, "disclose", log.directory, file, "--key", log.vkey)[0] == code
    file.write_text("{}")
    assert run(capsys, "disclose", log.directory, file, "--key", log.vkey)[0] == 2


def mandate(log: Writer, event: str, **body: Any) -> None:
    log.wait(log.append(event, body))


@pytest.mark.parametrize(
    ("story", "verdict", "code"),
    [
        ([], "never", 0),
        ([("reserved", "d1", 1)], "in doubt", 3),
        ([("reserved", "d1", 1), ("committed", "d1", 1)], "once", 0),
        ([("reserved", "d1", 1), ("released", "d1", 1)], "never", 0),
        ([("reserved", "d1", 1), ("in_doubt", "d1", 1)], "in doubt", 3),
        ([("reserved", "d1", 1), ("in_doubt", "d1", 1), ("committed", "d1", 1)], "once", 0),
        (
            [("reserved", "d1", 1), ("released", "d1", 1), ("reserved", "d2", 1), ("committed", "d2", 1)],
            "once",
            0,
        ),
        ([("reserved", "d1", 1), ("committed", "d1", 1), ("reserved", "d2", 1)], "violated", 1),
        ([("reserved", "d1", 1), ("reserved", "d2", 2)], "violated", 1),
        ([("reserved", "d1", 1), ("reserved", "d2", 1)], "violated", 1),
    ],
)
def test_once_certifies_how_often_a_mandate_was_used(
    capsys: Any, opened: Open, story: Any, verdict: str, code: int
) -> None:
    log = opened()
    mandate(log, "mandate", op="issue", mandate={"jti": "m1", "slot": 0, "state": "issued", "uses": 1})
    for state, decision, slot in story:
        told = {"jti": "m1", "slot": slot, "state": state}
        if state == "reserved":
            mandate(log, "decision", id=decision, effect="allow", mandate=told)
        else:
            mandate(log, "outcome", decision=decision, mandate=told)
    got, found = run(capsys, "once", log.directory, "m1", "--key", log.vkey)
    assert (got, found["verdict"]) == (code, verdict)


def test_explain_knows_every_cause(capsys: Any) -> None:
    assert cli.main(["explain", "chain"]) == 0
    assert cli.main(["explain", "nonsense"]) == 2


def test_a_missing_log_is_a_usage_error(capsys: Any, tmp_path: Path) -> None:
    assert run(capsys, "log", tmp_path / "nowhere")[0] == 2


def test_the_standard_library_alone_is_enough(root: Path, log: Writer) -> None:
    log.close()
    code = f"import sys; sys.path.insert(0, {str(root / 'audit')!r}); from yett_audit import cli, ed25519, canonical; assert not ed25519.HAVE_NACL and canonical.msgspec is None; sys.exit(cli.main(sys.argv[1:]))"
    command = [sys.executable, "-I", "-S", "-c", code, "log", str(log.directory), "--key", log.vkey]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("verdict   SEALED")


def test_nothing_in_a_log_can_steer_a_terminal(capsys: Any, log: Writer, tmp_path: Path) -> None:
    hostile = "\x1b[2J\u202eevil\n"
    entry = log.append("decision", {"id": "hostile", "text": hostile})
    log.wait(entry)
    proof = tmp_path / "proof"
    assert cli.main(["prove", str(log.directory), "hostile", "--key", log.vkey, "--out", str(proof)]) == 0
    assert cli.main(["receipt", str(proof), "--key", log.vkey]) == 0
    output = capsys.readouterr().out
    assert all(c == "\n" or " " <= c <= "~" for c in output)
