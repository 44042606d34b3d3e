"""Statements with an effect that read like questions, and texts with quotes that are no injections."""

from __future__ import annotations

import pytest

from reads_only import reads_only
from yett.extract import sql
from yett.extract.budget import Budget
from yett.extract.facts import Statement


def read(text: str, *, declared: bool = True) -> tuple[Statement, ...]:
    return sql.analyse(text, "/q", declared=declared, budget=Budget(milliseconds=5_000))


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("select transform(a) using 'sh' as b from t", "external_script"),
        ("select orders_seq.nextval from dual", "side_effect_function"),
        ("select * from t with (tablockx, holdlock)", "locks"),
        ("select * from t with (updlock)", "locks"),
        ("show status where sleep(5)", "time_delay"),
        ("show columns from t where purge_all()", "unknown_function"),
        ("select * from orders@elsewhere", "remote_table"),
        ("select * from '/etc/passwd'", "file_access"),
        ("select * from read_text('/etc/shadow')", "file_access"),
        ("attach '/etc/cron.d/job' as a", "file_access"),
        ("vacuum into '/var/www/page.php'", "file_access"),
        ("load data infile '/etc/passwd' into table t", "file_access"),
        (r"\! id", "program"),
        (r"select 1; \! id", "program"),
        (r"select 1 \g | sh", "program"),
        (".shell id", "program"),
    ],
)
def test_an_effect_is_seen_where_the_statement_seems_to_ask(text: str, flag: str) -> None:
    assert any(flag in one.flags for one in read(text))
    assert not reads_only(read(text))


@pytest.mark.parametrize(
    "text",
    [
        "select * from t with (nolock)",
        "show tables",
        "show create table t",
        "select nextval from ledger",
        "select '/etc/passwd' as path, a from t where b like '50\\!%' escape '!'",
        "select count(*) from files where path = '/etc/hosts'",
    ],
)
def test_a_question_stays_one(text: str) -> None:
    assert reads_only(read(text)), read(text)


@pytest.mark.parametrize(
    "text",
    [
        '"garden" "chair"',
        '"rose gold" and "ring"',
        '"that\'s life" -live',
        '"#3 pencil"',
        '3/4"-1" wide board',
        "size 8 or 9",
        "1970 or 1975",
        "5'11\" or 6'",
        "PICK-O'-THE-BUNCH?",
    ],
)
def test_phrases_measures_and_years_are_no_injections(text: str) -> None:
    assert not any(sql.hostile(one) for one in read(text, declared=False)), read(text, declared=False)


@pytest.mark.parametrize(
    "text",
    [
        '"or"1"or"',
        "'-alert(1)-'",
        '" or "x"="x" or "',
        "1' or 1=1",
        "7' union select 1,2",
        "1';/*",
        "1 or 1",
        "2024 or 1=1",
        "' and 'a'='a",
    ],
)
def test_what_resembles_them_is_one(text: str) -> None:
    assert any(sql.hostile(one) for one in read(text, declared=False))
