"""Brace expansion: `{a,b}` and `{1..3}`, textually and before any other expansion, as bash does it."""

from __future__ import annotations

import itertools

from yett.extract.shell.grammar.nodes import Lit, Part, Word
from yett.extract.shell.grammar.scanner import Fuel, TooMuch, integer

MAX_WORDS = 256
"""Words one word may become."""
_BRACES = frozenset("{},")


def braces(word: Word, fuel: Fuel) -> list[Word]:
    """`{a,b}` and `{1..3}` expanded, textually and before anything else, as bash does."""
    if not any(isinstance(p, Lit) and not p.quoted and "{" in p.text for p in word):
        return [word]
    tokens: list[Part | str] = []
    for part in word:
        if isinstance(part, Lit) and not part.quoted:
            tokens.extend(_brace_tokens(part.text))
        else:
            tokens.append(part)
    closing: dict[int, int] = {}
    commas: dict[int, list[int]] = {}
    stack: list[int] = []
    for k, piece in enumerate(tokens):
        if piece == "{":
            stack.append(k)
            commas[k] = []
        elif piece == "," and stack:
            commas[stack[-1]].append(k)
        elif piece == "}" and stack:
            closing[stack.pop()] = k
    if not closing:
        return [word]
    fuel.burn(len(tokens))
    words = _product(tokens, 0, len(tokens), closing, commas, 0, fuel)
    return [_rejoin(w) for w in words]


def _product(
    tokens: list[Part | str],
    low: int,
    high: int,
    closing: dict[int, int],
    commas: dict[int, list[int]],
    depth: int,
    fuel: Fuel,
) -> list[list[Part | str]]:
    if depth > 12:
        raise TooMuch("depth")
    out: list[list[Part | str]] = [[]]
    k = low
    while k < high:
        end = closing.get(k, high)
        alternatives: list[list[Part | str]] | None = None
        if end < high:
            if commas[k]:
                alternatives = []
                edges = [k, *commas[k], end]
                for a, b in itertools.pairwise(edges):
                    alternatives += _product(tokens, a + 1, b, closing, commas, depth + 1, fuel)
            elif end == k + 2 and isinstance(tokens[k + 1], str):
                alternatives = [[t] for t in _sequence(str(tokens[k + 1]))] or None
        if alternatives is None:
            for words in out:
                words.append(tokens[k])
            k += 1
            continue
        if len(out) * len(alternatives) > MAX_WORDS:
            raise TooMuch("expansions")
        fuel.burn(len(out) * len(alternatives))
        out = [a + b for a in out for b in alternatives]
        k = end + 1
    return out


def _brace_tokens(text: str) -> list[str]:
    tokens: list[str] = []
    start = 0
    for k, char in enumerate(text):
        if char in _BRACES:
            if k > start:
                tokens.append(text[start:k])
            tokens.append(char)
            start = k + 1
    if start < len(text):
        tokens.append(text[start:])
    return tokens


def _rejoin(tokens: list[Part | str]) -> Word:
    parts: list[Part] = []
    text = ""
    for piece in tokens:
        if isinstance(piece, str):
            text += piece
            continue
        if text:
            parts.append(Lit(text, False))
            text = ""
        parts.append(piece)
    if text:
        parts.append(Lit(text, False))
    return tuple(parts)


def _sequence(text: str) -> list[str]:
    """`1..5..2` and `a..e`; empty if it is none."""
    first, dots, rest = text.partition("..")
    last, _, step = rest.partition("..")
    if not dots or not first or not last:
        return []
    by = abs(integer(step) or 1)
    if len(first) == 1 and len(last) == 1 and (first + last).isascii() and (first + last).isalpha():
        a, b = ord(first), ord(last)
        return [chr(c) for c in (range(a, b + 1, by) if a <= b else range(a, b - 1, -by))]
    low, high = integer(first), integer(last)
    if low is None or high is None:
        return []
    numbers = range(low, high + 1, by) if low <= high else range(low, high - 1, -by)
    if len(numbers) > MAX_WORDS:
        # `{1..100000}`: that many words differ only in a number
        return [str(low), str(high)]
    width = max(len(first), len(last)) if "0" in (first[:1], last[:1]) else 0
    return [str(v).zfill(width) for v in numbers]
