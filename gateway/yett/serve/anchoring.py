"""Taking the log's head elsewhere while the sidecar runs, and saying how much is not there yet.

Without an anchor, whoever owns this host can cut the end off the log and nobody could tell. What lies behind
the newest anchor is the exposure; it is a metric, and a witness that contradicts the log is an alarm that
stays until the next start.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from functools import partial

import structlog

from yett.errors import YettError
from yett.ledger import Ledger
from yett.ledger.core import RESTORED
from yett.serve.metrics import Metrics
from yett.serve.settings import Settings
from yett_audit.anchor import Anchored, Anchorer, FileSink, latest
from yett_audit.errors import Broken
from yett_audit.note import Checkpoint, VerifierKey
from yett_audit.trust import Trust

log = structlog.get_logger("yett.serve")


@contextlib.contextmanager
def anchoring(ledger: Ledger, metrics: Metrics, settings: Settings) -> Iterator[None]:
    """Anchor at an interval, if witnesses or files are configured; the exposure is a metric in any case.

    Raises:
        YettError: BAD_ANCHORS, the policy of witnesses cannot be read.
    """
    alarms: list[str] = []

    def alarm(found: Anchored) -> None:
        alarms.append(found.alarm)
        log.critical("a witness contradicts the log", alarm=found.alarm, size=found.size)

    anchorer = ledger.anchorer(
        _trust(settings), [FileSink(path) for path in settings.anchor_files], on_alarm=alarm
    )
    metrics.gauge("yett_log_records", "Durable records", lambda: ledger.head.checkpoint.size)
    metrics.gauge(
        "yett_exposure_records", "Records behind the newest anchor", lambda: anchorer.exposure()["records"]
    )
    metrics.gauge(
        "yett_exposure_seconds", "Seconds of the log behind the newest anchor", lambda: _seconds(anchorer)
    )
    metrics.gauge("yett_anchor_alarm", "1 if a witness contradicts the log", lambda: bool(alarms))
    if settings.anchor_policy is None and not settings.anchor_files:
        yield
        return
    anchorer.start(settings.anchor_every_s)
    try:
        yield
    finally:
        anchorer.stop()


def floor(settings: Settings) -> Checkpoint | None:
    """How far witnesses and files remember the log: one that ends before was put back from an older copy, or cut.

    Nobody is asked about a log that is not there yet, or that is known to be a copy (`yett ledger restored`). Who
    cannot be asked now is not waited for: a witness says it later, with an alarm.

    Raises:
        YettError: BAD_ANCHORS.
    """
    trust, public = _trust(settings), settings.state / "keys" / "log.pub"
    if not public.exists() or (settings.state / RESTORED).exists():
        return None
    key = VerifierKey.parse(public.read_text(encoding="ascii"))
    asked: list[Callable[[], Checkpoint | None]] = [
        partial(latest, url, key.name, trust.witnesses[name]) for name, url in trust.urls.items()
    ]
    asked += [partial(FileSink(path).newest, key) for path in settings.anchor_files if path.exists()]
    known = []
    for ask in asked:
        try:
            known.append(ask())
        except (OSError, Broken) as error:
            log.warning("an anchor says nothing about the log", kind=type(error).__name__, reason=str(error))
    return max(filter(None, known), key=lambda point: point.size, default=None)


def _seconds(anchorer: Anchorer) -> float:
    return anchorer.exposure()["ms"] / 1000 if anchorer.last is not None else math.inf


def _trust(settings: Settings) -> Trust:
    if settings.anchor_policy is None:
        return Trust()
    try:
        return Trust.parse(settings.anchor_policy.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, Broken) as error:
        reason = error.message if isinstance(error, Broken) else f"cannot be read ({type(error).__name__})"
        raise YettError("BAD_ANCHORS", reason, path=str(settings.anchor_policy)) from None
