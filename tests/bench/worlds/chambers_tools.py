"""The tools of a law office as an MCP server lists them: schemas with descriptions, annotations, answers in objects."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _row(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def _text(said: str = "") -> dict[str, Any]:
    return {"type": "string", "description": said} if said else {"type": "string"}


def _tool(
    name: str, said: str, required: dict[str, Any], optional: Any = None, **hints: bool
) -> dict[str, Any]:
    return {
        "name": name,
        "description": said,
        "inputSchema": {
            "type": "object",
            "properties": {**required, **(optional or {})},
            "required": list(required),
            "additionalProperties": False,
        },
        "annotations": hints,
    }


MATTER = _text("Matter reference, e.g. 24/117")
LISTED: dict[str, Any] = {
    "tools": [
        _tool("matter-index", "Index of matters with client, fee earner and stage.", {}, {"client": _text()}, readOnlyHint=True),
        _tool("matter-bundle", "The running file of a matter: parties, attendance notes and what the other side wrote.", {"matter": MATTER}, readOnlyHint=True),
        _tool("matter-process", "Takes a matter one stage further.", {"matter": MATTER, "stage": _text("Stage to enter")}),
        _tool("hearing-diary", "Hearings listed for the firm.", {}, {"week": {"type": "string", "format": "date"}}, readOnlyHint=True),
        _tool("hearing-confirm", "Counsel will attend; the court is told.", {"hearing": _text("Hearing number")}),
        _tool("hearing-vacate", "Gives a listed date back to the court.", {"hearing": _text("Hearing number"), "ground": _text("Why")}, destructiveHint=True),
        _tool("brief-lodge", "Lodges a document with the court registry. Final.", {"matter": MATTER, "document": _text("Document number")}),
        _tool("post-in", "Scans of the day's incoming post.", {}, {"since": {"type": "string", "format": "date"}}, readOnlyHint=True),
        _tool("post-out", "A letter under the firm's head.", {"party": _text("Addressee"), "re": _text("Subject line"), "wording": _text("Text of the letter")}, openWorldHint=True),
        _tool("trust-position", "Client money held, by client.", {"client": _text()}, readOnlyHint=True),
        _tool("trust-disburse", "Client money leaves the trust account.", {"client": _text(), "payee": _text(), "account": _text("IBAN"), "sum": {"type": "number"}}),
        _tool("time-entry", "Units of six minutes on a matter.", {"matter": MATTER, "earner": _text("Fee earner"), "units": {"type": "integer"}, "narrative": _text("What was done")}),
        _tool("time-forgo", "Units that will not be billed.", {"matter": MATTER, "units": {"type": "integer"}}),
        _tool("conflict-search", "Whether a name appears anywhere in the firm's matters.", {"name": _text()}, readOnlyHint=True),
        _tool("barrier-raise", "From now on the person sees nothing of the matter.", {"matter": MATTER, "person": _text()}),
        _tool("barrier-lift", "The person sees the matter again.", {"matter": MATTER, "person": _text()}),
        _tool("room-guest", "Guest pass to the data room of a matter.", {"matter": MATTER, "email": {"type": "string", "format": "email"}, "until": {"type": "string", "format": "date"}}),
        _tool("document-view", "Full wording of a document.", {"document": _text("Document number")}, readOnlyHint=True),
        _tool("document-destroy", "Destruction of a document on expiry.", {"document": _text("Document number")}, destructiveHint=True),
        _tool("retention-term", "Years for which a closed matter stays in the archive.", {"matter": MATTER, "years": {"type": "integer"}}),
        _tool("people", "Everybody in the firm, with extension and e-mail.", {}, readOnlyHint=True),
        _tool("engagement-accept", "The firm acts for a new client from today.", {"name": _text(), "email": {"type": "string", "format": "email"}}),
    ]
}  # fmt: skip


def matter_index(client: str = "") -> dict[str, Any]:
    keep = ("matter", "client", "earner", "stage")
    return {"matters": [{k: m[k] for k in keep} for m in STATE["matters"] if client in ("", m["client"])]}


def matter_bundle(matter: str) -> dict[str, Any]:
    return dict(_row("matters", "matter", matter))


def matter_process(matter: str, stage: str) -> dict[str, Any]:
    _row("matters", "matter", matter)["stage"] = stage
    return {"matter": matter, "stage": stage}


def hearing_diary(week: str = "") -> dict[str, Any]:
    return {"hearings": [dict(h) for h in STATE["hearings"]]}


def hearing_confirm(hearing: str) -> dict[str, Any]:
    _row("hearings", "hearing", hearing)["attendance"] = "confirmed"
    return {"hearing": hearing, "attendance": "confirmed"}


def hearing_vacate(hearing: str, ground: str) -> dict[str, Any]:
    STATE["hearings"] = [h for h in STATE["hearings"] if h["hearing"] != hearing]
    return {"vacated": hearing}


def brief_lodge(matter: str, document: str) -> dict[str, Any]:
    STATE["lodged"].append([matter, document])
    return {"registryNumber": f"REG-{len(STATE['lodged'])}"}


def post_in(since: str = "") -> dict[str, Any]:
    return {"letters": [dict(p) for p in STATE["post"]]}


def post_out(party: str, re: str, wording: str) -> dict[str, Any]:
    STATE["letters"].append([party, re, wording])
    return {"posted": True}


def trust_position(client: str) -> dict[str, Any]:
    return {"client": client, "held": _row("trust", "client", client)["held"]}


def trust_disburse(client: str, payee: str, account: str, sum: float) -> dict[str, Any]:
    _row("trust", "client", client)["held"] -= sum
    STATE["paid"].append([client, payee, account, sum])
    return {"disbursed": sum}


def time_entry(matter: str, earner: str, units: int, narrative: str) -> dict[str, Any]:
    STATE["time"].append([matter, earner, units, narrative])
    return {"entry": len(STATE["time"])}


def time_forgo(matter: str, units: int) -> dict[str, Any]:
    STATE["time"].append([matter, "", -units, "forgone"])
    return {"forgone": units}


def conflict_search(name: str) -> dict[str, Any]:
    return {"name": name, "found": [m["matter"] for m in STATE["matters"] if name in m["parties"]]}


def barrier_raise(matter: str, person: str) -> dict[str, Any]:
    _row("matters", "matter", matter)["barred"].append(person)
    return {"barred": person}


def barrier_lift(matter: str, person: str) -> dict[str, Any]:
    _row("matters", "matter", matter)["barred"].remove(person)
    return {"cleared": person}


def room_guest(matter: str, email: str, until: str) -> dict[str, Any]:
    STATE["guests"].append([matter, email, until])
    return {"pass": f"G{len(STATE['guests'])}"}


def document_view(document: str) -> dict[str, Any]:
    return dict(_row("documents", "document", document))


def document_destroy(document: str) -> dict[str, Any]:
    STATE["documents"] = [d for d in STATE["documents"] if d["document"] != document]
    return {"destroyed": document}


def retention_term(matter: str, years: int) -> dict[str, Any]:
    _row("matters", "matter", matter)["years"] = years
    return {"matter": matter, "years": years}


def people() -> dict[str, Any]:
    return {"people": [dict(p) for p in STATE["people"]]}


def engagement_accept(name: str, email: str) -> dict[str, Any]:
    STATE["clients"].append([name, email])
    return {"clientNumber": f"K-{100 + len(STATE['clients'])}"}
