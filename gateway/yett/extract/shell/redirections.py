"""What the redirections of a command put on its standard input, read and write."""

from __future__ import annotations

from yett.extract.facts import Redirect
from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.grammar.assignments import literal
from yett.extract.shell.grammar.nodes import Proc, Redir
from yett.extract.shell.machine import Machine


def stdin(walker: Machine, redirs: tuple[Redir, ...], ctx: Context) -> Context:
    """The context with what the redirections put on standard input."""
    for redir in redirs:
        if redir.fd not in ("", "0"):
            continue
        if redir.here is not None:
            field = walker.expander.one(redir.here.word)
            ctx = ctx._replace(
                stdin=field.text, fed=True, piped_from=(), guessed=field.unknown, from_file=False
            )
        elif redir.op == "<<<":
            field = walker.expander.one(redir.target)
            ctx = ctx._replace(
                stdin=field.text + "\n", fed=True, piped_from=(), guessed=field.unknown, from_file=False
            )
        elif redir.op == "<":
            programs: tuple[str, ...] = ()
            text = None
            if redir.target and isinstance(proc := redir.target[0], Proc):
                programs = tuple(walker.programs(proc.body))
                text = walker.output(proc.body)
            literal_target = literal(redir.target)
            ctx = ctx._replace(
                stdin="" if literal_target == "/dev/null" else text,
                fed=True,
                piped_from=programs,
                guessed=False,
                from_file=bool(literal_target),
            )
    return ctx


def add(walker: Machine, draft: Draft, redirs: tuple[Redir, ...]) -> None:
    """The files that a command's redirections name, and what it does with them."""
    for redir in redirs:
        if redir.here is not None:
            draft.redirects.append(Redirect(op=redir.fd + redir.op, target=redir.here.delimiter))
            continue
        if redir.op == "<<<":
            field = walker.expander.one(redir.target)
            draft.redirects.append(Redirect(op=redir.op, target=field.text, opaque=field.unknown))
            continue
        for field in walker.expander.fields(redir.target) or [Field("")]:
            if redir.op in ("<&", ">&") and (field.text.rstrip("-").isdigit() or field.text == "-"):
                continue
            draft.redirects.append(Redirect(op=redir.fd + redir.op, target=field.text, opaque=field.unknown))
            if field.proc is not None:
                continue
            if redir.op in ("<", "<&"):
                draft.touch("read", field)
            else:
                draft.touch("write", field)
                if redir.op == "<>":
                    draft.touch("read", field)
