"""Yett: a gate between AI agents and their tools.

    from yett import Gateway, guard

    gateway = Gateway.open(policy="policy.yaml", state="yett-state")

    @guard.tool(gateway)
    def send_mail(to: str, subject: str, body: str) -> str: ...

`Gateway` judges in this process; `Client` and `AsyncClient` ask a sidecar (`yett serve`). All three have the
same `decide`, `report` and `open_session`. `guard.tool` wraps a function so that it runs only if allowed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yett.errors import YettError
    from yett.gateway import Gateway
    from yett.model import Decision, Effect, Identity, Outcome, ToolCall
    from yett.sdk import AsyncClient, Client, Denied, Held, guard

__all__ = [
    "AsyncClient",
    "Client",
    "Decision",
    "Denied",
    "Effect",
    "Gateway",
    "Held",
    "Identity",
    "Outcome",
    "ToolCall",
    "YettError",
    "guard",
]

__version__ = "0.1.0"

# Names are loaded when asked for: a coding agent's hook imports this package and has milliseconds.
_HOMES = {
    "AsyncClient": "yett.sdk",
    "Client": "yett.sdk",
    "Decision": "yett.model",
    "Denied": "yett.sdk",
    "Effect": "yett.model",
    "Gateway": "yett.gateway",
    "Held": "yett.sdk",
    "Identity": "yett.model",
    "Outcome": "yett.model",
    "ToolCall": "yett.model",
    "YettError": "yett.errors",
    "guard": "yett.sdk",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'yett' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
