"""One call of one tool, made as an MCP client makes it: `yett mcp call`.

The proxy runs in a thread with two pipes for its standard input and output, so that what is tried is the
very thing a client's configuration starts. This end introduces itself, offers nothing (any request of the
server is answered with "method not found"), calls, and hangs up.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, Final

import msgspec

from yett.errors import YettError
from yett.model import Json
from yett.proxy.mcp import wire

VERSION: Final = "2025-11-25"
LARGEST: Final = 16 << 20
"""Bytes of one message of the proxy, which bounds those of the server."""


def attempt(proxy: Callable[..., int], tool: str, arguments: dict[str, Json]) -> dict[str, Any]:
    """The result of `tools/call`.

    Args:
        proxy: runs the proxy on the file descriptors `client_in` and `client_out` until one side leaves.

    Raises:
        YettError: MCP_FAILED, the server answered with an error or not at all; or the proxy does not start.
    """
    proxy_in, to_proxy = os.pipe()
    from_proxy, proxy_out = os.pipe()

    def run() -> int:
        try:
            return proxy(client_in=proxy_in, client_out=proxy_out)
        finally:
            os.close(proxy_in)
            os.close(proxy_out)

    with ThreadPoolExecutor(1) as pool, os.fdopen(from_proxy, "rb") as answers:
        running = pool.submit(run)
        try:
            with os.fdopen(to_proxy, "wb", buffering=0) as questions:
                return _talk(questions, answers, tool, arguments)
        except (YettError, OSError) as error:
            running.result()  # a proxy that could not start says why better than its silence does
            if isinstance(error, OSError):
                raise YettError("MCP_FAILED", f"the proxy hung up ({type(error).__name__})") from None
            raise


def shown(result: dict[str, Any]) -> str:
    """What a result says, for a terminal: nothing in it can move the cursor."""
    try:
        text = "\n".join(block["text"] for block in result["content"]) or "(nothing)"
    except (KeyError, TypeError):
        text = msgspec.json.encode(result).decode()  # something else than text
    return "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text
    )


def _talk(questions: BinaryIO, answers: BinaryIO, tool: str, arguments: dict[str, Json]) -> dict[str, Any]:
    hello: dict[str, Json] = {
        "protocolVersion": VERSION,
        "capabilities": {},
        "clientInfo": {"name": "yett mcp call", "version": "1"},
    }
    _ask(questions, answers, 1, "initialize", hello)
    questions.write(wire.write({"jsonrpc": "2.0", "method": "notifications/initialized"}) + b"\n")
    return _ask(questions, answers, 2, "tools/call", {"name": tool, "arguments": arguments})


def _ask(
    questions: BinaryIO, answers: BinaryIO, id: int, method: str, params: dict[str, Json]
) -> dict[str, Any]:
    question: dict[str, Json] = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
    questions.write(wire.write(question) + b"\n")
    while line := answers.readline(LARGEST):
        message = wire.read(line.rstrip(b"\n"), max_bytes=LARGEST, judged=False)
        if isinstance(message, wire.Request):
            refusal = wire.error(message.id, wire.METHOD_NOT_FOUND, "this client offers nothing")
            questions.write(refusal + b"\n")
        elif isinstance(message, wire.Response) and message.id == id:
            if message.result is None:
                text = (message.error or {}).get("message")
                raise YettError("MCP_FAILED", f"{method}: {text}")
            return message.result
    raise YettError("MCP_FAILED", "the server left without an answer", remedy="run its command by itself")
