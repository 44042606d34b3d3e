"""A copy of a state folder, made beside the gateway that runs on it or with it stopped.

What a copy does not have is what the gateway did since. Opened as it is, it would accept mandates that were used
meanwhile; so it says of itself that it is a copy (`core.RESTORED`), and the first to open it holds whatever acts until
an operator accepts that (`yett clear all`), and accepts no mandate from before that moment.

The order makes a copy of a growing log a log: first the remembered head, then the segments, so that the head is never
ahead of them. A last line that is copied in part is what a crash leaves, and is treated as one. The projection is left
behind, because the log leads to it.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Final

from yett.errors import LedgerError
from yett.ledger.core import RESTORED
from yett.ledger.projection.recovery import refused
from yett.ledger.projection.replay import no_log, unverified
from yett_audit import note, recovery
from yett_audit.errors import Broken, LogRefused
from yett_audit.trust import Trust
from yett_audit.verify import Demand, Report, verify_log

_LEFT: Final = ("ledger.db", "ahead.", "log/lock", "log/reserve")
"""Beginnings of the names of what is not copied: what the log leads to, and what only a running gateway needs."""


def backup(state: Path, out: Path) -> Report:
    """Copies a state folder to one that does not exist yet, and verifies the copy.

    Raises:
        LedgerError: NO_LOG, BACKUP_EXISTS, BACKUP_INSIDE, BACKUP_FAILED (nothing is left), TAMPERED, and what `verify_log` finds.
    """
    if not (state / "log" / recovery.HEAD).is_file():
        raise no_log(state / "log")
    if os.path.lexists(out):
        raise LedgerError("BACKUP_EXISTS", "there is something of this name already", path=str(out))
    if out.resolve().is_relative_to(state.resolve()):
        raise LedgerError("BACKUP_INSIDE", "a copy cannot lie within what it is a copy of", path=str(out))
    try:
        out.mkdir(mode=0o700)
        (out / "log").mkdir(mode=0o700)
        _copy(state / "log" / recovery.HEAD, out / "log" / recovery.HEAD)
        for path in sorted(state.rglob("*")):
            name = path.relative_to(state)
            if path.is_symlink() or str(name).startswith(_LEFT) or (out / name).is_file():
                continue
            if path.is_dir():
                (out / name).mkdir(mode=0o700, exist_ok=True)
            elif path.is_file() and path.suffix != ".new":
                _copy(path, out / name)
        mark_restored(out)
        key = note.VerifierKey.parse((out / "keys" / "log.pub").read_text(encoding="ascii"))
        os.sync()
    except OSError as error:
        shutil.rmtree(out, ignore_errors=True)
        raise LedgerError("BACKUP_FAILED", f"{error.strerror}", path=error.filename) from error
    found = verify_log(out / "log", Demand(trust=Trust(logs=[key])))
    if found.failure is not None:
        raise unverified(Broken(found.failure["cause"], found.failure["message"]), out / "log")
    return found


def mark_restored(state: Path) -> None:
    """Has the next to open this folder know that it is a copy. See the module.

    Raises:
        LedgerError: NO_LOG, HEAD_UNREADABLE.
    """
    try:
        if recovery.read_head(state / "log") is None:
            raise no_log(state / "log")
    except LogRefused as error:
        raise refused(error, state / "log") from error
    (state / RESTORED).touch(mode=0o600)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target, follow_symlinks=False)
    target.chmod(stat.S_IMODE(source.stat().st_mode))
