"""RE2 for attacker-controlled text: one set scan for many patterns, checked so that it cannot fail silently.

RE2 is linear in the text, but two things can still go wrong. A counted gap (`.{0,300}`) multiplies the
automaton's states until a 64 kB text costs half a second; patterns with a repetition over `MAX_REPEAT` are
refused when they are loaded. And a set whose automaton runs out of memory has been seen to answer "nothing
matched" (google/re2#136); every set here therefore carries an empty pattern, which matches every text. If
the canary is missing from an answer, the answer is not believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import re2

from yett.errors import PolicyError

MAX_REPEAT = 20
"""Largest counted repetition a set pattern may hold."""
LONG = 4_096
"""Bytes of a text from which many patterns are scanned for one by one."""
MANY = 8
MAX_PATTERN = 4_000
"""Characters of one pattern."""
_SET_MEMORY = 64 << 20


class ScanFailed(Exception):
    """The automaton gave an answer that cannot be right; the text counts as not scanned."""


def options(*, fold: bool = False, memory: int = 8 << 20) -> Any:
    """RE2 options shared by every pattern: quiet, bounded, bytes in and spans out."""
    chosen = re2.Options()
    chosen.case_sensitive = not fold
    chosen.log_errors = False
    chosen.max_mem = memory
    return chosen


class Match:
    """Where a pattern matched: as `re.Match`, of which it has what is used here."""

    __slots__ = ("_spans", "_text")

    def __init__(self, text: Any, spans: list[tuple[int, int]]) -> None:
        self._text = text
        self._spans = spans

    def group(self, number: int = 0) -> Any:
        start, end = self._spans[number]
        return self._text[start:end] if start >= 0 else None

    def groups(self) -> tuple[Any, ...]:
        return tuple(self._text[start:end] if start >= 0 else None for start, end in self._spans[1:])

    def span(self, number: int = 0) -> tuple[int, int]:
        return self._spans[number]

    def start(self, number: int = 0) -> int:
        return self._spans[number][0]

    def end(self, number: int = 0) -> int:
        return self._spans[number][1]


class Pattern:
    """One compiled pattern. Asks the engine itself: `re2` prepares to translate offsets from bytes to characters.

    A call comes to a thousand such questions, almost all answered no, and of those most time was the preparation's
    (2.6 µs a question, 1.1 without). What matched is translated where the text is not ASCII. With a release of `re2`
    that keeps its engine elsewhere, the wrapper is asked as ever.
    """

    __slots__ = ("_engine", "_whole", "groups", "pattern")

    def __init__(self, source: str | bytes, chosen: Any = None) -> None:
        self._whole = re2.compile(source, chosen)
        self._engine = self._whole._regexp.Match if _DIRECT else _through_wrapper(self._whole)
        self.pattern: Any = source
        self.groups: int = self._whole.groups

    def _match(self, anchor: Any, text: Any) -> Any:
        data = text if isinstance(text, bytes) else text.encode()
        spans = self._engine(anchor, data, 0, len(data))
        if spans[0][0] < 0:
            return None
        return Match(text, spans if len(data) == len(text) else _characters(data, spans, 0, 0))

    def search(self, text: Any) -> Any:
        """The first match, or None."""
        return self._match(_ANYWHERE, text)

    def match(self, text: Any) -> Any:
        """The match at the start, or None."""
        return self._match(_AT_START, text)

    def fullmatch(self, text: Any) -> Any:
        """The match of the whole text, or None."""
        return self._match(_WHOLE, text)

    def finditer(self, text: Any) -> Iterator[Any]:
        """Every match, none within another."""
        data = text if isinstance(text, bytes) else text.encode()
        wide = len(data) != len(text)
        at, size = 0, len(data)
        known = told = 0
        while at <= size:
            spans = self._engine(_ANYWHERE, data, at, size)
            start, end = spans[0]
            if start < 0:
                return
            at = end + (at == end)
            if wide:
                while at < size and data[at] & 0xC0 == 0x80:
                    at += 1
                spans = _characters(data, spans, known, told)
                known, told = start, spans[0][0]
            yield Match(text, spans)

    def spans(self, text: Any) -> Iterator[tuple[int, int]]:
        """Where every match begins and ends, for who asks for every token of a text: a third of `finditer`'s price."""
        if isinstance(text, str) and not text.isascii():
            yield from (match.span() for match in self.finditer(text))
            return
        data = text if isinstance(text, bytes) else text.encode()
        engine, at, size = self._engine, 0, len(data)
        while at <= size:
            start, end = engine(_ANYWHERE, data, at, size)[0]
            if start < 0:
                return
            yield start, end
            at = end + (at == end)

    def findall(self, text: Any) -> list[Any]:
        """Of every match the group, the groups if there are several, or all of it if there is none."""
        empty = type(text)()
        found = []
        for match in self.finditer(text):
            parts = [part if part is not None else empty for part in match.groups()] or [match.group()]
            found.append(parts[0] if len(parts) == 1 else tuple(parts))
        return found

    def sub(self, put: Any, text: Any, count: int = 0) -> Any:
        """The text with `put` for every match, or for so many."""
        return self.subn(put, text, count)[0]

    def subn(self, put: Any, text: Any, count: int = 0) -> tuple[Any, int]:
        """As `sub`, with how many were replaced."""
        out, last, number = [], 0, 0
        for match in self.finditer(text):
            start, end = match.span()
            out += [text[last:start], put(match) if callable(put) else _filled(put, match)]
            last, number = end, number + 1
            if number == count:
                break
        return (type(text)().join([*out, text[last:]]) if out else text), number

    def split(self, text: Any) -> list[Any]:
        """What stands between the matches."""
        pieces: list[Any] = self._whole.split(text)
        return pieces


