"""Whether a value changes the structure of the statement it is put into."""

from __future__ import annotations

import pytest

from yett.extract.budget import Budget
from yett.extract.sql import fragment, structure


@pytest.mark.parametrize(
    "value",
    [
        "' or ''='",
        "x' AND 2*3*8=6*8 AND 'k9'='k9",
        "x'||(SELECT CASE WHEN (1=1) THEN TO_CHAR(1/0) ELSE '' END FROM dual)||'",
        "') or ('1'='1'--",
        '")) or (("x"))=(("x',
        "1 OR 17-7=10",
        "8 AND NOT 0",
        "-9 UNION ALL SELECT 1,group_concat(column_name),3 FROM information_schema.columns",
        "-.1UNION SELECT 1,2",
        "1;DROP TABLE invoices--",
        "1' WAITFOR DELAY '0:0:5'--",
        "IIF(2=2,5,1/0)",
        "id IN (SELECT user_id FROM admins) OR 'a'='a'",
        "1' or 1.e(0)=1.e(0)#",
    ],
)
def test_what_fits_and_brings_a_condition_or_a_query_is_an_injection(value: str) -> None:
    assert structure.flags(fragment.normalise(value))


@pytest.mark.parametrize(
    "value",
    [
        "O'Brien",
        "the boys' room and the girls' room",
        'He said "or 1 = 1" is always true in algebra',
        "what does ' OR 1=1 mean",
        "1 AND 2 are both fine",
        "union station",
        "price desc, -rating",
        "age >= 18 and age < 65",
        "price between 10 and 20",
        "id in (select user_id from orders where total > 100)",
        "like '80s music",
        "5' 11\"",
        "f'(x) = 2x",
        "true or false",
        "login(username=username, password=password)",
        "Group by 3, please",
        '"desc"',
        "print('hi'); print('there')",
    ],
)
def test_prose_and_honest_conditions_bring_nothing(value: str) -> None:
    assert not structure.flags(fragment.normalise(value))


def test_a_quoted_payload_in_a_sentence_is_only_spoken_of() -> None:
    assert fragment.flags_of("what does ' OR 1=1 mean", Budget()) == frozenset()
    assert fragment.flags_of("' OR 1=1 --", Budget())


@pytest.mark.parametrize(
    "value",
    ["1 or {d '2020-01-01'}", "1 procedure analyse()", "1 order by 3", "1;\0", "1.e0or 1.e0", "1 UNI/**/ON SEL/**/ECT 1,2", "b') ON CONFLICT(id) DO UPDATE SET r='a'--",
        "a' ON DUPLICATE KEY UPDATE password='x", "1' UNION SELECT name FROM system.tables FORMAT JSON--", "id=1 AND ascii(substr((select pw from u),1,1))>7",
        "name='x' OR name LIKE '%'", "x LIMIT 1 INTO OUTFILE '/w/s.php' LINES TERMINATED BY 0x3c--", "xor 5-", "7' RETURNING password--", "1`)&&(`2", "a = 5 OR b = b", "id desc; --", "Ann''; DROP TABLE users; --", "x]=(SELECT", '1"" or ""1""=""1'],
)  # fmt: skip
def test_a_breakout_in_an_odd_spelling_is_one(value: str) -> None:
    assert fragment.active(value)
    assert fragment.flags_of(value, Budget())


@pytest.mark.parametrize(
    "value",
    ["how to escape ' in sql", '"or" operator', "like '%' in sql meaning", 'having trouble with "group by"', 'name COLLATE "de_DE"',
        "The 'or' operator; and the 'and' operator", "1 and 2 and 3",
        "expr: xor_expr ('|' xor_expr)*",
        "asking with \"--detach\" is allowed",
        "perl -MPod::Simple::Text -e",
        "see `<pkg>` for every version", "credentials: new AWS.Shared({ profile: '<YOUR_PROFILE>' })"],
)  # fmt: skip
def test_quoted_words_and_counting_are_prose(value: str) -> None:
    assert not fragment.flags_of(value, Budget())


def test_the_work_is_capped() -> None:
    for text in ("('" * 4_000, "1 or " * 4_000, "a=1 and " * 140):
        assert not any(reading.fits for reading in structure.readings(text))


def test_what_stands_before_the_quote_hides_nothing() -> None:
    assert "quote_breakout" in structure.flags("x" * 5_000 + "' or 'a'='a")
