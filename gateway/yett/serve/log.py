"""Structured logs of the sidecar: one JSON object a line on standard error, never a value of an argument.

What may stand in a line is decided here, once: ids, codes, effects, names, sizes and times. A tool's name
comes from the caller, so it is cut and escaped like everything else that JSON encodes.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec
import structlog


def configure(*, level: int = logging.INFO) -> None:
    """Write JSON lines to standard error, for `structlog` and for what uvicorn says through `logging`."""
    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_encode),
        ],
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"


class _Lines(logging.Formatter):
    """Records of the standard library in the same shape."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"event": record.getMessage(), "level": record.levelname.lower(), "logger": record.name}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line).decode("utf-8")


def _encode(line: Any, **_: Any) -> bytes:
    return msgspec.json.encode(line, enc_hook=repr)
