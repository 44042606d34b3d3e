"""The verifier can be carried and read: one file, the standard library alone, few enough lines, nothing of yett."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import tokenize
from collections.abc import Callable
from pathlib import Path

import pytest

from yett_audit.writer import Writer

Open = Callable[..., Writer]
CORE = [
    "errors",
    "canonical",
    "ed25519",
    "merkle",
    "note",
    "record",
    "chain",
    "segment",
    "seals",
    "scan",
    "diagnose",
    "trust",
    "verify",
]
"""What decides whether a log holds; the rest words the result or answers other questions."""


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank ones, comments or docstrings."""
    text = path.read_text()
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            told |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    ignored = (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in ignored:
            found |= set(range(token.start[0], token.end[0] + 1))
    return len(found - told)


def test_the_verifiers_core_has_at_most_1500_lines_of_code(root: Path) -> None:
    assert sum(code_lines(root / f"audit/yett_audit/{name}.py") for name in CORE) <= 1500


def test_the_core_builds_on_itself_and_the_standard_library_alone(root: Path) -> None:
    optional = {"nacl", "cryptography", "msgspec"}
    for name in CORE:
        for node in ast.walk(ast.parse((root / f"audit/yett_audit/{name}.py").read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = (
                    [f"yett_audit.{a.name}" for a in node.names]
                    if node.module == "yett_audit"
                    else [str(node.module)]
                )
            for module in modules:
                top, _, rest = module.partition(".")
                if top == "yett_audit":
                    assert rest.partition(".")[0] in {*CORE, "parallel"}, (name, module)
                else:
                    assert top in sys.stdlib_module_names | optional, (name, module)


def test_nothing_of_the_gateway_is_imported_by_the_log(root: Path) -> None:
    for path in (root / "audit/yett_audit").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not any(name == "yett" or name.startswith("yett.") for name in names), path


@pytest.fixture(scope="module")
def single(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("single") / "yett-verify.py"
    subprocess.run([sys.executable, root / "audit/build_single_file.py", out], check=True)
    return out


def run(single: Path, *arguments: object) -> tuple[int, str]:
    command = [sys.executable, "-I", "-S", str(single), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_the_single_file_verifies_alone(single: Path, opened: Open, tmp_path: Path) -> None:
    log = opened(segment_bytes=5_000)
    for number in range(60):
        log.append("decision", {"id": f"d{number}", "n": number})
        if number % 9 == 0:
            log.flush()
    log.close()
    for extra in ((), ("--jobs", "2")):
        code, out = run(single, "log", log.directory, "--key", log.vkey, "--json", *extra)
        assert (code, json.loads(out)["verdict"]) == (0, "SEALED")
    proof = tmp_path / "one.tlog-proof"
    assert run(single, "prove", log.directory, "d7", "--key", log.vkey, "--out", proof)[0] == 0
    assert run(single, "receipt", proof, "--key", log.vkey)[0] == 0
    path = sorted(log.directory.glob("*.jsonl"))[1]
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b'"id":"d', b'"id":"e', 1))
    code, out = run(single, "log", log.directory, "--key", log.vkey, "--json")
    assert (code, json.loads(out)["failure"]["cause"]) == (1, "record-changed")


def test_the_single_file_holds_neither_writer_nor_witness(single: Path) -> None:
    text = single.read_text()
    for name in ("writer", "pen", "witness", "tape", "recovery"):
        assert f'MODULES["yett_audit.{name}"]' not in text
