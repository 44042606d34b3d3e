"""What a condition needs of a fact is read from the condition, and nothing is left out that it would have seen."""

from __future__ import annotations

from typing import Any

import pytest

from yett import expr
from yett.extract import extract
from yett.extract.facts import Facts, PathFact
from yett.model import ToolCall
from yett.risk import Assessor
from yett.risk.detections import EACH
from yett.risk.index import Index, carried, needed


def compiled(condition: str, each: str = "commands") -> expr.Program:
    whole = expr.types_of(Facts)
    item = whole.fields[each].item
    assert item is not None
    return expr.compile(condition, {**whole.fields, "facts": whole, "it": item}, where="test")


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ('it.program == "git" and len(it.argv) > 2', {"git"}),
        ('it.program in ("rm", "shred") or "recursive" in it.flags', {"rm", "shred", "recursive"}),
        ('any(f in ("a", "b") for f in it.flags)', {"a", "b"}),
        ('len(it.argv) > 2 and it.program == "git"', {"git"}),
        ('not it.program == "git"', set()),
        ('it.program == "git" or len(it.argv) > 2', set()),
        ('all(f in ("a", "b") for f in it.flags)', set()),
        ('any(a == "x" for a in it.argv) and it.program == "git"', set()),
        ('it.program != "git"', set()),
        ("any(c.program == 'git' for c in commands)", set()),
    ],
)
def test_what_a_condition_needs_is_read_from_its_tree(condition: str, words: set[str]) -> None:
    assert needed(compiled(condition).tree) == words


@pytest.mark.parametrize(
    ("condition", "word"), [("it.declared and it.use == ''", "declared"), ("not it.declared", "not declared")]
)
def test_a_field_that_is_true_or_false_is_a_word_too(condition: str, word: str) -> None:
    assert needed(compiled(condition, "paths").tree) == {word}
    fact = PathFact(pointer="/p", raw="a", normal="a", declared=word == "declared")
    assert word in carried(fact)


def test_words_named_beside_a_condition_must_be_there_as_well() -> None:
    index = Index()
    index.add(0, frozenset({"write"}), compiled("it.declared", "paths"))
    assert index.of(PathFact(pointer="/p", raw="a", normal="a", use="write")) == [0]
    assert index.of(PathFact(pointer="/p", raw="a", normal="a", use="write", declared=False)) == []
    assert index.of(PathFact(pointer="/p", raw="a", normal="a", use="read")) == []


def test_no_condition_is_spared_that_would_not_have_been_false() -> None:
    detections = Assessor.load().detections.all
    spared = 0
    for example in (example for entry in detections for example in (*entry.positive, *entry.negative)):
        tool, arguments = (
            ("bash", {"command": example})
            if isinstance(example, str)
            else (example.get("tool", "t"), example.get("arguments", {}))
        )
        facts = extract(ToolCall(tool=str(tool), arguments=_object(arguments)), None, 100)
        environment: dict[str, Any] = {name: getattr(facts, name) for name in facts.__struct_fields__}
        environment |= {"truncated": facts.truncated, "facts": facts}
        for kind in EACH:
            entries = [entry for entry in detections if entry.each == kind and entry.program is not None]
            for fact in getattr(facts, kind):
                words = carried(fact)
                for entry in entries:
                    assert entry.program is not None
                    wanted = needed(entry.program.tree)
                    if wanted and wanted.isdisjoint(words):
                        spared += 1
                        assert entry.program.evaluate({**environment, "it": fact}) is False, entry.id
    assert spared > 1_000


def _object(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value
