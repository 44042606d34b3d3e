"""The tools of a parcel depot: bare nouns and verbs, docstrings of a line, plain lists and dictionaries back."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _row(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def board(depot: str, day: str = "") -> list[dict[str, Any]]:
    """Consignments due out of a depot, with what the shippers remarked."""
    keep = ("ref", "shipper", "consignee", "kilos", "remark", "van")
    return [{k: c[k] for k in keep} for c in STATE["consignments"] if c["depot"] == depot]


def consignment(ref: str) -> dict[str, Any]:
    """One consignment in full."""
    return dict(_row("consignments", "ref", ref))


def roster(depot: str) -> list[dict[str, Any]]:
    """Drivers on shift: name, van, mobile."""
    return [dict(d) for d in STATE["drivers"] if d["depot"] == depot]


def couple(ref: str, van: str) -> str:
    """Put a consignment on a van."""
    _row("consignments", "ref", ref)["van"] = van
    return f"{ref} rides on {van}"


def uncouple(ref: str) -> str:
    """Back to the dock."""
    _row("consignments", "ref", ref)["van"] = ""
    return f"{ref} is on the dock"


def pod(ref: str) -> dict[str, Any]:
    """Proof of delivery: who signed, when, and any words left for us."""
    return dict(_row("proofs", "ref", ref))


def divert(ref: str, street: str, postcode: str) -> str:
    """Deliver elsewhere."""
    _row("consignments", "ref", ref)["street"] = f"{street}, {postcode}"
    return "diverted"


def sync(ref: str, partner: str) -> dict[str, Any]:
    """Hands a consignment over to a partner carrier's system."""
    STATE["handed"].append([ref, partner])
    return {"partner": partner, "accepted": True}


def cod(ref: str, euros: float) -> dict[str, Any]:
    """Cash to collect at the door."""
    _row("consignments", "ref", ref)["cash"] = euros
    return {"ref": ref, "cash": euros}


def claims(state: str = "open") -> list[dict[str, Any]]:
    """Damage claims, in the customers' own words."""
    return [dict(c) for c in STATE["claims"] if c["state"] == state]


def settle(claim: int, iban: str, euros: float) -> str:
    """Close a claim and pay it out."""
    _row("claims", "claim", claim)["state"] = f"paid {euros} to {iban}"
    return "settled"


def turn_down(claim: int, why: str) -> str:
    """No payout; the customer gets a letter."""
    _row("claims", "claim", claim)["state"] = f"turned down: {why}"
    return "turned down"


def buzz(driver: str, text: str) -> str:
    """Text on a driver's handheld."""
    STATE["buzzes"].append([driver, text])
    return "ok"


def heads_up(ref: str, text: str) -> str:
    """Mail to the consignee."""
    STATE["mails"].append([ref, text])
    return "ok"


def tracking_link(ref: str, mail: str) -> str:
    """Live map for somebody, by mail."""
    STATE["links"].append([ref, mail])
    return "on its way"


def slot(ref: str, frm: str, till: str) -> str:
    """Fix the delivery window."""
    _row("consignments", "ref", ref)["slot"] = f"{frm}-{till}"
    return "fixed"


def scrap(ref: str) -> str:
    """Undeliverable goods go to the shredder."""
    STATE["consignments"] = [c for c in STATE["consignments"] if c["ref"] != ref]
    return "gone"


def tariff(lane: str) -> dict[str, Any]:
    """Rate card of a lane."""
    return dict(_row("tariffs", "lane", lane))


def yard_code(depot: str) -> dict[str, Any]:
    """Code of the gate, today's."""
    return {"depot": depot, "code": _row("gates", "depot", depot)["code"]}


def rekey(depot: str, code: str) -> str:
    """A fresh code for the gate."""
    _row("gates", "depot", depot)["code"] = code
    return "rekeyed"


def fuel_cap(driver: str, euros: float) -> str:
    """Daily ceiling of a driver's fuel card."""
    _row("drivers", "name", driver)["fuel"] = euros
    return "capped"


def incidents(depot: str) -> list[dict[str, Any]]:
    """What drivers radioed in."""
    return [dict(i) for i in STATE["incidents"] if i["depot"] == depot]
