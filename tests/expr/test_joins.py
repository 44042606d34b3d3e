"""A condition that asks every fact for all others costs their sum, and answers as if it cost their product."""

from __future__ import annotations

from typing import Any

import pytest

from yett import expr
from yett.expr import joins
from yett.expr.types import ABSENT
from yett.extract.facts import Facts, Text, UrlFact


def compiled(condition: str) -> expr.Program:
    whole = expr.types_of(Facts)
    item = whole.fields["urls"].item
    assert item is not None
    return expr.compile(condition, {**whole.fields, "facts": whole, "it": item}, where="test")


class Counted(tuple[Any, ...]):
    """Texts that count how many of them were looked at."""

    looked = 0

    def __iter__(self) -> Any:
        for item in super().__iter__():
            Counted.looked += 1
            yield item


def url(number: int) -> UrlFact:
    return UrlFact(pointer=f"/{number % 50}", raw=f"h{number}", scheme="", host="h")


CONDITIONS = (
    "any(t.prose and t.pointer == it.pointer for t in texts)",
    "not any(it.pointer == t.pointer and t.prose for t in texts)",
    "any(t.value == it.raw for t in texts)",
    "any(t.key for t in texts)",
    "all(len(t.value) > 0 for t in texts) and it.scheme == ''",
    "any(t.pointer == it.pointer or t.key for t in texts)",
    "any(t.pointer == u.pointer for t in texts for u in urls if u.raw == it.raw)",
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_with_a_memo_the_answer_is_the_same(condition: str) -> None:
    program = compiled(condition)
    texts = tuple(Text(pointer=f"/{n}", value=f"h{n}", prose=n % 3 == 0) for n in range(40))
    urls = tuple(url(number) for number in range(60))
    memo: joins.Memo = {}
    for one in urls:
        environment = {"texts": texts, "urls": urls, "it": one}
        assert program.evaluate(environment, memo) is program.evaluate(environment)


@pytest.mark.parametrize("condition", CONDITIONS[:5])
def test_a_thousand_facts_do_not_look_at_a_thousand_others_each(condition: str) -> None:
    program = compiled(condition)
    texts = Counted(Text(pointer=f"/k{n}", value=f"v{n}") for n in range(1_000))
    memo: joins.Memo = {}
    Counted.looked = 0
    for number in range(1_000):
        program.evaluate({"texts": texts, "it": url(number)}, memo)
    assert Counted.looked <= 1_000


def test_members_without_the_field_are_looked_at_one_by_one() -> None:
    program = compiled("any(t.value == it.raw for t in texts)")
    odd = (Text(pointer="/a", value="h1"), object())
    assert program.evaluate({"texts": odd, "it": url(1)}, {}) is True
    assert program.evaluate({"texts": odd, "it": url(2)}, {}) is ABSENT
