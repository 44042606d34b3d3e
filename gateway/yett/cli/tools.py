"""`yett tools …`: propose a manifest for tools, from what they say of themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `yett tools` and its commands."""
    tools = typer.Typer(
        name="tools",
        help="Describe tools: what they do and what their arguments are for.",
        no_args_is_help=True,
    )
    tools.command("infer")(infer)
    tools.callback()(_root)
    app.add_typer(tools)


def _root() -> None:
    """Keeps a single command a sub-command."""


def infer(
    source: Annotated[
        Path,
        typer.Argument(
            help="MCP tools/list, OpenAPI, JSON Schemas (JSON or YAML) or Python; - is standard input."
        ),
    ],
    name: Annotated[str, typer.Option(help="Name of the manifest.")] = "inferred",
    server: Annotated[str | None, typer.Option(help="Server that offers the tools.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where to write it; default standard output.")
    ] = None,
) -> None:
    """Propose a manifest, with the reason of each guess. A person reads and corrects it."""
    from yett.errors import YettError
    from yett.policy.inference import infer as guessing

    try:
        text = sys.stdin.read() if str(source) == "-" else source.read_text(encoding="utf-8")
        if source.suffix == ".py":
            manifest = guessing.infer_python(text, name=name, server=server)
        else:
            manifest = guessing.infer(guessing.parse(text, str(source)), name=name, server=server)
    except UnicodeDecodeError:
        raise YettError("NOT_TEXT", "not UTF-8", path=str(source)) from None
    except YettError as error:
        typer.echo(f"{source}: {error}", err=True)
        raise typer.Exit(1) from None
    rendered = guessing.render(manifest)
    if out is None:
        typer.echo(rendered, nl=False)
    else:
        out.write_text(rendered, encoding="utf-8")
