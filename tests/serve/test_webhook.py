"""A webhook is signed, retried, told once, and depends on nobody's answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import threading
from typing import Any

import msgspec
import pytest

from waiting import until
from yett.errors import YettError
from yett.ledger import ApprovalView
from yett.model import ToolCall
from yett.serve import webhook
from yett.serve.webhook import Watch, Webhook

SECRET = b"0123456789abcdef"


def view(identifier: str = "a_1", expires: int = 10**15) -> ApprovalView:
    return ApprovalView(
        id=identifier,
        status="waiting",
        decision="d_1",
        tool="pay",
        server=None,
        principal="ann",
        agent="coder",
        session="s_1",
        groups=("treasury",),
        quorum=1,
        approved_by=(),
        risk=500,
        at=1,
        expires=expires,
        shown=None,
    )


class Receiver:
    """Stands for the far side: fails as often as told."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.got: list[tuple[dict[str, str], bytes]] = []

    def __call__(self, url: str, headers: dict[str, str], content: bytes) -> int:
        self.got.append((headers, content))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return int(answer)


def make(receiver: Receiver) -> Webhook:
    return Webhook("http://127.0.0.1:1/", SECRET, post=receiver, clock=lambda: 1000.0)


def test_what_is_sent_can_be_verified_and_holds_no_argument() -> None:
    receiver = Receiver()
    hook = make(receiver)
    assert hook.attempt(view(), 0) is None
    headers, content = receiver.got[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + content
    expected = base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == "v1," + expected
    assert set(msgspec.json.decode(content)) & {"arguments", "shown", "session"} == set()
    hook.close()


def test_a_receiver_that_fails_is_tried_again_with_growing_pauses() -> None:
    hook = make(Receiver(OSError(), 500, 302, 200))
    assert [hook.attempt(view(), before) for before in range(4)] == [*webhook.PAUSES[:3], None]
    hook.close()


def test_it_gives_up_at_the_end_or_when_the_request_has_expired() -> None:
    hook = make(Receiver(*[500] * 20))
    assert [hook.attempt(view(), before) for before in range(6)] == [*webhook.PAUSES, None]
    assert hook.attempt(view(expires=1_000_500), 0) is None
    hook.close()


def test_what_the_receiver_always_refuses_holds_up_no_other_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PAUSES", (0.01, 3600.0))
    tried: list[str] = []

    def post(url: str, headers: dict[str, str], content: bytes) -> int:
        tried.append(headers["webhook-id"])
        return 500 if headers["webhook-id"] == "a_1" else 200

    hook = Webhook("http://127.0.0.1:1/", SECRET, post=post)
    hook.tell(view("a_1"))
    until(lambda: len(tried) == 2)  # once more after the first pause
    hook.tell(view("a_2"))
    until(lambda: "a_2" in tried)
    hook.close()


def test_a_look_that_fails_is_not_the_last_one() -> None:
    looks: list[int] = []

    def broken() -> list[ApprovalView]:
        looks.append(1)
        raise RuntimeError("the projection is busy")

    watch = Watch(broken, make(Receiver()), every=0.01)
    until(lambda: len(looks) > 2)
    watch.close()


@pytest.mark.parametrize(
    "url", ["http://example.org/", "ftp://127.0.0.1/", "https:///x", "file:///etc/passwd"]
)
def test_urls_that_would_leak_are_refused(url: str) -> None:
    with pytest.raises(YettError):
        webhook.check_url(url)


def test_each_request_is_told_once_until_it_no_longer_waits() -> None:
    told: list[str] = []

    class Hook:
        def tell(self, each: ApprovalView) -> None:
            told.append(each.id)

        def close(self) -> None: ...

    present = [view("a_1")]
    watch = Watch(lambda: present, Hook(), every=3600)  # type: ignore[arg-type]
    watch.look()
    watch.look()
    present = [view("a_1"), view("a_2")]
    watch.look()
    watch.close()
    assert told == ["a_1", "a_2"]


def test_a_held_call_reaches_a_real_receiver(living: Any) -> None:
    received: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    from yett.model import Identity

    reader = Identity(principal="gateway", agent="webhook", role="auditor")
    hook = Webhook(f"http://127.0.0.1:{server.server_port}/hook?x=1", SECRET)
    watch = Watch(lambda: living.gateway.ledger.approvals(reader), hook, every=0.01)
    held = living.client("agent", "ann", "hooked").decide(
        ToolCall(tool="pay", arguments={"to": "bob", "amount": 4321})
    )
    until(lambda: held.approval in b"".join(received).decode())
    watch.close()
    server.shutdown()
    assert held.approval in b"".join(received).decode()
    assert b"4321" not in b"".join(received)
