"""`yett ledger`: look into a state directory, and what it needs in years of use (docs/operating.md).

`replay` recomputes every session's state from the log and compares it with what each record states;
`rebuild` throws the projection away, so that the next start (or this command) takes it from the log;
`doubt` lists the uses of mandates of which nobody knows whether the call ran;
`disclose` shows that an argument had a value, to whoever has the log and `yett-verify disclose`;
`erase` destroys the key by which a principal's arguments could be shown;
`prune` removes what is older than a number of days from the log, on the record;
`rotate` appoints a new signing key;
`backup` copies it, beside a running gateway too; `restored` says that it is an old copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from yett.ledger.core import Core

State = Annotated[Path, typer.Argument(help="State directory of a gateway.", exists=True, file_okay=False)]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        help="Keep a state directory: back it up, prune its log, rotate its keys, replay and rebuild its state.",
        no_args_is_help=True,
    )
    group.command("backup")(backup)
    group.command("restored")(restored)
    group.command("prune")(prune)
    group.command("rotate")(rotate)
    group.command("replay")(replay)
    group.command("rebuild")(rebuild)
    group.command("doubt")(doubt)
    group.command("disclose")(disclose)
    group.command("erase")(erase)
    app.add_typer(group, name="ledger")


def backup(
    state: State,
    out: Annotated[Path, typer.Argument(help="Folder to make; its parent must exist.")],
) -> None:
    """Copy a state directory and verify the copy; works beside a running gateway. The copy holds every key."""
    from yett.ledger.administration.backup import backup as copy

    found = copy(state, out)
    typer.echo(f"{found.sealed} records of {found.origin} in {out}, {found.verdict}")


def restored(state: State) -> None:
    """Say that a state directory was put back from an older copy, before a gateway is started on it.

    The gateway then holds whatever acts until an operator has run `yett clear all`, and accepts no mandate issued
    before it was started. A copy made by `yett ledger backup` says this of itself.
    """
    from yett.ledger.administration.backup import mark_restored

    mark_restored(state)
    typer.echo("the next gateway on it holds what acts until `yett clear all`, and refuses older mandates")


def prune(
    state: State,
    keep: Annotated[str, typer.Option(help="What is younger stays: 90d, 400d.")],
    reason: Annotated[str, typer.Option(help="The rule it follows, for the record.")],
    archive: Annotated[Path | None, typer.Option(help="Folder to keep the removed files in.")] = None,
    by: Annotated[str, typer.Option(help="Who orders it, for the record.")] = "yett ledger prune",
) -> None:
    """Remove old segments from the log of a stopped gateway, on the record; the rest still proves itself."""
    from yett.cli.words import milliseconds
    from yett.ledger.administration.upkeep import retain

    with _opened(state) as core:
        found = retain(core, milliseconds(keep), by=by, reason=reason, archive=archive)
    if found.removed:
        typer.echo(f"{found.removed} records removed; the log now begins with record {found.first}")
    else:
        typer.echo("nothing removed: no whole segment of the log is that old")


def rotate(
    state: State,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    key: Annotated[
        Literal["log", "mandates"],
        typer.Option(
            help="The log's; or that of mandates and permits, which makes those signed so far void."
        ),
    ] = "log",
) -> None:
    """Appoint a new signing key in the log of a stopped gateway; the old one is destroyed."""
    from yett.ledger.administration.upkeep import rotate_ledger_key, rotate_log_key

    with _opened(state) as core:
        new = (rotate_log_key if key == "log" else rotate_ledger_key)(core, reason)
    typer.echo(f"the new public key is {new}")


@contextmanager
def _opened(state: Path) -> Iterator[Core]:
    import os

    from yett.clock import wall_clock
    from yett.ledger.core import Core
    from yett.ledger.projection.replay import no_log

    if not (state / "log").is_dir():
        raise no_log(state / "log")
    core = Core.open(state, origin=None, clock=wall_clock, entropy=os.urandom)
    try:
        yield core
    finally:
        core.close()


def replay(state: State, json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Recompute every state from the log, bit for bit. Exit status 1 if anything differs."""
    from yett.ledger.projection.replay import replay as run

    _answer(lambda: run(state / "log", state / "ledger.db"), json)


def rebuild(state: State, json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Empty the projection after a successful replay; the next start fills it from the log."""
    from yett.ledger.projection.replay import rebuild as run

    _answer(lambda: run(state), json)


def _answer(work: object, as_json: bool) -> None:
    import msgspec

    from yett.errors import LedgerError
    from yett.ledger.projection.replay import Replayed

    assert callable(work)
    try:
        found: Replayed = work()
    except LedgerError as error:
        typer.echo(
            msgspec.json.encode({"error": error.code, "message": error.message}) if as_json else str(error)
        )
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(msgspec.json.encode(found))
    else:
        events = ", ".join(f"{count} {name}" for name, count in found.events.items())
        typer.echo(f"{found.records} records replayed to {found.head}: {events}")
        typer.echo(f"{found.sessions} sessions, every recorded state reproduced")
        for name in found.differing:
            typer.echo(f"the projection differs in {name}: run `yett ledger rebuild`")
        for decision in found.in_doubt:
            typer.echo(f"not settled: {decision}")
    raise typer.Exit(1 if found.differing else 0)


def doubt(state: State) -> None:
    """List decisions whose mandate was used and whose outcome is not known."""
    from yett.ledger.projection.replay import replay as run

    for decision in run(state / "log").in_doubt:
        typer.echo(decision)


def disclose(
    state: State,
    index: Annotated[int, typer.Argument(help="Index of the decision's record in the log.", min=0)],
    argument: Annotated[list[str], typer.Argument(help="The argument as it was: key=value or key:=JSON.")],
) -> None:
    """Print what shows that an argument of a recorded call had this value; works beside a running gateway."""
    from yett.canonical import pointer
    from yett.cli.remote import say
    from yett.cli.words import read_arguments
    from yett.ledger.administration.subjects import disclose as show

    given = read_arguments(argument)
    if len(given) != 1:
        raise typer.BadParameter("name one argument")
    ((name, value),) = given.items()
    say(show(state, index, pointer("arguments", name), value))


def erase(
    state: State,
    principal: Annotated[str, typer.Option(help="Whose arguments nobody shall be able to show any more.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    tenant: Annotated[str, typer.Option(help="The principal's tenant.")] = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Without asking.")] = False,
) -> None:
    """Destroy a principal's key, on the record: what the log is bound to can never be shown again."""
    from yett.clock import wall_clock
    from yett.ledger.administration.subjects import erase as destroy

    if not yes:
        typer.confirm(f"Destroy the key of {tenant}/{principal} for good?", abort=True)
    found = destroy(state, tenant, principal, reason=reason, clock=wall_clock)
    typer.echo(f"erased, record {found.record.index}: nobody can show an argument of {found.calls} calls")
    if found.previews:
        typer.echo(
            f"{found.previews} of them stand in the log as redacted previews; a policy with "
            "`log: {preview: false}` keeps none"
        )
