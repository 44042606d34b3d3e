"""OPA's data API, for products that already ask an OPA: `POST /v1/data/yett/allow`, `/v1/data/yett`.

`input` is a call (`tool`, `arguments`, `server`, `session`, `subject`); the result of `yett/allow` is a
boolean, of `yett` the whole decision. A document that does not exist is undefined, as in OPA: an answer
without `result`, which every client takes for no.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from yett.errors import InvalidCall
from yett.model import Decision
from yett.proxy.pdp.asking import (
    Authenticate,
    Door,
    about,
    asker,
    guarded,
    judged,
    object_of,
    on_behalf_of,
    reply,
    text_in,
)

_TEXT: Final = {"type": "string"}
_INPUT: Final = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("tool", "server", "session", "subject", "prompt"), _TEXT),
        "arguments": {"type": "object"},
    },
    "required": ["tool"],
}


def routes(gateway: Any, authenticate: Authenticate) -> list[Door]:
    """The data API's one package."""

    async def data(request: Request) -> Response:
        identity = asker(authenticate(request.scope["headers"]))
        given = (await object_of(request)).get("input")
        path = request.path_params["path"].strip("/")
        if path not in ("yett", "yett/allow", "yett/effect", "yett/decision"):
            return reply({})
        if not isinstance(given, dict) or not isinstance(given.get("tool"), str):
            raise InvalidCall("BAD_REQUEST", "the input names no tool", path="/input/tool")
        subject = text_in(given, "subject", "/input")
        decision = await judged(
            gateway,
            on_behalf_of(identity, subject) if subject else identity,
            given["tool"],
            given.get("arguments", {}),
            server=text_in(given, "server", "/input") or None,
            session=text_in(given, "session", "/input"),
            prompt=text_in(given, "prompt", "/input") or None,
        )
        return reply({"result": _document(decision, path), "decision_id": decision.decision_id})

    return [
        Door(
            "/v1/data/{path:path}",
            guarded(data),
            "OPA's data API: `yett/allow`, `yett/effect`, `yett/decision`",
            reads={"type": "object", "properties": {"input": _INPUT}, "required": ["input"]},
            example={"input": {"tool": "shell", "arguments": {"command": "ls"}}},
            named="/v1/data/yett/{document}",
        )
    ]


def _document(decision: Decision, path: str) -> Any:
    if path == "yett/allow":
        return decision.allowed
    if path == "yett/effect":
        return decision.effect.value
    if path == "yett/decision":
        return about(decision)
    return {"allow": decision.allowed, "effect": decision.effect.value, "decision": about(decision)}
