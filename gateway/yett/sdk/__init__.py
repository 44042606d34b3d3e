"""Putting Yett in front of tools: clients of a running gateway, and a decorator for functions.

    from yett.sdk import Client, guard

    gateway = Client("/run/yett/yett.sock", token)

    @guard.tool(gateway)
    def send_mail(to: str, body: str) -> None: ...

`Client` and `AsyncClient` have the face of `yett.Gateway`; `guard.tool` takes any of the three.
"""

from yett.sdk import guard
from yett.sdk.aclient import AsyncClient
from yett.sdk.client import Client
from yett.sdk.errors import Denied, Held, TransportError, Unreported

__all__ = ["AsyncClient", "Client", "Denied", "Held", "TransportError", "Unreported", "guard"]
