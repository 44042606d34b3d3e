"""The house stays in order."""

from __future__ import annotations

import ast
import contextlib
import graphlib
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def test_imports_point_one_way(root: Path) -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("source", ["gateway", "audit"])
def test_no_imports_go_in_a_circle(root: Path, source: str) -> None:
    """Those for type checking and those inside functions count too: what is cut in two like that is one thing."""
    files: dict[str, Path] = {}
    for path in (root / source).glob("yett*/**/*.py"):
        module = ".".join(path.relative_to(root / source).with_suffix("").parts)
        files[module.removesuffix(".__init__")] = path
    assert len(files) > 30
    imported: dict[str, set[str]] = {}
    for module, path in files.items():
        names = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}: imports name whole modules here"
                inner = [f"{node.module}.{alias.name}" for alias in node.names]
                names |= {name if name in files else str(node.module) for name in inner}
        imported[module] = names & files.keys() - {module}
    graphlib.TopologicalSorter(imported).prepare()  # names the circle that it finds


def test_rooms_that_read_attacker_bytes_do_not_use_backtracking_patterns(root: Path) -> None:
    rooms = ("extract", "risk", "policy", "proxy", "expr", "ledger", "serve", "sdk")
    offenders = [
        str(path.relative_to(root))
        for room in rooms
        for path in (root / "gateway" / "yett" / room).rglob("*.py")
        for line in path.read_text().splitlines()
        if line.strip().startswith(("import re ", "from re import")) or line.strip() == "import re"
    ]
    assert offenders == []


def test_files_are_of_a_size_that_can_be_read(root: Path) -> None:
    long = {
        str(path.relative_to(root)): lines
        for source in ("gateway", "audit")
        for path in (root / source).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 600
    }
    assert long == {}


def test_every_room_says_what_it_is_for(root: Path) -> None:
    silent = [
        str(path.relative_to(root))
        for source in ("gateway", "audit")
        for path in (root / source).rglob("*.py")
        if len((ast.get_docstring(ast.parse(path.read_text())) or "").split()) < 5
    ]
    assert silent == []


def test_what_the_tests_import_is_installed_with_them(root: Path) -> None:
    """`make test` on a new machine has what `yett[dev]` brings, and no more."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    todo = [(text, "") for text in (*project["dependencies"], *extras["dev"])]
    brought = {"yett"}
    for text, extra in todo:
        needed = Requirement(text)
        name = canonicalize_name(needed.name)
        if needed.marker is not None and not needed.marker.evaluate({"extra": extra}):
            continue
        if name == "yett":
            todo += [(each, "") for own in needed.extras for each in extras[own]]
        elif name not in brought:
            brought.add(name)
            with contextlib.suppress(metadata.PackageNotFoundError):
                todo += [
                    (each, own) for own in ("", *needed.extras) for each in metadata.requires(name) or ()
                ]
    homes = {
        module: {canonicalize_name(home) for home in found}
        for module, found in metadata.packages_distributions().items()
    }
    missing = {
        f"{path.relative_to(root)}: {module}"
        for path in [*(root / "tests").rglob("test_*.py"), *(root / "tests").rglob("conftest.py")]
        for node in ast.parse(path.read_text()).body
        for module in _imported(node)
        if not homes.get(module, {"yett"}) & brought
    }
    assert missing == set()


def _imported(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return [(node.module or "").partition(".")[0]] if isinstance(node, ast.ImportFrom) else []
