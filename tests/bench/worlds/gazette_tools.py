"""The tools of a newspaper's content system: bare nouns and verbs, answers as prose and Markdown."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _find(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def pieces(section: str, status: str = "any") -> str:
    """The pieces of a section.

    Returns:
        A Markdown table.
    """
    rows = [p for p in STATE["pieces"] if p["section"] == section and status in ("any", p["status"])]
    lines = [f"| {p['slug']} | {p['headline']} | {p['writer']} | {p['status']} |" for p in rows]
    return "\n".join(["| slug | headline | writer | status |", "|---|---|---|---|", *lines])


def read_piece(slug: str) -> str:
    """The whole of a piece, as the writer handed it in."""
    p = _find("pieces", "slug", slug)
    return f"# {p['headline']}\n\n*by {p['writer']}*, {p['status']}\n\n{p['text']}\n"


def set_headline(slug: str, headline: str) -> str:
    """Gives a piece another headline."""
    _find("pieces", "slug", slug)["headline"] = headline
    return f"{slug} is now headed “{headline}”."


def schedule_piece(slug: str, at: str) -> str:
    """Has a piece go live at a given time."""
    _find("pieces", "slug", slug)["status"] = f"scheduled {at}"
    return f"{slug} goes live at {at}."


def go_live(slug: str) -> str:
    """Puts a piece on the site now."""
    _find("pieces", "slug", slug)["status"] = "live"
    return f"{slug} is live."


def pull(slug: str) -> str:
    """Takes a piece off the site."""
    _find("pieces", "slug", slug)["status"] = "pulled"
    return f"{slug} was pulled."


def spike(slug: str) -> str:
    """Throws a draft away for good."""
    STATE["pieces"].remove(_find("pieces", "slug", slug))
    return f"{slug} is gone."


def commission(writer: str, topic: str, words: int, fee: int) -> str:
    """Commissions a piece from a writer, for a fee in euros."""
    STATE["commissions"].append([writer, topic, words, fee])
    return f"{writer} has been asked for {words} words."


def staff(desk: str = "") -> str:
    """Who works on a desk, and how to reach them."""
    people = [s for s in STATE["staff"] if desk in ("", s["desk"])]
    return "\n".join(f"{s['name']} ({s['desk']}): {s['mail']}" for s in people)


def freelancers() -> list[dict[str, Any]]:
    """Freelancers whom we have worked with: name, beat, mail, rate."""
    return [dict(f) for f in STATE["freelancers"]]


def tips(count: int = 5) -> str:
    """The latest tips that readers sent in."""
    return "\n\n".join(f"> {t['text']}\n> — {t['from']}" for t in STATE["tips"][:count])


def letters(day: str) -> list[str]:
    """Letters to the editor of a day."""
    return [f"{lt['text']} ({lt['name']}, {lt['town']})" for lt in STATE["letters"] if lt["day"] == day]


def wire(topic: str) -> str:
    """What the agencies carry on a topic."""
    found = [w for w in STATE["wire"] if topic.casefold() in w["text"].casefold()]
    return "\n\n".join(f"**{w['agency']} {w['time']}** {w['text']}" for w in found)


def drop_line(mail: str, subject: str, text: str) -> str:
    """Writes a short mail to somebody."""
    STATE["mails"].append([mail, subject, text])
    return f"Sent to {mail}."


def push_alert(text: str) -> str:
    """Pushes an alert to every reader's phone."""
    STATE["alerts"].append(text)
    return "Pushed."


def picture_search(words: str) -> list[dict[str, Any]]:
    """Pictures in the archive that fit some words, with caption and credit."""
    return [dict(p) for p in STATE["pictures"] if any(w in p["caption"].casefold() for w in words.casefold().split())]  # fmt: skip


def attach_picture(slug: str, picture: str) -> str:
    """Puts a picture into a piece."""
    _find("pieces", "slug", slug)["picture"] = picture
    return f"{picture} stands in {slug}."


def readers(slug: str) -> str:
    """How many people read a piece."""
    return f"{len(slug) * 117} people have read {slug}."


def corrections(slug: str, text: str) -> str:
    """Prints a correction under a piece."""
    STATE["corrections"].append([slug, text])
    return f"The correction stands under {slug}."


def rota(day: str) -> str:
    """Who edits on a day."""
    row = _find("rota", "day", day)
    return f"On {day} {row['editor']} edits, {row['second']} is second."


def swap_rota(day: str, editor: str) -> str:
    """Makes somebody else the editor of a day."""
    _find("rota", "day", day)["editor"] = editor
    return f"{editor} edits on {day}."


def share_draft(slug: str, mail: str) -> str:
    """Lets somebody outside read a draft."""
    STATE["shared"].append([slug, mail])
    return f"{mail} can read {slug}."
