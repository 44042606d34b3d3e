"""Which tokens there are, in the log: who may act for whom is part of what was done.

`yett keys` writes a file that the log's process does not own. What that file says is compared with what was last
recorded, and every difference is a record: a token made, changed, revoked, or gone. A token slipped into the file
by hand stands in the log like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from yett.ledger.core import Core
from yett.ledger.projection.rows import Credential

TOLD: Final = 40
"""Credentials told in one record."""


def note(core: Core, listed: Iterable[Credential]) -> int:
    """Records what has changed among the credentials. Returns how many have.

    Raises:
        AuditUnavailable.
    """
    now_there = {each.id: each for each in listed}
    with core.lock:
        known = core.state.credentials.rows
        seen = [msgspec.to_builtins(row) for key, row in now_there.items() if known.get(key) != row]
        gone = sorted(known.keys() - now_there.keys())
        entry = None
        for start in range(0, max(len(seen), len(gone)), TOLD):
            told = {"seen": seen[start : start + TOLD], "gone": gone[start : start + TOLD]}
            entry = core.write("credential", {**told, "at": core.now()})
    if entry is not None:
        core.wait(entry)
    return len(seen) + len(gone)
