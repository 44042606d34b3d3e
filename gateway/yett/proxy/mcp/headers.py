"""Streamable HTTP's routing headers must say what the body says (MCP 2026-07-28, header/body match).

Load balancers and filters act on `Mcp-Method` and `Mcp-Name` without reading the body; a request whose
headers and body differ would be two requests. They are required once a request names the stateless protocol
in its `_meta`, and where a client of the older protocols sends them, they must be right all the same. So must
what a client mirrors of the arguments (`Mcp-Param-…`), and no charset may make the body another text.
"""

from __future__ import annotations

import base64
import binascii

from yett import canonical
from yett.model import Json
from yett.proxy.mcp import wire
from yett.proxy.mcp.methods import MODERN_VERSIONS, VERSION_KEY

HEADER_MISMATCH = -32020
NAMES = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_ONE_READING = ("utf-8", "utf8", "us-ascii")


def is_utf8(kind: str) -> bool:
    """Whether a body of this content type is UTF-8 for every reader.

    Servers decode a body by the charset that its sender names, and `+ACI-` is a quotation mark in UTF-7: the
    same bytes would be other arguments than were judged.
    """
    parts = (part.partition("=") for part in kind.lower().split(";")[1:])
    named = [value.strip().strip('"') for key, _, value in parts if key.strip() == "charset"]
    return kind.lower().count("charset") == len(named) and all(name in _ONE_READING for name in named)


def is_json(kinds: list[bytes]) -> bool:
    """Whether a request's content types are one, and JSON in UTF-8."""
    kind = kinds[0].decode("latin-1") if len(kinds) == 1 else ""
    return kind.partition(";")[0].strip().lower() == "application/json" and is_utf8(kind)


def mismatch(headers: list[tuple[bytes, bytes]], message: wire.Message) -> str | None:
    """What disagrees, or None."""
    if isinstance(message, wire.Response):
        return None
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        mirrored = name.startswith(b"mcp-param-")
        if mirrored or name in (b"mcp-protocol-version", b"mcp-method", b"mcp-name"):
            if name in found:
                return f"the header {name.decode()} stands twice"
            found[name] = value
        if mirrored and not _stands_in(message.params.get("arguments"), decoded(value)):
            return f"the header {name.decode()} is none of the arguments"
    meta = message.params.get("_meta")
    version = meta.get(VERSION_KEY) if isinstance(meta, dict) else None
    modern = version is not None
    said = found.get(b"mcp-protocol-version")
    if modern and (said is None or said.decode("latin-1") != version):
        return "the header mcp-protocol-version is not the request's version"
    if (
        not modern
        and said is not None
        and said.decode("latin-1") in MODERN_VERSIONS
        and isinstance(message, wire.Request)
    ):
        return "the header names the stateless protocol, the request does not"
    method = found.get(b"mcp-method")
    if (modern or method is not None) and (method or b"").decode("latin-1") != message.method:
        return "the header mcp-method is not the request's method"
    key = NAMES.get(message.method)
    named = found.get(b"mcp-name")
    if key is None or (named is None and not modern):
        return None
    if decoded(named) != message.params.get(key):
        return f"the header mcp-name is not the request's {key}"
    return None


def _stands_in(arguments: Json, said: str | None) -> bool:
    """Whether a mirrored value is one of the arguments'; which one, only the server's schema knows."""
    if isinstance(arguments, dict):
        return any(_stands_in(each, said) for each in arguments.values())
    if isinstance(arguments, bool | int | float):
        return said == canonical.encode(arguments).decode()
    return isinstance(arguments, str) and said == arguments


def decoded(value: bytes | None) -> str | None:
    """A header's value out of its base64 form, `=?base64?…?=`; None if that is malformed."""
    if value is None:
        return None
    text = value.decode("latin-1")
    if not (text.startswith("=?base64?") and text.endswith("?=")):
        return text
    payload = text[9:-2]
    try:
        data = base64.b64decode(payload, validate=True)
        if base64.b64encode(data).decode() != payload:
            return None
        return data.decode()
    except (binascii.Error, ValueError):
        return None
