"""Telling the outside that a call waits for a person: one signed POST a request, retried, never trusted.

A body names the approval and what a person needs to find it; arguments stay in the gateway, behind the
approver's own token. Each POST carries, in the manner of common webhook receivers,

    webhook-id: <approval id>            webhook-timestamp: <seconds>
    webhook-signature: v1,<base64 HMAC-SHA256 of "id.timestamp.body">

(Standard Webhooks specification, v1), so that a receiver can tell it from a forgery and from a replay. A
receiver that fails is tried again with growing pauses until the request expires, and is told of other requests
meanwhile; what it answers beyond a 2xx is not read. Nothing depends on a delivery: the request waits in the ledger whether or not anybody heard.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import http.client
import queue
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import structlog

from yett.errors import YettError
from yett.ledger import ApprovalView

log = structlog.get_logger("yett.serve")

PAUSES: Final = (1.0, 5.0, 30.0, 120.0, 300.0)
"""Seconds before each further try."""
_WAITING: Final = 1_000


def body(view: ApprovalView) -> bytes:
    """What is sent of a request: ids and names, no argument."""
    return msgspec.json.encode(
        {
            "type": "approval.requested",
            "approval": view.id,
            "decision": view.decision,
            "tool": view.tool,
            "server": view.server,
            "principal": view.principal,
            "agent": view.agent,
            "groups": view.groups,
            "quorum": view.quorum,
            "risk": view.risk,
            "at": view.at,
            "expires": view.expires,
        }
    )


def signature(secret: bytes, identifier: str, timestamp: int, content: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{identifier}.{timestamp}.".encode() + content
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode("ascii")


def check_url(url: str) -> None:
    """
    Raises:
        YettError: BAD_WEBHOOK.
    """
    parts = urllib.parse.urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or parts.scheme not in ("http", "https") or (parts.scheme == "http" and not local):
        raise YettError("BAD_WEBHOOK", "a webhook is an https URL, or http on this host")


class Watch:
    """Looks for new requests and tells the receiver of each, once. A thread of its own.

    It looks at the ledger instead of listening to one endpoint, because calls are held through every door:
    the API, the proxies, the hooks. After a restart what still waits is told again, under the same id.
    """

    def __init__(
        self, waiting: Callable[[], Iterable[ApprovalView]], webhook: Webhook, *, every: float = 0.5
    ) -> None:
        self._waiting = waiting
        self._webhook = webhook
        self._every = every
        self._told: set[str] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="yett-watch", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Tell of what is new; forget what no longer waits."""
        present = {view.id: view for view in self._waiting()}
        for identifier in present.keys() - self._told:
            self._webhook.tell(present[identifier])
        self._told = set(present)

    def close(self) -> None:
        """Stop looking and telling."""
        self._stopped.set()
        self._thread.join(timeout=5)
        self._webhook.close()

    def _run(self) -> None:
        while not self._stopped.wait(self._every):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may show them
                log.warning("approvals could not be looked at", kind=type(error).__name__)


Post = Callable[[str, dict[str, str], bytes], int]
"""Sends one POST to a URL; returns the status. Raises OSError or http.client.HTTPException."""


class Webhook:
    """One receiver, served by a thread of its own so that a slow one delays nobody."""

    def __init__(
        self,
        url: str,
        secret: bytes,
        *,
        post: Post | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_url(url)
        self._url = url
        self._secret = secret
        self._post = post or _post
        self._clock = clock
        self._stopped = threading.Event()
        self._queue: queue.Queue[ApprovalView | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name="yett-webhook", daemon=True)
        self._thread.start()

    def tell(self, view: ApprovalView) -> None:
        """Queue the news of a request; dropped, with a line in the log, if too many wait already."""
        try:
            self._queue.put_nowait(view)
        except queue.Full:
            log.error("webhook dropped", approval=view.id)

    def close(self) -> None:
        """Stop; what is queued is not delivered."""
        self._stopped.set()
        with self._queue.mutex:
            self._queue.queue.clear()
        self._queue.put(None)
        self._thread.join(timeout=15)

    def attempt(self, view: ApprovalView, before: int) -> float | None:
        """Tell the receiver of one request, once.

        Args:
            before: how often that was tried already.
        Returns: seconds after which to try again; None once it has arrived, or when nobody is to try any more.
        """
        content = body(view)
        try:
            status = self._post(self._url, self._headers(view.id, content), content)
        except (OSError, http.client.HTTPException) as error:
            log.warning("webhook failed", approval=view.id, kind=type(error).__name__)
        else:
            if 200 <= status < 300:
                return None
            log.warning("webhook refused", approval=view.id, status=status)
        if before < len(PAUSES) and (self._clock() + PAUSES[before]) * 1000 < view.expires:
            return PAUSES[before]
        log.error("webhook given up", approval=view.id)
        return None

    def _headers(self, identifier: str, content: bytes) -> dict[str, str]:
        timestamp = int(self._clock())
        return {
            "content-type": "application/json",
            "webhook-id": identifier,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._secret, identifier, timestamp, content),
        }

    def _run(self) -> None:
        # What failed waits for its time here, so that one request that is always refused holds up no other.
        later: list[tuple[float, str, int, ApprovalView]] = []
        while not self._stopped.is_set():
            before = 0
            try:
                view = self._queue.get(timeout=later[0][0] - time.monotonic() if later else None)
            except (queue.Empty, ValueError):  # its time has come, or was before
                _, _, before, view = heapq.heappop(later)
            if view is None:
                return
            pause = self.attempt(view, before)
            if pause is not None and len(later) < _WAITING:
                heapq.heappush(later, (time.monotonic() + pause, view.id, before + 1, view))


def _post(url: str, headers: dict[str, str], content: bytes) -> int:
    parts = urllib.parse.urlsplit(url)
    assert parts.hostname is not None
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=10, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        target = parts.path or "/"
        connection.request("POST", f"{target}?{parts.query}" if parts.query else target, content, headers)
        return connection.getresponse().status  # a redirect is a refusal: it is not followed
    finally:
        connection.close()
