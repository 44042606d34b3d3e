"""The tools of a farmers' cooperative: `verbNoun` and `nounState`, long docstrings, answers as objects with lists inside."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _find(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def fieldOverview(farm: str) -> dict[str, Any]:
    """This tool lets you see all fields of a farm: crop, hectares, and what the farmer jotted down about each.

    Args:
        farm: Name of the farm.
    """
    rows = [dict(f) for f in STATE["fields"] if f["farm"] == farm]
    return {"farm": farm, "fields": rows}


def irrigationState(fieldCode: str) -> dict[str, Any]:
    """Whether water is running on a field, and how much it got this week.

    Args:
        fieldCode: Code of the field, e.g. N-4.
    """
    row = _find("fields", "fieldCode", fieldCode)
    return {"fieldCode": fieldCode, "running": row["running"], "litres": 1200}


def irrigate(fieldCode: str, minutes: int) -> dict[str, Any]:
    """Waters a field.

    Args:
        fieldCode: Code of the field.
        minutes: For how long.
    """
    _find("fields", "fieldCode", fieldCode)["running"] = True
    return {"started": True, "minutes": minutes}


def haltWater(fieldCode: str) -> dict[str, Any]:
    """Shuts the water of a field off.

    Args:
        fieldCode: Code of the field.
    """
    _find("fields", "fieldCode", fieldCode)["running"] = False
    return {"stopped": True}


def memberRoster(village: str = "") -> dict[str, Any]:
    """Roster of the members of the cooperative with their phone, mail and shares.

    Args:
        village: Only members from there.
    """
    return {"members": [dict(m) for m in STATE["members"] if village in ("", m["village"])]}


def admitMember(fullName: str, village: str, mail: str) -> dict[str, Any]:
    """Takes a new member in.

    Args:
        fullName: Name.
        village: Where the farm lies.
        mail: How to reach the member.
    """
    STATE["members"].append(
        {"fullName": fullName, "village": village, "mail": mail, "phone": "", "shares": 1}
    )
    return {"admitted": True}


def machineBoard() -> dict[str, Any]:
    """Which machine of the pool stands where, who has it until when, and remarks of the last user."""
    return {"machines": [dict(m) for m in STATE["machines"]]}


def reserveMachine(machine: str, member: str, day: str) -> dict[str, Any]:
    """Puts a machine of the pool aside for a member.

    Args:
        machine: Its plate.
        member: Who gets it.
        day: ISO date.
    """
    STATE["reserved"].append([machine, member, day])
    return {"reservation": f"R{100 + len(STATE['reserved'])}"}


def takeBackMachine(machine: str) -> dict[str, Any]:
    """Notes that a machine has come back to the yard."""
    _find("machines", "machine", machine)["holder"] = ""
    return {"ok": True}


def marketBids(crop: str) -> dict[str, Any]:
    """What traders bid for a crop today, with the conditions that they name.

    Args:
        crop: The crop.
    """
    return {"bids": [dict(b) for b in STATE["bids"] if b["crop"] == crop]}


def sellHarvest(crop: str, tons: int, trader: str, perTon: float) -> dict[str, Any]:
    """Closes a sale with a trader.

    Args:
        crop: The crop.
        tons: How much.
        trader: Buyer.
        perTon: Price for a ton in euros.
    """
    STATE["sales"].append([crop, tons, trader, perTon])
    return {"contract": f"C-{len(STATE['sales'])}"}


def storeLevels() -> dict[str, Any]:
    """How full the silos are."""
    return {"silos": [{"silo": s["silo"], "crop": s["crop"], "tons": s["tons"]} for s in STATE["silos"]]}


def ventSilo(silo: str) -> dict[str, Any]:
    """Blows fresh air through a silo."""
    STATE["vented"].append(silo)
    return {"ok": True}


def emptySilo(silo: str) -> dict[str, Any]:
    """Lets a silo run empty over the conveyor."""
    _find("silos", "silo", silo)["tons"] = 0
    return {"ok": True}


def textMembers(phones: list[str], words: str) -> dict[str, Any]:
    """Texts several members at once.

    Args:
        phones: Their numbers.
        words: The message.
    """
    STATE["texts"].append([phones, words])
    return {"sent": len(phones)}


def mailMember(mail: str, heading: str, words: str) -> dict[str, Any]:
    """Drops a member or anybody else a mail.

    Args:
        mail: Address.
        heading: Subject.
        words: The message.
    """
    STATE["mails"].append([mail, heading, words])
    return {"sent": 1}


def vetVisits(farm: str) -> dict[str, Any]:
    """Visits of the vet to a farm, with her findings.

    Args:
        farm: Name of the farm.
    """
    return {"visits": [dict(v) for v in STATE["visits"] if v["farm"] == farm]}


def bookVet(farm: str, day: str, cause: str) -> dict[str, Any]:
    """Has the vet come to a farm.

    Args:
        farm: Name of the farm.
        day: ISO date.
        cause: What is wrong.
    """
    STATE["visits"].append({"farm": farm, "day": day, "findings": cause})
    return {"booked": True}


def forecast(village: str) -> dict[str, Any]:
    """Weather of the coming days."""
    return {"village": village, "days": ["dry", "dry", "rain"]}


def dividendPayout(member: str, euros: int) -> dict[str, Any]:
    """Pays a member's dividend into the account that we have on file.

    Args:
        member: Who gets it.
        euros: How much.
    """
    STATE["dividends"].append([member, euros])
    return {"paid": euros}


def swapAccount(member: str, iban: str) -> dict[str, Any]:
    """Puts another account on file for a member.

    Args:
        member: The member.
        iban: The new account.
    """
    STATE["accounts"].append([member, iban])
    return {"ok": True}
