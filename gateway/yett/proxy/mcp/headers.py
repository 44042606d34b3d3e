"""Streamable HTTP's routing headers must say what the body says (MCP 2026-07-28, header/body match).

Load balancers and filters act on `Mcp-Method` and `Mcp-Name` without reading the body; a request whose
headers and body differ would be two requests. They are required once a request names the stateless protocol
in its `_meta`, and where a client of the older protocols sends them, they must be right all the same.
"""

from __future__ import annotations

import base64
import binascii

from yett.proxy.mcp import wire
from yett.proxy.mcp.methods import MODERN_VERSIONS, VERSION_KEY

HEADER_MISMATCH = -32020
NAMES = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def mismatch(headers: list[tuple[bytes, bytes]], message: wire.Message) -> str | None:
    """What disagrees, or None."""
    if isinstance(message, wire.Response):
        return None
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in (b"mcp-protocol-version", b"mcp-method", b"mcp-name"):
            if name in found:
                return f"the header {name.decode()} stands twice"
            found[name] = value
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
