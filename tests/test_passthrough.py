"""An allowed call is untouched: the tool gets what the caller gave, the caller gets what the tool returned."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yett import Gateway, guard

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda f: abs(f) < 2**53),
)
values: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, text),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=15,
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("passthrough")
    policy = folder / "policy.yaml"
    policy.write_text(
        "policy: open\ntools: {'*': {open: true}}\nrules: [{id: all, allow: '*', when: 'True'}]\n"
    )
    with Gateway.open(policy, folder / "state") as opened:
        yield opened


def same(one: object, other: object) -> bool:
    """Equal, and of the same types all the way down (1 is not 1.0, -0.0 is not 0)."""
    return repr(one) == repr(other)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(argument=values, result=values)
def test_arguments_and_results_pass_bit_for_bit(gateway: Gateway, argument: object, result: object) -> None:
    seen: list[object] = []

    @guard.tool(gateway, name="any")
    def tool(value: object) -> object:
        seen.append(value)
        return result

    returned = tool(argument)
    assert same(seen, [argument])
    assert returned is result


def test_async_tools_as_well(gateway: Gateway) -> None:
    @guard.tool(gateway, name="any")
    async def tool(value: object, *, more: int = 3) -> object:
        return [value, more]

    assert asyncio.run(tool({"a": [1.0, "é\n", None]})) == [{"a": [1.0, "é\n", None]}, 3]
