"""The questions a client can put to the sidecar: the bytes that go out, and how the answer is read.

No I/O here, so that the blocking and the asyncio client are the same client with a different wire.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import msgspec

from yett.errors import YettError
from yett.model import Identity, Json, Outcome
from yett.sdk.errors import TransportError
from yett.sdk.http import Response
from yett.sdk.verify import refusal

T = TypeVar("T")


class Operation(NamedTuple, Generic[T]):
    """One request, and the reading of its response."""

    method: str
    target: str
    body: bytes | None
    read: Callable[[Response], T]


def report(outcome: Outcome) -> Operation[None]:
    """What happened when an allowed call ran."""
    return Operation("POST", "/v1/outcomes", msgspec.json.encode(outcome), _read_nothing)


def open_session(prompt: str | None, parent: str | None) -> Operation[str]:
    """A new session of the credential's own; its id is minted by the gateway."""
    body = msgspec.json.encode({"prompt": prompt, "parent": parent})
    return Operation("POST", "/v1/sessions", body, _read_session)


def whoami() -> Operation[Identity]:
    """Who the gateway takes the credential for."""
    return Operation("GET", "/v1/identity", None, lambda response: _convert(response, Identity))


def approval(identifier: str, wait_s: float) -> Operation[dict[str, Json]]:
    """An approval request; with a wait, answered once it is decided or the wait is over."""
    target = "/v1/approvals/" + urllib.parse.quote(identifier, safe="")
    if wait_s > 0:
        target += f"?wait={wait_s:.3f}"
    return Operation("GET", target, None, lambda response: _convert(response, dict[str, Json]))


def plain(method: str, target: str, body: Json = None) -> Operation[Json]:
    """Any other endpoint: JSON in, JSON out (`docs/sidecar.md`, `/openapi.json`)."""
    encoded = None if body is None else msgspec.json.encode(body)
    return Operation(method, target, encoded, _read_json)


def _read_json(response: Response) -> Json:
    if not 200 <= response.status < 300:
        raise refusal(response)
    try:
        return msgspec.json.decode(response.body) if response.body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise TransportError("GATEWAY_GARBAGE", "the answer is not JSON") from None


def _convert(response: Response, kind: type[T]) -> T:
    try:
        return msgspec.convert(_read_json(response), kind)
    except msgspec.ValidationError:
        raise TransportError("GATEWAY_GARBAGE", f"the answer is not a {kind.__name__}") from None


def _read_session(response: Response) -> str:
    session = _convert(response, dict[str, Json]).get("session")
    if not isinstance(session, str) or not session:
        raise TransportError("GATEWAY_GARBAGE", "the answer names no session")
    return session


def _read_nothing(response: Response) -> None:
    _read_json(response)


def approved(view: dict[str, Json]) -> bool:
    """Whether a held call may be repeated now; `False` while the request waits for a person.

    Raises:
        YettError: APPROVAL_REFUSED, APPROVAL_WITHDRAWN, APPROVAL_EXPIRED, APPROVAL_USED: it never may.
        TransportError: GATEWAY_GARBAGE.
    """
    status = view.get("status")
    if status == "approved":
        return True
    if status == "waiting":
        return False
    if status in ("refused", "withdrawn", "expired", "used"):
        raise YettError(f"APPROVAL_{status.upper()}", f"the request for approval is {status}")
    raise TransportError("GATEWAY_GARBAGE", "the answer is not an approval")
