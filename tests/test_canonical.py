"""One reading of a call's bytes."""

from __future__ import annotations

import enum
import json
import math
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from yett import canonical
from yett.errors import InvalidCall

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.one_of(
    st.integers(-canonical.MAX_INT, canonical.MAX_INT),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda f: abs(f) < 2**53 or not f.is_integer()),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, text),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(text, inner, max_size=5)),
    max_leaves=20,
)


@given(values)
def test_canonical_bytes_equal_an_independent_rfc_8785(value: object) -> None:
    assert canonical.encode(canonical.check(value)) == rfc8785.dumps(value)


@given(values, st.booleans(), st.booleans())
def test_every_spelling_of_a_value_reads_the_same(value: object, ascii_only: bool, spaces: bool) -> None:
    spelled = json.dumps(value, ensure_ascii=ascii_only, indent=1 if spaces else None).encode()
    assert canonical.encode(canonical.parse(spelled)) == rfc8785.dumps(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_as_ecmascript_writes_them(number: float) -> None:
    assert canonical._number(number) == rfc8785.dumps(number)


def test_published_vectors(shared: Path) -> None:
    folder = shared / "vectors" / "audit" / "jcs"
    names = sorted(path.name for path in (folder / "input").iterdir())
    assert len(names) == 6
    for name in names:
        value = json.loads((folder / "input" / name).read_bytes())
        assert canonical.encode(value) == (folder / "output" / name).read_bytes().rstrip(b"\n"), name


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        ('{"a":{"x":1,"x":2}}', "DUPLICATE_KEY", "/a/x"),
        (r'{"a":1,"\u0061":2}', "DUPLICATE_KEY", "/a"),
        ('{"a":[1,NaN]}', "NUMBER_OUT_OF_DOMAIN", "/a/1"),
        ('{"a":-Infinity}', "NUMBER_OUT_OF_DOMAIN", "/a"),
        ('{"a":9007199254740992}', "NUMBER_OUT_OF_DOMAIN", "/a"),
        ('{"a":9007199254740992.0}', "NUMBER_OUT_OF_DOMAIN", "/a"),
        ('{"a":' + "9" * 5000 + "}", "NUMBER_OUT_OF_DOMAIN", "/a"),
        ('{"a":1e400}', "NUMBER_OUT_OF_DOMAIN", "/a"),
        ('{"a":1e-400}', "NUMBER_OUT_OF_DOMAIN", "/a"),
        ('{"a":0.1000000000000000055511151231257827}', "NUMBER_OUT_OF_DOMAIN", "/a"),
        (r'{"a":{"b":"\ud800"}}', "LONE_SURROGATE", "/a/b"),
        (r'{"\udc00":1}', "LONE_SURROGATE", None),
        ("[" * 100 + "]" * 100, "TOO_DEEP", None),
        ("[" * 100_000 + "]" * 100_000, "TOO_DEEP", None),
        ('{"a":1}x', "MALFORMED_JSON", None),
        ("", "MALFORMED_JSON", None),
        ("{'a':1}", "MALFORMED_JSON", None),
        ('{"a":1,}', "MALFORMED_JSON", None),
        ("\ufeff{}", "MALFORMED_JSON", None),
        ("[" + "0," * canonical.MAX_ITEMS + "0]", "TOO_MANY_VALUES", None),
        ('"' + "x" * canonical.MAX_BYTES + '"', "TOO_LARGE", None),
    ],
)
def test_what_parsers_disagree_on_is_refused_by_name(document: str, code: str, path: str | None) -> None:
    with pytest.raises(InvalidCall) as refused:
        canonical.parse(document.encode())
    assert refused.value.code == code
    if path is not None:
        assert refused.value.path == path


def test_invalid_utf8_is_refused() -> None:
    with pytest.raises(InvalidCall, match="MALFORMED_JSON"):
        canonical.parse(b'{"a":"\xff"}')


class Colour(enum.StrEnum):
    RED = "red"


def test_python_values_are_copied_as_plain_json() -> None:
    given_value = {"a": (1, True, None, 1.5), "c": Colour.RED}
    copied = canonical.check(given_value)
    assert copied == {"a": [1, True, None, 1.5], "c": "red"}
    assert type(copied["c"]) is str
    inner: list[object] = []
    copied = canonical.check({"a": inner})
    inner.append("changed after judging")
    assert copied == {"a": []}


@pytest.mark.parametrize("value", [b"bytes", {1: 2}, {1, 2}, object(), math.nan, 2**60, "\ud800"])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(InvalidCall):
        canonical.check({"a": value})


def test_a_cycle_is_refused_not_followed() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(InvalidCall, match="TOO_DEEP"):
        canonical.check(loop)


def test_digests_of_different_tags_differ() -> None:
    assert canonical.digest("a", b"x") != canonical.digest("b", b"x")
    assert canonical.pointer("a/b", 0, "c~d") == "/a~1b/0/c~0d"
