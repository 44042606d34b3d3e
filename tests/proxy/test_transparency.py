"""An allowed exchange is byte-identical, whatever is in it and however it is written."""

from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from wireside import Bench

from yett.proxy.mcp.framing import Lines

INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
SCALARS = (
    st.none()
    | st.booleans()
    | INTEGERS
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=5)
STYLES = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")]),
        "sort_keys": st.booleans(),
    }
)
IDS = st.integers(0, 2**53 - 1) | st.text(min_size=1, max_size=40)


def write(value: Any, style: dict[str, Any]) -> bytes:
    return json.dumps(value, **style).encode("utf-8", "surrogatepass")


@settings(max_examples=200, deadline=None)
@given(id=IDS, arguments=OBJECTS, answer=OBJECTS, style=STYLES, other=STYLES)
def test_a_call_and_its_answer_pass_as_they_were_written(
    id: Any, arguments: dict[str, Any], answer: dict[str, Any], style: dict[str, Any], other: dict[str, Any]
) -> None:
    bench = Bench()
    call = {
        "jsonrpc": "2.0",
        "id": id,
        "method": "tools/call",
        "params": {"name": "t", "arguments": arguments},
    }
    asked, answered = write(call, style), write({"id": id, "result": answer, "jsonrpc": "2.0"}, other)
    bench.from_client(asked)
    if bench.decider.calls:
        assert bench.server == [asked]
        bench.from_server(answered)
        assert bench.client in ([answered], []) or b"error" in bench.client[0]
        if _plain(answer):
            assert bench.client == [answered]
    else:
        assert bench.server == []


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_core_raise_or_run_something(data: bytes) -> None:
    bench = Bench()
    for line in Lines(100).feed(data + b"\n"):
        bench.run(bench.core.client_message(line))
        bench.run(bench.core.server_message(line))
    assert bench.decider.calls == []


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=10))
def test_lines_do_not_depend_on_how_the_bytes_arrive(data: bytes, cuts: list[int]) -> None:
    whole = Lines(50)
    pieces = Lines(50)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found = [line for start, end in itertools.pairwise(edges) for line in pieces.feed(data[start:end])]
    assert [getattr(line, "size", line) for line in found] == [
        getattr(line, "size", line) for line in whole.feed(data)
    ]


def _plain(value: Any) -> bool:
    """No key that could be taken for a protocol key in another case, and no isError of another type."""
    return all(key.isascii() and key.islower() for key in value)
