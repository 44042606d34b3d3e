"""Sets of words, written as text: for the tables of the analysers."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """A set of blank-separated words."""
    return frozenset(text.split())
