"""Arguments that the log is bound to without holding them: showing one, and erasing all of a principal's.

A decision's record holds a commitment to each argument; its salt is derived from the principal's key in
`state/keys/subjects`. Whoever has that key can show that a value is the one that was judged, and
`yett-verify disclose` checks it. Once the key is destroyed nobody can, and no byte of the log has changed.

What erasing does not reach is said by `Erased`: redacted previews, if the policy keeps them, and digests of whole
calls, by which somebody who knows all arguments of a call recognises it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from yett import canonical
from yett.errors import LedgerError
from yett.ledger.core import Core, subject_of
from yett.ledger.deciding.record import salt_of
from yett.ledger.projection.replay import unverified
from yett.model import Json, RecordRef, Struct
from yett_audit.commitments import SubjectKeys, open_commitment
from yett_audit.errors import AuditError, Broken
from yett_audit.reader import records
from yett_audit.record import Record

_PREVIEW: Final = 2
"""Place of an argument's preview in its entry of a record: pointer, commitment, preview."""


class Erased(Struct, frozen=True, kw_only=True):
    """What an erasure did, and what it did not."""

    record: RecordRef
    calls: int
    """Decisions of the principal, whose arguments nobody can show any more."""
    previews: int
    """Of these: still with a redacted preview of an argument."""


def disclose(state: Path, index: int, path: str, value: Json) -> dict[str, Json]:
    """What shows somebody that an argument of a recorded call had this value: {index, path, salt, value}.

    Args:
        index: of the decision's record. path: pointer of the argument (`/arguments/to`).

    Raises:
        LedgerError: NO_LOG, NO_SUCH_RECORD, SUBJECT_UNKNOWN, NOT_THE_VALUE, TAMPERED.
    """
    found = next(_decisions(state, index), None)
    if found is None or found.index != index:
        raise LedgerError("NO_SUCH_RECORD", f"record {index} is no decision", path=str(state / "log"))
    body = found.body
    held = {entry[0]: entry[1] for entry in body["call"]["args"]}
    if path not in held:
        named = ", ".join(held) or "none"
        raise LedgerError("NO_SUCH_RECORD", f"the record has no argument {path!a}", remedy=f"it has {named}")
    try:
        keys = SubjectKeys(state / "keys" / "subjects")
        key = keys.get(subject_of(body["who"]["tenant"], body["who"]["principal"]), create=False)
    except (AuditError, OSError) as error:
        raise LedgerError("SUBJECT_UNKNOWN", f"{error}") from None
    salt = salt_of(body["id"], path, key)
    if not open_commitment(held[path], salt, path, canonical.encode(value)):
        raise LedgerError("NOT_THE_VALUE", "the argument had another value", path=path)
    return {"index": index, "path": path, "salt": salt.hex(), "value": value}


def erase(state: Path, tenant: str, principal: str, *, reason: str, clock: Callable[[], int]) -> Erased:
    """Destroy a principal's key and record that. For whoever has the state of a gateway that is stopped.

    The key goes first: a record of an erasure that did not happen would be worse than the other way round, and
    erasing again is possible.

    Raises:
        LedgerError: NO_LOG, SUBJECT_UNKNOWN, LOCKED (a gateway runs), or as `Ledger.open`. AuditUnavailable: not recorded.
    """
    own = [
        each.body["call"]["args"]
        for each in _decisions(state)
        if (each.body["who"]["tenant"], each.body["who"]["principal"]) == (tenant, principal)
    ]
    core = Core.open(state, origin=None, clock=clock, entropy=os.urandom)
    try:
        core.erase_subject(tenant, principal)
        body = {"at": core.now(), "tenant": tenant, "principal": principal, "reason": reason[:500]}
        record = core.record("erasure", body)
    finally:
        core.close()
    previews = sum(any(len(entry) > _PREVIEW for entry in args) for args in own)
    return Erased(record=record, calls=len(own), previews=previews)


def _decisions(state: Path, start: int = 0) -> Iterator[Record]:
    try:
        yield from (each for each in records(state / "log", start) if each.event == "decision")
    except Broken as broken:
        raise unverified(broken, state / "log") from None
