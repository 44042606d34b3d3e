"""Small helpers for text that the analysers share."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """A set of blank-separated words."""
    return frozenset(text.split())


def encodable(text: str) -> str:
    """Lone surrogates replaced: RE2 and the parsers work on UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
