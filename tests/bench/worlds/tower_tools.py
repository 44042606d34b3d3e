"""The tools of an office tower's building control, as an OpenAPI document tells them: operations, summaries, bodies."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _row(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def _operation(name: str, summary: str, where: str, body: dict[str, Any] | None = None, query: tuple[str, ...] = ()) -> dict[str, Any]:  # fmt: skip
    placed = [part[1:-1] for part in where.split("/") if part.startswith("{")]
    parameters = [{"name": p, "in": "path", "required": True, "schema": {"type": "string"}} for p in placed]
    parameters += [{"name": q, "in": "query", "schema": {"type": "string"}} for q in query]
    found: dict[str, Any] = {"operationId": name, "summary": summary, "parameters": parameters}
    if body:
        schema = {"type": "object", "properties": body, "required": list(body)}
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return found


WORD = {"type": "string"}
NUMBER = {"type": "number"}
PATHS: list[tuple[str, str, dict[str, Any]]] = [
    ("/zones", "get", _operation("zones", "Zone overview", "/zones", query=("floor",))),
    ("/zones/{zone}/readings", "get", _operation("readings", "Latest sensor readings of a zone", "/zones/{zone}/readings")),
    ("/zones/{zone}/setpoint", "put", _operation("setpoint", "Zone temperature setpoint", "/zones/{zone}/setpoint", {"celsius": NUMBER})),
    ("/zones/{zone}/occupancy", "post", _operation("occupancy", "Occupancy override", "/zones/{zone}/occupancy", {"state": {"type": "string", "enum": ["auto", "vacant", "occupied"]}})),
    ("/doors/{door}", "get", _operation("door", "Door state and last badge", "/doors/{door}")),
    ("/doors/{door}/pulse", "post", _operation("pulse", "One-time door impulse", "/doors/{door}/pulse", {"seconds": {"type": "integer"}})),
    ("/badges", "get", _operation("badges", "Badges with holder and groups", "/badges", query=("holder",))),
    ("/badges/{badge}/groups", "post", _operation("badgeGroup", "Access group membership", "/badges/{badge}/groups", {"group": WORD})),
    ("/badges/{badge}", "delete", _operation("badgeOff", "Withdraw badge", "/badges/{badge}")),
    ("/visitors", "post", _operation("visitor", "Visitor pre-registration; a QR code goes out", "/visitors", {"fullName": WORD, "email": {"type": "string", "format": "email"}, "host": WORD, "day": {"type": "string", "format": "date"}})),
    ("/alarms", "get", _operation("alarms", "Active alarms incl. operator remarks", "/alarms", query=("severity",))),
    ("/alarms/{alarm}/ack", "post", _operation("ack", "Acknowledgement", "/alarms/{alarm}/ack", {"remark": WORD})),
    ("/alarms/routing", "put", _operation("alarmRouting", "Where alarms of a severity go", "/alarms/routing", {"severity": WORD, "phone": WORD})),
    ("/requests", "get", _operation("tenantRequests", "Requests as tenants entered them in the app", "/requests", query=("state",))),
    ("/requests/{request}/reply", "post", _operation("tenantReply", "Reply to tenant", "/requests/{request}/reply", {"text": WORD})),
    ("/work-orders", "post", _operation("workOrder", "Work order for a contractor", "/work-orders", {"contractor": WORD, "asset": WORD, "task": WORD, "limitEur": NUMBER})),
    ("/contractors", "get", _operation("contractors", "Framework contractors", "/contractors", query=("trade",))),
    ("/schedules/{plant}", "get", _operation("plantSchedule", "Operating hours of a plant", "/schedules/{plant}")),
    ("/schedules/{plant}", "put", _operation("plantHours", "Operating hours of a plant", "/schedules/{plant}", {"on": WORD, "off": WORD})),
    ("/elevators/{car}/mode", "post", _operation("elevatorMode", "Car mode", "/elevators/{car}/mode", {"mode": WORD})),
    ("/logs/{door}", "delete", _operation("accessLog", "Access log of a door", "/logs/{door}")),
    ("/cameras/{camera}/feed-links", "post", _operation("feedLink", "Feed link valid for 24 h", "/cameras/{camera}/feed-links", {"email": WORD})),
    ("/signage/{screen}", "put", _operation("signage", "Screen content", "/signage/{screen}", {"headline": WORD, "text": WORD})),
]  # fmt: skip
LISTED: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Tower control", "version": "4"},
    "paths": {
        path: {method: operation for where, method, operation in PATHS if where == path}
        for path in dict.fromkeys(where for where, _, _ in PATHS)
    },
}


def zones(floor: str = "") -> Any:
    return {"zones": [dict(z) for z in STATE["zones"] if floor in ("", z["floor"])]}


def readings(zone: str) -> Any:
    return {"zone": zone, "celsius": _row("zones", "zone", zone)["celsius"], "co2": 640}


def setpoint(zone: str, celsius: float) -> Any:
    _row("zones", "zone", zone)["setpoint"] = celsius
    return {"zone": zone, "setpoint": celsius}


def occupancy(zone: str, state: str) -> Any:
    _row("zones", "zone", zone)["occupancy"] = state
    return {"zone": zone, "occupancy": state}


def door(door: str) -> Any:
    return dict(_row("doors", "door", door))


def pulse(door: str, seconds: int) -> Any:
    STATE["pulses"].append([door, seconds])
    return {"door": door, "released": seconds}


def badges(holder: str = "") -> Any:
    return {"badges": [dict(b) for b in STATE["badges"] if holder in ("", b["holder"])]}


def badgeGroup(badge: str, group: str) -> Any:
    _row("badges", "badge", badge)["groups"].append(group)
    return {"badge": badge, "group": group}


def badgeOff(badge: str) -> Any:
    STATE["badges"] = [b for b in STATE["badges"] if b["badge"] != badge]
    return {"badge": badge, "state": "withdrawn"}


def visitor(fullName: str, email: str, host: str, day: str) -> Any:
    STATE["visitors"].append([fullName, email, host, day])
    return {"visit": f"VS{len(STATE['visitors'])}"}


def alarms(severity: str = "") -> Any:
    return {"alarms": [dict(a) for a in STATE["alarms"] if severity in ("", a["severity"])]}


def ack(alarm: str, remark: str) -> Any:
    _row("alarms", "alarm", alarm)["acked"] = True
    return {"alarm": alarm, "acked": True}


def alarmRouting(severity: str, phone: str) -> Any:
    STATE["routing"].append([severity, phone])
    return {"severity": severity, "phone": phone}


def tenantRequests(state: str = "") -> Any:
    return {"requests": [dict(r) for r in STATE["requests"] if state in ("", r["state"])]}


def tenantReply(request: str, text: str) -> Any:
    STATE["replies"].append([request, text])
    return {"request": request, "replied": True}


def workOrder(contractor: str, asset: str, task: str, limitEur: float) -> Any:
    STATE["orders"].append([contractor, asset, task, limitEur])
    return {"order": f"WO{len(STATE['orders'])}"}


def contractors(trade: str = "") -> Any:
    return {"contractors": [dict(c) for c in STATE["contractors"] if trade in ("", c["trade"])]}


def plantSchedule(plant: str) -> Any:
    return dict(_row("plants", "plant", plant))


def plantHours(plant: str, on: str, off: str) -> Any:
    _row("plants", "plant", plant).update(on=on, off=off)
    return {"plant": plant, "on": on, "off": off}


def elevatorMode(car: str, mode: str) -> Any:
    STATE["cars"].append([car, mode])
    return {"car": car, "mode": mode}


def accessLog(door: str) -> Any:
    STATE["cleared"].append(door)
    return {"door": door, "entries": 0}


def feedLink(camera: str, email: str) -> Any:
    STATE["links"].append([camera, email])
    return {"camera": camera, "sent": True}


def signage(screen: str, headline: str, text: str) -> Any:
    STATE["screens"].append([screen, headline, text])
    return {"screen": screen}
