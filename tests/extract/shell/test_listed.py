"""The output of a listing, given to a program that reads, is told apart from what nobody knows."""

from __future__ import annotations

import pytest

from yett.extract import shell


def reasons(source: str) -> tuple[str, ...]:
    return shell.analyse(source, "/command").commands[-1].opaque


@pytest.mark.parametrize(
    "source",
    [
        "git show $(git rev-parse HEAD)", "git diff $(git merge-base main HEAD)..HEAD", "git log $(git describe --tags --abbrev=0)..HEAD --oneline",
        'git log --since="$(date -d yesterday +%F)"', 'echo "on $(hostname) as $USER"', "wc -l $(git ls-files '*.py')", "cat $(git diff --name-only HEAD~1)",
        "head -3 $(find src -name '*.py' | sort | head)", "grep -n x $(grep -rl foo src)", "find src -type f | xargs wc -l", "git ls-files | grep py | xargs cat",
    ],
)  # fmt: skip
def test_a_listing(source: str) -> None:
    assert reasons(source) == ("listed_argument",)


@pytest.mark.parametrize(
    "source",
    [
        "cat $(cat list)", "cat $(git ls-files)$X", "cat $(ls | tr a b)", "cat $(find .. -name x)", "cat $(ls /srv)", "git show `cat x`", "git -c $(git describe) log",
        "git ls-files | xargs git show", "sort $(git ls-files)", "rm $(git ls-files)", "cat list | xargs cat", "ls | rev | xargs cat", "echo $TOKEN", "git log $(git ls-files)",
    ],
)  # fmt: skip
def test_anything_else(source: str) -> None:
    assert reasons(source) == ("dynamic_argument",)