def _characters(data: bytes, spans: list[tuple[int, int]], known: int, told: int) -> list[tuple[int, int]]:
    """Spans of bytes as spans of characters; the byte `known`, before them, is the character `told`."""
    first = spans[0][0]
    told += len(data[known:first].decode())
    return [
        (told + len(data[first:start].decode()), told + len(data[first:end].decode()))
        if start >= 0
        else (-1, -1)
        for start, end in spans
    ]


def _filled(put: Any, match: Any) -> Any:
    r"""`put` with the groups that it names as `\1` to `\9`."""
    sign = b"\\" if isinstance(put, bytes) else "\\"
    first, *others = put.split(sign)
    return type(put)().join([first, *((match.group(int(part[:1])) or put[:0]) + part[1:] for part in others)])


def _through_wrapper(whole: Any) -> Callable[[str, bytes, int, int], list[tuple[int, int]]]:
    """What the engine would answer, from its wrapper."""

    def spans(method: str, data: bytes, start: int, end: int) -> list[tuple[int, int]]:
        found = getattr(whole, method)(data, start, end)
        return [found.span(number) for number in range(whole.groups + 1)] if found else [(-1, -1)]

    return spans


_ANYWHERE: Any
_AT_START: Any
_WHOLE: Any
try:
    _ANYWHERE = re2._Anchor.UNANCHORED
    _AT_START = re2._Anchor.ANCHOR_START
    _WHOLE = re2._Anchor.ANCHOR_BOTH
    _DIRECT = re2.compile("")._regexp.Match(_WHOLE, b"", 0, 0) == [(0, 0)]
except (AttributeError, TypeError):
    _DIRECT = False
if not _DIRECT:
    _ANYWHERE, _AT_START, _WHOLE = "search", "match", "fullmatch"


def pattern(source: str, *, fold: bool = False) -> Pattern:
    """One compiled pattern over str, for trusted sources in this package."""
    return Pattern(source, options(fold=fold))


def probe(source: str, *, fold: bool = False) -> Pattern:
    """One compiled pattern over bytes, for a text that stands as bytes anyway."""
    return Pattern(source.encode(), options(fold=fold))


