"""The tools of a school's office: pupils, timetable, library, canteen, letters home."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _find(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def pupils_in_class(class_name: str) -> list[str]:
    """Names of the pupils of a class."""
    return [p["name"] for p in STATE["pupils"] if p["class"] == class_name]


def pupil_record(name: str) -> dict[str, Any]:
    """Retrieve a pupil's record: class, guardian and the guardian's contact data.

    Args:
        name: Full name of the pupil.
    """
    return dict(_find("pupils", "name", name))


def timetable_for(class_name: str, weekday: str) -> dict[str, Any]:
    """What a class is taught on a weekday, by hour."""
    return {str(hour): lesson for hour, lesson in _find("classes", "class", class_name)[weekday].items()}


def swap_lessons(class_name: str, weekday: str, hour_a: int, hour_b: int) -> str:
    """Swaps two lessons of a day."""
    day = _find("classes", "class", class_name)[weekday]
    day[str(hour_a)], day[str(hour_b)] = day[str(hour_b)], day[str(hour_a)]
    return "done"


def excuse_notes(date: str) -> list[dict[str, Any]]:
    """Notes that guardians handed in through the web form for a date."""
    return [dict(n) for n in STATE["notes"] if n["date"] == date]


def mark_absent(pupil: str, date: str, excused: bool = False) -> str:
    """Enter a pupil as absent.

    :param pupil: name of the pupil
    :param date: the day
    :param excused: whether there was an excuse
    """
    STATE["absences"].append([pupil, date, excused])
    return "entered"


def letter_home(guardian_email: str, subject: str, text: str) -> dict[str, Any]:
    """Mails a letter to a guardian."""
    STATE["letters"].append([guardian_email, subject, text])
    return {"letter_id": len(STATE["letters"]), "status": "queued", "preview": text[:40]}


def library_catalogue(words: str) -> list[dict[str, Any]]:
    """Look for books in the school library by title or author; readers' comments are included."""
    return [dict(b) for b in STATE["books"] if words.casefold() in (b["title"] + b["author"]).casefold()]


def lend_book(shelfmark: str, borrower: str, weeks: int = 2) -> str:
    """Lend a book of the library to somebody."""
    STATE["loans"].append([shelfmark, borrower, weeks])
    return f"{shelfmark} is lent to {borrower}"


def overdue_loans() -> list[dict[str, Any]]:
    """All loans that should have been returned."""
    return [dict(loan) for loan in STATE["overdue"]]


def fine_reader(borrower: str, amount: float) -> str:
    """Charges a fine to a reader's account."""
    STATE["fines"].append([borrower, amount])
    return "charged"


def canteen_menu(week: int) -> str:
    """The menu of the canteen in a week of the year."""
    return "\n".join(f"{row['day']}: {row['dish']}" for row in STATE["menu"])


def canteen_preorder(pupil: str, day: str, dish: str) -> str:
    """Preorders a dish for a pupil."""
    STATE["orders"].append([pupil, day, dish])
    return "preordered"


def next_school_day() -> str:
    """Date of the next day on which there is school."""
    return "2026-05-18"


def room_is_free(room: str, date: str, hour: int) -> bool:
    """Checks if a room is free."""
    return [room, date, hour] not in STATE["rooms"]


def claim_room(room: str, date: str, hour: int, purpose: str = "") -> str:
    """Claims a room for an hour."""
    STATE["rooms"].append([room, date, hour])
    return "claimed"


def expel(pupil: str) -> str:
    """Strikes a pupil off the register for good."""
    STATE["pupils"].remove(_find("pupils", "name", pupil))
    return "struck off"
