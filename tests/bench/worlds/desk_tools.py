"""The tools of a customer service desk: tickets, customers, orders, refunds, articles, staff."""

from __future__ import annotations

import json
from typing import Any

STATE: dict[str, Any] = {}


def _find(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def _brief(ticket: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in ticket.items() if key not in ("messages", "notes")}


def list_tickets(status: str = "open", assignee: str | None = None) -> list[dict[str, Any]]:
    """List the tickets of the desk.

    Args:
        status: open, pending or solved.
        assignee: only tickets of this member of staff.
    """
    return [
        _brief(t) for t in STATE["tickets"] if t["status"] == status and assignee in (None, t["assignee"])
    ]


def get_ticket(ticket_id: int) -> dict[str, Any]:
    """One ticket with its whole conversation.

    :param ticket_id: the number of the ticket
    """
    return dict(_find("tickets", "ticket_id", ticket_id))


def ticket_search(text: str) -> list[dict[str, Any]]:
    """Full-text search in subjects and conversations."""
    return [_brief(t) for t in STATE["tickets"] if text.casefold() in json.dumps(t).casefold()]


def reply_to_ticket(ticket_id: int, message: str) -> str:
    """Answers the customer who opened the ticket.

    :param ticket_id: which ticket
    :param message: what the customer will read
    """
    _find("tickets", "ticket_id", ticket_id)["messages"].append({"author": "desk", "text": message})
    return f"Reply sent on ticket {ticket_id}."


def assign_ticket(ticket_id: int, agent: str) -> str:
    """Hand a ticket to a colleague.

    Args:
        ticket_id: The ticket.
        agent: Name of the member of staff who takes it over.
    """
    _find("tickets", "ticket_id", ticket_id)["assignee"] = agent
    return "ok"


def set_priority(ticket_id: int, priority: str) -> str:
    """Sets how urgent a ticket is (low, normal, high, urgent)."""
    _find("tickets", "ticket_id", ticket_id)["priority"] = priority
    return "ok"


def close_ticket(ticket_id: int, resolution: str = "") -> str:
    """Mark a ticket as solved."""
    _find("tickets", "ticket_id", ticket_id).update(status="solved", resolution=resolution)
    return "solved"


def merge_tickets(source_id: int, into_id: int) -> str:
    """Fold one ticket into another one; the first disappears."""
    source = _find("tickets", "ticket_id", source_id)
    _find("tickets", "ticket_id", into_id)["messages"] += source["messages"]
    STATE["tickets"].remove(source)
    return "merged"


def escalate(ticket_id: int, team: str, summary: str) -> str:
    """Escalation to second level.

    Parameters
    ----------
    ticket_id : int
        The ticket.
    team : str
        The team that takes over.
    summary : str
        What it is about.
    """
    _find("tickets", "ticket_id", ticket_id).update(assignee=team, summary=summary)
    return "escalated"


def internal_note(ticket_id: int, note: str) -> str:
    """Leaves a note for colleagues on a ticket. Customers do not see it."""
    _find("tickets", "ticket_id", ticket_id)["notes"].append(note)
    return "noted"


def find_customer(query: str) -> list[dict[str, Any]]:
    """Look customers up by name, e-mail address or phone number."""
    return [dict(c) for c in STATE["customers"] if query.casefold() in json.dumps(c).casefold()]


def customer_card(customer_id: str) -> str:
    """The master data of a customer, as text."""
    card = _find("customers", "customer_id", customer_id)
    return "\n".join(f"{key}: {value}" for key, value in card.items())


def update_customer(
    customer_id: str, email: str | None = None, phone: str | None = None, address: str | None = None
) -> str:
    """Change the contact data of a customer.

    Args:
        customer_id: The customer.
        email: New e-mail address.
        phone: New phone number.
        address: New postal address.
    """
    given = {"email": email, "phone": phone, "address": address}
    _find("customers", "customer_id", customer_id).update({k: v for k, v in given.items() if v})
    return "updated"


def erase_customer(customer_id: str) -> str:
    """Erases a customer and everything known about him (right to be forgotten)."""
    STATE["customers"].remove(_find("customers", "customer_id", customer_id))
    return "erased"


def orders_of(customer_id: str) -> list[dict[str, Any]]:
    """The orders of a customer, newest first."""
    return [dict(o) for o in STATE["orders"] if o["customer_id"] == customer_id]


def order_details(order_number: str) -> str:
    """Everything about an order: items, total, state of delivery (JSON)."""
    return json.dumps(_find("orders", "order_number", order_number))


def issue_refund(order_number: str, amount: float, reason: str) -> str:
    """Give money back for an order.

    :param order_number: the order
    :param amount: how much, in euro
    :param reason: shown on the customer's statement
    """
    STATE["refunds"].append({"order_number": order_number, "amount": amount, "reason": reason})
    return "refunded"


def store_credit(customer_id: str, amount: float) -> str:
    """Credit an amount to a customer's account with the shop."""
    STATE["credits"].append({"customer_id": customer_id, "amount": amount})
    return "credited"


def search_articles(query: str) -> list[dict[str, Any]]:
    """Search the knowledge base."""
    return [
        {"slug": a["slug"], "title": a["title"]}
        for a in STATE["articles"]
        if any(word in json.dumps(a).casefold() for word in query.casefold().split())
    ]


def read_article(slug: str) -> str:
    """The text of an article of the knowledge base."""
    return str(_find("articles", "slug", slug)["text"])


def staff_directory(team: str | None = None) -> list[dict[str, Any]]:
    """Who works here: name, e-mail address, team."""
    return [dict(s) for s in STATE["staff"] if team in (None, s["team"])]


def email_customer(to: str, subject: str, body: str, cc: list[str] | None = None) -> str:
    """Write an e-mail in the name of the desk.

    Args:
        to: Address of the recipient.
        subject: Subject line.
        body: The text.
        cc: Addresses that get a copy.
    """
    STATE["sent"].append({"to": to, "subject": subject, "body": body, "cc": cc or []})
    return "sent"


def product_reviews(product: str) -> list[dict[str, Any]]:
    """What customers wrote about a product in the shop."""
    return [dict(r) for r in STATE["reviews"] if r["product"] == product]


def service_status(component: str) -> str:
    """Says whether a part of the shop works at the moment."""
    return f"{component}: operational, no incidents today"


def enrol_agent(email: str, team: str) -> str:
    """Gives somebody an account on the desk."""
    STATE["staff"].append({"name": email.split("@")[0], "email": email, "team": team})
    return "enrolled"
