"""Texts made to cost: they are given up by a count of steps, which is the same on every machine, never by a clock."""

from __future__ import annotations

from typing import Any

import pytest

from yett.extract import extract
from yett.extract.budget import Budget, OverBudget
from yett.extract.code import javascript
from yett.extract.facts import Facts
from yett.extract.sql import fragment, structure
from yett.extract.windows import lexer
from yett.model import ToolCall

FOREVER = 3_600_000


def read(tool: str, arguments: dict[str, Any]) -> Facts:
    """Without the clock, so that nothing but steps can end it."""
    return extract(ToolCall(tool=tool, arguments=arguments), None, 64_000, milliseconds=FOREVER)


def values(unit: str, size: int) -> dict[str, Any]:
    """64 kB of members that differ, each of so many characters."""
    body = (unit * size)[:size]
    return {"data": {f"k{number}": f"{number} {body}" for number in range(64_000 // (size + 10))}}


@pytest.mark.parametrize(("unit", "size"), [("or 1=1 ", 60), ("like '%' or ", 200), ("%25", 60)])
def test_a_flood_of_values_like_sql_is_given_up_by_its_steps(unit: str, size: int) -> None:
    assert "steps" in read("form.submit", values(unit, size)).limits


@pytest.mark.parametrize(
    "arguments",
    [
        {"texts": ["The food was great, and we would come again (or not): fair prices; room #12. " * 4] * 200},
        {"records": [{"name": f"Jo O'Brien #{n}", "at": "2024-01-01T10:00:00Z", "mail": f"a{n}@example.com"} for n in range(300)]},
        {"values": [[f"2024-01-{n % 28 + 1:02}", f"${n}.50", f"=SUM(A{n}:B{n})"] for n in range(250)]},
        {"filters": [f"price >= {n} and stock > 0" for n in range(200)]},
    ],
    ids=["reviews", "contacts", "sheet", "filters"],
)  # fmt: skip
def test_many_honest_values_of_one_call_are_read(arguments: dict[str, Any]) -> None:
    assert read("crm.import", arguments).limits == ()


@pytest.mark.parametrize("unit", ["/w{} ", "/etc/w{} "])
def test_a_flood_of_paths_among_other_words_is_given_up(unit: str) -> None:
    words = iter(range(100_000))
    data = {
        f"k{number}": "see " + "".join(unit.format(next(words)) for _ in range(300)) for number in range(24)
    }
    assert read("form.submit", {"data": data}).limits


def test_a_path_behind_many_words_is_seen() -> None:
    words = " ".join(f"w{number}" for number in range(500))
    facts = read("form.submit", {"data": {"note": f"{words} /etc/shadow"}})
    assert any("shadow" in fact.categories for fact in facts.paths)


@pytest.mark.parametrize(("tool", "name"), [("read_file", "path"), ("form.submit", "x")])
def test_a_path_too_long_to_be_read_is_said_to_be_cut(tool: str, name: str) -> None:
    path = "/srv/" + "a/../" * 900 + "../etc/shadow"
    assert "too_long" in read(tool, {name: path}).limits
    assert read(tool, {name: path.replace("../", "b/", 890)}).limits == ()


def test_prose_is_left_at_the_first_word_that_fits_no_statement() -> None:
    prose = "what the guests say of the rooms, and of the food ' or of neither "
    assert structure.looked_at(fragment.normalise(prose * 10)) < 10
    assert structure.looked_at("1" + " or 1=1" * 20) > 50


@pytest.mark.parametrize(
    "unit", ["lambda x:", "`id`C:\\Windows\\puts,", "a?.b:", "x<y>(z)", "{a:1};/*!", ".\nnow\nenv\n<(\nsudo"]
)
def test_javascript_that_must_be_mended_everywhere_is_given_up_by_its_steps(unit: str) -> None:
    with pytest.raises(OverBudget, match="steps"):
        javascript.analyse(
            (unit * 2_000)[:16_000], "/code", declared=True, budget=Budget(milliseconds=FOREVER)
        )


def test_an_ordinary_program_of_full_length_is_read_in_its_steps() -> None:
    text = ("function f(a, b) { const {c} = a; return c.map(x => `${x}` + b) }\n" * 300)[: 66 * 240]
    fact, _ = javascript.analyse(text, "/code", declared=True, budget=Budget(milliseconds=FOREVER))
    assert fact.opaque == ()


@pytest.mark.parametrize("length", [1, 62, 63, 64, 65, 600, 5_000])
@pytest.mark.parametrize("form", ["{}", "env:{}", "{{{}}}"])
def test_a_variable_of_powershell_is_read_to_its_end_however_long(length: int, form: str) -> None:
    name = form.format("v" * length)
    assert lexer.tokens(f"${name} -eq 1")[0].text == name.strip("{}")


def test_values_that_are_only_taken_for_programs_have_an_allowance_of_their_own() -> None:
    body = "function(){ ${( a => C:\\\\ %2e%2e/ " * 10
    found = read("form.submit", {"data": {f"k{number}": f"{number} {body}" for number in range(160)}})
    assert "steps" in found.limits
    assert len(found.code) < 30


def test_what_is_spent_on_guesses_is_counted_twice_and_what_is_declared_once() -> None:
    budget = Budget(steps=10, guessed=4)
    budget.spend(3)
    with budget.guessing():
        assert budget.left == 4
        with pytest.raises(OverBudget, match="steps"):
            budget.spend(5)
    assert budget.left == 2


def test_one_program_of_many_commands_leaves_room_for_another_but_not_for_three() -> None:
    script = "a && " * 3_000 + "a"
    assert "steps" not in read("bash", {"command": script}).limits
    assert "steps" in read("bash", {"commands": [f"{script}{number}" for number in range(3)]}).limits


@pytest.mark.parametrize(
    "arguments",
    [
        {"lines": [f"2024-01-01T10:00:{n % 60:02}Z INFO [worker-{n}] GET /api/items/{n}?q=a%20b 200 {n}ms \"Mozilla/5.0 (X11)\"" for n in range(380)]},
        {"links": [f"https://docs.example.com/a/{n}?b={n}&c=%20{n}" for n in range(400)]},
        {"cases": [{"name": f"case {n}", "cmd": f"pytest -q tests/test_{n}.py -k 'a and not b' | tee out.txt"} for n in range(80)]},
    ],
    ids=["log", "links", "commands"],
)  # fmt: skip
def test_long_lists_of_honest_work_are_within_the_steps(arguments: dict[str, Any]) -> None:
    assert read("t", arguments).limits == ()
