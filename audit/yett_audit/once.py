"""The certificate that a mandate was used exactly once, never, or is in doubt — from the log alone.

A mandate's uses are its *slots*. A decision that uses one carries `mandate {jti, slot, state:"reserved"}`; its
outcome, or an operator's resolution, names the decision and brings the state to `committed`, `released` or
`in_doubt`. Because the use and the decision are one record, two uses of a slot are two records, and a
complete read of a verified log finds them. What is certified is the log up to the named checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from yett_audit.record import Record, b64

ACTIVE = ("reserved", "committed", "in_doubt")


@dataclass
class Use:
    """One reservation of a slot and what became of it."""

    slot: int
    decision: str
    index: int
    leaf: str
    state: str = "reserved"


@dataclass
class Certificate:
    """What the log says of one mandate."""

    mandate: str
    uses: list[Use] = field(default_factory=list)
    allowed: int | None = None
    """How many uses the mandate grants, if the log says so."""
    issued: int | None = None
    """Index of the record that issued it, if this log did."""
    revoked: list[int] = field(default_factory=list)
    verdict: str = "never"
    """never, once, `N times`, in doubt, violated; unknown if a use may stand among records that were removed."""
    problems: list[str] = field(default_factory=list)


def certify(mandate: str, records: Iterable[Record], *, whole: bool = True) -> Certificate:
    """Reads all records and judges the mandate's uses.

    Args:
        whole: the log's beginning is there. Without it, all uses of a mandate are only those after its issue.
    """
    found = Certificate(mandate)
    by_decision: dict[str, Use] = {}
    for each in records:
        body = each.body
        if each.event.startswith("log."):
            continue
        for decision in body.get("in_doubt") or () if type(body.get("in_doubt")) is list else ():
            if decision in by_decision and by_decision[decision].state == "reserved":
                by_decision[decision].state = "in_doubt"
        told = body.get("mandate")
        if type(told) is not dict:
            if body.get("op") == "revoke" and body.get("scope") == f"mandate:{mandate}":
                found.revoked.append(each.index)
            continue
        if each.event == "decision" and (told.get("jti") == mandate or mandate in _list(told.get("ids"))):
            _reserve(found, by_decision, each, told)
        elif told.get("jti") == mandate and told.get("state") == "issued":
            found.issued, found.allowed = each.index, _integer(told.get("uses"), found.allowed)
        elif each.event in ("outcome", "mandate") and told.get("state") in (*ACTIVE, "released"):
            use = by_decision.get(str(body.get("decision")))
            if use is not None:
                use.state = str(told["state"])
    return _judge(found, whole or found.issued is not None)


def _reserve(found: Certificate, by_decision: dict[str, Use], each: Record, told: dict[str, Any]) -> None:
    for link in _list(told.get("chain")):
        if type(link) is dict and link.get("jti") == found.mandate:
            found.allowed = _integer(link.get("uses"), found.allowed)
    slot = _integer(told.get("slot"), 0) or 0
    use = Use(slot, str(each.body.get("id", "")), each.index, b64(each.leaf).decode())
    direct = told.get("jti") == found.mandate
    if direct and any(u.slot == slot and u.state in ACTIVE for u in found.uses):
        found.problems.append(f"slot {slot} was used again by record {each.index}")
    found.uses.append(use)
    by_decision[use.decision] = use


def _judge(found: Certificate, complete: bool) -> Certificate:
    active = [use for use in found.uses if use.state in ACTIVE]
    if found.allowed is not None and len(active) > found.allowed:
        found.problems.append(f"{len(active)} uses, but {found.allowed} granted")
    if found.problems:
        found.verdict = "violated"
    elif not complete:
        found.verdict = "unknown"
    elif any(use.state != "committed" for use in active):
        found.verdict = "in doubt"
    elif active:
        found.verdict = "once" if len(active) == 1 else f"{len(active)} times"
    return found


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _integer(value: object, default: int | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
