"""`yett demo`: the main job on real tools, then the log verified, changed and cut.

Exit status 0 only if every call was answered as expected, the world is as it should be, and the verifier
accepted the log and caught both manipulations.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from yett.demo.play import Line
    from yett.model import Decision

WIDTH = 108


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    keep: Annotated[
        Path | None, typer.Option(help="Keep the scratch directory here (must not exist) to look at.")
    ] = None,
    plain: Annotated[
        bool, typer.Option(help="No colours and no latencies: the same text every time.")
    ] = False,
) -> None:
    """Play honest sessions and attacks through a gateway onto real tools, and verify the log."""
    if keep is not None:
        if keep.exists():
            raise typer.BadParameter(f"{keep} exists", param_hint="--keep")
        keep.mkdir(parents=True)
        raise typer.Exit(_demo(keep, plain))
    with tempfile.TemporaryDirectory(prefix="yett-demo-") as scratch:
        raise typer.Exit(_demo(Path(scratch), plain))


def _demo(root: Path, plain: bool) -> int:
    from rich.console import Console

    from yett import resources
    from yett.demo.play import expectations, play
    from yett.demo.world import World
    from yett.gateway import Gateway

    console = Console(
        file=sys.stdout, highlight=False, no_color=plain, width=WIDTH, soft_wrap=True, markup=not plain
    )
    state = root / "state"
    world = World(root / "world")
    failures = 0
    try:
        with Gateway.open(resources.policies() / "demo.yaml", state, origin="demo.example/yett") as gateway:
            heading = ""
            for line in play(gateway, world):
                if line.session != heading:
                    heading = line.session
                    console.print(f"\n{heading}" if plain else f"\n[bold]{heading}[/]")
                console.print(_shown(line, plain))
                failures += not line.as_expected
        console.print("\nWhat the tools saw" if plain else "\n[bold]What the tools saw[/]")
        for sentence, holds in expectations(world):
            console.print(_checked(sentence, holds, plain))
            failures += not holds
    finally:
        world.close()
    console.print("\nThe log" if plain else "\n[bold]The log[/]")
    for sentence, holds in _prove(state, root):
        console.print(_checked(sentence, holds, plain))
        failures += not holds
    console.print()
    if failures:
        console.print(f"{failures} expectations failed")
        return 1
    console.print("every expectation held; log verified by yett-verify")
    return 0


def _shown(line: Line, plain: bool) -> str:
    from rich.markup import escape

    decision, step = line.decision, line.step
    effect = decision.effect.value
    what = " ".join(str(value) for value in step.arguments.values())
    call = f"{step.tool} {visible(what)}"
    call = call if len(call) <= 58 else call[:57] + "…"
    why = _why(decision)
    mark = " " if line.as_expected else "✗"
    if plain:
        return f"{mark} {effect:5}  {call:58}  {why}".rstrip()
    colour = {"allow": "green", "hold": "yellow", "deny": "red"}[effect]
    took = f"{line.microseconds / 1000:6.1f} ms"
    return f"{mark} [bold {colour}]{effect:5}[/]  {escape(f'{call:58}')}  [dim]{took}[/]  {escape(why)}"


def _why(decision: Decision) -> str:
    """The rule or code that decided: on anything but an allow, what objected."""
    reasons = [r for r in decision.reasons if decision.allowed or r.objects]
    if not reasons:
        return ""
    return (reasons[0].rule or reasons[0].code).removeprefix("demo/")


def visible(text: str) -> str:
    """Text as it can be shown on one line: controls and invisible characters as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _checked(sentence: str, holds: bool, plain: bool) -> str:
    from rich.markup import escape

    mark = "✓" if holds else "✗"
    if plain:
        return f"{mark} {sentence}"
    return f"[{'green' if holds else 'red'}]{mark}[/] {escape(sentence)}"


def _prove(state: Path, root: Path) -> list[tuple[str, bool]]:
    """Verify the log, then a changed copy, then a cut one without and with a remembered head."""
    from yett.demo import proof

    log, key, head = state / "log", state / "keys" / "log.pub", root / "head.json"
    whole = proof.verify(log, key, "--state", str(head))
    changed, number = proof.with_one_byte_changed(log, root)
    caught = proof.verify(changed, key)
    cut = proof.with_tail_cut(log, root, keep=number)
    alone = proof.verify(cut, key)
    anchored = proof.verify(cut, key, "--state", str(head))
    return [
        ("yett-verify accepts the log", whole.status == 0),
        (
            f"one byte changed in a copy: yett-verify names record {caught.record}",
            caught.status == 1 and caught.record == number,
        ),
        (
            "the tail cut from a copy: alone it looks whole, and is reported as not anchored",
            alone.status in (0, 3),
        ),
        ("the same copy against the head remembered from the first check: rollback", anchored.status == 4),
    ]
