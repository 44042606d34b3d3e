"""Rows for other systems, and the log held against such a copy.

Each record becomes one row in OCSF (API Activity 6003 with the security-control profile), CEF or OpenTelemetry
logs, always with the log's origin, the record's number and its leaf hash. So the copy in a SIEM is an anchor
that costs nothing: `against` finds the rows that the log no longer has, or has otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from yett_audit import record
from yett_audit.errors import USAGE, Broken

_ACTIONS = {"allow": (1, 1), "deny": (2, 2), "hold": (99, 99)}
"""effect -> OCSF (action_id, disposition_id)."""
_SEVERITY = (
    (900, 5, "Critical"),
    (700, 4, "High"),
    (400, 3, "Medium"),
    (1, 2, "Low"),
    (0, 1, "Informational"),
)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _told(each: record.Record) -> dict[str, Any]:
    """What the formats need of a record's body, with plain types whatever the body holds."""
    body = each.body
    who = body["who"] if isinstance(body.get("who"), dict) else {}
    call = body["call"] if isinstance(body.get("call"), dict) else {}
    policy = body["policy"] if isinstance(body.get("policy"), dict) else {}
    risk = body["risk"] if type(body.get("risk")) is int else 0
    reasons = body["reasons"] if isinstance(body.get("reasons"), list) else []
    return {
        "effect": _text(body.get("effect")),
        "principal": _text(who.get("principal")),
        "agent": _text(who.get("agent")),
        "tool": _text(call.get("tool")),
        "server": _text(call.get("server")),
        "policy": _text(policy.get("id")),
        "digest": _text(policy.get("digest")),
        "risk": risk,
        "id": _text(body.get("id")),
        "codes": ",".join(_text(r.get("code")) for r in reasons if isinstance(r, dict)),
    }


def ocsf(origin: str, each: record.Record) -> str:
    """One OCSF event as a JSON line."""
    told = _told(each)
    action, disposition = _ACTIONS.get(told["effect"], (0, 0))
    severity = next((number, name) for low, number, name in _SEVERITY if told["risk"] >= low)
    return json.dumps(
        {
            "action_id": action,
            "activity_id": 99,
            "activity_name": each.event,
            "actor": {"app_name": told["agent"], "user": {"name": told["principal"]}},
            "api": {"operation": told["tool"] or each.event, "service": {"name": told["server"] or "yett"}},
            "category_uid": 6,
            "class_uid": 6003,
            "disposition_id": disposition,
            "message": told["codes"],
            "metadata": {
                "product": {"name": "Yett", "vendor_name": "Yett"},
                "profiles": ["security_control"],
                "uid": f"{origin}#{each.index}",
                "version": "1.5.0",
            },
            "policy": {"name": told["policy"], "uid": told["digest"]},
            "risk_score": told["risk"],
            "severity": severity[1],
            "severity_id": severity[0],
            "src_endpoint": {"name": told["agent"] or "gateway"},
            "time": each.at,
            "type_uid": 600399,
            "unmapped": {"yett.leaf": each.leaf.hex(), "yett.origin": origin, "yett.seq": each.index},
        },
        sort_keys=True,
    )


