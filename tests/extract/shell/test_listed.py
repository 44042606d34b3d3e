"""The output of a listing, given to a program that reads, is told apart from what nobody knows."""

from __future__ import annotations

import pytest

from yett.extract import shell


def reasons(source: str) -> tuple[str, ...]:
    return shell.analyse(source, "/command").commands[-1].opaque


@pytest.mark.parametrize(
    "source",
    [
        "git show $(git rev-parse v1.2)", "git diff $(git merge-base main HEAD)..HEAD", "git log $(git describe --tags --abbrev=0)..HEAD --oneline",
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


@pytest.mark.parametrize(
    "source",
    [
        "make -j$(nproc)",
        "mkdir -p out/$(date +%F)",
        "cp a.txt b-$(git rev-parse --short HEAD).txt",
        'cd "$(git rev-parse --show-toplevel)"',
        "N=`nproc`; make -j$N",
    ],
)
def test_a_number_a_date_or_a_hash_is_as_good_as_a_literal(source: str) -> None:
    assert "dynamic_argument" not in reasons(source)
    assert "dynamic_target" not in shell.analyse(source, "/command").commands[-1].flags


@pytest.mark.parametrize(
    "source",
    ["date() { echo /etc/shadow; }; cat $(date +%F)", "mkdir $(date +%F/..)", "make -j$(nproc --all; id)"],
)
def test_but_only_if_it_is_that_program(source: str) -> None:
    command = shell.analyse(source, "/command").commands[-1]
    assert command.opaque or "/etc/shadow" in command.reads
