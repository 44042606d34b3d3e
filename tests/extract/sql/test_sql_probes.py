"""What a value pasted into a query template leaves in the tree, and what honest statements have that is like it."""

from __future__ import annotations

import pytest

from yett.extract import sql
from yett.extract.budget import Budget


def flags(source: str) -> frozenset[str]:
    found = sql.analyse(source, "/sql", budget=Budget(milliseconds=20_000))
    return frozenset().union(*(one.flags for one in found))


@pytest.mark.parametrize(
    ("source", "flag"),
    [
        ("SELECT name FROM users WHERE id = 7 AND 3=3", "probe_predicate"),
        ("SELECT name FROM users WHERE id = 8 AND NOT 0 AND active = 1", "probe_predicate"),
        ("SELECT name FROM users WHERE id = 1 OR true AND active = 1", "probe_predicate"),
        ("SELECT name FROM users WHERE city = '17' and 'a'<'b'", "probe_predicate"),
        ("SELECT name FROM users WHERE id = 4/(SELECT CASE WHEN 1=1 THEN 1 ELSE 0 END)", "probe_predicate"),
        ("SELECT name FROM users WHERE id = 3 AND ascii(substr((SELECT pw FROM t LIMIT 1),1,1)) > 64", "probe_predicate"),
        ("SELECT a FROM t WHERE id = 7 AND (SELECT COUNT(*) FROM information_schema.tables) > 0", "probe_predicate"),
        ("UPDATE users SET nick = 'x' OR full_name LIKE '%Bob%' WHERE id = 7", "probe_predicate"),
        ("SELECT name FROM users WHERE id = 0 UNION SELECT 1, 2, 3", "union_probe"),
        ("SELECT * FROM orders WHERE id = -9 UNION SELECT table_name FROM information_schema.tables", "union_probe"),
        ("SELECT name FROM users WHERE id = 1 INTERSECT SELECT 1 AND active = 1", "union_probe"),
        ("SELECT name FROM users WHERE id = 1 UNION SELECT * FROM (SELECT 1) a CROSS JOIN (SELECT 2) b", "union_probe"),
        ("SELECT name FROM users WHERE city = ''+convert(int, db_name())+'' AND active = 1", "probe_predicate"),
        ("SELECT name FROM users WHERE id = 5/(CASE WHEN 1=1 THEN 1 ELSE 0 END)", "probe_predicate"),
        ("SELECT name FROM users WHERE id = 1 GROUP BY concat_ws(0x7e, version(), floor(rand(0)*2))", "probe_predicate"),
        ("SELECT name FROM users WHERE id = 999 UNION SELECT a FROM b-- AND active = 1", "comment_tail"),
        ("SELECT name FROM users WHERE id = 1 AND strcmp(left(version(), 1), 0x35) + 1 = 1", "probe_predicate"),
        ("SELECT name FROM users WHERE city = 'abc' - 0 - '' AND active = 1", "probe_predicate"),
        ("SELECT name FROM users WHERE id = (SELECT 1 UNION SELECT 2)", "probe_predicate"),
        ("SELECT name FROM t ORDER BY (CASE WHEN (1=1) THEN name ELSE price END)", "probe_predicate"),
        ("SELECT a, b FROM t WHERE id = -1 UNION ALL SELECT user(), version()", "union_probe"),
        ("SELECT name FROM t WHERE id = 1 UNION SELECT password FROM users", "union_probe"),
        ("SELECT name FROM users WHERE city = 'admin' --' AND active = 1", "comment_tail"),
        ("SELECT name FROM users WHERE city = 'x'; DROP VIEW v", "second_statement"),
        ("SELECT id, title FROM posts WHERE author = '2'-'1'", "probe_predicate"),
        ("SELECT id FROM posts WHERE author = 'a' OR owner = owner", "probe_predicate"),
        ("UPDATE users SET nick = 'b'; UPDATE a SET x=9 WHERE owner='b' WHERE id = 7", "probe_predicate"),
    ],
)  # fmt: skip
def test_a_pasted_value_shows(source: str, flag: str) -> None:
    assert flag in flags(source)


@pytest.mark.parametrize(
    "source",
    [
        "SELECT * FROM users WHERE 1=1 AND active",
        "SELECT a FROM t WHERE true AND b = 1",
        "SELECT a FROM t WHERE b = 1 AND TRUE",
        "SELECT a FROM t WHERE d > now() - interval '7 days' AND e = 'x'",
        "SELECT a FROM t1 UNION ALL SELECT a FROM t2",
        "SELECT 'a' AS kind, 1 UNION ALL SELECT 'b', 2",
        "SELECT name FROM users WHERE city = 'a -- b' AND lang = 'C#'",
        "SELECT a FROM t WHERE x IN (SELECT x FROM u) -- don't count the others",
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
        "UPDATE t SET active = a OR b WHERE id = 1",
        "BEGIN; UPDATE stock SET n = n - 1 WHERE sku = 'A1'; COMMIT;",
        "SELECT a, count(1) FROM t GROUP BY a HAVING count(1) > 10",
        "SELECT lower(a), count(*) FROM t GROUP BY lower(a)",
        "SELECT a FROM t WHERE CASE WHEN b > 1 THEN c ELSE d END = 2",
        "SELECT a FROM t WHERE b = '' OR b IS NULL",
        "SELECT a FROM t WHERE b = 2 AND c = current_user",
        "SELECT a FROM t WHERE d > '2024-01-01' - interval '1 day' AND e = 1",
        "SELECT email FROM users UNION SELECT email FROM guests",
        "select case when 1 > 0 then 'yes' else 'no' end as answer",
        "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)",
    ],
)
def test_an_honest_statement_does_not(source: str) -> None:
    assert not flags(source) & {"probe_predicate", "union_probe", "comment_tail", "second_statement"}
