"""Shell builtins that change what later commands mean, or run text they are given.

Each handler returns whether it has said everything about the command; otherwise the command is emitted like
any other program, with its profile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from yett.extract.shell import outputs
from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expansion.expand import Field, Value
from yett.extract.shell.grammar.nodes import Lit, Simple
from yett.extract.shell.grammar.scanner import integer, is_name
from yett.extract.shell.machine import Machine, Redirect

Handler = Callable[[Machine, list[Field], Context, Redirect], bool]

_COMPARISONS = frozenset(("-eq", "-ne", "-lt", "-le", "-gt", "-ge"))


def _eval(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    fields = argv[1:]
    if fields and fields[0].text == "--":
        fields = fields[1:]
    if not fields:
        return False
    field = Field(" ".join(f.text for f in fields), any(f.unknown for f in fields))
    if field.unknown or redirect is not None:
        draft = Draft(walker.analysis, "eval", argv, ctx, redirect)
        draft.effects.add("exec")
        if field.unknown:
            draft.opaque["eval"] = None
        draft.emit(ctx)
    walker.evaluate(field, ctx._replace(wrappers=(*ctx.wrappers, "eval")))
    return True


def _source(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    if len(argv) < 2:
        return False
    field = argv[1]
    text: str | None = None
    if field.proc is not None:
        text = walker.output(field.proc.body)
    elif field.text in ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "-"):
        text = ctx.stdin
        if text is None and not ctx.fed:
            return False
    else:
        return False
    draft = Draft(walker.analysis, argv[0].text, argv, ctx, redirect)
    draft.effects.add("exec")
    draft.flags.add("stdin_script")
    if field.proc is not None:
        draft.upstream = (*draft.upstream, *walker.programs(field.proc.body))
    draft.opaque["sourced_output" if text is None else "resolved_script"] = None
    draft.emit(ctx)
    if text is not None:
        guessed = ctx.guessed and field.proc is None
        walker.evaluate(Field(text, guessed), ctx._replace(wrappers=(*ctx.wrappers, argv[0].text)))
    return True


def _declare(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    options = "".join(f.text[1:] for f in argv[1:] if f.text[:1] in "-+" and len(f.text) > 1)
    names = [f for f in argv[1:] if f.text[:1] not in "-+"]
    for field in names:
        name, equals, value = field.text.partition("=")
        if not is_name(name):
            walker.state.unsure = True
            subscripted(walker, field, ctx)
            continue
        if "n" in options:  # another name for a variable: what is set under one is seen under the other
            walker.state.unsure = True
            walker.state.assign(name, (Value("$" + name, True),), True)
            continue
        if not equals:
            if argv[0].text == "local":
                walker.state.assign(name, (Value(""),), True)
            continue
        if "i" in options:
            walker.reevaluate(Field(value, code=field.code), ctx, "arithmetic_data")
            walker.arithmetic((Lit(value, True),), ctx)
        behind = len(name) + 1
        holes = tuple((max(a - behind, 0), b - behind) for a, b in field.holes)
        walker.state.assign(name, (Value(value, field.unknown, field.code, holes),), ctx.certain)
        walker.exported(name, value, ctx, argv[0].text)
    return bool(names)


def _cd(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    targets = [f for f in argv[1:] if not f.text.startswith("-") or f.text == "-"]
    target = targets[0] if targets else Field("~")
    if target.text == "-":
        walker.state.cwd = None
    elif target.text.startswith(("/", "~", "$")) or walker.state.cwd is None:
        walker.state.cwd = target.text
    else:
        walker.state.cwd = walker.state.cwd.rstrip("/") + "/" + target.text
    return False


def _set(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    for k, field in enumerate(argv[1:], 1):
        if field.text in ("--", "-"):
            walker.state.positional = argv[k + 1 :]
            break
        if field.text[:1] not in "-+" and argv[k - 1].text[-1:] != "o":
            walker.state.positional = argv[k:]
            break
    return False


def _shift(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    count = integer(argv[1].text) if len(argv) > 1 else 1
    if walker.state.positional is not None:
        walker.state.positional = None if count is None else walker.state.positional[max(count, 0) :]
    return False


def _read(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    names: list[str] = []
    values = frozenset("adinNptu") if argv[0].text == "read" else frozenset("dnOsuCc")
    skip = False
    for field in argv[1:]:
        text = field.text
        if skip:
            skip = False
        elif text.startswith("-") and len(text) > 1:
            skip = text[-1] in values
            if text.endswith("a"):
                skip = False
        else:
            subscripted(walker, field, ctx)
            names.append(text)
    line = ctx.input.partition("\n")[0] if ctx.input is not None and argv[0].text == "read" else None
    for k, name in enumerate(names or ["REPLY"]):
        walker.state.arrays.pop(name, None)
        if argv[0].text in ("mapfile", "readarray") and ctx.input is not None:
            lines = ctx.input.removesuffix("\n").split("\n")[:256]
            walker.state.arrays[name] = [Field(line, resolved=True) for line in lines]
            walker.state.vars.pop(name, None)
            continue
        value = Value("$" + name, True)
        if line is not None:
            pieces = line.strip(" \t").split(None, len(names) - 1) if names else [line]
            value = Value(pieces[k] if k < len(pieces) else "")
        walker.state.assign(name, (value,), ctx.certain and line is None)
    return False


def _unset(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    for field in argv[1:]:
        subscripted(walker, field, ctx)
        if field.text.startswith("HIST"):
            walker.exported(field.text, "", ctx, "unset")
        if ctx.certain:
            walker.state.vars.pop(field.text, None)
            walker.state.arrays.pop(field.text, None)
            if "-f" in (f.text for f in argv):
                walker.state.functions.pop(field.text, None)
    return False


def _printf(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    if len(argv) < 4 or argv[1].text != "-v":
        return False
    subscripted(walker, argv[2], ctx)
    rest = argv[3:]
    text: str | None = None
    if not any(f.unknown for f in rest):
        words = tuple((Lit(f.text, True),) for f in rest)
        text = outputs.of(Simple((), ((Lit("printf", False),), *words), ()), walker.expander)
    value = Value("$" + argv[2].text, True) if text is None else Value(text)
    walker.state.assign(argv[2].text, (value,), ctx.certain)
    return False


def _alias(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    for field in argv[1:]:
        name, equals, value = field.text.partition("=")
        if equals:
            walker.state.aliases[name] = value
            below = ctx._replace(via="config", certain=False, wrappers=(*ctx.wrappers, "alias"))
            walker.inline(Field(value, field.unknown), below._replace(depth=ctx.depth + 1))
    return False


def _trap(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    fields = argv[1:]
    if fields and fields[0].text == "--":
        fields = fields[1:]
    if len(fields) > 1 and fields[0].text not in ("-", "", "-p", "-l"):
        below = ctx._replace(via="inline", certain=False, wrappers=(*ctx.wrappers, "trap"))
        walker.evaluate(fields[0], below)
        walker.later(fields[0], below)
    return False


def _test(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    subscripts(walker, argv, ctx)
    return False


def _let(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    for field in argv[1:]:
        walker.reevaluate(Field(field.text, code=field.code), ctx, "arithmetic_data")
        walker.arithmetic((Lit(field.text, True),), ctx)
        name, equals, _ = field.text.partition("=")
        if equals and is_name(name.rstrip("+-*/%")):
            walker.state.assign(name.rstrip("+-*/%"), (Value("$" + name, True),), ctx.certain)
    return False


def _rebinds(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect) -> bool:
    """`hash -p file name`, `enable -f library name`: from here on a name is another program."""
    if not any(f.text[:1] == "-" and ("p" in f.text or "f" in f.text) for f in argv[1:]):
        return False
    draft = Draft(walker.analysis, argv[0].text, argv, ctx, redirect)
    draft.effects.update(("exec", "config"))
    draft.opaque["rebound_program"] = None
    draft.emit(ctx)
    return True


def subscripts(walker: Machine, argv: list[Field], ctx: Context) -> None:
    """`test -v 'a[$(x)]'` and `[[ 'a[$(x)]' -eq 1 ]]` evaluate the subscript."""
    for k, field in enumerate(argv):
        if field.text == "-v" and k + 1 < len(argv):
            subscripted(walker, argv[k + 1], ctx)
        elif field.text in _COMPARISONS and argv[0].text == "[[":
            for operand in (argv[k - 1], *argv[k + 1 : k + 2]):
                walker.reevaluate(Field(operand.text, code=operand.code), ctx, "arithmetic_data")
                walker.arithmetic((Lit(operand.text, True),), ctx)


def subscripted(walker: Machine, field: Field, ctx: Context) -> None:
    if "[" in field.text:
        walker.reevaluate(Field(field.text, code=field.code), ctx, "subscript_data")


HANDLERS: Mapping[str, Handler] = {
    "eval": _eval, "source": _source, ".": _source,
    "export": _declare, "declare": _declare, "typeset": _declare, "local": _declare, "readonly": _declare,
    "cd": _cd, "pushd": _cd, "set": _set, "shift": _shift,
    "read": _read, "mapfile": _read, "readarray": _read, "getopts": _read, "unset": _unset,
    "printf": _printf, "alias": _alias, "trap": _trap, "test": _test, "[": _test, "let": _let,
    "hash": _rebinds, "enable": _rebinds,
}  # fmt: skip
