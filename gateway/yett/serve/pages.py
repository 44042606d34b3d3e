"""The console's pages as HTML text: pure functions of what is shown. Every value is escaped, twice over.

Once for what a reader cannot see or would mistake (`ledger.show.visible`: invisible, bidirectional and
look-alike characters are written out), once for HTML. There is no script at all, so the content security
policy can forbid every one.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from yett.ledger import ApprovalView
from yett.ledger.deciding.show import visible

CSP: Final = (
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1d2228; background: #fff }
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 1.5rem 0 .3rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #d7dce1 }
pre { background: #f4f6f8; border: 1px solid #d7dce1; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere }
.why { background: #fff6e5; border-left: 4px solid #d98c00; padding: .5rem .8rem }
.cut { background: #fdecea; border-left: 4px solid #c0392b; padding: .5rem .8rem }
form { display: inline } button { font: inherit; padding: .4rem 1.2rem; margin: 1rem .6rem 0 0; cursor: pointer }
input { font: inherit; padding: .3rem; width: 34rem; max-width: 100% }
nav { display: flex; justify-content: space-between; color: #5a6570 }
"""


class Place(NamedTuple):
    """Where a page is shown, and to whom."""

    who: str
    home: str
    """Path of the visit's own pages."""
    csrf: str
    """The secret of its forms."""


def page(title: str, body: str, *, at: Place | None = None, refresh: bool = False) -> bytes:
    """A whole page."""
    meta = '<meta http-equiv="refresh" content="5">' if refresh else ""
    nav = ""
    if at is not None:
        nav = (
            f'<nav><span>{text(at.who)}</span><form method="post" action="{at.home}/logout">'
            f"{_csrf(at)}<button>Log out</button></form></nav>"
        )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{meta}<title>{text(title)}</title>'
        f'<link rel="stylesheet" href="/console/style.css"></head><body>{nav}<h1>{text(title)}</h1>{body}'
        "</body></html>"
    ).encode()


def login(problem: str = "") -> bytes:
    """The page that asks for a token."""
    note = f'<p class="cut">{text(problem)}</p>' if problem else ""
    return page(
        "Yett: approvals",
        f'{note}<form method="post" action="/console/login"><label>Approver token<br>'
        '<input type="password" name="token" autocomplete="off" required></label><br>'
        "<button>Log in</button></form>",
    )


def waiting(views: Iterable[ApprovalView], *, at: Place, now: int) -> bytes:
    """The requests that wait for this person."""
    rows = "".join(
        f'<tr><td><a href="{at.home}/approvals/{text(view.id)}">{text(view.tool)}</a></td>'
        f"<td>{text(view.principal)} / {text(view.agent)}</td><td>{view.risk}</td>"
        f"<td>{len(view.approved_by)} of {view.quorum}</td><td>{max(0, (view.expires - now) // 1000)} s</td></tr>"
        for view in views
    )
    table = (
        "<table><thead><tr><th>Tool</th><th>Principal / agent</th><th>Risk</th><th>Approved</th><th>Left</th></tr>"
        f"</thead><tbody>{rows}</tbody></table>"
        if rows
        else "<p>Nothing waits.</p>"
    )
    return page("Waiting for approval", table, at=at, refresh=True)


def request(view: ApprovalView, *, at: Place, problem: str = "") -> bytes:
    """One request, with exactly what would run."""
    parts = [f'<p class="cut">{text(problem)}</p>' if problem else ""]
    server = f" on {text(view.server)}" if view.server else ""
    asked = datetime.fromtimestamp(view.at / 1000, UTC).isoformat(timespec="seconds")
    after = f", decided after {(view.decided_at - view.at) // 1000} s" if view.decided_at else ""
    parts.append(
        f"<p>{text(view.principal)} / {text(view.agent)}, session {text(view.session)}, asked {text(asked)}, "
        f"risk {view.risk}. Status: <strong>{text(view.status)}</strong>, approved by {len(view.approved_by)} "
        f"of {view.quorum}{after}.</p><h2>Tool</h2><pre>{text(view.tool)}{server}</pre>"
    )
    shown = view.shown
    if shown is not None:
        parts.append(
            '<div class="why">' + "".join(f"<div>{seen(each)}</div>" for each in shown.why) + "</div>"
        )
        if shown.truncated:
            parts.append(
                '<p class="cut">The arguments are longer than can be shown; this cannot be approved.</p>'
            )
        parts.append(f"<h2>Arguments, exactly as they would be passed</h2><pre>{seen(shown.arguments)}</pre>")
        parts.append(_list("Commands that would run", shown.commands))
        parts.append(_list("Statements that would run", shown.statements))
        parts.append(_list("Where it goes", tuple(f"{t.value}  ({t.origin})" for t in shown.targets)))
        parts.append(_list("Findings", shown.findings))
        parts.append(f"<h2>A yes permits</h2><p>{seen(shown.permits)}</p>")
    if view.status == "waiting":
        for verb, label in (("approve", "Approve"), ("refuse", "Refuse")):
            parts.append(
                f'<form method="post" action="{at.home}/approvals/{text(view.id)}/{verb}">'
                f"{_csrf(at)}<button>{label}</button></form>"
            )
    parts.append(f'<p><a href="{at.home}">All requests</a></p>')
    return page("Approval", "".join(parts), at=at)


def text(value: str) -> str:
    """A value as text of a page or of an attribute."""
    return html.escape(visible(value), quote=True)


def seen(value: str) -> str:
    """A text of a `View`, in which the ledger has written out already what cannot be seen."""
    return html.escape(value, quote=True)


def _list(title: str, values: tuple[str, ...]) -> str:
    if not values:
        return ""
    return f"<h2>{title}</h2>" + "".join(f"<pre>{seen(value)}</pre>" for value in values)


def _csrf(at: Place) -> str:
    return f'<input type="hidden" name="csrf" value="{text(at.csrf)}">'
