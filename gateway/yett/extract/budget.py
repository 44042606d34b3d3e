"""How much work one call may cause, and what analysers hand back to be looked at again.

The budget is counted in steps and bytes, so that the same call is cut at the same place on every machine;
the deadline is only the last resort against a parser that is slower than its steps say, and it is kept in
this thread's own processor time, because on a busy machine the wall clock runs while nothing is computed and
an honest call would be cut. Running out is a fact (`Facts.limits`), never an exception to the caller and never
a pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from yett.model import Struct

MAX_STEPS = 4_000
"""Analyser steps a call: a parsed program, a decoded layer, a nested text each cost one or more."""
MAX_BYTES = 1 << 20
"""Bytes of text analysed a call, decoded layers included."""
MAX_NESTING = 6
"""Texts within texts: a shell in JSON in base64 in a shell …"""
MAX_MILLISECONDS = 250
"""Processor time of the analysing thread, as the last resort only."""
WALL_FACTOR = 20
"""Times as long the wall clock may run before it counts whatever the processor says."""


class Nested(Struct, frozen=True, kw_only=True):
    """A text found inside another one, to be analysed in its turn."""

    kind: str
    """shell, windows, sql, python, javascript, path, url, text."""
    text: str
    pointer: str
    via: str = ""


class OverBudget(Exception):
    """The budget named by the argument ran out; caught by `extract.extract`, which records it."""


class Budget:
    """Mutable, one a call, passed down to every analyser."""

    def __init__(
        self,
        *,
        steps: int = MAX_STEPS,
        size: int = MAX_BYTES,
        milliseconds: int = MAX_MILLISECONDS,
        clock: Callable[[], float] = time.perf_counter,
        processor: Callable[[], float] = time.thread_time,
    ) -> None:
        self._steps = steps
        self._bytes = size
        self._clock = clock
        self._processor = processor
        self._seconds = milliseconds / 1000
        self._busy_until = processor() + self._seconds
        started = clock()
        self._look_at = started + self._seconds
        self._deadline = started + self._seconds * WALL_FACTOR

    def spend(self, steps: int = 1, size: int = 0) -> None:
        """Take from the budget, or raise `OverBudget` with the name of what ran out."""
        self._steps -= steps
        self._bytes -= size
        if self._steps < 0:
            raise OverBudget("steps")
        if self._bytes < 0:
            raise OverBudget("bytes")
        if self.expired:
            raise OverBudget("time")

    @property
    def expired(self) -> bool:
        """For parser callbacks that cannot raise."""
        now = self._clock()
        # The wall clock is cheap to read and can only be ahead: ask the processor's when it is late.
        return now > self._look_at and (now > self._deadline or self._processor() > self._busy_until)
