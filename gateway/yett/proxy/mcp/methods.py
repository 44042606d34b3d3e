"""Which protocol versions and methods there are, and what of a request is judged."""

from __future__ import annotations

from typing import Final

from yett.model import Json
from yett.proxy.mcp import wire
from yett.proxy.mcp.catalogue import PSEUDO_TOOLS

HANDSHAKE_VERSIONS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSIONS: Final = ("2026-07-28",)
VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
UNSUPPORTED_VERSION: Final = -32022

JUDGED: Final = frozenset({"tools/call", *PSEUDO_TOOLS})
PASSED_TO_SERVER: Final = frozenset(
    {
        "initialize", "ping", "server/discover", "logging/setLevel", "completion/complete", "tools/list",
        "prompts/list", "resources/list", "resources/templates/list", "resources/subscribe",
        "resources/unsubscribe", "subscriptions/listen", "tasks/get", "tasks/list", "tasks/result", "tasks/cancel",
    }
)  # fmt: skip


def version_of(request: wire.Request) -> str | None:
    """The protocol version a stateless request names; "" if it names none that is text."""
    meta = request.params.get("_meta")
    if not isinstance(meta, dict) or VERSION_KEY not in meta:
        return None
    version = meta[VERSION_KEY]
    return version if isinstance(version, str) else ""


def to_judge(message: wire.Message) -> tuple[str, dict[str, Json]] | None:
    """Tool name and arguments of a message, None of one that runs nothing: an answer, a notification, a list.

    Raises:
        WireError: nobody knows what it would do, or it can't be read.
    """
    if isinstance(message, wire.Response):
        return None
    # A call without an id is a call all the same: only what is called a notification is one.
    if isinstance(message, wire.Notification) and message.method.startswith("notifications/"):
        return None
    if isinstance(message, wire.Request) and message.method in PASSED_TO_SERVER:
        return None
    if message.method not in JUDGED or not isinstance(message, wire.Request):
        raise wire.WireError(wire.METHOD_NOT_FOUND, "this gateway does not know the method")
    return judged_part(message)


def judged_part(request: wire.Request) -> tuple[str, dict[str, Json]]:
    """Tool name and arguments as the gate sees them.

    Answers to a server's questions travel beside the arguments (2026-07-28, multi round-trip requests) and
    reach the tool just the same, so they are judged as one more argument, `inputResponses`.
    """
    params = request.params
    if request.method == "resources/read":
        tool, arguments = request.method, {"uri": params.get("uri")}
    else:
        name = params.get("name")
        if not isinstance(name, str) or not name:
            raise wire.WireError(wire.INVALID_PARAMS, "the name is not a string", request.id)
        given = params.get("arguments", {})
        if not isinstance(given, dict):
            raise wire.WireError(wire.INVALID_PARAMS, "the arguments are not an object", request.id)
        tool, arguments = name, given
        if request.method == "prompts/get":
            tool, arguments = request.method, {"name": name, "arguments": given}
    if "inputResponses" in params:
        if "inputResponses" in arguments:
            raise wire.WireError(wire.INVALID_PARAMS, "inputResponses stand twice", request.id)
        arguments = {**arguments, "inputResponses": params["inputResponses"]}
    return tool, arguments
