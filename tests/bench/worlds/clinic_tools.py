"""The tools of a day clinic: appointments, staff, beds, stock, messages to patients."""

from __future__ import annotations

from typing import Any

STATE: dict[str, Any] = {}


def _find(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def _page(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"items": [dict(row) for row in rows], "total": len(rows), "nextCursor": None}


def findPatient(query: str) -> dict[str, Any]:
    """Search the patient index by surname or patient number."""
    return _page([p for p in STATE["patients"] if query.casefold() in (p["mrn"] + p["fullName"]).casefold()])


def getPatientContact(mrn: str) -> dict[str, Any]:
    """Returns phone and e-mail of a patient.

    Args:
        mrn: Medical record number, e.g. P-1044.
    """
    row = _find("patients", "mrn", mrn)
    return {"mrn": mrn, "phone": row["phone"], "email": row["email"]}


def listAppointments(day: str, ward: str = "") -> dict[str, Any]:
    """The day's appointments of the clinic or of one ward."""
    return _page([a for a in STATE["appointments"] if a["day"] == day and ward in ("", a["ward"])])


def freeSlots(clinician: str, day: str) -> list[str]:
    """Times at which a clinician can still be booked."""
    taken = [a["time"] for a in STATE["appointments"] if (a["clinician"], a["day"]) == (clinician, day)]
    return [time for time in ("09:00", "09:30", "10:00", "10:30") if time not in taken]


def bookAppointment(mrn: str, clinician: str, day: str, time: str, reason: str = "") -> dict[str, Any]:
    """Books an appointment for a patient.

    Args:
        mrn: Medical record number of the patient.
        clinician: Who sees the patient.
        day: ISO date.
        time: HH:MM.
        reason: Why the patient comes.
    """
    number = f"A-{900 + len(STATE['appointments'])}"
    STATE["appointments"].append(
        {"appointment": number, "mrn": mrn, "clinician": clinician, "day": day, "time": time, "ward": "", "intake": reason}
    )  # fmt: skip
    return {"appointment": number, "state": "booked"}


def rescheduleAppointment(appointment: str, day: str, time: str) -> dict[str, Any]:
    """Moves an appointment to another day or time."""
    _find("appointments", "appointment", appointment).update(day=day, time=time)
    return {"appointment": appointment, "state": "moved"}


def dropAppointment(appointment: str) -> str:
    """Drops an appointment; the slot becomes free again."""
    STATE["appointments"].remove(_find("appointments", "appointment", appointment))
    return "dropped"


def textPatient(phone: str, message: str) -> dict[str, Any]:
    """Sends a text message to a phone number."""
    STATE["texts"].append([phone, message])
    return {"queued": True, "segments": 1}


def emailPatient(email: str, subject: str, body: str, attachChart: bool = False) -> dict[str, Any]:
    """Writes to a patient by e-mail, with the chart attached if wished."""
    STATE["emails"].append([email, subject, body, attachChart])
    return {"queued": True}


def readChart(mrn: str) -> str:
    """The chart of a patient as text: diagnoses, medication, what colleagues and the patient noted."""
    row = _find("patients", "mrn", mrn)
    return (
        f"patient: {row['fullName']}\nmrn: {mrn}\nallergies: {row['allergies']}\n"
        f"medication: {row['medication']}\npatient diary: {row['diary']}\n"
    )


def prescribe(mrn: str, drug: str, dose: str, days: int) -> str:
    """Issues a prescription."""
    STATE["prescriptions"].append([mrn, drug, dose, days])
    return "issued"


def renewPrescription(mrn: str, drug: str) -> str:
    """Renews a prescription that a patient has already."""
    STATE["prescriptions"].append([mrn, drug, "as before", 30])
    return "renewed"


def inboxReferrals() -> list[dict[str, Any]]:
    """Referral letters that other practices sent in."""
    return [dict(r) for r in STATE["referrals"]]


def closeReferral(referral: int, outcome: str) -> str:
    """Closes a referral with an outcome."""
    _find("referrals", "referral", referral)["state"] = outcome
    return "closed"


def bedBoard(ward: str) -> str:
    """Beds of a ward as a table: bed, patient, since."""
    rows = [b for b in STATE["beds"] if b["ward"] == ward]
    return "\n".join(["bed;patient;since", *(f"{b['bed']};{b['mrn']};{b['since']}" for b in rows)])


def assignBed(mrn: str, bed: str) -> str:
    """Puts a patient into a bed."""
    _find("beds", "bed", bed)["mrn"] = mrn
    return f"{mrn} lies in {bed}"


def dischargePatient(mrn: str, summary: str) -> str:
    """Discharges a patient and frees the bed."""
    _find("beds", "mrn", mrn)["mrn"] = ""
    STATE["discharges"].append([mrn, summary])
    return "discharged"


def staffOnDuty(day: str, ward: str) -> list[dict[str, Any]]:
    """Who is on duty on a ward."""
    return [dict(s) for s in STATE["duty"] if (s["day"], s["ward"]) == (day, ward)]


def swapShift(fromStaff: str, toStaff: str, day: str) -> str:
    """Hands a shift of one member of staff to another."""
    next(s for s in STATE["duty"] if (s["name"], s["day"]) == (fromStaff, day))["name"] = toStaff
    return "swapped"


def pageOnCall(pager: str, text: str) -> str:
    """Pages a member of staff."""
    STATE["pages"].append([pager, text])
    return "paged"


def stockLevel(item: str) -> dict[str, Any]:
    """How much of an item is left, and who supplies it."""
    return dict(_find("stock", "item", item))


def orderSupplies(item: str, quantity: int, supplier: str) -> dict[str, Any]:
    """Orders supplies from a supplier."""
    STATE["orders"].append([item, quantity, supplier])
    return {"order": len(STATE["orders"]), "state": "sent"}


def surveyAnswers(month: str) -> list[dict[str, Any]]:
    """What patients wrote in the satisfaction survey of a month."""
    return [dict(a) for a in STATE["survey"] if a["month"] == month]


def grantChartAccess(mrn: str, practice: str) -> str:
    """Lets an outside practice see a patient's chart."""
    STATE["grants"].append([mrn, practice])
    return "granted"
