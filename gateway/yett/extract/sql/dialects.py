"""Dialects of SQL: which of them reads a text, as trees of sqlglot.

The one that is named is tried, else those the text hints at, else the most common ones, until one understands the
whole text. Where servers would cut the text differently, `sql` has a second family read it as well (`parse_as`), and
what either sees counts.
"""

from __future__ import annotations

import logging
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from yett.extract.budget import Budget
from yett.extract.patterns import pattern

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of every statement it keeps unparsed

COMMON = ("postgres", "mysql", "tsql", "snowflake", "bigquery", "", "oracle", "clickhouse", "spark", "sqlite")
"""Dialects in the order in which they are tried; together they read 82 % of sqlfluff's fixtures."""
MAX_TRIES_LONG = 2
LONG = 4_000

_FAILURES = (
    SqlglotError,
    RecursionError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    KeyError,
    AssertionError,
)
"""sqlglot's own errors, and those its compiled parser lets through on text it did not expect (seen by fuzzing)."""

_HINTS: tuple[tuple[str, Any], ...] = (
    ("mysql", pattern(r"(?i)`[^`]*`|\bon duplicate key\b|\bauto_increment\b|\bengine\s*=|\bstraight_join\b|\brlike\b")),
    ("tsql", pattern(r"(?i)(?:^|[\s.,(])\[[A-Za-z_][\w ]*\]|\bselect\s+top[\s(]|@[a-z_]\w*|\bnvarchar\b|^\s*go\s*$|\bexec\b|\bnolock\b|\bwaitfor\b")),
    ("oracle", pattern(r"(?i)\bfrom dual\b|\bvarchar2\b|\brownum\b|\bconnect by\b|\bnumber\s*\(|\(\+\)")),
    ("bigquery", pattern(r"(?i)`[\w-]+\.[\w-]+(?:\.[\w-]+)?`|\bstruct\s*[<(]|\bunnest\s*\(|\bsafe_|\bint64\b")),
    ("snowflake", pattern(r"(?i)\bqualify\b|\bvariant\b|\bwarehouse\b|:[a-z_]+(?:::|\.)|@~|@%|\bflatten\s*\(")),
    ("clickhouse", pattern(r"(?i)\bengine\s*=\s*\w*mergetree|\barrayjoin\b|\bprewhere\b|\bfinal\b|\bglobal in\b")),
    ("spark", pattern(r"(?i)\busing (?:delta|parquet|csv|json|orc)\b|\blateral view\b|\btblproperties\b|\bdistribute by\b|\bcluster by\b")),
)  # fmt: skip


def parse(source: str, dialect: str, budget: Budget) -> tuple[str, list[Any]] | None:
    """(dialect, trees) by the first dialect that reads all of it; None if none does."""
    tries = candidates(source, dialect)
    for name in tries if len(source) <= LONG else tries[:MAX_TRIES_LONG]:
        budget.spend(1)
        trees = parse_as(source, name)
        if trees is not None:
            return name, trees
    return None


def parse_as(source: str, dialect: str) -> list[Any] | None:
    """The trees of one dialect, empty statements left out; None if it does not read the text."""
    try:
        trees = sqlglot.parse(source, read=dialect or None)
    except _FAILURES:
        return None
    return [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]


def candidates(source: str, dialect: str) -> list[str]:
    if dialect:
        return [dialect]
    hinted = [name for name, pattern in _HINTS if pattern.search(source)]
    return hinted + [name for name in COMMON if name not in hinted]
