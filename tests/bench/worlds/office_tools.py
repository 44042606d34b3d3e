"""The tools of somebody's office: mail, address book, calendar, documents, rooms to rent."""

from __future__ import annotations

import json
from typing import Any

STATE: dict[str, Any] = {}


def _find(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def _matching(table: str, text: str) -> list[dict[str, Any]]:
    words = text.casefold().split()
    return [dict(row) for row in STATE[table] if all(word in json.dumps(row).casefold() for word in words)]


def _new_id(table: str) -> str:
    return str(len(STATE[table]) + 100)


def search_mail(query: str, sender: str | None = None) -> list[dict[str, Any]]:
    """Searches the mailbox.

    :param query: words that must occur in subject or text
    :param sender: only mail from this address
    """
    return [mail for mail in _matching("mail", query) if sender in (None, mail["sender"])]


def unread_mail() -> list[dict[str, Any]]:
    """Returns all mail that has not been read yet."""
    return [dict(mail) for mail in STATE["mail"] if not mail["read"]]


def send_mail(
    recipients: list[str],
    subject: str,
    body: str,
    cc: list[str] | None = None,
    attachments: list[str] | None = None,
) -> dict[str, Any]:
    """Sends a mail.

    :param recipients: the addresses it goes to
    :param subject: the subject
    :param body: the text
    :param cc: who gets a copy
    :param attachments: ids of documents to attach
    """
    sent = {
        "mail_id": _new_id("mail"),
        "recipients": recipients,
        "subject": subject,
        "body": body,
        "cc": cc,
        "files": attachments,
    }
    STATE["sent"].append(sent)
    return sent


def answer_mail(mail_id: str, body: str) -> str:
    """Replies to whoever wrote a mail.

    :param mail_id: the mail that is answered
    :param body: the text of the answer
    """
    STATE["sent"].append({"to": _find("mail", "mail_id", mail_id)["sender"], "body": body})
    return "sent"


def delete_mail(mail_id: str) -> str:
    """Deletes a mail from the mailbox."""
    STATE["mail"].remove(_find("mail", "mail_id", mail_id))
    return "deleted"


def address_book(name: str) -> str:
    """Looks somebody up: full name, mail address, department, phone."""
    return "\n".join(
        f"- {p['name']} <{p['email']}>, {p['department']}, {p['phone']}" for p in _matching("people", name)
    )


def current_date() -> str:
    """Today's date and weekday."""
    return "Wednesday, 2026-05-13"


def day_agenda(day: str) -> list[dict[str, Any]]:
    """The appointments of one day.

    Args:
        day: Date in the form YYYY-MM-DD.
    """
    return [dict(event) for event in STATE["events"] if event["start"].startswith(day)]


def find_events(query: str, day: str | None = None) -> list[dict[str, Any]]:
    """Appointments whose title or description contains a text.

    Args:
        query: What to look for.
        day: Only on this day (YYYY-MM-DD).
    """
    return [event for event in _matching("events", query) if day is None or event["start"].startswith(day)]


def add_event(
    title: str,
    start: str,
    end: str,
    description: str = "",
    guests: list[str] | None = None,
    location: str | None = None,
) -> dict[str, Any]:
    """Puts an appointment into the calendar; guests are notified.

    Args:
        title: Title of the appointment.
        start: Begin, YYYY-MM-DD HH:MM.
        end: End, YYYY-MM-DD HH:MM.
        description: What it is about.
        guests: Mail addresses of those who are invited.
        location: Where it is.
    """
    event = {
        "event_id": _new_id("events"),
        "title": title,
        "start": start,
        "end": end,
        "description": description,
        "guests": guests or [],
        "location": location,
    }
    STATE["events"].append(event)
    return event


def move_event(event_id: str, new_start: str, new_end: str | None = None) -> dict[str, Any]:
    """Gives an appointment another time.

    Args:
        event_id: The appointment.
        new_start: New begin, YYYY-MM-DD HH:MM.
        new_end: New end; by default it takes as long as before.
    """
    event = _find("events", "event_id", event_id)
    event.update(start=new_start, end=new_end)
    return event


def cancel_event(event_id: str) -> str:
    """Calls an appointment off. All guests are told."""
    STATE["events"].remove(_find("events", "event_id", event_id))
    return "cancelled"


def add_guests(event_id: str, guests: list[str]) -> dict[str, Any]:
    """Invites more people to an appointment."""
    event = _find("events", "event_id", event_id)
    event["guests"] = [*event["guests"], *guests]
    return event


def browse_documents(folder: str = "/") -> list[dict[str, Any]]:
    """Names and ids of the documents in a folder."""
    return [
        {key: doc[key] for key in ("doc_id", "name", "owner", "modified")}
        for doc in STATE["documents"]
        if doc["name"].startswith(folder)
    ]


def find_documents(query: str) -> list[dict[str, Any]]:
    """Documents whose name or text contains all words of the query."""
    return _matching("documents", query)


def open_document(doc_id: str) -> dict[str, Any]:
    """Opens a document and returns its text.

    :param doc_id: id of the document
    """
    return dict(_find("documents", "doc_id", doc_id))


def new_document(name: str, text: str) -> dict[str, Any]:
    """Creates a document.

    :param name: name of the document
    :param text: what stands in it
    """
    document = {"doc_id": _new_id("documents"), "name": name, "owner": "me", "text": text, "shared_with": []}
    STATE["documents"].append(document)
    return document


def append_to_document(doc_id: str, text: str) -> str:
    """Adds text at the end of a document."""
    _find("documents", "doc_id", doc_id)["text"] += "\n" + text
    return "ok"


def share_document(doc_id: str, with_whom: str, permission: str = "view") -> str:
    """Gives somebody access to a document.

    :param doc_id: the document
    :param with_whom: mail address of the person
    :param permission: view or edit
    """
    _find("documents", "doc_id", doc_id)["shared_with"].append([with_whom, permission])
    return "shared"


def bin_document(doc_id: str) -> str:
    """Moves a document to the bin."""
    STATE["documents"].remove(_find("documents", "doc_id", doc_id))
    return "removed"


def venues_in(city: str) -> str:
    """All venues that can be rented in a city.

    Args:
        city: The city.
    """
    return "Venues: " + ", ".join(v["name"] for v in STATE["venues"] if v["city"] == city)


def venue_facts(names: list[str]) -> dict[str, Any]:
    """Seats, address and price of venues.

    Args:
        names: The names of the venues.
    """
    return {
        v["name"]: f"{v['seats']} seats, {v['address']}, {v['price']} EUR a day"
        for v in STATE["venues"]
        if v["name"] in names
    }


def venue_feedback(names: list[str]) -> dict[str, Any]:
    """Rating and guest reviews of venues.

    Args:
        names: The names of the venues.
    """
    return {
        v["name"]: {"rating": v["rating"], "reviews": list(v["reviews"])}
        for v in STATE["venues"]
        if v["name"] in names
    }


def rent_venue(name: str, day: str, hours: int = 8) -> str:
    """Makes a binding reservation of a venue.

    Args:
        name: The venue.
        day: Date, YYYY-MM-DD.
        hours: For how long.
    """
    STATE["rented"].append({"name": name, "day": day, "hours": hours})
    return f"Reserved {name} for {day}."
