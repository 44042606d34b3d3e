"""The MCP proxy as a target of the conformance kit: client, proxy and server in one process, over real pipes."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from yett.proxy.mcp.catalogue import Catalogue, Unpinned
from yett.proxy.mcp.core import Session
from yett.proxy.stdio import StdioProxy
from yett.sdk.client import Client
from yett.sdk.conformance import ARGUMENTS, CLIENT_TIMEOUT, TOOL, Counter, counted
from yett.sdk.decider import wall_clock

_SERVER = """
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    r = {"content": [{"type": "text", "text": json.dumps(m["params"]["arguments"])}]}
    print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": r}), flush=True)
"""
"""Echoes the arguments it was called with: what comes back as a result has run."""


def _stdio(tool: Counter, address: str, token: str) -> object:
    """One call of a client whose server is a real process; a result that is no error means that it ran."""
    to_proxy, from_proxy = os.pipe(), os.pipe()
    with Client(address, token, timeout=CLIENT_TIMEOUT) as client:
        core = Session("bank", "", Catalogue(Unpinned("bank"), lambda _: True, wall_clock), clock=wall_clock)
        command = [sys.executable, "-I", "-S", "-c", _SERVER]
        proxy = StdioProxy(
            core, client, command, client_in=to_proxy[0], client_out=from_proxy[1], note=lambda _: None
        )
        running = threading.Thread(target=proxy.run)
        running.start()
        params = {"name": TOOL, "arguments": ARGUMENTS}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        os.write(to_proxy[1], json.dumps(call).encode() + b"\n")
        with os.fdopen(from_proxy[0], "rb") as answers:
            answer: dict[str, Any] = json.loads(answers.readline())
            os.close(to_proxy[1])
            running.join()
            os.close(from_proxy[1])
        os.close(to_proxy[0])
    result = answer.get("result", {})
    if result and not result.get("isError"):
        tool(**json.loads(result["content"][0]["text"]))
    return answer


stdio = counted(_stdio)
