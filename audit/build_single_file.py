"""Builds `yett-verify.py`: the whole verifier in one file that an auditor can read and carry.

    python audit/build_single_file.py OUT

The modules that `yett_audit.cli` reaches are put one after another, unchanged, in the order in which they build on
each other; a small importer at the end finds them there. The standard library alone is enough to run the file;
PyNaCl and msgspec are used if they are installed. The writer, the witness and everything of the gateway stay out.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent / "yett_audit"

HEADER = '''#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""yett-verify: checks an audit log without trusting anything that wrote it.

One file, made of the verifier's modules as they are; read them from top to bottom. Run it with Python 3.11 or
later: `python3 -I -S yett-verify.py log PATH --key VKEY`. The format is described in docs/audit-format.md.
"""

MODULES = {}
'''

FOOTER = '''

# ---------------------------------------------------------------- the importer that finds the modules above

import importlib.machinery
import sys


class _Here:
    """Finds `yett_audit.*` in MODULES, before any installed copy."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname == "yett_audit":
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        if fullname in MODULES:
            return importlib.machinery.ModuleSpec(fullname, self)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        source = MODULES.get(module.__name__, "")
        exec(compile(source, f"{__file__}:{module.__name__}", "exec"), module.__dict__)


if not any(type(finder).__name__ == "_Here" for finder in sys.meta_path):
    sys.meta_path.insert(0, _Here())

if __name__ == "__main__":
    from yett_audit.cli import main

    sys.exit(main())
'''


def imports(module: str) -> list[str]:
    """The modules of this package that a module imports, in order."""
    found = []
    for node in ast.walk(ast.parse((HERE / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "yett_audit":
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("yett_audit."):
            found.append((node.module or "").removeprefix("yett_audit."))
    return found


def order(module: str = "cli") -> list[str]:
    """All modules that `module` reaches, each after what it builds on."""
    done: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in done or name in trail:
            return
        for each in imports(name):
            visit(each, (*trail, name))
        done.append(name)

    visit(module, ())
    return done


def build() -> str:
    """The text of the single file."""
    parts = [HEADER]
    for name in order():
        source = (HERE / f"{name}.py").read_text(encoding="utf-8")
        if "'''" in source:
            raise SystemExit(f"{name}.py holds three single quotes")
        parts.append(
            f"\n\n# {'-' * 64} yett_audit/{name}.py\n\nMODULES[\"yett_audit.{name}\"] = r'''{source}'''\n"
        )
    return "".join([*parts, FOOTER])


def main() -> int:
    """Writes the file named on the command line."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    out = Path(sys.argv[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(build(), encoding="utf-8")
    out.chmod(0o755)
    return 0


if __name__ == "__main__":
    sys.exit(main())