def _cef(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("=", "\\=").replace("|", "\\|")
    return "".join(c if c.isprintable() else " " for c in text)


def cef(origin: str, each: record.Record) -> str:
    """One CEF line."""
    told = _told(each)
    severity = min(10, told["risk"] // 100)
    head = "|".join(
        _cef(part) for part in ("Yett", "yett", "1", each.event, told["effect"] or each.event, severity)
    )
    pairs = {
        "rt": each.at,
        "act": told["effect"],
        "suser": told["principal"],
        "sproc": told["agent"],
        "request": told["tool"],
        "reason": told["codes"],
        "externalId": told["id"],
        "cs1Label": "origin",
        "cs1": origin,
        "cs2Label": "leaf",
        "cs2": each.leaf.hex(),
        "cn1Label": "seq",
        "cn1": each.index,
    }
    return f"CEF:0|{head}|" + " ".join(
        f"{name}={_cef(value)}" for name, value in pairs.items() if value != ""
    )


def otel(origin: str, each: record.Record) -> str:
    """One OpenTelemetry log record (OTLP JSON) a line."""
    told = _told(each)
    values: dict[str, Any] = {
        "event.name": f"yett.{each.event}",
        "yett.origin": origin,
        "yett.seq": each.index,
        "yett.leaf": each.leaf.hex(),
        "yett.effect": told["effect"],
        "gen_ai.tool.name": told["tool"],
        "gen_ai.agent.id": told["agent"],
        "user.name": told["principal"],
        "yett.risk": told["risk"],
    }
    attributes = [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in values.items()
        if value != ""
    ]
    severity = ("WARN", 13) if told["effect"] in ("deny", "hold") else ("INFO", 9)
    row = {
        "attributes": attributes,
        "body": {"stringValue": told["codes"] or each.event},
        "severityNumber": severity[1],
        "severityText": severity[0],
        "timeUnixNano": str(each.at * 1_000_000),
    }
    return json.dumps(row, sort_keys=True)


FORMATS = {"ocsf": ocsf, "cef": cef, "otel": otel}


@dataclass
class Difference:
    """How a copy differs from the log."""

    rows: int = 0
    """Rows of this log in the copy."""
    foreign: int = 0
    """Rows of other logs, or without origin, number and leaf."""
    beyond: list[int] = field(default_factory=list)
    """Numbers that the copy has and the log has not: the log was cut."""
    differing: list[int] = field(default_factory=list)
    """Numbers whose leaf differs: the log was rewritten."""
    missing: list[int] = field(default_factory=list)
    """Numbers that the log has and the copy has not, up to the copy's last (seals left out)."""
    last: int = -1


def identity(row: str) -> tuple[str, int, str] | None:
    """(origin, number, leaf in hex) of an exported row of any format; None if it has none."""
    try:
        if row.startswith("CEF:"):
            origin = row.split(" cs1=", 1)[1].split(" cs2Label=", 1)[0]
            return (
                origin.replace("\\=", "=").replace("\\|", "|"),
                int(row.rsplit("cn1=", 1)[1]),
                row.split(" cs2=", 1)[1][:64],
            )
        value = json.loads(row)
        told = value.get("unmapped")
        if told is None:
            told = {a["key"]: next(iter(a["value"].values())) for a in value["attributes"]}
        return str(told["yett.origin"]), int(told["yett.seq"]), str(told["yett.leaf"])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, StopIteration, RecursionError):
        return None


def against(
    origin: str, sealed: int, lines: Iterable[bytes], rows: Iterable[str], first: int = 0, shown: int = 20
) -> Difference:
    """Compares the log's lines [first, sealed) with a copy's rows, in any order; memory grows with the copy."""
    found = Difference()
    copy: dict[int, str] = {}
    for row in rows:
        told = identity(row.strip()) if row.strip() else None
        if told is None or told[0] != origin:
            found.foreign += bool(row.strip())
            continue
        found.rows += 1
        if told[1] >= sealed:
            found.beyond.append(told[1])
        elif copy.setdefault(told[1], told[2]) != told[2]:
            found.differing.append(told[1])
    if not found.rows:
        raise Broken("anchor-origin", "no row of the copy belongs to this log", USAGE)
    found.last = max(copy, default=-1)
    for index, line in enumerate(lines, first):
        leaf = copy.pop(index, None)
        if leaf is None:
            if index < found.last and b'"},"ev":"log.seal",' not in line:
                found.missing.append(index)
        elif leaf != record.leaf_of(line).hex():
            found.differing.append(index)
        if len(found.missing) > shown:
            del found.missing[shown:]
    found.beyond, found.differing = sorted(found.beyond)[:shown], sorted(found.differing)[:shown]
    return found
