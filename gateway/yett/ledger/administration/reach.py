"""How far a credential reaches: an operator, watcher or auditor of a tenant, within it; of the `default` one, everywhere.

`default` is the tenant of whoever runs the gateway. Where there is only one tenant it is that one, and nothing
here is felt.
"""

from __future__ import annotations

from typing import Final

from yett.errors import Unauthorized
from yett.ledger.projection.state import State
from yett.model import Identity

HOST: Final = "default"
"""Tenant of whoever runs the gateway."""


def reaches(who: Identity, tenant: str) -> bool:
    """Whether what belongs to a tenant is any of this credential's business."""
    return who.tenant in (HOST, tenant)


def in_reach(state: State, who: Identity, scope: str) -> bool:
    """Whether the scope of a freeze or a revocation stays within the credential's tenant."""
    if who.tenant == HOST:
        return True
    kind, _, name = scope.partition(":")
    mine = False
    if kind in ("principal", "agent"):
        mine = name.startswith(who.tenant + "/")
    elif kind == "tenant":
        mine = name == who.tenant
    elif kind == "session":
        session = state.sessions.get(name)
        mine = session is not None and session.tenant == who.tenant
    elif kind == "mandate":
        mandate = state.mandates.get(name)
        mine = mandate is not None and mandate.tenant == who.tenant
    return mine


def require_scope(state: State, who: Identity, scope: str) -> None:
    """Raises:
    Unauthorized: NOT_YOUR_TENANT.
    """
    if not in_reach(state, who, scope):
        raise foreign()


def foreign() -> Unauthorized:
    """The refusal; the same whether the thing exists or not."""
    return Unauthorized(
        "NOT_YOUR_TENANT",
        "this reaches beyond the credential's tenant",
        remedy="ask an operator of the `default` tenant",
    )
