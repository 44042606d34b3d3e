"""`yett check`: one call explained, or a file of them judged line by line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from yett.cli.check import MAX_LINE


def check(*words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    script = Path(sys.executable).with_name("yett")
    return subprocess.run(
        [script, "check", *words], input=stdin, capture_output=True, check=False, timeout=120
    )


def test_an_honest_call_is_allowed_and_a_hostile_one_explained() -> None:
    assert check("shell", "command=git status").returncode == 0
    done = check("shell", "command=env -S'rm -rf /'")
    assert done.returncode == 1
    text = done.stdout.decode()
    assert text.startswith("deny")
    assert "rm -rf /" in text


def test_what_a_written_file_will_run_is_shown() -> None:
    done = check("Write", "file_path=Makefile", "content=all:\n\trm -rf ~\n")
    assert done.returncode == 1
    assert "later    Makefile" in done.stdout.decode()


def test_json_arguments_and_output() -> None:
    done = check("get_order", "id:=7", "tags:=[1,2]", "--json")
    assert json.loads(done.stdout)["effect"] == "allow"


def test_lines_are_answered_in_order_and_a_bad_one_does_not_stop_the_rest() -> None:
    lines = [
        b'{"id":"1","tool":"shell","arguments":{"command":"git status"}}',
        b"not json",
        b'{"id":"3","arguments":{}}',
        b'{"id":"4","tool":"shell","arguments":{"command":"ls","command":"rm -rf /"}}',
        b"",
        b'{"id":"5","tool":"shell","arguments":{"command":"rm -rf /"},"session":"s","prompt":"clean up"}',
        b'{"id":"6","tool":"x","arguments":{"a":"' + b"y" * (MAX_LINE + 10) + b'"}}',
        b'{"id":"7","tool":"shell","arguments":[]}',
        b'{"id":"8","tool":"get","arguments":{}}',
    ]
    done = check("--jsonl", "-", stdin=b"\n".join(lines))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [answer.get("id") for answer in answers] == ["1", None, "3", None, "5", None, "7", "8"]
    assert [answer.get("effect") for answer in answers if "effect" in answer] == ["allow", "deny", "allow"]
    errors = [answer["error"] for answer in answers if "error" in answer]
    assert [error.split(":")[0] for error in errors] == ["line 2", "line 3", "line 4", "line 7", "line 8"]
    assert "DUPLICATE_KEY" in errors[2]
    for answer in answers:
        if "effect" in answer:
            assert set(answer) == {"id", "effect", "risk", "reasons", "findings"}


def test_only_good_lines_end_well(tmp_path: Path) -> None:
    source = tmp_path / "calls.jsonl"
    source.write_text('{"id":1,"tool":"get","arguments":{"n":1}}\n' * 50)
    done = check("--jsonl", source)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 50


def test_wrong_usage_is_said_and_is_status_2(tmp_path: Path) -> None:
    assert check().returncode == 2
    assert check("shell", "command").returncode == 2
    assert check("--jsonl", tmp_path / "missing").returncode == 2
    assert check("shell", "a=b", "--policy", tmp_path / "missing.yaml").returncode == 2


def test_a_plan_is_judged_step_by_step(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('[{"tool": "shell", "arguments": {"command": "git status"}}]')
    done = check("--plan", plan, "--json")
    assert done.returncode == 0
    assert [step["category"] for step in json.loads(done.stdout)["steps"]] == ["allowed"]
    plan.write_text('{"calls": [{"tool": "shell", "arguments": {"command": "rm -rf /"}}]}')
    done = check("--plan", plan)
    assert done.returncode == 1
    assert "the plan: denied" in done.stdout.decode()
    for broken in ("{}", "[]", '[{"tool": "x", "arguments": {"a": {"$step": 1}}}]', "[1]", "nonsense"):
        plan.write_text(broken)
        assert check("--plan", plan).returncode == 2
