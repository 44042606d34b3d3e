"""What a server asks of its client: to have its model say something, or its person fill something in.

Either puts the server's words before somebody who trusts them, so each is judged as a call of a tool of that
name (`sampling/createMessage`, `elicitation/create`) with the request's parameters as its arguments. Up to
2025-11-25 the question is a request of the server; since 2026-07-28 it stands in an answer that is not
complete yet (`inputRequests`), and is judged before that answer is shown.
"""

from __future__ import annotations

from typing import Final

import msgspec

from yett.model import Json
from yett.proxy.mcp import wire

ASKS: Final = frozenset({"sampling/createMessage", "elicitation/create"})
FREE: Final = frozenset({"ping", "roots/list"})
"""Nobody reads these: the client's program answers them."""
MOST: Final = 16
"""Questions in one answer."""


class Question(msgspec.Struct, frozen=True):
    """One that has to be judged."""

    method: str
    params: dict[str, Json]


def questions(result: dict[str, Json] | None) -> list[Question]:
    """Those in an answer that have to be judged.

    Raises:
        WireError: they can't be read, or ask for something unknown.
    """
    given = (result or {}).get("inputRequests")
    if given is None:
        return []
    if not isinstance(given, dict) or len(given) > MOST:
        raise wire.WireError(wire.INVALID_REQUEST, "the server's questions can't be read")
    found: list[Question] = []
    for one in given.values():
        method, params = (one.get("method"), one.get("params", {})) if isinstance(one, dict) else (None, None)
        if not isinstance(method, str) or method not in ASKS | FREE or not isinstance(params, dict):
            raise wire.WireError(wire.METHOD_NOT_FOUND, "the server asks for something unknown")
        if method in ASKS:
            found.append(Question(method, params))
    return found
