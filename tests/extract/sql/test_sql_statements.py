"""What a whole statement is said to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yett.extract import sql
from yett.extract.budget import Budget, OverBudget
from yett.extract.facts import Statement


def analyse(text: str, **options: str) -> tuple[Statement, ...]:
    return sql.analyse(text, "/q", budget=Budget(milliseconds=5_000), **options)  # type: ignore[arg-type]


def only(text: str, **options: str) -> Statement:
    found = analyse(text, **options)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("text", "kind", "reads", "writes"),
    [
        (
            "SELECT a FROM shop.orders o JOIN customers c ON c.id = o.c",
            "select",
            ("customers", "shop.orders"),
            (),
        ),
        ("WITH x AS (SELECT 1 AS a) SELECT a FROM x", "select", (), ()),
        ("INSERT INTO t (a) SELECT a FROM u", "insert", ("u",), ("t",)),
        ("UPDATE t SET a = 1 WHERE id = 2", "update", (), ("t",)),
        ("DELETE FROM t WHERE id IN (SELECT id FROM u)", "delete", ("u",), ("t",)),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", "merge", ("s",), ("t",)),
        ("TRUNCATE TABLE t", "truncate", (), ("t",)),
        ("DROP TABLE t", "drop", (), ("t",)),
        ("CREATE TABLE t (a INT)", "create", (), ("t",)),
        ("ALTER TABLE t ADD COLUMN b INT", "alter", (), ("t",)),
        ("SHOW TABLES", "show", (), ()),
    ],
)
def test_kind_and_tables(text: str, kind: str, reads: tuple[str, ...], writes: tuple[str, ...]) -> None:
    found = only(text)
    assert (found.kind, found.reads, found.writes) == (kind, reads, writes)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("GRANT ALL ON t TO bob", "grant"),
        ("REVOKE SELECT ON t FROM bob", "revoke"),
        ("CALL p(1)", "call"),
        ("EXEC xp_cmdshell 'dir'", "call"),
        ("DO $$ BEGIN DELETE FROM t; END $$", "call"),
        ("COPY t TO '/tmp/x'", "copy"),
        ("SET x = 1", "set"),
        ("BEGIN", "transaction"),
        ("USE db", "use"),
        ("EXPLAIN SELECT 1", "explain"),
        ("VACUUM FULL t", "alter"),
        ("LOAD DATA INFILE 'x' INTO TABLE t", "copy"),
        ("ATTACH DATABASE 'x' AS y", "create"),
        ("KILL 5", "call"),
    ],
)
def test_kind_of_what_parsers_know_little_of(text: str, kind: str) -> None:
    assert only(text).kind == kind


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", "writes_in_cte"),
        ("EXPLAIN ANALYZE DELETE FROM t WHERE a = 1", "writes_in_explain"),
        ("EXPLAIN (ANALYZE, BUFFERS) UPDATE t SET a = 1", "writes_in_explain"),
        ("SELECT * INTO n FROM t", "select_into"),
        ("SELECT * FROM t FOR UPDATE", "locks"),
        ("DELETE FROM t", "no_where"),
        ("DELETE FROM t WHERE 1 = 1", "no_where"),
        ("UPDATE users SET is_admin = 1", "no_where"),
        ("UPDATE users SET is_admin = 1 WHERE 'a' = 'a'", "no_where"),
        ("SELECT * FROM t WHERE id = 1 OR 1 = 1", "always_true"),
        ("SELECT * FROM t WHERE id = 1 OR TRUE", "always_true"),
        ("SELECT * FROM t WHERE id = 1 OR 'a' = 'a'", "always_true"),
        ("SELECT * FROM t WHERE id = 1 OR 2 > 1", "always_true"),
        ("SELECT * FROM t WHERE id = 1 OR id = id", "always_true"),
        ("SELECT * FROM t WHERE id = 1 OR NOT FALSE", "always_true"),
        ("SELECT * FROM t WHERE id = 1 OR 1 IN (1, 2)", "always_true"),
        ("SELECT * FROM t WHERE id = 1 OR 2 BETWEEN 1 AND 3", "always_true"),
        ("SELECT 1; DROP TABLE t", "stacked"),
        ("SELECT pg_sleep(10)", "time_delay"),
        ("SELECT SLEEP(5)", "time_delay"),
        ("SELECT dbms_lock.sleep(5) FROM dual", "time_delay"),
        ("WAITFOR DELAY '0:0:5'", "time_delay"),
        ("SELECT pg_read_file('/etc/passwd')", "file_access"),
        ("SELECT LOAD_FILE('/etc/passwd')", "file_access"),
        ("SELECT pg_catalog.pg_read_file('/etc/passwd')", "file_access"),
        ("COPY t FROM '/etc/passwd'", "file_access"),
        ("COPY t TO PROGRAM 'sh -c id'", "program"),
        ("EXEC master..xp_cmdshell 'whoami'", "program"),
        ("SELECT * FROM dblink('host=evil', 'select 1') AS x(a int)", "remote_access"),
        ("SELECT utl_http.request('http://x') FROM dual", "remote_access"),
        ("SELECT nextval('s')", "side_effect_function"),
        ("SELECT query_to_xml('delete from t', true, true, '')", "side_effect_function"),
        ("SELECT my_function(1)", "unknown_function"),
        ("SELECT 1 /*! UNION SELECT password FROM users */", "exec_comment"),
        ("SELECT 1 /*M!100000 UNION SELECT 2 */", "exec_comment"),
        ("SELECT U&\"\\0070g_read_file\"('x')", "unicode_identifier"),
        ("SELECT 1\x00; DROP TABLE t", "control_char"),
        ("SELECT 1 INTO OUTFILE '/var/www/x.php'", "into_outfile"),
        ("SELECT * FROM pg_shadow", "credential_table"),
        ("SELECT * FROM information_schema.tables", "schema_probe"),
        ("GRANT ALL ON t TO PUBLIC", "privileges"),
        ("CREATE USER eve", "admin_object"),
        ("DROP DATABASE prod", "admin_object"),
        ("EXECUTE IMMEDIATE 'drop table t'", "dynamic"),
        ("SELECT * FROM a WHERE x = 1 UNION SELECT NULL, NULL", "union_probe"),
        ("SELECT 1 FROM t WHERE a = 'x'-- -", "comment_tail"),
        ("SELECT/**/password/**/FROM/**/users", "comment_split"),
        ("sElEcT * FROM users", "disguised_case"),
        ("SELECT @@version", "server_variable"),
        ("PREPARE x AS DELETE FROM t", "dynamic"),
    ],
)
def test_flag(text: str, flag: str) -> None:
    assert flag in frozenset().union(*(one.flags for one in analyse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM t WHERE 1 = 1 AND a = 2",
        "SELECT * FROM t WHERE a = 1 OR b = 2",
        "SELECT 1 -- it's a comment",
        "SELECT 'O''Brien -- or 1=1' AS name",
        "SELECT * FROM posts WHERE slug = 'foo--bar'",
        "SELECT 'a; drop table t' AS x",
        "SELECT CAST(NULL AS boolean) OR true",
        "UPDATE t SET a = 1 WHERE id = 3",
        "SELECT * FROM t WHERE url = 'https://example.com/?q=%27x%27'",
        "SELECT name /* the customer's */ FROM customers",
        "INSERT INTO notes (body) VALUES ('1'' or 1=1 --')",
        "SELECT /*+ INDEX(t i) */ a FROM t",
        "SELECT a FROM t WHERE b = 5 ORDER BY c DESC LIMIT 3",
        "COPY sales FROM 's3://bucket/path' CREDENTIALS 'x'",
        "SELECT Count(*) From Orders Where Status = 'open'",
        "SELECT a FROM t WHERE d > now() - interval '7 days'",
        "SELECT * FROM `movies` GROUP BY `category`",
        "SELECT TOP 5 [Name] FROM [dbo].[Users] WITH (NOLOCK)",
        "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(40) DEFAULT 'x')",
        "with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select n from r",
    ],
)
def test_an_honest_statement_carries_no_hostile_flag(text: str) -> None:
    for one in analyse(text):
        assert sql.hostile(one) == frozenset(), one


@pytest.mark.parametrize(
    "text",
    [
        "SELECT name FROM t WHERE age > 7 md5(",
        "SELECT name FROM t WHERE age > 7 INFORMATION_SCHEMA",
        "SELECT name FROM t WHERE name = 'admin'or 'x' ORDER BY 1",
        "SELECT name FROM t WHERE age = 33 union select",
        "SELECT name FROM t WHERE city = ''{\"a\":1}'::jsonb #>> '{a}''",
        "SELECT name FROM t WHERE age < 76 <<;",
        "SELECT name FROM t WHERE age < 8 ' OR '1'='1",
        "SELECT name FROM t WHERE id IN (SELECT id FROM u WHERE a > 4440,1))),0x71,FLOOR)",
        "SELECT count(*) FROM t HAVING count(*) >= 1=1",
    ],
)
def test_what_was_spliced_into_a_statement_shows(text: str) -> None:
    flags = frozenset().union(*(sql.hostile(one) for one in analyse(text)))
    assert flags, analyse(text)


def test_a_dialect_nobody_knows_is_opaque_and_not_hostile() -> None:
    found = only("DEFINE TASK db.t\n  warehouse = 'w'\n  schedule = 'USING CRON 0 4 * * *'\nAS\n  REFRESH x")
    assert found.opaque == ("unparsed",)
    assert not sql.hostile(found)


def test_servers_that_cut_the_text_differently_are_both_heard() -> None:
    # for PostgreSQL the backslash is a letter and the string ends; for MySQL it goes on
    found = analyse("SELECT '\\'; DROP TABLE t; -- '")
    assert "drop" in {one.kind for one in found}
    assert "drop" in {one.kind for one in analyse("SELECT 'a\\'; DROP TABLE t; -- '")}


def test_too_long_and_too_deep_are_refused_without_parsing() -> None:
    assert only("SELECT " + "a, " * 8_000 + "a").opaque == ("too_long",)
    assert only("SELECT " + "(" * 400 + "1" + ")" * 400).opaque == ("too_deep",)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 FROM t " + "JOIN a " * 60,
        "SELECT 1 FROM t " + "LEFT JOIN a AS b " * 60 + "WHERE 1",
        "SELECT 1 FROM t " + ", a JOIN b " * 60,
        "SELECT 1 FROM t " + ("JOIN a " * 4 + "ON 1 = 1 ") * 9,
        "SELECT 1 " + "UNION (" * 60,
        "SELECT " + "STRUCT(" * 60,
    ],
)
def test_what_would_double_the_parsers_work_again_and_again_is_refused(text: str) -> None:
    assert only(text).opaque == ("too_ambiguous",)


def test_many_honest_joins_are_read() -> None:
    joins = " ".join(f"LEFT JOIN t{n} AS a{n} ON a{n}.id = t.id" for n in range(40))
    assert not only(f"SELECT * FROM t {joins} CROSS JOIN u NATURAL JOIN v WHERE t.id = 1").opaque


def test_the_budget_of_the_call_is_spent() -> None:
    with pytest.raises(OverBudget):
        sql.analyse("SELECT 1", "/q", budget=Budget(size=3))


def test_fewer_than_two_in_a_hundred_honest_fixtures_of_sqlfluff_carry_a_hostile_flag(shared: Path) -> None:
    rows = [
        json.loads(line)
        for line in (shared / "corpus" / "sqlfluff_fixtures.jsonl").read_text("utf-8").splitlines()
    ]
    stopped = [
        row["id"]
        for row in rows
        if any(sql.hostile(one) for one in analyse(next(iter(row["arguments"].values()))))
    ]
    assert len(stopped) / len(rows) < 0.02, stopped


@pytest.mark.parametrize("text", ["", " ", ";", ";;;", "--", "/*", "'", '"', "SELECT", "SELECT '", "((((", "\\", "\ud800", "SELECT \ud800", "é", "DROP", "$$", "U&", "EXPLAIN", "EXPLAIN EXPLAIN EXPLAIN SELECT 1", "PREPARE x AS PREPARE y AS DELETE FROM t"])  # fmt: skip
def test_nothing_makes_it_raise(text: str) -> None:
    analyse(text)
    sql.analyse(text, "/q", declared=False, budget=Budget())
    sql.looks_like(text)
