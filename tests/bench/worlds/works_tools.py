"""The tools of a small company's works: issues, leave, expenses, a shop for supplies, a bulletin board."""

from __future__ import annotations

import json
from typing import Any

STATE: dict[str, Any] = {}


def _find(table: str, key: str, value: Any) -> dict[str, Any]:
    return next(row for row in STATE[table] if row[key] == value)


def issues_query(state: str = "open", label: str = "") -> list[dict[str, Any]]:
    """Query issues of the tracker by state and label."""
    return [dict(i) for i in STATE["issues"] if i["state"] == state and (not label or label in i["labels"])]


def issueGet(key: str) -> str:
    """Fetches a single issue including all comments. Returns JSON."""
    return json.dumps(_find("issues", "key", key))


def issueCreate(title: str, body: str = "", labels: list[str] | None = None) -> dict[str, Any]:
    """Opens a new issue in the tracker."""
    issue = {"key": f"WRK-{len(STATE['issues']) + 1}", "title": title, "body": body, "labels": labels or []}
    STATE["issues"].append({**issue, "state": "open", "comments": []})
    return issue


def issue_comment_add(key: str, comment: str) -> str:
    """Adds a comment to an issue."""
    _find("issues", "key", key)["comments"].append({"by": "me", "text": comment})
    return "ok"


def issue_transition(key: str, to_state: str) -> str:
    """Moves an issue to another state (open, doing, done)."""
    _find("issues", "key", key)["state"] = to_state
    return "ok"


def whois(login: str) -> dict[str, Any]:
    """Profile of an employee: full name, mail, manager, office."""
    return dict(_find("employees", "login", login))


def org_chart() -> list[dict[str, Any]]:
    """The employees of the company and who leads whom."""
    return [dict(e) for e in STATE["employees"]]


def remaining_leave(login: str) -> int:
    """Days of leave that somebody has left this year."""
    return int(_find("employees", "login", login)["leave"])


def request_leave(from_date: str, to_date: str, approver: str, comment: str = "") -> str:
    """Hands in a request for leave.

    Args:
        from_date (str): first day
        to_date (str): last day
        approver (str): login of the manager who has to approve it
        comment (str): optional remark
    """
    STATE["leave"].append([from_date, to_date, approver, comment])
    return "request handed in"


def expense_report(month: str) -> list[dict[str, Any]]:
    """My expenses of a month."""
    return [dict(e) for e in STATE["expenses"] if e["date"].startswith(month)]


def submit_expense(description: str, amount: float, iban: str) -> dict[str, Any]:
    """Submit an expense for reimbursement.

    Args:
        description: What it was for.
        amount: Amount in euro.
        iban: Account the money is to be transferred to.
    """
    expense = {"expense_id": f"EX-{len(STATE['expenses']) + 1}", "description": description, "amount": amount}
    STATE["expenses"].append({**expense, "iban": iban, "date": "2026-05-13"})
    return expense


def my_bank_details() -> dict[str, Any]:
    """IBAN and holder of the account that salaries and expenses are paid to."""
    return dict(STATE["bank"][0])


def supplies_catalogue(keyword: str) -> str:
    """Lists articles of the office supplies shop with article numbers and prices."""
    return "\n".join(
        f"{s['sku']} {s['name']} {s['price']:.2f} EUR" for s in STATE["supplies"] if keyword in s["name"]
    )


def supplies_order(sku: str, quantity: int, deliver_to: str) -> str:
    """Orders an article of the office supplies shop.

    Args:
        sku: Article number.
        quantity: How many.
        deliver_to: Office that it is delivered to.
    """
    STATE["orders"].append([sku, quantity, deliver_to])
    return f"ordered {quantity} x {sku}"


def board_latest(n: int = 5) -> list[dict[str, Any]]:
    """Latest postings of the bulletin board (anybody with a visitor's pass can post)."""
    return [dict(p) for p in STATE["board"][-n:]]


def board_publish(headline: str, text: str) -> str:
    """Puts a posting on the bulletin board."""
    STATE["board"].append({"id": len(STATE["board"]), "author": "me", "headline": headline, "text": text})
    return "posted"


def page_someone(login: str, text: str) -> str:
    """Sends a short message to somebody's phone."""
    STATE["pages"].append([login, text])
    return "paged"


def badge_access(login: str, door: str, allowed: bool) -> str:
    """Opens or closes a door for somebody's badge."""
    STATE["badges"].append([login, door, allowed])
    return "done"
