"""A real sidecar around a real gateway, in a thread of the test process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path
from typing import Any

from waiting import until
from yett.gateway import Gateway
from yett.sdk import Client
from yett.serve.app import no_doors
from yett.serve.auth import FILE_NAME, Credentials
from yett.serve.run import Server, assemble, bind
from yett.serve.settings import Settings

POLICY = """
policy: test
tools:
  ping: {does: [read], open: true}
  fetch: {does: [read], open: true, result: {trust: untrusted}}
  pay:
    does: [pay]
    args:
      to: {role: target, type: string}
      amount: {role: amount, type: integer}
rules:
  - id: ping
    allow: ping
  - id: fetch
    allow: fetch
  - id: small
    allow: pay
    when: args.amount <= 100 and args.to == "bob"
  - id: large
    hold: pay
    when: args.amount > 100 and args.to == "bob"
    approvers: [treasury]
"""


class Living:
    """Start with `start()`; tokens are made with `client(role)`."""

    def __init__(self, folder: Path, policy: str = POLICY, doors: Any = no_doors, **settings: Any) -> None:
        self.folder = folder
        self.doors = doors
        (folder / "policy.yaml").write_text(policy)
        self.settings = Settings(
            policy=(folder / "policy.yaml",),
            state=folder / "state",
            socket=folder / "yett.sock",
            port=settings.pop("port", None),
            **settings,
        )
        self.gateway: Any = None
        self.keys = Credentials(self.settings.state / FILE_NAME, clock=lambda: time.time_ns() // 1_000_000)
        self._clients: list[Client] = []

    def start(self) -> None:
        self.gateway = Gateway.open(self.settings.policy, self.settings.state)
        self._sockets = bind(self.settings)
        self.ports = [
            sock.getsockname()[1] for sock in self._sockets if isinstance(sock.getsockname(), tuple)
        ]
        self.sidecar = assemble(self.gateway, self.settings, self.doors)
        self._server = Server(self.settings, self.sidecar, self.gateway)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve(self._sockets)), daemon=True
        )
        self._thread.start()
        until(lambda: self._server.started, self._thread.is_alive)

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(timeout=120)
        self.gateway.close()
        with contextlib.suppress(FileNotFoundError):
            self.settings.socket.unlink()

    def token(self, role: str, principal: str = "ann", agent: str = "coder", **more: Any) -> str:
        return self.keys.create(role, principal, agent, **more)[1]

    def client(self, role: str, principal: str = "ann", agent: str = "coder", **more: Any) -> Client:
        client = Client(str(self.settings.socket), self.token(role, principal, agent, **more), timeout=60)
        self._clients.append(client)
        return client