def check(source: str, *, where: str) -> None:
    """Refuse what would be slow in a set.

    Raises:
        PolicyError: too long, a counted repetition over `MAX_REPEAT`, or not RE2.
    """
    if len(source) > MAX_PATTERN:
        raise PolicyError("PATTERN_TOO_LONG", f"a pattern may hold {MAX_PATTERN} characters", path=where)
    for low, high in _repetitions(source):
        if max(low, high) > MAX_REPEAT:
            raise PolicyError(
                "PATTERN_GAP",
                f"a counted repetition over {MAX_REPEAT} makes scanning slow",
                path=where,
                remedy="use *, + or a smaller count",
            )
    try:
        re2.compile(source, options())
    except re2.error as refused:
        raise PolicyError(
            "PATTERN_REFUSED", f"RE2 refuses the pattern: {_reason(refused)}", path=where
        ) from refused


def _reason(refused: BaseException) -> str:
    argument = refused.args[0] if refused.args else "unknown"
    return argument.decode(errors="replace") if isinstance(argument, bytes) else str(argument)


def _repetitions(source: str) -> list[tuple[int, int]]:
    """Every `{n}`, `{n,}`, `{n,m}` outside a character class and not escaped."""
    found = []
    position, inside_class = 0, False
    while position < len(source):
        here = source[position]
        if here == "\\":
            position += 2
            continue
        if here == "[":
            inside_class = True
        elif here == "]":
            inside_class = False
        elif here == "{" and not inside_class:
            end = source.find("}", position)
            low, _, high = source[position + 1 : end].partition(",") if end > 0 else ("", "", "")
            if low.isdecimal() and (not high or high.isdecimal()):
                found.append((int(low), int(high or low)))
        position += 1
    return found


class PatternFilter:
    """Many patterns over a long text: literals first, then each pattern whose literals occur, alone.

    A set's automaton grows with what it meets, and a text made for it costs half a second for 64 kB. Here
    each automaton is small, so the worst is the sum of single scans: about 3 ms for 64 kB and 40 patterns,
    against 10 µs of a set for 2 kB of words. So short texts go to the set, long ones here.
    """

    def __init__(self, sources: Sequence[str], *, fold: bool = False) -> None:
        self._filter = re2.Filter()
        for source in sources:
            self._filter.Add(source, options(fold=fold))
        self._canary = self._filter.Add("", options())
        self._filter.Compile()

    def scan(self, text: bytes) -> list[int]:
        """Indexes of the matching patterns.

        Raises:
            ScanFailed: the canary did not match.
        """
        hits: list[int] | None = self._filter.Match(text, False)
        if not hits or self._canary not in hits:
            raise ScanFailed("canary")
        hits.remove(self._canary)
        return hits


class PatternSet:
    """Many patterns, one pass. `scan` returns the indexes of those that match somewhere in the text.

    Long texts go to a `PatternFilter` where there are many patterns; see there.
    """

    def __init__(self, sources: Sequence[str], *, fold: bool = False, memory: int = _SET_MEMORY) -> None:
        self._set = re2.Set.SearchSet(options(fold=fold, memory=memory))
        for source in sources:
            self._set.Add(source)
        self._canary = self._set.Add("")
        self._set.Compile()
        # The engine itself, where it is where it is today: its wrapper costs a third of a short text's scan.
        self._engine = getattr(self._set, "_set", self._set)
        self._filter = PatternFilter(sources, fold=fold) if len(sources) > MANY else None

    def scan(self, text: bytes) -> list[int]:
        """Indexes of the matching patterns, unordered.

        Raises:
            ScanFailed: the canary did not match.
        """
        if self._filter is not None and len(text) > LONG:
            return self._filter.scan(text)
        hits: list[int] | None = self._engine.Match(text)
        if not hits or self._canary not in hits:
            raise ScanFailed("canary")
        hits.remove(self._canary)
        return hits
