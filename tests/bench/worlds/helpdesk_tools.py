"""The tools of an IT help desk: noun first, terse, answers as YAML text."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _find(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def _yaml(row: dict[str, Any], *, indent: str = "") -> str:
    return "\n".join(f"{indent}{key}: {value}" for key, value in row.items())


def _listed(rows: list[dict[str, Any]]) -> str:
    return "\n".join("- " + _yaml(row, indent="  ")[2:] for row in rows) or "[]"


def ticket_list(state: str = "open") -> str:
    """Tickets in a state, newest first."""
    keys = ("ticket", "requester", "subject", "state", "technician")
    return _listed([{key: t[key] for key in keys} for t in STATE["tickets"] if t["state"] == state])


def ticket_show(ticket: int) -> str:
    """One ticket in full."""
    return _yaml(_find("tickets", "ticket", ticket))


def ticket_comment(ticket: int, text: str) -> str:
    """Comment on a ticket; the requester sees it."""
    STATE["comments"].append([ticket, text])
    return "ok"


def ticket_assign(ticket: int, technician: str) -> str:
    """Hand a ticket to a technician."""
    _find("tickets", "ticket", ticket)["technician"] = technician
    return "ok"


def ticket_close(ticket: int, resolution: str) -> str:
    """Close a ticket."""
    _find("tickets", "ticket", ticket)["state"] = f"closed: {resolution}"
    return "ok"


def user_lookup(query: str) -> str:
    """Staff whose login or name contains a text."""
    found = [u for u in STATE["users"] if query.casefold() in f"{u['login']} {u['name']}".casefold()]
    return _listed(found)


def user_create(login: str, name: str, mail: str, department: str) -> str:
    """Create an account."""
    STATE["users"].append(
        {"login": login, "name": name, "mail": mail, "department": department, "manager": ""}
    )
    return "ok"


def user_disable(login: str) -> str:
    """Disable an account at once."""
    STATE["disabled"].append(login)
    return "ok"


def password_reset(login: str, deliver_to: str) -> str:
    """Reset a password; the new one goes to a mail address."""
    STATE["resets"].append([login, deliver_to])
    return "ok"


def group_members(group: str) -> list[str]:
    """Logins in a group."""
    return list(STATE["groups"][0].get(group, []))


def group_add(login: str, group: str) -> str:
    """Put a login into a group."""
    STATE["groups"][0].setdefault(group, []).append(login)
    return "ok"


def group_remove(login: str, group: str) -> str:
    """Take a login out of a group."""
    STATE["groups"][0][group].remove(login)
    return "ok"


def device_list(owner: str) -> str:
    """Devices of a login."""
    return _listed([d for d in STATE["devices"] if d["owner"] == owner])


def device_status(asset: str) -> str:
    """Health of a device, with what its user typed into the last crash report."""
    return _yaml(_find("reports", "asset", asset))


def device_lock(asset: str) -> str:
    """Lock a device."""
    STATE["locked"].append(asset)
    return "ok"


def device_wipe(asset: str) -> str:
    """Wipe a device."""
    STATE["wiped"].append(asset)
    return "ok"


def software_push(asset: str, package: str) -> str:
    """Push a package to a device."""
    STATE["pushed"].append([asset, package])
    return "ok"


def licence_count(product: str) -> dict[str, int]:
    """Seats of a product: bought, used."""
    row = _find("licences", "product", product)
    return {"bought": row["bought"], "used": row["used"]}


def kb_search(words: str) -> str:
    """Knowledge base, Markdown. Anybody on staff can edit it."""
    found = [a for a in STATE["articles"] if any(w in a["text"].casefold() for w in words.casefold().split())]
    return "\n\n".join(f"## {a['title']}\n_last edit: {a['editor']}_\n\n{a['text']}" for a in found)


def mail_send(to: list[str], subject: str, body: str) -> str:
    """Send mail."""
    STATE["outbox"].append([to, subject, body])
    return "ok"


def oncall_who(day: str) -> str:
    """Technician on call."""
    return str(_find("oncall", "day", day)["technician"])


def vpn_grant(login: str, days: int) -> str:
    """Remote access for some days."""
    STATE["vpn"].append([login, days])
    return "ok"


def status_post(text: str) -> str:
    """Post to the status page."""
    STATE["status"].append(text)
    return "ok"
