"""Putting Yett in front of tools: clients of a running gateway, and a decorator for functions.

    from yett.sdk import Client, guard

    gateway = Client("/run/yett/yett.sock", token)

    @guard.tool(gateway)
    def send_mail(to: str, body: str) -> None: ...

`Client` and `AsyncClient` have the face of `yett.Gateway`; `guard.tool` takes any of the three. Tools that
want the gateway's signed word themselves use `PermitChecker` or `verify_permit`.
"""

from typing import TYPE_CHECKING, Any

from yett.sdk import guard
from yett.sdk.aclient import AsyncClient
from yett.sdk.client import Client
from yett.sdk.errors import Denied, Held, TransportError, Unreported

if TYPE_CHECKING:
    from yett.sdk.permits import PermitChecker, verify_permit

__all__ = [
    "AsyncClient",
    "Client",
    "Denied",
    "Held",
    "PermitChecker",
    "TransportError",
    "Unreported",
    "guard",
    "verify_permit",
]


def __getattr__(name: str) -> Any:
    # Permits need the ledger's signatures; a client that checks none does not load them.
    if name in ("PermitChecker", "verify_permit"):
        from yett.sdk import permits

        return getattr(permits, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
