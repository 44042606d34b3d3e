"""While the sidecar runs, what is older than `--keep` says is removed from the log, at the start and then hourly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from yett.errors import YettError
from yett.ledger import Ledger
from yett.serve.settings import Settings

log = structlog.get_logger("yett.serve")
EVERY_S: Final = 3600.0


@contextmanager
def retaining(ledger: Ledger, settings: Settings, every_s: float = EVERY_S) -> Iterator[None]:
    """Remove it in a thread of its own: calls are decided meanwhile.

    Raises:
        YettError: as `upkeep.retain`, at the start; later it is logged, and tried again.
    """
    keep_ms = settings.keep_ms
    if keep_ms is None:
        if settings.archive is not None:
            raise YettError("NOTHING_TO_ARCHIVE", "--archive keeps what --keep removes, which is not given")
        yield
        return
    stop = threading.Event()

    def retain() -> None:
        reason = f"older than {keep_ms // 1000} s"
        found = ledger.retain(keep_ms, by="yett serve --keep", reason=reason, archive=settings.archive)
        if found.removed:
            log.info("old records removed", records=found.removed, first=found.first)

    def watch() -> None:
        while not stop.wait(every_s):
            try:
                retain()
            except Exception as error:  # noqa: BLE001 - it is tried again in an hour
                log.error("old records not removed", kind=type(error).__name__, reason=str(error))

    retain()
    thread = threading.Thread(target=watch, name="yett-retention", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
