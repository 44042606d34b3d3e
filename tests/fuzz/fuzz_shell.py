"""Coverage-guided fuzzing of shell analysis: no crash, no hang, no growth.

    python tests/fuzz/fuzz_shell.py [corpus folder] [-max_total_time=600] [-max_len=4096]

Needs `atheris`; run by hand or by a nightly job, not by pytest.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["yett.extract.shell"]):
    from yett.extract import shell
    from yett.extract.budget import Budget, OverBudget


def one(data: bytes) -> None:
    """Read one text as a program, as an argument vector, and as a value that may be a command."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        shell.analyse(text, "/command", budget=Budget(milliseconds=60_000))
        shell.analyse_argv(text.split("\0"), "/command", budget=Budget(milliseconds=60_000))
    except OverBudget:
        pass
    shell.looks_like(text)


def main() -> None:
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
