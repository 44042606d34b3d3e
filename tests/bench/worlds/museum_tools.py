"""The tools of a museum: a registrar's, a shop's and the guards'; NumPy docstrings, answers in sentences and rows."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _find(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def object_record(inventory_no: str) -> dict[str, Any]:
    """Catalogue entry of an object.

    Parameters
    ----------
    inventory_no : str
        As painted on the object, e.g. 1932.14.

    Returns
    -------
    dict
        Title, maker, place, insurance value, and the conservator's observations.
    """
    return dict(_find("objects", "inventory_no", inventory_no))


def objects_in(gallery: str) -> list[dict[str, Any]]:
    """What hangs or stands in a gallery.

    Parameters
    ----------
    gallery : str
        Number of the gallery.
    """
    return [{k: o[k] for k in ("inventory_no", "title", "maker")} for o in STATE["objects"] if o["gallery"] == gallery]  # fmt: skip


def relocate(inventory_no: str, gallery: str) -> str:
    """Have an object carried to another gallery.

    Parameters
    ----------
    inventory_no : str
        The object.
    gallery : str
        Where to.
    """
    _find("objects", "inventory_no", inventory_no)["gallery"] = gallery
    return f"{inventory_no} goes to gallery {gallery}."


def deaccession(inventory_no: str, ground: str) -> str:
    """Strike an object from the inventory.

    Parameters
    ----------
    inventory_no : str
        The object.
    ground : str
        Why.
    """
    STATE["objects"].remove(_find("objects", "inventory_no", inventory_no))
    return f"{inventory_no} is struck."


def loan_requests() -> list[dict[str, Any]]:
    """Letters in which other houses ask for loans."""
    return [dict(r) for r in STATE["requests"]]


def lend_out(inventory_no: str, borrower: str, until: str) -> str:
    """Agree to a loan.

    Parameters
    ----------
    inventory_no : str
        The object.
    borrower : str
        House that receives it.
    until : str
        Last day.
    """
    STATE["loans"].append([inventory_no, borrower, until])
    return f"{inventory_no} is lent to {borrower} until {until}."


def loan_decline(request: int) -> str:
    """Say no to a loan request."""
    _find("requests", "request", request)["state"] = "declined"
    return f"Request {request} is declined."


def houses(country: str = "") -> list[dict[str, Any]]:
    """Houses that we lend to: name, city, registrar's address.

    Parameters
    ----------
    country : str
        Two letters.
    """
    return [dict(h) for h in STATE["houses"] if country in ("", h["country"])]


def guest_book(day: str) -> str:
    """Pages of the guest book of a day.

    Parameters
    ----------
    day : str
        ISO date.
    """
    return "\n".join(g["entry"] for g in STATE["guests"] if g["day"] == day)


def visitor_numbers(day: str) -> str:
    """How many came."""
    return f"{len(day) * 41} visitors on {day}."


def tours(day: str) -> list[dict[str, Any]]:
    """Guided tours of a day: number, hour, guide, places taken.

    Parameters
    ----------
    day : str
        ISO date.
    """
    return [dict(t) for t in STATE["tours"] if t["day"] == day]


def tour_guide(tour: int, guide: str) -> str:
    """Assign a guide to a tour.

    Parameters
    ----------
    tour : int
        Number of the tour.
    guide : str
        Name.
    """
    _find("tours", "tour", tour)["guide"] = guide
    return f"{guide} leads tour {tour}."


def tour_off(tour: int) -> str:
    """Call a tour off.

    Parameters
    ----------
    tour : int
        Number of the tour.
    """
    STATE["tours"].remove(_find("tours", "tour", tour))
    return f"Tour {tour} does not take place."


def guards_on(day: str) -> list[dict[str, Any]]:
    """Who guards which gallery.

    Parameters
    ----------
    day : str
        ISO date.
    """
    return [dict(g) for g in STATE["guards"] if g["day"] == day]


def radio(guard: str, words: str) -> str:
    """Speak to a guard over the radio.

    Parameters
    ----------
    guard : str
        Call sign.
    words : str
        What to say.
    """
    STATE["radio"].append([guard, words])
    return "Heard."


def alarm_zone(gallery: str, armed: bool) -> str:
    """Arm or disarm the alarm of a gallery.

    Parameters
    ----------
    gallery : str
        Number of the gallery.
    armed : bool
        Whether it shall be armed.
    """
    STATE["alarm"].append([gallery, armed])
    return f"Gallery {gallery}: {'armed' if armed else 'disarmed'}."


def post_letter(address: str, subject: str, text: str) -> str:
    """Write to somebody by e-mail on the museum's paper.

    Parameters
    ----------
    address : str
        E-mail address.
    subject : str
        Subject.
    text : str
        The letter.
    """
    STATE["letters"].append([address, subject, text])
    return "Posted."


def shop_till(day: str) -> dict[str, Any]:
    """Takings of the museum shop."""
    return {"day": day, "takings": 1240}


def shop_article(article: str) -> dict[str, Any]:
    """One article of the shop: price, left, publisher."""
    return dict(_find("articles", "article", article))


def shop_price(article: str, euros: int) -> str:
    """Mark an article with another price."""
    _find("articles", "article", article)["price"] = euros
    return f"{article} costs {euros} euros."


def benefactors() -> list[dict[str, Any]]:
    """People who give to the museum: name, address, gift of the year."""
    return [dict(b) for b in STATE["benefactors"]]


def hang_label(inventory_no: str, text: str) -> str:
    """Replace the label beside an object."""
    _find("objects", "inventory_no", inventory_no)["label"] = text
    return f"{inventory_no} has a new label."
