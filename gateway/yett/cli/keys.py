"""`yett keys`: the tokens of agents, approvers, operators, auditors and watchers."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from yett.cli.options import State
from yett.cli.words import milliseconds, say_line
from yett.clock import wall_clock

if TYPE_CHECKING:
    from yett.serve.auth import Credentials


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    keys = typer.Typer(no_args_is_help=True, help="Create, list and revoke bearer tokens.")
    app.add_typer(keys, name="keys")

    @keys.command()
    def create(
        role: Annotated[str, typer.Option(help="agent, approver, operator, auditor or watcher.")] = "agent",
        principal: Annotated[str, typer.Option(help="Who the holder acts for.")] = "local",
        agent: Annotated[str, typer.Option(help="The holder's own name.")] = "agent",
        tenant: Annotated[str, typer.Option(help="Whose state it belongs to.")] = "default",
        group: Annotated[list[str], typer.Option(help="Approver group; repeat for more.")] = [],  # noqa: B006
        expires: Annotated[str, typer.Option(help="Lifetime: 90m, 12h, 30d; empty = until revoked.")] = "",
        per_minute: Annotated[int | None, typer.Option(help="Its own rate limit.", min=1)] = None,
        out: Annotated[Path | None, typer.Option(help="Write the token here, mode 0600, instead.")] = None,
        state: State = Path("state"),
    ) -> None:
        """Create a token and print it, once: only its hash is kept."""
        lifetime_ms = milliseconds(expires) if expires else None
        # Before the token exists: one that could not be handed over would be known to nobody, and valid.
        file = None if out is None else _private(out)
        try:
            credential, token = _open(state).create(
                role,
                principal,
                agent,
                tenant=tenant,
                groups=tuple(group),
                lifetime_ms=lifetime_ms,
                per_minute=per_minute,
            )
        except BaseException:
            if out is not None:
                out.unlink()
            raise
        if file is None:
            typer.echo(token)
            return
        with file:
            file.write(token + "\n")
        typer.echo(f"{credential.id} written to {out}")

    @keys.command("list")
    def list_(state: State = Path("state")) -> None:
        """List the credentials, one a line: id, role, tenant, principal, agent, groups, standing."""
        known = _open(state).all()
        if not known:
            typer.echo(f"no credentials in {state}", err=True)
        for credential in known:
            standing = "revoked" if credential.revoked is not None else _until(credential.expires)
            columns = (
                credential.id,
                credential.role,
                credential.tenant,
                credential.principal,
                credential.agent,
                ",".join(credential.groups) or "-",
                standing,
            )
            say_line("  ".join(columns))

    @keys.command()
    def revoke(identifier: str, state: State = Path("state")) -> None:
        """Revoke a token by its id (the part between the underscores). It counts from the next request on."""
        credential = _open(state).revoke(identifier)
        typer.echo(f"{credential.id} revoked")


def _private(path: Path) -> TextIO:
    from yett.errors import YettError

    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w")
    except OSError as error:
        remedy = "name a file that is not there yet, in a folder that is"
        raise YettError("CANNOT_WRITE", f"{error.strerror}", path=str(path), remedy=remedy) from None


def _open(state: Path) -> Credentials:
    from yett.serve.auth import FILE_NAME, Credentials

    return Credentials(state / FILE_NAME, clock=wall_clock)


def _until(expires: int | None) -> str:
    if expires is None:
        return "valid"
    return "until " + datetime.fromtimestamp(expires / 1000, UTC).isoformat(timespec="seconds")
