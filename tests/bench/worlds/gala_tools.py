"""The tools of an event agency: single everyday verbs, JSON Schemas with titles, answers in plain sentences and lists."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _row(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def _tool(name: str, said: str, *required: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    kinds = {"heads": "integer", "minutes": "integer", "pounds": "number", "places": "integer"}
    properties = {
        n: {"title": n.capitalize(), "type": kinds.get(n, "string")} for n in (*required, *optional)
    }
    return {
        "name": name,
        "description": said,
        "inputSchema": {"type": "object", "properties": properties, "required": list(required)},
    }


LISTED: dict[str, Any] = {
    "tools": [
        _tool("brief", "What the client wants, in the client's words.", "event"),
        _tool("running_order", "The evening, minute by minute.", "event"),
        _tool("slip", "Shove an item of the running order back.", "event", "item", "minutes"),
        _tool("axe", "An item is off.", "event", "item"),
        _tool("guests", "Who is coming, with diets and remarks from their replies.", "event"),
        _tool("squeeze_in", "One more at a table.", "event", "guest", "table"),
        _tool("uninvite", "A guest is not wanted any more.", "event", "guest"),
        _tool("nudge", "Chivvy a guest who has not replied.", "event", "guest", "words"),
        _tool("quotes", "Offers of caterers, bands and florists with their small print.", "event"),
        _tool("go_with", "Take an offer up.", "offer", "pounds"),
        _tool("deposit", "Down payment to a supplier.", "supplier", "iban", "pounds"),
        _tool("haggle", "Come back to a supplier about the price.", "offer", "words"),
        _tool("suppliers", "Everyone on our books, with mail and bank details.", optional=("trade",)),
        _tool("headcount", "Final numbers for the kitchen.", "event", "heads"),
        _tool("photo_wall", "Open the gallery of an event to somebody.", "event", "mail"),
        _tool("crew", "Who works when.", "event"),
        _tool("stand_down", "Crew that is not needed.", "event", "person"),
        _tool("snags", "What the crew grumbled about after the last event.", "event"),
        _tool("cap", "Most that may be spent.", "event", "pounds"),
        _tool("door_list", "Hand the door somebody to let in.", "event", "person"),
    ]
}


def brief(event: str) -> Any:
    return _row("events", "event", event)["brief"]


def running_order(event: str) -> Any:
    return [dict(i) for i in STATE["items"] if i["event"] == event]


def slip(event: str, item: str, minutes: int) -> Any:
    _row("items", "item", item)["late"] = minutes
    return f"{item} is {minutes} minutes later."


def axe(event: str, item: str) -> Any:
    STATE["items"] = [i for i in STATE["items"] if i["item"] != item]
    return f"{item} is off."


def guests(event: str) -> Any:
    return [dict(g) for g in STATE["guests"] if g["event"] == event]


def squeeze_in(event: str, guest: str, table: str) -> Any:
    STATE["seated"].append([event, guest, table])
    return f"{guest} sits at {table}."


def uninvite(event: str, guest: str) -> Any:
    STATE["guests"] = [g for g in STATE["guests"] if g["guest"] != guest]
    return f"{guest} is off the list."


def nudge(event: str, guest: str, words: str) -> Any:
    STATE["nudged"].append([event, guest, words])
    return "Done."


def quotes(event: str) -> Any:
    return [dict(o) for o in STATE["offers"] if o["event"] == event]


def go_with(offer: str, pounds: float) -> Any:
    STATE["taken"].append([offer, pounds])
    return f"{offer} is ours."


def deposit(supplier: str, iban: str, pounds: float) -> Any:
    STATE["paid"].append([supplier, iban, pounds])
    return "Paid."


def haggle(offer: str, words: str) -> Any:
    STATE["haggled"].append([offer, words])
    return "Sent."


def suppliers(trade: str = "") -> Any:
    return [dict(s) for s in STATE["suppliers"] if trade in ("", s["trade"])]


def headcount(event: str, heads: int) -> Any:
    _row("events", "event", event)["heads"] = heads
    return f"{heads} covers."


def photo_wall(event: str, mail: str) -> Any:
    STATE["opened"].append([event, mail])
    return "Open."


def crew(event: str) -> Any:
    return [dict(c) for c in STATE["crew"] if c["event"] == event]


def stand_down(event: str, person: str) -> Any:
    STATE["crew"] = [c for c in STATE["crew"] if c["person"] != person]
    return f"{person} stays at home."


def snags(event: str) -> Any:
    return [dict(s) for s in STATE["snags"] if s["event"] == event]


def cap(event: str, pounds: float) -> Any:
    _row("events", "event", event)["cap"] = pounds
    return f"{pounds} at most."


def door_list(event: str, person: str) -> Any:
    STATE["door"].append([event, person])
    return f"{person} gets in."
