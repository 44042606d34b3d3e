"""Refusals over HTTP: problem documents (RFC 9457) with Yett's own stable codes.

Every `YettError` has one status, found by its code first and by its class otherwise. What is no `YettError`
is `INTERNAL`, 500, without a word about its cause: causes belong in the log.
"""

from __future__ import annotations

from typing import Final

import msgspec

from yett.errors import AuditUnavailable, InvalidCall, LedgerError, PolicyError, Unauthorized, YettError

MEDIA_TYPE: Final = "application/problem+json"

_BY_CODE: Final[dict[str, int]] = {
    "TOKEN_MISSING": 401,
    "TOKEN_UNKNOWN": 401,
    "TOKEN_REVOKED": 401,
    "TOKEN_EXPIRED": 401,
    "ROLE_FORBIDDEN": 403,
    "CREDENTIALS_UNAVAILABLE": 503,
    "AUDIT_UNAVAILABLE": 503,
    "NOT_DURABLE_IN_TIME": 503,
    "OVERLOADED": 503,
    "TOO_LARGE": 413,
    "RATE_LIMITED": 429,
    "REQUEST_TIMEOUT": 408,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "BAD_HOST": 421,
    "PIPELINED": 421,
    "BAD_ORIGIN": 403,
    "BAD_FORM": 403,
    "BAD_REQUEST": 400,
    "INTERNAL": 500,
}
_TITLES: Final[dict[int, str]] = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem document. `code` is for programs, `detail` for people."""

    type: str
    """`urn:yett:problem:` and the code."""
    title: str
    status: int
    code: str
    detail: str
    pointer: str | None = None
    """JSON pointer or file position of the cause."""
    remedy: str | None = None


def problem(error: Exception) -> Problem:
    """The problem document of any error."""
    if not isinstance(error, YettError):
        error = YettError("INTERNAL", "the gateway failed; nothing was allowed")
    status = status_of(error)
    return Problem(
        type=f"urn:yett:problem:{error.code}",
        title=_TITLES.get(status, "Error"),
        status=status,
        code=error.code,
        detail=error.message,
        pointer=error.path,
        remedy=error.remedy,
    )


def status_of(error: YettError) -> int:
    """The HTTP status of a refusal."""
    known = _BY_CODE.get(error.code)
    if known is not None:
        return known
    if error.code.startswith(("UNKNOWN_", "NO_SUCH_")) or error.code.endswith(("_UNKNOWN", "_NOT_FOUND")):
        return 404
    if error.code in ("NOT_YOURS", "SELF_APPROVAL") or error.code.endswith("_FORBIDDEN"):
        return 403
    if isinstance(error, AuditUnavailable):
        return 503
    if isinstance(error, InvalidCall):
        return 400
    if isinstance(error, Unauthorized):
        return 403
    if isinstance(error, PolicyError):
        return 422
    if isinstance(error, LedgerError):
        return 409
    return 400
