"""Escapes, undone as lenient receivers undo them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.extract import escapes


@pytest.mark.parametrize(
    ("undo", "text", "meant"),
    [
        (escapes.percent, "%27%20or%zz%4", "' or%zz%4"),
        (escapes.percent, "%c3%a4 %e4%c0%ae%u0041%uZZ", "ä ä.A%uZZ"),
        (escapes.entities, "&lt;&#39;&#x41;&nosuch;&amp&;&#xZZ;", "<'A&nosuch;&amp&;&#xZZ;"),
        (escapes.entities, "&amp;lt;", "&lt;"),
        (escapes.backslashes, r"\x41\u0042\u{43}\U00000044\105\n\/\d\u{}\x4", "ABCDE\n/\\d\\u{}\\x4"),
        (escapes.backslashes, r"\\x41\\\x41", "\\x41\\A"),
        (escapes.backslashes, r"\ud83d\ude00", "\U0001f600"),
        (escapes.backslashes, r"\xc3\xa4", "ä"),
        (escapes.backslashes, "end\\", "end\\"),
        (escapes.hex_bytes, "0x72, 0x6d 0xzz", "r, m 0xzz"),
    ],
)
def test_what_is_escaped_is_read(undo: Any, text: str, meant: str) -> None:
    assert undo(text) == meant


@given(st.text(alphabet="%&\\;#xuU{}0x41azé"))
def test_nothing_raises_and_nothing_is_left_half_written(text: str) -> None:
    for undo in (escapes.percent, escapes.entities, escapes.backslashes, escapes.hex_bytes):
        undo(text).encode("utf-8")
