"""Errors are part of the interface: a stable code, what was refused, where, and what to do.

Every refusal in Yett is a `YettError` or a subclass, so one handler at the rim can turn any of them into
a decision (`deny`), an HTTP problem document (RFC 9457) or a line on a terminal without guessing.
"""

from __future__ import annotations


class YettError(Exception):
    """Something was refused.

    Args:
        code: stable upper-case identifier, for programs (`AUDIT_UNAVAILABLE`).
        message: one sentence for a person; never contains an argument's value.
        path: RFC 6901 JSON pointer or file position of the cause, if there is one.
        remedy: what the reader can do about it, if anything.
    """

    def __init__(
        self, code: str, message: str, *, path: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path
        self.remedy = remedy

    def __str__(self) -> str:
        where = f" at {self.path}" if self.path else ""
        what_to_do = f" ({self.remedy})" if self.remedy else ""
        return f"{self.code}: {self.message}{where}{what_to_do}"


class InvalidCall(YettError):
    """The call's bytes or values are outside what Yett judges; it was not judged further."""


class PolicyError(YettError):
    """A policy, detection or manifest file does not load."""


class LedgerError(YettError):
    """The ledger refused an operation (mandate spent, approval expired, session unknown …)."""


class AuditUnavailable(LedgerError):
    """The log cannot be written, so nothing may be answered but `deny`."""

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(
            "AUDIT_UNAVAILABLE",
            message,
            path=path,
            remedy="restore the log's disk or file, then restart the gateway",
        )


class Unauthorized(YettError):
    """The credential is missing, unknown, or not allowed to do this."""
