"""Arguments that are not known, but of which nothing can come: the output of a listing, given to a program that reads.

`git show $(git rev-parse HEAD)`, `wc -l $(git ls-files)`, `find src | xargs grep -n x`, `echo "on $(hostname)"`. The
listing is a command of the same program and judged with it. What counts, by what the outer program could make of a
bad word:

- one that only prints or compares its words: any substitution, and variables that hold no secret;
- one that reads or checks the files it is given: what names files of the working folder, through filters that drop lines and
  never change one (`rev`, `tr` or `sed` could spell the name of a key);
- a command of git, whose options write files and run programs: what names a revision, which can't begin like an
  option, or a date.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yett.extract.patterns import pattern

_PRINTERS = frozenset(
    ("echo", "printf", "test", "[", "basename", "dirname", "seq", "sleep", "exit", "return", ":", "true")
)
_READERS = frozenset(
    ("cat", "head", "tail", "wc", "nl", "grep", "egrep", "fgrep", "ls", "stat", "file", "du", "md5sum", "sha1sum", "sha256sum", "cksum", "diff", "cmp")
)  # fmt: skip
_CHECKERS = frozenset(
    ("ruff", "black", "isort", "mypy", "pyright", "flake8", "pylint", "pytest", "eslint", "prettier", "tsc", "shellcheck", "shfmt", "yamllint",
     "markdownlint", "rubocop", "gofmt", "rustfmt", "clang-format", "hadolint", "codespell")
)  # fmt: skip
_LISTERS = frozenset(("git", "find", "fd", "ls"))
_FILTERS = frozenset(("grep", "egrep", "fgrep", "head", "tail", "sort", "uniq"))

_PLAIN = r"(?:PATH|PWD|OLDPWD|USER|LOGNAME|HOSTNAME|LANG|TERM|SHLVL|OSTYPE|NODE_ENV|VIRTUAL_ENV|GOPATH|GOROOT|JAVA_HOME|CI|\?)"
_PRINTED = pattern(r"\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`|\$" + _PLAIN + r"\b|\$\?|\$\{" + _PLAIN + r"\}")
_REVISION = pattern(
    r"\$\(git (?:rev-parse|merge-base|describe|branch|symbolic-ref)"
    r"(?: (?:--(?:short|abbrev-ref|abbrev=\d|tags|always|show-current|verify|all|fork-point|octopus)|-q|[\w@][\w@./^~{}-]*))*\)"
)
_WORDS = r"(?: (?:'[^'/~$\\]*'|\"[^\"/~$\\`]*\"|-{0,2}[\w.*@:=,+%^{}-][\w./*@:=,+%^{}~-]*))*"
_LISTING = pattern(
    r"\$\((?:git (?:diff|diff-tree|ls-tree)(?: -r)? --name-only" + _WORDS + r"|(?:git ls-files|find|fd|ls|grep -[a-zA-Z]*l[a-zA-Z]*|rg -l)"
    + _WORDS + r")(?: ?\| ?(?:grep|head|tail|sort|uniq)" + _WORDS + r")*\)"
)  # fmt: skip


_SINCE = pattern(r"--(?:since|until|after|before)=\$\(date(?: [\w%+:'\" -]*)?\)")


def listed(
    program: str, argv: Sequence[str], words: Sequence[str], upstream: Sequence[str], from_input: bool
) -> bool:
    """Whether the unknown words of a command name nothing that its program could be misused with.

    Args:
        program: its name.
        argv: all its words.
        words: the words that are not known, expansions as they stand in the source.
        upstream: programs before it in the pipeline.
        from_input: `xargs` adds words from its input (`{}`).
    """
    if program in _PRINTERS:
        return all(_explained(_PRINTED, word) for word in words)
    if program == "git":
        if from_input or argv[1].startswith("-"):
            return False
        return all(_SINCE.fullmatch(word) or _explained(_REVISION, word) for word in words)
    if program in ("kill", "wait"):
        return all(word == "$!" for word in words)
    if program not in _READERS and program not in _CHECKERS:
        return False
    if from_input:
        return (
            bool(upstream)
            and upstream[0] in _LISTERS
            and _FILTERS.issuperset(upstream[1:])
            and all(w == "{}" for w in words)
        )
    return all(".." not in word and _LISTING.fullmatch(word) for word in words)


def _explained(expected: Any, word: str) -> bool:
    """Whether no other expansion is left in a word."""
    rest = expected.sub("", word)
    return "$" not in rest and "`" not in rest
