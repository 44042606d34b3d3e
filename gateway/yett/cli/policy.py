"""`yett policy …`: check, test, explain, compare, format and import policies.

Exit status: 0 all is well, 1 the answer is no (a check blocks, a test fails, the new policy is wider), 2 a
file cannot be read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from yett.policy.compile import Assess

Files = Annotated[
    list[Path], typer.Argument(help="Policy files or folders; several are layers and manifests.")
]


def register(app: typer.Typer) -> None:
    """Add `yett policy` and its commands."""
    policy = typer.Typer(
        name="policy", help="Check, test, explain and compare policies.", no_args_is_help=True
    )
    policy.command("check")(check)
    policy.command("test")(test)
    app.add_typer(policy)


def check(
    files: Files, solver: Annotated[bool, typer.Option(help="Also ask z3 for dead rules.")] = True
) -> None:
    """Load the files as the gateway would; print every problem with its line and remedy."""
    from yett import policy
    from yett.errors import PolicyError
    from yett.policy import testing
    from yett.policy.lint import checks

    try:
        loaded, assess = policy.load(files, check=False), _scorer()
        found = checks.problems(loaded)
        for problem in found:
            kind = "error" if problem.blocks else "warning"
            typer.echo(f"{problem.where}: {kind} {problem.code}: {problem.message}\n    {problem.remedy}")
        if any(problem.blocks for problem in found):
            raise typer.Exit(1)
        testing.require_passing(loaded, assess)
    except PolicyError as error:
        _report(error)
    for layer, rule, missing in testing.untested(loaded, assess):
        typer.echo(f"{layer.where}: warning UNTESTED: rule `{rule}` has {missing}")
    rules = sum(len(layer.rules) for layer in loaded.layers)
    typer.echo(f"{loaded.id}: {rules} rules, {len(loaded.toolbox.all)} tools, {loaded.digest}")


def test(files: Files) -> None:
    """Run the policies' own tests and print how much of the rules they cover."""
    from yett import policy
    from yett.errors import PolicyError
    from yett.policy import testing

    try:
        loaded, assess = policy.load(files, check=False), _scorer()
        results = testing.run(loaded, assess)
        untested = testing.untested(loaded, assess)
    except PolicyError as error:
        _report(error)
    for result in results:
        if not result.passed:
            typer.echo(f"{result.case.where}: FAILED {result.message}")
    rules = [f"{layer.id}/{rule.id}" for layer in loaded.layers for rule in layer.rules]
    fired = {f"{layer.id}/{rule}" for layer, rule, missing in untested if "in which it says" in missing}
    for layer, rule, missing in untested:
        typer.echo(f"{layer.where}: warning: rule `{rule}` has {missing}")
    failed = sum(not result.passed for result in results)
    typer.echo(
        f"{len(results)} tests, {failed} failed; {len(rules) - len(fired)} of {len(rules)} rules fired"
    )
    raise typer.Exit(1 if failed else 0)


def _scorer() -> Assess:
    from yett.risk import Assessor

    return Assessor.load().assess


def _report(error: Exception) -> None:
    from yett.errors import PolicyError

    if not isinstance(error, PolicyError):
        raise error
    typer.echo(f"{error.path or '?'}: error {error.code}: {error.message}", err=True)
    if error.remedy:
        typer.echo(f"    {error.remedy}", err=True)
    raise typer.Exit(2 if error.code.startswith("FILE_") else 1)
