"""What a client is told in place of a result, and what of a result goes on record."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import re2

from yett import canonical
from yett.errors import InvalidCall
from yett.model import Decision, Json
from yett.proxy.mcp import wire
from yett.proxy.mcp.framing import TooLong

META: Final = "dev.yett/decision"
"""Key in `_meta` under which a program finds the decision that refused its call."""
_ID_AT_EDGE = re2.compile(rb'"id"\s?:\s?(-?[0-9]{1,16}|"[A-Za-z0-9_.:\-]{1,20}")\s?[,}]')


def refusal(
    request: wire.Request, text: str, decision: Decision | None = None, *, as_error: bool = False
) -> bytes:
    """The answer to a judged request that did not run.

    A tool call gets a result with `isError`, because that is what a model is shown; a protocol error would
    end in the client's log. Resources and prompts have no such form and get an error, as everything does where
    no result can be given (`as_error`).
    """
    about = _about(decision)
    if as_error or request.method != "tools/call":
        return wire.error(request.id, wire.REFUSED, text, about)
    body = tool_error(text)
    if about is not None:
        body["_meta"] = {META: about}
    meta = request.params.get("_meta")
    if isinstance(meta, dict) and "io.modelcontextprotocol/protocolVersion" in meta:
        body["resultType"] = "complete"
    return wire.result(request.id, body)


def tool_error(text: str) -> dict[str, Any]:
    """A `CallToolResult` that says what went wrong."""
    return {"content": [{"type": "text", "text": text}], "isError": True}


def recordable(result: Json) -> Json:
    """The result as the gate can take it: numbers outside its domain become their text, half characters `?`."""
    try:
        return canonical.check(result)
    except InvalidCall:
        return _plain(result)


def error_text(error: dict[str, Json] | None) -> str | None:
    """A JSON-RPC error as a text: clients show it to their model like a result."""
    if error is None:
        return None
    more = json.dumps(error["data"], ensure_ascii=False) if "data" in error else ""
    return f"{error.get('code')}: {error.get('message')} {more}".rstrip()


def id_at_the_ends(line: TooLong) -> wire.Id | None:
    """The id in an oversized answer, if it stands where SDKs write it: in the first or last bytes."""
    for edge in (line.head[:128], line.tail[-128:]):
        for match in re2.finditer(_ID_AT_EDGE, edge):
            value: wire.Id = msgspec.json.decode(match.group(1))
            return value
    return None


def _about(decision: Decision | None) -> dict[str, Json] | None:
    if decision is None:
        return None
    return {
        "effect": decision.effect.value,
        "decision_id": decision.decision_id,
        "approval": decision.approval,
        "reasons": [
            {"stage": reason.stage, "code": reason.code, "rule": reason.rule, "path": reason.path}
            for reason in decision.reasons
        ],
    }


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        return {_whole(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, bool) or value is None:
        return value
    try:
        return canonical.check(value)
    except InvalidCall:
        return repr(value)


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
