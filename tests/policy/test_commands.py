"""`yett policy` and `yett tools` as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from policy_helpers import BANK
from typer.testing import CliRunner, Result

from yett.cli import policy as policy_commands
from yett.cli import tools as tool_commands

GOOD = BANK + (
    "rules:\n  - {id: a, allow: send_money, when: 'origin(args.recipient) == \"prompt\" and args.amount <= 500'}\n"
    "  - {id: r, allow: read_file}\n"
    "tests:\n  - {allow: {tool: read_file, args: {path: x}}}\n"
)


def run(*words: str, stdin: str | None = None) -> Result:
    app = typer.Typer()
    policy_commands.register(app)
    tool_commands.register(app)
    return CliRunner().invoke(app, list(words), input=stdin)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    return file


def test_check(good: Path) -> None:
    checked = run("policy", "check", str(good))
    assert checked.exit_code == 0, checked.output
    assert "2 rules" in checked.output
    assert "warning UNTESTED" in checked.output
    good.write_text(GOOD.replace("args.amount <= 500", "args.amount <= 500 and args.amount > 600"))
    refused = run("policy", "check", str(good))
    assert refused.exit_code == 1
    assert "RULE_DEAD" in refused.output
    assert "good.yaml:16" in refused.output
    assert run("policy", "check", str(good.parent / "no.yaml")).exit_code == 2


def test_check_asks_the_solver(good: Path) -> None:
    pytest.importorskip("z3")
    good.write_text(GOOD.replace("args.amount <= 500", "args.amount + 1 < 1"))
    assert "proven never to fire" in run("policy", "check", str(good)).output


def test_test(good: Path) -> None:
    tested = run("policy", "test", str(good))
    assert tested.exit_code == 0
    assert "1 tests, 0 failed; 1 of 2 rules fired" in tested.output
    good.write_text(GOOD.replace("{allow: {tool: read_file", "{deny: {tool: read_file"))
    assert run("policy", "test", str(good)).exit_code == 1


def test_explain(good: Path) -> None:
    told = run(
        "policy", "explain", str(good), "--tool", "send_money",
        "--args", '{"recipient": "A", "amount": 900, "subject": "x"}', "--given", '{"origins": {"A": "prompt"}, "risk": 0}',
    )  # fmt: skip
    assert told.exit_code == 1
    assert "FALSE: args.amount <= 500" in told.output
    assert run("policy", "explain", str(good), "--tool", "x", "--args", "{").exit_code == 2


def test_diff(good: Path) -> None:
    pytest.importorskip("z3")
    wider = good.parent / "wider.yaml"
    wider.write_text(GOOD.replace("<= 500", "<= 600"))
    assert run("policy", "diff", str(good), str(good)).exit_code == 0
    widened = run("policy", "diff", str(good), str(wider))
    assert widened.exit_code == 1
    assert "deny -> allow (confirmed)" in widened.output
    assert run("policy", "diff", str(wider), str(good)).exit_code == 3


def test_fmt(good: Path) -> None:
    assert run("policy", "fmt", "--check", str(good)).exit_code == 1
    assert run("policy", "fmt", "--write", str(good)).exit_code == 0
    assert run("policy", "fmt", "--check", str(good)).exit_code == 0
    assert run("policy", "test", str(good)).exit_code == 0
    good.write_text("# a note\n" + GOOD)
    kept = run("policy", "fmt", "--write", str(good))
    assert kept.exit_code == 1
    assert good.read_text().startswith("# a note")


def test_import(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"t": [[1, 0, {"x": "good"}, 0]]}))
    done = run("policy", "import", "--from", "progent", str(tmp_path / "p.json"))
    assert done.exit_code == 0
    assert "PREFIX_MATCH" in done.output
    assert "matches(args.x" in done.output
    assert run("policy", "import", "--from", "rego", str(tmp_path / "p.json")).exit_code == 2


def test_infer(tmp_path: Path) -> None:
    listed = json.dumps(
        {"tools": [{"name": "send_mail", "inputSchema": {"properties": {"to": {"type": "string"}}}}]}
    )
    said = run("tools", "infer", "-", stdin=listed)
    assert said.exit_code == 0
    assert "role: target" in said.output
    out = tmp_path / "m.yaml"
    (tmp_path / "t.py").write_text("def pay(iban: str): ...")
    assert run("tools", "infer", str(tmp_path / "t.py"), "--out", str(out)).exit_code == 0
    assert "does: [pay]" in out.read_text()
    assert run("tools", "infer", "-", stdin="[]").exit_code == 1


def test_what_is_not_given_as_in_a_test_is_an_error_and_no_traceback(good: Path) -> None:
    arguments = '{"recipient": "A", "amount": 1, "subject": "x"}'
    for args, given in [
        ("[]", "{}"),
        ("{", "{}"),
        (arguments, "[]"),
        (arguments, '{"origin": {}}'),
        (arguments, '{"origins": {"A": "bogus"}}'),
        (arguments, '{"origins": ["A"]}'),
        (arguments, '{"now": "x"}'),
    ]:
        said = run("policy", "explain", str(good), "--tool", "send_money", "--args", args, "--given", given)
        assert said.exit_code == 2, (args, given, said.output)


def test_a_warning_names_the_line_of_its_rule(good: Path) -> None:
    assert "good.yaml:16: warning UNTESTED: rule `a`" in run("policy", "check", str(good)).output
