"""The HTTP tool proxy around a scripted gateway, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.testclient import TestClient

from yett.errors import Unauthorized
from yett.model import Decision, Identity, Outcome, ToolCall
from yett.proxy.config import ProxyConfig
from yett.proxy.doors import routes
from yett.sdk.scripted import ScriptedDecider


class Gateway:
    def __init__(self, **script: Any) -> None:
        self.decider = ScriptedDecider(**script)

    async def adecide(self, call: ToolCall, identity: Identity | None = None) -> Decision:
        return self.decider.decide(call)

    async def areport(self, outcome: Outcome, identity: Identity | None = None) -> None:
        self.decider.report(outcome)

    def open_session(self, **_: Any) -> str:
        return self.decider.open_session()

    def visible(self, tool: str, server: str | None = None) -> bool:
        return self.decider.visible(tool, server)


def authenticate(headers: list[tuple[bytes, bytes]]) -> Identity:
    if (b"authorization", b"Bearer agent") not in headers:
        raise Unauthorized("TOKEN_UNKNOWN", "no")
    return Identity(principal="p", agent="a", credential="c")


class Proxy:
    def __init__(
        self, tmp: Path, tools: dict[str, Any], commands: Any = None, servers: Any = None, **script: Any
    ) -> None:
        self.gateway = Gateway(**(script or {"allow": ["*"]}))
        value = {"tools": tools, "commands": commands or {}, "mcpServers": servers or {}}
        config = msgspec.convert(value, ProxyConfig)
        app = Starlette(routes=routes(self.gateway, authenticate, config, tmp))
        self.client = TestClient(app, headers={"authorization": "Bearer agent"})

    def call(self, tool: str, **arguments: Any) -> Any:
        return self.client.post(f"/proxy/{tool}", json={"arguments": arguments})

    @property
    def calls(self) -> list[ToolCall]:
        return self.gateway.decider.calls

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(told.decision_id, told.status) for told in self.gateway.decider.outcomes]
