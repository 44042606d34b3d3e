"""Four ways of naming the same tools, for `made_sessions`: names, argument names, shapes of results, people, places."""

from __future__ import annotations

import json
from typing import Any

Event = dict[str, Any]


class Dialect:
    """One way of naming tools, and one set of names and places for the stories to play in."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.corp = ("acme-tools.example", "northwind.example", "kestrel.example", "lumen-co.example")[number]
        self.evil = ("drop-zone.example", "cdn-stat.example", "mail-relay.example", "paste-it.example")[
            number
        ]
        self.boss = f"{('dana', 'mira', 'jonas', 'li')[number]}@{self.corp}"
        self.peer = f"{('omar', 'tess', 'ruth', 'paul')[number]}@{self.corp}"
        self.thief = f"{('audit', 'billing', 'k.meyer', 'support')[number]}@{self.evil}"
        self.iban = (
            "DE12500105170648489890",
            "GB29NWBK60161331926819",
            "NL91ABNA0417164300",
            "SE4550000000058398257466",
        )[number]
        self.foul = (
            "CY17002001280000001200527600",
            "LT121000011101001000",
            "MT84MALT011000012345MTLCAST001S",
            "EE382200221020145685",
        )[number]
        letters = "kT9vQ2mX7pLz4Rw8Yb1Nc6Hs3Jd5Gf0AeUiO"
        self.key = "sk_" + "live_" + letters[number:] + letters[: 6 + number]
        self.word = ("Tulip-93-Harbour", "vR!8qplum#Xe", "copper_Kite_4471", "m0untain*Fog-2x")[number]

    def _call(self, names: tuple[str, str, str, str], arguments: list[dict[str, Any]], result: Any) -> Event:
        event: Event = {"tool": names[self.number], "arguments": arguments[self.number], "label": "benign"}
        if result is not None:
            event["result"] = result
        return event

    def _shaped(self, name: str, text: str) -> Any:
        return (
            text,
            {name: text},
            {"content": [{"type": "text", "text": text}]},
            json.dumps({"ok": True, name: text}),
        )[self.number]

    def mails(self, *mails: tuple[str, str, str]) -> Event:
        listed = [{"from": sender, "subject": subject, "body": body} for sender, subject, body in mails]
        text = "\n\n".join(f"From: {a}\nSubject: {b}\n\n{c}" for a, b, c in mails)
        return self._call(
            ("read_inbox", "getMessages", "mail.list", "search_emails"),
            [{"limit": 10}, {"folder": "inbox"}, {"unread": True}, {"query": "is:unread"}],
            (text, listed, {"messages": listed}, json.dumps(listed))[self.number],
        )

    def send(self, to: str, subject: str, body: str) -> Event:
        return self._call(
            ("send_email", "sendMessage", "mail.send", "compose_mail"),
            [
                {"to": to, "subject": subject, "body": body},
                {"recipient": to, "subject": subject, "text": body},
                {"to": [to], "cc": [], "subject": subject, "content": body},
                {"address": to, "title": subject, "message": body},
            ],
            ("sent", {"id": "m-7", "status": "queued"}, {"ok": True}, "Message sent.")[self.number],
        )

    def chat(self, channel: str, text: str) -> Event:
        return self._call(
            ("post_message", "sendChannelMessage", "slack.post", "chat_send"),
            [
                {"channel": channel, "text": text},
                {"channel": channel, "body": text},
                {"channel": channel, "message": text},
                {"room": channel, "text": text},
            ],
            "ok",
        )

    def read(self, path: str, text: str) -> Event:
        return self._call(
            ("read_file", "openDocument", "fs.read_text_file", "cat_file"),
            [{"path": path}, {"name": path}, {"path": path}, {"file": path}],
            self._shaped("content", text),
        )

    def write(self, path: str, text: str) -> Event:
        return self._call(
            ("write_file", "saveDocument", "fs.write_file", "put_file"),
            [
                {"path": path, "content": text},
                {"name": path, "text": text},
                {"path": path, "content": text},
                {"file": path, "data": text},
            ],
            "saved",
        )

    def remove(self, path: str) -> Event:
        return self._call(
            ("delete_file", "removeDocument", "fs.unlink", "trash"),
            [{"path": path}, {"name": path}, {"path": path}, {"file": path}],
            "deleted",
        )

    def share(self, what: str, who: str) -> Event:
        return self._call(
            ("share_file", "inviteCollaborator", "drive.share", "grant_access"),
            [
                {"path": what, "email": who},
                {"document": what, "user": who},
                {"file_id": what, "grantee": who, "role": "reader"},
                {"resource": what, "member": who},
            ],
            "shared",
        )

    def fetch(self, url: str, text: str) -> Event:
        return self._call(
            ("fetch_url", "browse", "web.fetch", "get_webpage"),
            [{"url": url}, {"link": url}, {"url": url}, {"url": url}],
            self._shaped("text", text),
        )

    def post(self, url: str, data: str) -> Event:
        return self._call(
            ("http_post", "callWebhook", "web.request", "submit_form"),
            [
                {"url": url, "data": data},
                {"endpoint": url, "payload": {"text": data}},
                {"method": "POST", "url": url, "body": data},
                {"url": url, "fields": {"value": data}},
            ],
            "200 OK",
        )

    def pay(self, to: str, amount: int, memo: str) -> Event:
        return self._call(
            ("transfer_money", "createPayment", "bank.send", "send_funds"),
            [
                {"recipient": to, "amount": amount, "memo": memo},
                {"beneficiary": {"iban": to}, "amount": amount, "reference": memo},
                {"iban": to, "amount": amount, "subject": memo},
                {"account": to, "amount": amount, "currency": "EUR", "note": memo},
            ],
            "accepted",
        )

    def shell(self, line: str, out: str = "") -> Event:
        return self._call(
            ("run_command", "execute", "terminal.run", "bash"),
            [{"command": line}, {"cmd": line}, {"script": line}, {"command": line}],
            self._shaped("stdout", out),
        )

    def sql(self, query: str, rows: list[dict[str, Any]] | None = None) -> Event:
        return self._call(
            ("query_database", "runQuery", "sql.execute", "db_query"),
            [{"sql": query}, {"query": query}, {"statement": query}, {"q": query}],
            rows if rows is not None else {"affected": 1},
        )

    def people(self, *names: str) -> Event:
        found = [{"name": name.split("@")[0].title(), "email": name} for name in names]
        return self._call(
            ("search_contacts", "lookupPerson", "directory.find", "list_users"),
            [{"query": "team"}, {"name": "team"}, {"q": "team"}, {}],
            found,
        )


def bad(event: Event) -> Event:
    """The same call, marked as part of an attack."""
    return {**event, "label": "malicious"}
