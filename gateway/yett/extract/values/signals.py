"""Signals: words that speak to the model instead of to a person.

A sentence cannot be proved to be an attack, and writing about attacks is honest work, so a signal is only
ever a weight in the score. Two things keep the weights honest: a phrase counts less where the text talks
about it (quoted, listed, named as an example, in documentation words), and what no honest writer needs
(text hidden in Unicode tags, chat-template control tokens) counts most.

One RE2 set over the text decides; nothing here parses language.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import msgspec
import yaml

from yett import resources
from yett.errors import PolicyError
from yett.extract import decode
from yett.extract.facts import Signal
from yett.extract.patterns import PatternSet, pattern

WINDOW = 1 << 16
"""Characters that are looked at together: talk about attacks weakens only what stands near it."""
OVERLAP = 1 << 12
"""Characters that two of these share: more than any wording is long."""


class Phrase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One family of wordings, as `policies/signals.yaml` writes it."""

    kind: str
    weight: int
    patterns: list[str]
    steady: bool = False
    """Not weakened by talk about it."""


class _Phrases:
    def __init__(self, path: Path) -> None:
        try:
            document = yaml.safe_load(path.read_text("utf-8"))
            phrases = msgspec.convert(document["signals"], list[Phrase])
            about = [str(entry) for entry in document["about"]]
        except (OSError, yaml.YAMLError, TypeError, KeyError, msgspec.ValidationError) as broken:
            raise PolicyError("SIGNALS", "the table of signals does not load", path=str(path)) from broken
        self.rows = [(phrase, source) for phrase in phrases for source in phrase.patterns]
        self.about = len(self.rows)
        self.set = PatternSet([source for _, source in self.rows] + about, fold=True)


@lru_cache(maxsize=1)
def _phrases() -> _Phrases:
    return _Phrases(resources.policies() / "signals.yaml")


def scan(text: str, pointer: str, *, chain: tuple[str, ...] = ()) -> tuple[Signal, ...]:
    """The signals of one text, at most one a kind, each with its strongest weight."""
    weights: dict[str, int] = {}
    for start in range(0, max(len(text) - OVERLAP, 1), WINDOW - OVERLAP):
        for kind, weight in _weights(text[start : start + WINDOW]).items():
            weights[kind] = max(weights.get(kind, 0), weight)
    if weights and any(step in _CONCEALING for step in chain):
        weights["encoded_instruction"] = max(20, max(weights.values()))
    if not text.isascii():
        _hidden(text, weights)
    return tuple(
        Signal(pointer=pointer, kind=kind, weight=weight) for kind, weight in sorted(weights.items())
    )


def _weights(text: str) -> dict[str, int]:
    table = _phrases()
    hits = table.set.scan(_unwrapped(text).encode("utf-8", "replace"))
    talk = sum(1 for index in hits if index >= table.about)
    weights: dict[str, int] = {}
    for phrase, _ in (table.rows[index] for index in hits if index < table.about):
        weight = phrase.weight if phrase.steady else max(phrase.weight // (1 + talk), 5)
        weights[phrase.kind] = max(weights.get(phrase.kind, 0), weight)
    return weights


def _unwrapped(text: str) -> str:
    """The text without line breaks inside of sentences, also of such as are quoted or stand in a comment."""
    first, *lines = text.splitlines() or [""]
    parts = [first]
    for line in lines:
        rest = line.lstrip(" \t>#*/")
        parts += (" ", rest) if rest[:1].islower() else ("\n", line)
    return "".join(parts)


_CONCEALING = frozenset(
    {"base64", "base32", "hex", "gzip", "unicode_escape", "html", "percent", "invisible", "confusable"}
)
_INSIDE_WORD = pattern(
    r"[0-9A-Za-z][\p{Cf}\x{34f}\x{115f}\x{1160}\x{3164}\x{ffa0}\x{2800}\x{e0100}-\x{e01ef}]+[0-9A-Za-z]|[\x{202a}\x{202b}\x{202d}\x{202e}\x{2066}-\x{2068}]"
)


def _hidden(text: str, weights: dict[str, int]) -> None:
    """Words written in tags, or taken apart by characters that take no room."""
    if len(decode.tag_text(text)) >= 4:
        weights["hidden_text"] = 60
        return
    inside = sum(1 for _, _ in zip(_INSIDE_WORD.finditer(text), range(2), strict=False))
    if inside >= 2:
        weights["hidden_text"] = max(weights.get("hidden_text", 0), 30)
