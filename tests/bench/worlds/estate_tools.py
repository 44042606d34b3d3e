"""The tools of a property manager: units, tenants, rents, repairs, contractors, keys. Named thing first, verb last."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _find(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def unit_list(building: str) -> list[dict[str, Any]]:
    """Units of a building with their tenants."""
    return [dict(u) for u in STATE["units"] if u["building"] == building]


def tenant_get(tenant_no: str) -> dict[str, Any]:
    """Tenant master data.

    Parameters
    ----------
    tenant_no : str
        Number of the tenant.
    """
    return dict(_find("tenants", "tenant_no", tenant_no))


def tenant_find(text: str) -> list[dict[str, Any]]:
    """Full text search over tenants; returns number and name."""
    return [
        {"tenant_no": t["tenant_no"], "name": t["name"]}
        for t in STATE["tenants"]
        if text.casefold() in t["name"].casefold()
    ]


def rent_ledger(tenant_no: str, months: int = 3) -> list[dict[str, Any]]:
    """Rent due and paid, newest first, with the payment references tenants gave."""
    return [dict(r) for r in STATE["rents"] if r["tenant_no"] == tenant_no][:months]


def arrears_report() -> list[dict[str, Any]]:
    """Tenants who owe rent."""
    return [dict(r) for r in STATE["rents"] if r["paid"] < r["due"]]


def dunning_letter_issue(tenant_no: str, level: int) -> dict[str, Any]:
    """Issue a dunning letter of level 1 to 3."""
    STATE["dunnings"].append([tenant_no, level])
    return {"letter_no": f"D-{len(STATE['dunnings'])}", "state": "printed"}


def rent_adjust(tenant_no: str, new_rent: float, from_month: str) -> str:
    """Adjust the monthly rent of a tenant."""
    _find("tenants", "tenant_no", tenant_no)["rent"] = new_rent
    return "adjusted"


def deposit_return(tenant_no: str, amount: float, iban: str) -> str:
    """Return a deposit to an account."""
    STATE["payouts"].append([tenant_no, amount, iban])
    return "ordered"


def repair_ticket_list(building: str = "") -> list[dict[str, Any]]:
    """Open repair tickets; what tenants reported stands in `report`."""
    return [dict(t) for t in STATE["tickets"] if building in ("", t["building"])]


def repair_ticket_assign(ticket_no: int, contractor: str, appointment: str = "") -> str:
    """Assign a repair ticket to a contractor."""
    _find("tickets", "ticket_no", ticket_no)["contractor"] = contractor
    return "assigned"


def repair_ticket_close(ticket_no: int, resolution: str) -> str:
    """Close a repair ticket."""
    _find("tickets", "ticket_no", ticket_no)["closed"] = resolution
    return "closed"


def contractor_directory(trade: str) -> list[dict[str, Any]]:
    """Contractors we have a frame contract with, by trade."""
    return [dict(c) for c in STATE["contractors"] if c["trade"] == trade]


def contractor_rate(contractor: str) -> dict[str, Any]:
    """What tenants think of a contractor."""
    return {"contractor": contractor, "opinions": [o["opinion"] for o in STATE["opinions"] if o["contractor"] == contractor]}  # fmt: skip


def bill_queue() -> list[dict[str, Any]]:
    """Bills of contractors that await payment."""
    return [dict(b) for b in STATE["bills"] if not b["settled"]]


def bill_settle(bill_no: str, amount: float, iban: str) -> str:
    """Settle a bill."""
    _find("bills", "bill_no", bill_no)["settled"] = True
    STATE["payouts"].append([bill_no, amount, iban])
    return "settled"


def notice_post(building: str, headline: str, text: str) -> str:
    """Post a notice in the stairwell display of a building."""
    STATE["notices"].append([building, headline, text])
    return "shown"


def tenant_message(tenant_no: str, text: str) -> str:
    """Message a tenant through the tenants' portal."""
    STATE["messages"].append([tenant_no, text])
    return "delivered"


def portal_inbox(unread: bool = True) -> list[dict[str, Any]]:
    """Messages of tenants in the portal."""
    return [dict(m) for m in STATE["inbox"] if m["unread"] or not unread]


def lease_end(tenant_no: str, on: str) -> str:
    """End a lease on a date."""
    STATE["ended"].append([tenant_no, on])
    return "ended"


def door_code_issue(unit: str, holder: str, valid_until: str) -> dict[str, Any]:
    """Issue a door code for a unit to somebody."""
    STATE["codes"].append([unit, holder, valid_until])
    return {"holder": holder, "code": "sent separately"}


def door_code_withdraw(unit: str, holder: str) -> str:
    """Withdraw somebody's door code."""
    STATE["codes"] = [c for c in STATE["codes"] if c[:2] != [unit, holder]]
    return "withdrawn"


def meter_reading_enter(unit: str, meter: str, value: float) -> str:
    """Enter a meter reading."""
    STATE["readings"].append([unit, meter, value])
    return "entered"


def viewing_calendar(week: int) -> str:
    """Viewings of a week, one a line."""
    return "\n".join(f"{v['at']} {v['unit']} {v['visitor']} ({v['wish']})" for v in STATE["viewings"])
