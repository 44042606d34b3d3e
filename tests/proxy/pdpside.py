"""A scripted gateway and its credentials, for tests of the doors that other products ask at."""

from __future__ import annotations

from typing import Any

from yett.errors import Unauthorized
from yett.model import Decision, Identity, Outcome, ToolCall
from yett.sdk.scripted import ScriptedDecider

ROLES = {"agent": "agent", "pep": "operator", "auditor": "auditor"}


class Gateway:
    """A scripted gateway that remembers for whom it judged."""

    def __init__(self, **script: Any) -> None:
        self.decider = ScriptedDecider(**script)
        self.who: list[Identity | None] = []

    async def adecide(self, call: ToolCall, identity: Identity | None = None) -> Decision:
        self.who.append(identity)
        return self.decider.decide(call)

    async def areport(self, outcome: Outcome, identity: Identity | None = None) -> None:
        self.decider.report(outcome)

    def open_session(self, **_: Any) -> str:
        return self.decider.open_session()


def authenticate(headers: list[tuple[bytes, bytes]]) -> Identity:
    given = [value.decode() for name, value in headers if name == b"authorization"]
    if len(given) != 1 or given[0].removeprefix("Bearer ") not in ROLES:
        raise Unauthorized("TOKEN_UNKNOWN", "the token is not known here")
    name = given[0].removeprefix("Bearer ")
    return Identity(principal=name, agent=name, role=ROLES[name], credential=name)
