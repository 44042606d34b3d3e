"""What the gateway says about its own state, in whatever process it runs.

`yett serve` and the proxies configure structlog (`yett.serve.log`), and so may a program that has the gateway inside.
Where nobody did, structlog would print to standard output, which may be a protocol's, and an exception with the
values of all local variables, which may be secrets. So there it is one JSON line on standard error.

An exception's own words often quote what was being looked at (`KeyError: 'the password'`): of an exception only its
type and the places it passed through are said.
"""

from __future__ import annotations

import contextlib
import sys
import traceback
from typing import Final

import msgspec
import structlog


class Logger:
    """Says warnings and errors. The fields may be ids, codes, effects, names, sizes and times."""

    def __init__(self, name: str) -> None:
        self._name: Final = name

    def warning(self, event: str, **fields: object) -> None:
        """Something to look at."""
        self._say("warning", event, fields)

    def error(self, event: str, *, error: BaseException | None = None, **fields: object) -> None:
        """Something failed; of `error`, where."""
        self._say("error", event, fields if error is None else {**fields, "exception": places(error)})

    def _say(self, level: str, event: str, fields: dict[str, object]) -> None:
        if structlog.is_configured():
            getattr(structlog.get_logger(self._name), level)(event, **fields)
            return
        line = {"event": event, "level": level, "logger": self._name, **fields}
        StandardError().write(msgspec.json.encode(line, enc_hook=repr) + b"\n")


def say(text: str) -> None:
    """A line for the person at the terminal."""
    StandardError().write(f"yett: {text}\n".encode())


class StandardError:
    """Standard error as it is at the moment. That nobody can read it (closed, a full disk) changes no answer."""

    def write(self, line: bytes) -> int:
        with contextlib.suppress(OSError, ValueError):
            if sys.stderr is not None:
                sys.stderr.write(line.decode("utf-8", "replace"))
                sys.stderr.flush()
        return len(line)

    def flush(self) -> None:
        """Each line is flushed as it is written."""


def places(error: BaseException | None) -> list[str]:
    """Types of an exception and of its causes, each with the places it passed through, innermost last."""
    found: list[str] = []
    while error is not None and len(found) < 8:
        frames = traceback.extract_tb(error.__traceback__)[-12:]
        path = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames)
        found.append(f"{type(error).__name__} at {path}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found
