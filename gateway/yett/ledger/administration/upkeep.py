"""What a ledger needs in years of use: old records removed, new keys appointed. For whoever runs the gateway.

Both are records of the log before they are done, and both may be interrupted at any point: what was begun is finished,
or has not happened, when the ledger is opened the next time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from yett.errors import AuditUnavailable, LedgerError
from yett.ledger.core import Core, publish
from yett.ledger.tokens import jws
from yett.ledger.tokens.keys import LEDGER_SEED, NEXT_SEED, settle_rotation
from yett.model import Struct
from yett_audit import disk, retention
from yett_audit.ed25519 import SigningKey
from yett_audit.errors import LogRefused, LogUnavailable

DAY_MS: Final = 24 * 3600 * 1000
PARTS: Final = 8
"""A segment is ended once it is this part of the time that is kept, so that what is kept is not much more."""


class Retained(Struct, frozen=True, kw_only=True):
    """What a removal came to."""

    first: int
    """Index of the log's first record now."""
    removed: int
    """Records that were removed."""


def retain(core: Core, keep_ms: int, *, by: str, reason: str, archive: Path | None = None) -> Retained:
    """Removes what is older than `keep_ms`, by whole segments of the log; the state is kept (`position`).

    Args:
        by: who has it done; reason: the rule it follows. archive: a folder that keeps the removed files.
    Raises:
        LedgerError: KEPT_TOO_SHORT, ARCHIVE_UNUSABLE, ARCHIVE_DIFFERS, POSITION_NOT_KEPT; nothing was removed.
        AuditUnavailable.
    """
    if keep_ms < DAY_MS:
        raise LedgerError("KEPT_TOO_SHORT", "the log of less than a day cannot be removed")
    writer, now = core.writer, core.now()
    if archive is not None and not archive.is_dir():
        raise LedgerError(
            "ARCHIVE_UNUSABLE", "there is no such folder", path=str(archive), remedy="make it, mode 700"
        )
    try:
        if retention.begun(writer.directory) <= now - keep_ms // PARTS:
            writer.begin_segment()
        start, below = retention.older(writer.directory, 0), retention.older(writer.directory, now - keep_ms)
        if below > start:
            core.keep_position()
            retention.prune(writer, below, by=by[:200], reason=reason[:500], archive=archive)
    except LogRefused as error:
        raise LedgerError(error.code, str(error), path=str(archive)) from error
    except LogUnavailable as error:
        raise AuditUnavailable(str(error)) from error
    except OSError as error:
        raise LedgerError("ARCHIVE_UNUSABLE", f"{error.strerror}", path=str(archive)) from error
    return Retained(first=below, removed=below - start)


def rotate_log_key(core: Core, reason: str) -> str:
    """Appoints a new signing key for the log and destroys the old one. Returns the new verifier key.

    Raises:
        LedgerError: KEYS_UNWRITABLE. AuditUnavailable.
    """
    folder, writer = core.folder / "keys", core.writer
    seed = core.entropy(32)
    core.record("keys", {"of": "log", "reason": reason[:500], "at": core.now()})
    try:
        disk.write_new(folder / NEXT_SEED, seed, 0o600)
        writer.rotate(SigningKey(seed))
        settle_rotation(folder, writer.vkey)
        publish(folder, writer.vkey)
    except LogUnavailable as error:
        raise AuditUnavailable(str(error)) from error
    except OSError as error:
        raise LedgerError("KEYS_UNWRITABLE", f"{error.strerror}", path=str(folder)) from error
    return writer.vkey


def rotate_ledger_key(core: Core, reason: str) -> str:
    """Replaces the key that signs mandates and permits; what the old one signed counts no more. Returns the new key.

    Raises:
        LedgerError: KEYS_UNWRITABLE. AuditUnavailable.
    """
    seed = core.entropy(32)
    new = jws.SigningKey(seed)
    told = {"of": "ledger", "old": core.keys.ledger.kid, "new": new.kid, "reason": reason[:500]}
    core.record("keys", {**told, "at": core.now()})
    try:
        disk.write_new(core.folder / "keys" / LEDGER_SEED, seed, 0o600)
    except OSError as error:
        raise LedgerError("KEYS_UNWRITABLE", f"{error.strerror}", path=str(core.folder / "keys")) from error
    return new.public.hex()
