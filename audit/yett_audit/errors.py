"""What the log and its verifier refuse, and why.

Every error has a stable `code` for programs and one sentence for people. `Broken` is the verifier's: it
says what is wrong with a log and how serious that is (the exit code of `yett-verify`).
"""

from __future__ import annotations

OK, TAMPERED, USAGE, UNANCHORED, ROLLBACK, UNSUPPORTED, LIMIT = range(7)
"""Exit codes of `yett-verify`: verified at the demanded assurance; tampered; usage or I/O; consistent but
not anchored as demanded; rollback or fork proven; unsupported format; resource limit."""


class AuditError(Exception):
    """Base of everything this package raises on purpose."""

    code = "AUDIT_ERROR"


class LogUnavailable(AuditError):
    """The log cannot be written. Nothing may be answered; the writer does not recover in this process."""

    code = "AUDIT_UNAVAILABLE"


class LogRefused(AuditError):
    """The writer refuses to open this log: locked, tampered, rolled back, or made with another key."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class InvalidRecord(AuditError):
    """The body cannot be written: a float, a large integer, a non-ASCII key, too deep or too long."""

    code = "INVALID_RECORD"


class Broken(AuditError):
    """The log does not verify.

    Args:
        cause: stable lower-case identifier (`chain`, `seal-signature`, `not-canonical` …); `explain` knows each.
        message: one sentence for a person, without any of the log's own text unescaped.
        exit_code: what `yett-verify` ends with.
    """

    def __init__(self, cause: str, message: str, exit_code: int = TAMPERED) -> None:
        super().__init__(message)
        self.cause = cause
        self.code = cause
        self.message = message
        self.exit_code = exit_code
        self.file: str | None = None
        self.offset: int | None = None
        self.record: int | None = None

    def __reduce__(self) -> tuple[type[Broken], tuple[str, str, int], dict[str, object]]:
        return Broken, (self.cause, self.message, self.exit_code), self.__dict__  # between processes
