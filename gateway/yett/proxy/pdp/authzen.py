"""OpenID AuthZEN Authorization API 1.0: `/access/v1/evaluation`, `/access/v1/evaluations`.

Who does what on what becomes a call. If the resource is a tool (`type` "tool"), its id is the tool's name,
`properties.server` its server, and the arguments are `context.arguments` or `action.properties.arguments`.
Otherwise the action's name is the tool's name, and subject, resource, action properties and context are its
arguments, so that a policy can speak of `args.resource.id`.

The decision is true for `allow` alone; a held call is false and its context names the approval request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from yett.errors import InvalidCall, YettError
from yett.model import Decision, Identity, Json
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
from yett.sdk.decider import explain

TOOL_TYPES = ("tool", "mcp_tool", "mcp:tool")
MAX_EVALUATIONS = 100
SEMANTICS = ("execute_all", "deny_on_first_deny", "permit_on_first_permit")

_ENTITY: Final = {
    "type": "object",
    "properties": {"type": {"type": "string"}, "id": {"type": "string"}, "properties": {"type": "object"}},
    "required": ["type", "id"],
}
_PARTS: Final[dict[str, Json]] = {
    "subject": _ENTITY,
    "action": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "properties": {"type": "object"}},
        "required": ["name"],
    },
    "resource": _ENTITY,
    "context": {"type": "object"},
}
_EVALUATION: Final[dict[str, Json]] = {"type": "object", "properties": _PARTS}
_SEVERAL: Final = {"type": "array", "items": _EVALUATION, "maxItems": MAX_EVALUATIONS}
_OPTIONS: Final = {"type": "object", "properties": {"evaluations_semantic": {"enum": [*SEMANTICS]}}}
_EXAMPLE: Final = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "call"},
    "resource": {"type": "tool", "id": "send_money"},
    "context": {"arguments": {"recipient": "DE89370400440532013000", "cents": 1200}},
}


def routes(gateway: Any, authenticate: Authenticate) -> list[Door]:
    """The endpoints and their discovery document (section 9)."""

    async def evaluation(request: Request) -> Response:
        identity = asker(authenticate(request.scope["headers"]))
        return _answer(request, await _evaluate(gateway, identity, await object_of(request)))

    async def evaluations(request: Request) -> Response:
        identity = asker(authenticate(request.scope["headers"]))
        body = await object_of(request)
        given = body.get("evaluations")
        if not given:
            # Section 7.1: without an array of evaluations, this is the single evaluation's endpoint.
            return _answer(request, await _evaluate(gateway, identity, body))
        if not isinstance(given, list) or len(given) > MAX_EVALUATIONS:
            raise InvalidCall("BAD_REQUEST", f"evaluations are not a list of up to {MAX_EVALUATIONS}")
        # Each further one counts as a request of this credential.
        headers = request.scope["headers"]
        answers = await _all(gateway, identity, body, given, lambda: authenticate(headers))
        return _answer(request, {"evaluations": answers})

    async def configuration(request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return reply(
            {
                "policy_decision_point": base,
                "access_evaluation_endpoint": f"{base}/access/v1/evaluation",
                "access_evaluations_endpoint": f"{base}/access/v1/evaluations",
            }
        )

    return [
        Door(
            "/access/v1/evaluation",
            guarded(evaluation),
            "AuthZEN: one evaluation",
            reads={**_EVALUATION, "required": ["subject", "action", "resource"]},
            example=_EXAMPLE,
        ),
        Door(
            "/access/v1/evaluations",
            guarded(evaluations),
            "AuthZEN: several evaluations",
            reads={**_EVALUATION, "properties": {**_PARTS, "evaluations": _SEVERAL, "options": _OPTIONS}},
            example={**_EXAMPLE, "evaluations": [{"action": {"name": "can_read"}}]},
        ),
        Door(
            "/.well-known/authzen-configuration",
            guarded(configuration),
            "AuthZEN: where the endpoints are",
            methods=["GET"],
        ),
    ]


async def _all(
    gateway: Any, identity: Identity, body: dict[str, Any], given: list[Any], again: Callable[[], Identity]
) -> list[Json]:
    options = body.get("options") or {}
    semantic = options.get("evaluations_semantic", "execute_all") if isinstance(options, dict) else None
    if semantic not in SEMANTICS:
        raise InvalidCall("BAD_REQUEST", "unknown evaluations_semantic", path="/options/evaluations_semantic")
    defaults: dict[str, Any] = {
        key: body[key] for key in ("subject", "action", "resource", "context") if key in body
    }
    answers: list[Json] = []
    for one in given:
        try:
            if answers:
                again()
            if not isinstance(one, dict):
                raise InvalidCall("BAD_REQUEST", "an evaluation is not an object")
            answer = await _evaluate(gateway, identity, {**defaults, **one})
        except YettError as error:
            answer = {"decision": False, "context": {"error": {"status": 400, "message": str(error)}}}
        answers.append(answer)
        if semantic == "deny_on_first_deny" and not answer["decision"]:
            break
        if semantic == "permit_on_first_permit" and answer["decision"]:
            break
    return answers


async def _evaluate(gateway: Any, identity: Identity, body: dict[str, Any]) -> dict[str, Any]:
    subject = _entity(body, "subject", "id")
    action = _entity(body, "action", "name")
    resource = _entity(body, "resource", "id")
    for entity, where in ((subject, "subject"), (resource, "resource")):
        if not isinstance(entity.get("type"), str) or not entity["type"]:
            raise InvalidCall("BAD_REQUEST", f"the {where} has no type", path=f"/{where}/type")
    context = body.get("context", {})
    if not isinstance(context, dict):
        raise InvalidCall("BAD_REQUEST", "the context is not an object", path="/context")
    who = on_behalf_of(identity, subject["id"])
    tool, server, arguments = _call(subject, action, resource, context)
    decision = await judged(
        gateway, who, tool, arguments, server=server, session=text_in(context, "session", "/context")
    )
    return {"decision": decision.allowed, "context": _context(decision, tool)}


def _call(
    subject: dict[str, Any], action: dict[str, Any], resource: dict[str, Any], context: dict[str, Any]
) -> tuple[str, str | None, Json]:
    if resource["type"] not in TOOL_TYPES:
        arguments = {"subject": subject, "resource": resource}
        if action.get("properties"):
            arguments["action"] = action["properties"]
        if context:
            arguments["context"] = context
        return action["name"], None, arguments
    places = [each["arguments"] for each in (context, action.get("properties", {})) if "arguments" in each]
    if len(places) > 1:
        raise InvalidCall("BAD_REQUEST", "the arguments stand in two places", path="/context/arguments")
    server = text_in(resource.get("properties", {}), "server", "/resource/properties")
    return resource["id"], server or None, places[0] if places else {}


def _context(decision: Decision, tool: str) -> dict[str, Json]:
    said = about(decision)
    if not decision.allowed:
        said["reason_admin"] = {
            "en": "; ".join(f"{reason.code}: {reason.message}" for reason in decision.reasons)
        }
        said["reason_user"] = {"en": explain(decision, tool)}
    return said


def _entity(body: dict[str, Any], name: str, key: str) -> dict[str, Any]:
    entity = body.get(name)
    if not isinstance(entity, dict) or not isinstance(entity.get(key), str) or not entity[key]:
        raise InvalidCall("BAD_REQUEST", f"the {name} has no {key}", path=f"/{name}/{key}")
    if not isinstance(entity.get("properties", {}), dict):
        raise InvalidCall("BAD_REQUEST", "the properties are not an object", path=f"/{name}/properties")
    return entity


def _answer(request: Request, value: Json) -> Response:
    # Section 10.1.3: a request's identifier comes back with its answer.
    identifier = request.headers.get("x-request-id", "")
    echo = (
        {"x-request-id": identifier}
        if identifier.isascii() and identifier.isprintable() and identifier
        else {}
    )
    return reply(value, headers={**echo, "cache-control": "no-store"})
