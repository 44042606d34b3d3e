"""How much work one call may cause, and what analysers hand back to be looked at again.

The budget is counted in steps and bytes, so that the same call is cut at the same place on every machine. A step is
about ten microseconds of a processor: every analyser spends what its work has been measured to take (so many nodes,
tokens, readings for a step), and the number of steps bounds the time.

The deadline is only the last resort against a parser that is slower than its steps say, and it is kept in this
thread's own processor time, because on a busy machine the wall clock runs while nothing is computed and an honest
call would be cut. Running out is a fact (`Facts.limits`), never an exception to the caller and never a pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from yett.model import Struct

MAX_STEPS = 6_500
"""Steps a call: what 400 lines of a log, 50 kB of records or two scripts of 400 commands take."""
MAX_GUESSED = 2_500
"""Of these, for texts that are only taken for programs by their looks: eighty command lines in one call, or so."""
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
    """shell, windows, sql, python, javascript, path, url, text; file: a body that is written into the file `via`."""
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
        guessed: int = MAX_GUESSED,
        size: int = MAX_BYTES,
        milliseconds: int = MAX_MILLISECONDS,
        clock: Callable[[], float] = time.perf_counter,
        processor: Callable[[], float] = time.thread_time,
    ) -> None:
        self._steps = steps
        self._guessed = guessed
        self._guessing = False
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
        if self._guessing:
            self._guessed -= steps
        if self._steps < 0 or (self._guessing and self._guessed < 0):
            raise OverBudget("steps")
        if self._bytes < 0:
            raise OverBudget("bytes")
        if self.expired:
            raise OverBudget("time")

    @property
    def left(self) -> int:
        """Steps that may still be spent."""
        return min(self._steps, self._guessed) if self._guessing else self._steps

    @contextmanager
    def guessing(self) -> Iterator[None]:
        """What is spent within is spent on a text that nothing declares to be a program."""
        before, self._guessing = self._guessing, True
        try:
            yield
        finally:
            self._guessing = before

    @property
    def expired(self) -> bool:
        """For parser callbacks that cannot raise."""
        now = self._clock()
        # The wall clock is cheap to read and can only be ahead: ask the processor's when it is late.
        return now > self._look_at and (now > self._deadline or self._processor() > self._busy_until)
