"""When tests call statements harmless: what a real server must then not be made to write by."""

from __future__ import annotations

from yett.extract.facts import Statement

HARMLESS = {
    "constant_predicate",
    "schema_probe",
    "union",
    "server_variable",
    "always_true",
    "union_probe",
    "comment_tail",
}
"""Flags of statements that only read."""


def reads_only(statements: tuple[Statement, ...]) -> bool:
    """Whether it is one statement that is known to read only: no write, lock, side effect, or unknown function.

    It may still run for ever (`recursive`), and what it reads may be none of the caller's business.
    """
    if len(statements) != 1:
        return False
    one = statements[0]
    harmless = HARMLESS | {"unparsed"} if one.kind == "show" else HARMLESS  # no dialect's SHOW writes
    return one.kind in ("select", "show") and not one.opaque and not one.writes and one.flags <= harmless
