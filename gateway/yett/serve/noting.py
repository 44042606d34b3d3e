"""While the sidecar runs, what `yett keys` does is in the log within a second; what it did before, at the start."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from yett.errors import YettError
from yett.ledger import Ledger
from yett.ledger.projection.rows import Credential as Known
from yett.serve.auth import Credential, Credentials

log = structlog.get_logger("yett.serve")
EVERY_S: Final = 1.0


@contextmanager
def noting(ledger: Ledger, credentials: Credentials, every_s: float = EVERY_S) -> Iterator[None]:
    """Compare the credentials with the log now, and again each second.

    Raises:
        AuditUnavailable: at the start, if nothing can be recorded.
    """
    _note(ledger, credentials)
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(every_s):
            try:
                _note(ledger, credentials)
            except Exception as error:  # noqa: BLE001 - it is tried again in a second
                log.error("credentials not recorded", kind=type(error).__name__)

    thread = threading.Thread(target=watch, name="yett-credentials", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _note(ledger: Ledger, credentials: Credentials) -> None:
    try:
        listed = credentials.all()
    except YettError:
        return  # such a file admits nobody, and says nothing that could be believed
    ledger.note_credentials(map(_known, listed))


def _known(credential: Credential) -> Known:
    return Known(
        id=credential.id,
        role=credential.role,
        tenant=credential.tenant,
        principal=credential.principal,
        agent=credential.agent,
        groups=credential.groups,
        expires=credential.expires,
        revoked=credential.revoked,
        mark=hashlib.sha256(b"yett/credential/v1\0" + credential.secret_sha256.encode()).hexdigest()[:32],
    )
