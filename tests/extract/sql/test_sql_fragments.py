"""Values that would break out of somebody's query, and honest values that look a little like it."""

from __future__ import annotations

import pytest

from yett.extract import sql
from yett.extract.budget import Budget

HOSTILE = [
    "' or 1=1--", "' OR '1'='1", "admin'--", "admin' #", "admin'/*", "1' or '1'='1' -- -", "') or ('a'='a", '" or ""="', "1 or 1=1", "1) or (1=1",
    "' || '1'='1", "'/**/or/**/1=1#", "' /*!50000or*/ 1='1", "x' AND 1=(SELECT COUNT(*) FROM tabname); --", "1' AND SLEEP(5)--", "1;WAITFOR DELAY '0:0:5'--",
    "' UNION SELECT NULL,NULL--", "1 UNION ALL SELECT 1,2,3", "-1' union select username, password from users#", "1' ORDER BY 3--", "'; DROP TABLE users;--",
    "1; exec xp_cmdshell 'dir'", "1;INSERT INTO users VALUES (1)", "x'; UPDATE users SET admin=1 WHERE 'a'='a", "1 AND extractvalue(1,concat(0x7e,version()))",
    "' and substring(password,1,1)='a", "1' and ascii(substr((select database()),1,1))>64--", "'||(select pg_sleep(5))||'", "' RLIKE SLEEP(3)#",
    "1 and (select count(*) from information_schema.tables)>0", "' or exists(select 1 from users)--", "admin' and 1=0 union select 'admin','x'",
    "'+OR+1=1--", "' oR 2>1 --", "' or true--", "1' like '1", "' having 1=1--", "' group by users.id having 1=1--", "1' into outfile '/tmp/x'--",
    "' or username is not null or 'x'='y", "'=0--+", "' or 'x' like 'x", "1' procedure analyse(extractvalue(rand(),concat(0x3a,version())),1)--",
    "%' or '0'='0", "benchmark(10000000,md5(1))", "load_file('/etc/passwd')", "char(65,66)||char(67)", "{\"$gt\": \"\"}", '{"username": {"$ne": null}}',
    "[$ne]=1", "xp_cmdshell", "'; shutdown--", "1'; begin transaction; delete from t; commit;--", "' xor 1=1#", "' && 1=1#", "' div 1 or '1'='1",
    "'::jsonb @> '{}' or 1=1--", "' collate nocase--", "sELecT pAssword fRom users", "1 and 1=1", "-1 or 17-7=10", "' or ''='", "a' or 3=3#",
    "'; EXEC sp_configure 'show advanced options',1--", "1'; attach database '/var/www/x.php' as x;--", "' or 1 in (select @@version)--", "‘ or 1=1-- -",
    "x' or 1=1 or 'x'='y", "') union select * from users--", "1%' union select null,null--", "' or 0x61=0x61--", "' or char(97)=char(97)--",
    "1'; call dbms_scheduler.create_job('x')--", "utl_http.request('http://e')", "1)) or 1=1-- ", "' /*x*/ or /*y*/ 1 /**/=/**/1 -- ", "1;select pg_sleep(9)",
]  # fmt: skip

HONEST = [
    "O'Brien -- the union select committee", "O'Brien", "D'Angelo & sons", "rock 'n' roll", "It's 5 o'clock -- somewhere", "the '90s -- great years",
    "Select the best option from the list", "please select one or more items and drop them in the box", "Union of select committees", "Drop the table off at 5",
    "update: the meeting is at 10", "delete me", "What is 1=1?", "weight > 5 and price < 10", "x = 5 or y = 6", "He said \"yes\" and left", "\"Quote\" and 5 others",
    "kids' and adults' shoes", "the boys' or girls' team", "Alice's and Bob's house", "AT&T; Verizon; T-Mobile", "C# and F#", "issue #42 -- fixed", "-- signature",
    "--oneline --graph", "foo--bar-slug", "50% off; use code 'SAVE'", "a; b; c", "don't; won't; can't", "1,000,000", "(a or b) and c", "price between 5 and 10",
    "where is the cat?", "having fun", "order by Friday", "group by age", "Create a table of contents", "insert coin to continue", "grant access to the office",
    "execute order 66", "SELECT COMMITTEE ON UNION AFFAIRS", "like it or not", "to be or not to be", "null and void", "true or false", "sleep (8 hours)",
    "f(x) = x", "char siu", "count (them)", "if (and only if) it rains", "100 or more", "more than 1 or 2", "2 or 3 days", "buy 1 and get 1 free", "#1 fan",
    "https://example.com/?a=1&b=2", "user@example.com", "john.o'connor@example.com", "R&D", "{\"a\": [1, 2], \"b\": \"it's\"}", "{\"$schema\": \"http://json-schema.org\"}",
    "price: $5", "[link](https://x.y)", "| a | b |", "`code` and `more code`", "'quoted'", "\"quoted\"", "5' 10\" tall", "12\" and 14\" screens", "2' x 4'",
    "Call me; I'm home", "Re: Bob's; Alice's", "L'union fait la force", "l'ordre et la loi", "d'accord ou pas", "Qu'est-ce que c'est?", "¿Dónde está?", "你好 or 再见",
    "SGVsbG8gV29ybGQ=", "a1b2c3--d4e5", "2024-01-01 -- 2024-12-31", "/* TODO */", "x'y", "''", "'", "\"", ";", "--", "#", "/", "3 = 3", "a=b", "name='x'",
    "version 2.0 (beta)", "date (UTC)", "year (2024)", "left (WA), right (RR)", "mid (level)", "Log (in)", "Best of 'em -- and more", "the union, all of it",
    "I'll take 5 and you'll take 6", "'Tis the season", "'til 5 or 6", "ok; delete the old one", "drop; then update", "He isn't; she is", "like '90s music",
]  # fmt: skip


def flags(text: str) -> frozenset[str]:
    found = sql.analyse(text, "/q", declared=False, budget=Budget(milliseconds=10_000))
    return frozenset().union(*(sql.hostile(one) for one in found))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_breakout_is_seen(text: str) -> None:
    assert flags(text)


@pytest.mark.parametrize("text", HONEST)
def test_prose_is_left_alone(text: str) -> None:
    assert flags(text) == frozenset()


@pytest.mark.parametrize("pad", ["", "x" * 500, "\n\n\n\n\n\n\n", "a\nb\nc\nd\ne\nf\n", " " * 300])
def test_padding_does_not_hide_a_breakout(pad: str) -> None:
    assert flags(f"{pad}' or 1=1--")


def test_a_breakout_inside_an_attribute_of_markup_is_seen() -> None:
    assert flags('<?xml version="1.0"?><root><a probe="\' or 1=1--"></a></root>')
    assert not flags('<a href="https://example.com/?a=1" title="Bob\'s page">Bob</a>')


def test_source_code_is_no_fragment() -> None:
    code = "import os\n\ndef f(a, b):\n    if a == 'x' or b == 'y':\n        return 'z' # it's\n    return a and b\n\nprint(f('a', 'b'))\n"
    assert not flags(code)
