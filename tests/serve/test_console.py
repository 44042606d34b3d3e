"""The console lets a person approve what they see, and lets no page or agent do it for them."""

from __future__ import annotations

import http.client
import urllib.parse
from typing import Any

import pytest

from yett.model import Effect, ToolCall
from yett.serve import pages


class Browser:
    """As much of a browser as a server can be fooled with: a cookie, forms, headers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""
        self.home = "/console"
        """Where its visit is; paths are given from `/console` on."""

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        return self._send("GET", path, None, headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> tuple[int, dict[str, str], str]:
        return self._send("POST", path, urllib.parse.urlencode(fields), headers)

    def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent["cookie"] = self.cookie
        if body is not None:
            sent["content-type"] = "application/x-www-form-urlencoded"
        if path not in ("/console/login", "/console/style.css"):
            path = self.home + path.removeprefix("/console")
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        text = response.read().decode()
        given = {name.lower(): value for name, value in response.getheaders()}
        if path == "/console/login" and response.status == 303:
            self.home = given["location"]
        if "set-cookie" in given:
            self.cookie = given["set-cookie"].split(";")[0]
        connection.close()
        return response.status, given, text

    def csrf(self) -> str:
        return self.get("/console")[2].split('name="csrf" value="')[1].split('"')[0]


@pytest.fixture
def boss(living: Any) -> Browser:
    browser = Browser(living.ports[0])
    token = living.token("approver", "tom", "tom", groups=("treasury",))
    status, headers, _ = browser.post("/console/login", {"token": token})
    assert status == 303
    cookie = headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert token not in cookie
    return browser


def hold(living: Any, agent: str, to: str = "bob", amount: int = 500) -> tuple[Any, ToolCall]:
    call = ToolCall(tool="pay", arguments={"to": to, "amount": amount})
    client = living.client("agent", "ann", agent)
    held = client.decide(call)
    assert held.effect is Effect.HOLD
    return (client, held), call


def test_a_person_sees_exactly_what_will_run_and_approves_it(living: Any, boss: Browser) -> None:
    (client, held), call = hold(living, "console-yes")
    assert held.approval in boss.get("/console")[2]
    status, headers, text = boss.get(f"/console/approvals/{held.approval}")
    assert status == 200
    assert "&quot;amount&quot;:500" in text
    assert "script-src" not in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert boss.post(f"/console/approvals/{held.approval}/approve", {"csrf": boss.csrf()})[0] == 303
    assert client.decide(call).allowed


def test_a_person_refuses(living: Any, boss: Browser) -> None:
    (client, held), call = hold(living, "console-no")
    assert boss.post(f"/console/approvals/{held.approval}/refuse", {"csrf": boss.csrf()})[0] == 303
    assert client.decide(call).effect is Effect.DENY


@pytest.mark.parametrize("fields", [{}, {"csrf": ""}, {"csrf": "guessed"}])
def test_a_form_without_the_visits_secret_changes_nothing(
    living: Any, boss: Browser, fields: dict[str, str]
) -> None:
    (client, held), call = hold(living, "console-csrf" + str(len(fields)) + fields.get("csrf", ""))
    assert boss.post(f"/console/approvals/{held.approval}/approve", fields)[0] == 403
    assert client.decide(call).effect is Effect.HOLD


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_a_form_from_another_site_changes_nothing(
    living: Any, boss: Browser, headers: dict[str, str]
) -> None:
    (client, held), call = hold(living, "console-" + "-".join(headers.values())[-9:].replace("/", ""))
    answer = boss.post(f"/console/approvals/{held.approval}/approve", {"csrf": boss.csrf()}, **headers)
    assert answer[0] == 403
    assert client.decide(call).effect is Effect.HOLD


def test_a_name_of_somebody_elses_dns_is_not_answered(boss: Browser) -> None:
    assert boss.get("/console", host="evil.example")[0] == 421


def test_without_a_visit_there_is_only_the_login(living: Any) -> None:
    (_, held), _ = hold(living, "console-anon")
    browser = Browser(living.ports[0])
    assert held.approval not in browser.get("/console")[2]
    browser.home = "/console/guessed"
    assert browser.get(f"/console/approvals/{held.approval}")[0] == 401
    assert browser.post(f"/console/approvals/{held.approval}/approve", {"csrf": "x"})[0] == 401
    browser.cookie = "yett_console=forged"
    assert held.approval not in browser.get("/console")[2]


@pytest.mark.parametrize("role", ["agent", "auditor", "watcher"])
def test_only_approvers_and_operators_log_in(living: Any, role: str) -> None:
    browser = Browser(living.ports[0])
    assert browser.post("/console/login", {"token": living.token(role)})[0] == 401
    assert browser.cookie == ""


def test_a_revoked_token_ends_the_visit(living: Any) -> None:
    credential, token = living.keys.create("approver", "tom", "tom", groups=("treasury",))
    browser = Browser(living.ports[0])
    browser.post("/console/login", {"token": token})
    assert "Log out" in browser.get("/console")[2]
    living.keys.revoke(credential.id)
    assert "Log out" not in browser.get("/console")[2]


def test_logging_out_ends_the_visit(boss: Browser) -> None:
    before = boss.cookie
    boss.post("/console/logout", {"csrf": boss.csrf()})
    boss.cookie = before
    assert "Log out" not in boss.get("/console")[2]


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;"),
        ('"><img src=x>', "&quot;&gt;&lt;img"),
        ("pay\u202egnitirw", "\\u{202e}"),
        ("bo\u200bb", "\\u{200b}"),
        ("p\u0430ypal", "\\u{430}"),
        ("a\nb", "\\u{a}"),
    ],
)
def test_names_are_shown_escaped_and_without_invisible_characters(raw: str, seen: str) -> None:
    text = pages.text(raw)
    assert seen in text
    assert "<" not in text
    assert all(character.isprintable() for character in text)


def test_hostile_arguments_are_text_on_the_page(living: Any, boss: Browser) -> None:
    living.gateway.ledger  # noqa: B018 - the gateway is up
    page = pages.page("<b>", "", at=pages.Place("<i>", "/console/x", "y"))
    assert b"<b>" not in page
    assert b"<i>" not in page
    assert b"<script" not in page


def test_what_another_port_of_this_machine_gets_of_a_browser_is_no_visit(living: Any, boss: Browser) -> None:
    """Browsers send cookies to every port of a host: a program that an agent has started may listen there, and
    be asked for any path that it can name."""
    (client, held), call = hold(living, "console-port")
    _, headers, _ = (again := Browser(living.ports[0])).post(
        "/console/login", {"token": living.token("approver", "tom", "tom", groups=("treasury",))}
    )
    path = headers["set-cookie"].split("Path=")[1].split(";")[0]
    assert path == again.home != boss.home
    assert len(path) > len("/console/") + 30
    assert headers["referrer-policy"] == "no-referrer"
    for place in ("/console/guessed", boss.home):
        thief = Browser(living.ports[0])
        thief.cookie, thief.home = again.cookie, place
        assert thief.get("/console")[0] == 401
        assert thief.post(f"/console/approvals/{held.approval}/approve", {"csrf": "x"})[0] == 401
    assert client.decide(call).effect is Effect.HOLD
