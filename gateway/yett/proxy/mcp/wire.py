"""Raw JSON-RPC 2.0 as MCP uses it: one line or body in, one typed message out, or a refusal.

The proxy forwards the very bytes it was given, so those bytes must mean the same to every parser behind it.
Refused, because parsers are known to disagree on them:

* batches (removed from MCP in 2025-06-18; a filter that looks at one message misses the others);
* duplicate keys, and envelope keys in another case (`Method`): Go's encoding/json matches keys without
  regard to case and takes the last, so `{"method":"ping","Method":"tools/call"}` would be two messages;
* a carriage return inside a line: a reader with universal newlines (Python's default) splits there, and the
  inner piece can be a message of its own; and U+0085, U+2028, U+2029 outside strings are no JSON at all;
* invalid UTF-8, a byte-order mark, lone surrogates, numbers that a double does not hold;
* ids that are not a string or an integer.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import unicodedata
from typing import Any, Final

import msgspec

from yett import canonical
from yett.errors import InvalidCall
from yett.model import Json

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
# -32000..-32019 are left to implementations (MCP 2026-07-28, error code allocation).
UPSTREAM_FAILED: Final = -32003
REFUSED: Final = -32010
BUSY: Final = -32011

Id = str | int
_ENVELOPE: Final = ("jsonrpc", "id", "method", "params", "result", "error")
MAX_NESTING: Final = 200
"""Levels of a server's message; whoever looks at it may do so level by level."""
_PARAMS: Final = ("name", "arguments", "uri", "_meta", "task", "inputResponses", "requestState", "taskId")


class Request(msgspec.Struct, frozen=True):
    """A message with a method and an id: it wants an answer."""

    id: Id
    method: str
    params: dict[str, Json]
    raw: bytes


class Notification(msgspec.Struct, frozen=True):
    """A message with a method and no id: nobody answers."""

    method: str
    params: dict[str, Json]
    raw: bytes


class Response(msgspec.Struct, frozen=True):
    """A result or an error for the request with the same id."""

    id: Id | None
    result: dict[str, Json] | None
    error: dict[str, Json] | None
    raw: bytes


Message = Request | Notification | Response


class WireError(Exception):
    """Bytes that are not one unambiguous MCP message. `id` is the request's, if it could be read safely."""

    def __init__(self, code: int, message: str, id: Id | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.id = id


def read(raw: bytes, *, max_bytes: int, judged: bool = True) -> Message:
    """One message from one line or body, without its line end.

    Args:
        judged: the message may hold arguments that are judged, so its values must be in the domain of
            `canonical`. A server's message need only be read alike by everybody; its numbers are its own.

    Raises:
        WireError: with a JSON-RPC error code for whoever sent it.
    """
    if b"\r" in raw:
        raise WireError(PARSE_ERROR, "a carriage return inside a message")
    if raw.lstrip(b" \t\n")[:1] == b"[":
        raise WireError(INVALID_REQUEST, "batches are not accepted; send one message at a time")
    try:
        value = canonical.parse(raw, max_bytes=max_bytes) if judged else _parse_foreign(raw, max_bytes)
    except InvalidCall as refused:
        code = PARSE_ERROR if refused.code == "MALFORMED_JSON" else INVALID_REQUEST
        where = f" at {refused.path}" if refused.path else ""
        raise WireError(code, f"{refused.code}: {refused.message}{where}", guess_id(raw)) from None
    if not isinstance(value, dict):
        raise WireError(INVALID_REQUEST, "a message is a JSON object")
    return _message(value, raw)


def write(value: Json) -> bytes:
    """The bytes of a message of our own, without line end."""
    return msgspec.json.encode(value)


def error(id: Id | None, code: int, message: str, data: Json = None) -> bytes:
    """An error answer."""
    body: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        body["data"] = data
    return write({"jsonrpc": "2.0", "id": id, "error": body})


def result(id: Id, value: Json) -> bytes:
    """A result answer."""
    return write({"jsonrpc": "2.0", "id": id, "result": value})


def guess_id(raw: bytes) -> Id | None:
    """The top-level id of bytes that are JSON but not acceptable, so that the sender's request gets an answer.

    Only ever used to address an error; a wrong guess names a request of the same sender or none.
    """
    candidate: Any = None
    with contextlib.suppress(KeyError, TypeError, ValueError, RecursionError):
        candidate = json.loads(raw)["id"]
    # Half a character is not printable, and could not be written back.
    return candidate if _plain_id(candidate) and str(candidate).isprintable() else None


def _parse_foreign(raw: bytes, max_bytes: int) -> Json:
    """Strict in structure, free in numbers: what an allowed server answers passes as it is."""
    if len(raw) > max_bytes:
        raise InvalidCall("TOO_LARGE", f"the message has {len(raw)} bytes; {max_bytes} are accepted")
    found: Json = msgspec.json.decode(raw) if _is_compact(raw) else _parse_slowly(raw)
    if raw.count(b"[") + raw.count(b"{") > MAX_NESTING and is_deep(found):
        raise InvalidCall("TOO_DEEP", f"nested deeper than {MAX_NESTING} levels")
    return found


def _parse_slowly(raw: bytes) -> Json:
    try:
        found: Json = json.loads(raw.decode("utf-8"), object_pairs_hook=unique, parse_constant=_no_constant)
        if b"\\u" in raw:
            json.dumps(found, ensure_ascii=False).encode()
        return found
    except RecursionError:
        raise InvalidCall("TOO_DEEP", "nested too deeply") from None
    except InvalidCall:
        raise
    except UnicodeEncodeError:
        raise InvalidCall("LONE_SURROGATE", "half of a surrogate pair is not a character") from None
    except ValueError:
        raise InvalidCall("MALFORMED_JSON", "not JSON") from None


def is_deep(value: Json) -> bool:
    """Whether a value has more than `MAX_NESTING` levels."""
    level: list[Any] = [value]
    for _ in range(MAX_NESTING):
        members = (each.values() if isinstance(each, dict) else each for each in level)
        level = [item for item in itertools.chain.from_iterable(members) if isinstance(item, dict | list)]
    return bool(level)


def _is_compact(raw: bytes) -> bool:
    """Text that encodes back to itself had no duplicate key, and nothing that reads in two ways."""
    try:
        return msgspec.json.encode(msgspec.json.decode(raw)) == raw
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError):
        return False


def unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """For `json.loads`: an object in which no key stands twice. Raises `InvalidCall`."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidCall("DUPLICATE_KEY", "a key stands twice in one object")
    return found


def _no_constant(_: str) -> Json:
    raise InvalidCall("NUMBER_OUT_OF_DOMAIN", "NaN and Infinity are not JSON")


def _message(value: dict[str, Json], raw: bytes) -> Message:
    _exact_keys(value, _ENVELOPE)
    has_id, id = "id" in value, value.get("id")
    known = id if _plain_id(id) else None
    if value.get("jsonrpc") != "2.0":
        raise WireError(INVALID_REQUEST, 'the member "jsonrpc" is not "2.0"', known)
    if "method" in value:
        if "result" in value or "error" in value:
            raise WireError(INVALID_REQUEST, "a message is either a request or an answer", known)
        method, params = value["method"], value.get("params", {})
        if not isinstance(method, str) or not 0 < len(method) <= 256:
            raise WireError(INVALID_REQUEST, "the method is not a short string", known)
        if not isinstance(params, dict):
            raise WireError(INVALID_PARAMS, "params are not an object", known)
        _exact_keys(params, _PARAMS, known)
        if not has_id:
            return Notification(method, params, raw)
        if known is None:
            raise WireError(INVALID_REQUEST, "the id is not a string or an integer")
        return Request(known, method, params, raw)
    if ("result" in value) == ("error" in value) or not has_id:
        raise WireError(INVALID_REQUEST, "neither a request, a notification nor an answer", known)
    body = value["result"] if "result" in value else value["error"]
    if not isinstance(body, dict):
        raise WireError(INVALID_REQUEST, "the result or error is not an object", known)
    if known is None and id is not None:
        raise WireError(INVALID_REQUEST, "the id is not a string or an integer")
    if "result" in value:
        return Response(known, body, None, raw)
    return Response(known, None, body, raw)


def _plain_id(id: object) -> bool:
    if isinstance(id, str):
        return len(id) <= 256
    return isinstance(id, int) and not isinstance(id, bool)


def _exact_keys(value: dict[str, Json], known: tuple[str, ...], id: Id | None = None) -> None:
    """No key that a case-insensitive or normalising parser would take for one of the known ones."""
    for key in value:
        if key not in known and unicodedata.normalize("NFKC", key).casefold() in _FOLDED:
            raise WireError(INVALID_REQUEST, "a key differs from a protocol key only in case", id)


_FOLDED: Final = frozenset(key.casefold() for key in (*_ENVELOPE, *_PARAMS))
