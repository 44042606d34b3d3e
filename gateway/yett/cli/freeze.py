"""`yett freeze` and `yett thaw`: stop a session, an agent, a principal or everything; and let it go on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yett.cli.remote import Gateway, State, TokenFile, reach, say

_Scope = Annotated[str, typer.Argument(help="all, tenant:T, principal:T/P, agent:T/P/A or session:ID.")]
_Reason = Annotated[str, typer.Option(help="Why, for the record.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("freeze")(freeze)
    app.command("thaw")(thaw)


def freeze(
    scope: _Scope = "",
    reason: _Reason = "",
    gateway: Gateway = None,
    token_file: TokenFile = None,
    state: State = Path("state"),
) -> None:
    """Deny everything in a scope from now on; without a scope, list what is frozen."""
    client = reach(gateway, token_file, state)
    try:
        if not scope:
            say(client.request("GET", "/v1/freezes"))
        else:
            say(client.request("POST", "/v1/freezes", {"scope": scope, "reason": reason}))
    finally:
        client.close()


def thaw(
    scope: _Scope,
    reason: _Reason = "",
    gateway: Gateway = None,
    token_file: TokenFile = None,
    state: State = Path("state"),
) -> None:
    """Let a frozen scope go on; only an operator may."""
    client = reach(gateway, token_file, state)
    try:
        say(client.request("POST", "/v1/freezes/lift", {"scope": scope, "reason": reason}))
    finally:
        client.close()
