"""Fields to effective commands: which program really runs, with what, and what it does.

A wrapper (`sudo`, `env`, `xargs` …) is removed and what it runs is looked at in its place; a shell's `-c`
text, its standard input and its script are followed; everything else gets its effects from its profile. The
way round always is: what cannot be followed is said (`opaque`, a flag), never guessed away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from yett.extract.shell import special
from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expand import Field
from yett.extract.shell.lexer import TooMuch, is_name
from yett.extract.shell.options import Parsed, distribute, parse_options
from yett.extract.shell.profiles import Profile

if TYPE_CHECKING:
    from yett.extract.shell.walk import Walker

MAX_WRAPPERS = 8
"""Wrappers and inline shells around one command."""
_HOLE = frozenset("$`(){}<>")


def resolve(
    walker: Walker, argv: list[Field], ctx: Context, redirect: Callable[[Draft], None] | None = None
) -> None:
    """Emit what running `argv` runs. `redirect` adds the redirections to the command they end up at."""
    analysis = walker.analysis
    analysis.fuel.burn(1 + (len(argv) >> 3))
    if ctx.depth > MAX_WRAPPERS:
        raise TooMuch("depth")
    word = argv[0]
    name = base_name(word.text)
    draft = Draft(analysis, name, argv, ctx, redirect)
    if word.unknown or word.glob or word.proc is not None:
        if word.glob or word.proc is not None or not name or not _HOLE.isdisjoint(name):
            draft.name = ""
            draft.effects.add("exec")
            draft.opaque["glob_program" if word.glob else "dynamic_program"] = None
            draft.emit(ctx)
            if not word.quoted and len(argv) > 1 and word.text.startswith("$"):
                # `$SUDO rm x`: with nothing in the variable, the next word is the program
                resolve(walker, argv[1:], ctx._replace(depth=ctx.depth + 1), redirect)
            return
        draft.opaque["dynamic_directory"] = None
    elif word.resolved:
        draft.opaque["resolved_program"] = None
    if "/" in word.text and word.text.rpartition("/")[0] not in analysis.library.trusted:
        draft.flags.add("foreign_path")
    if draft.env:
        check_environment(draft, draft.env)
    profile = analysis.library.find(name)
    if profile is None:
        unknown_program(draft)
        draft.emit(ctx)
        return
    run(walker, draft, profile, argv[1:], ctx)


def base_name(text: str) -> str:
    name = text.rpartition("/")[2].rpartition("\\")[2]
    return name[:-4] if name.lower().endswith(".exe") else name


def check_environment(draft: Draft, env: tuple[tuple[str, str], ...]) -> None:
    environment = draft.analysis.library.environment
    for name, value in env:
        if name in environment.search:
            draft.flags.add("env_path")
        elif environment.dangerous(name, value):
            draft.flags.add("dangerous_env")


def unknown_program(draft: Draft) -> None:
    """No profile: nothing is known of it but that it may touch what looks like a path or a URL."""
    draft.flags.add("profile_unknown")
    for field in draft.argv[1:]:
        text = field.text
        if text.startswith("-"):
            _, equals, text = text.partition("=")
            if not equals:
                continue
            field = field._replace(text=text)
        if "://" in text:
            draft.url(field)
        elif text.startswith(("/", "~", "./", "../")) or "/../" in text:
            draft.touch("path", field)


def run(walker: Walker, draft: Draft, profile: Profile, args: list[Field], ctx: Context) -> None:
    """Apply a profile to a command's arguments, and emit the command and what it runs."""
    draft.effects |= profile.effects
    draft.flags |= profile.flags
    parsed = parse_options(profile, args)
    fallback: Profile | None = None
    extra = profile.special
    apply_options(walker, draft, profile, parsed, ctx)
    while profile.sub and parsed.positionals:
        chosen = profile.sub.get(parsed.positionals[0].text)
        if chosen is None:
            if parsed.positionals[0].unknown:
                draft.opaque["dynamic_argument"] = None
            draft.flags.add("subcommand_unknown")
            break
        if fallback is None:
            fallback = profile
        extra = profile.special or extra
        profile = chosen
        draft.effects |= profile.effects
        draft.flags |= profile.flags
        parsed = parse_options(profile, parsed.positionals[1:], fallback=fallback)
        apply_options(walker, draft, profile, parsed, ctx)
    if not parsed.positionals:
        draft.flags |= profile.bare
    if profile.response and any(a.text.startswith("@") for a in args):
        draft.opaque["response_file"] = None
    if profile.special or extra:
        handled = special.HANDLERS[profile.special or extra](walker, draft, parsed, ctx)
        if handled:
            return
    if profile.wrapper:
        unwrap(walker, draft, profile, parsed, ctx)
        return
    positionals(walker, draft, profile, parsed, ctx)
    draft.emit(ctx)


def apply_options(walker: Walker, draft: Draft, profile: Profile, parsed: Parsed, ctx: Context) -> None:
    for given in parsed.given:
        option = given.option
        draft.flags.update(option.flags)
        draft.effects.update(option.effects)
        if option.kind is not None and given.value is not None:
            apply(walker, draft, option.kind, given.value, ctx, "option")


def positionals(walker: Walker, draft: Draft, profile: Profile, parsed: Parsed, ctx: Context) -> None:
    args = profile.args
    for names, alternative in profile.args_if:
        if any(g.name in names for g in parsed.given):
            args = alternative
            break
    fields = parsed.positionals
    if profile.operands:
        rest = []
        for field in fields:
            key, equals, value = field.text.partition("=")
            kind = profile.operands.get(key) if equals else None
            if kind is None:
                rest.append(field)
            else:
                apply(walker, draft, kind, field._replace(text=value), ctx, "option")
        fields = rest
    if not args:
        return
    for kind, field in zip(distribute(args, len(fields)), fields, strict=False):
        apply(walker, draft, kind, field, ctx, "inline")


def apply(walker: Walker, draft: Draft, kind: str, field: Field, ctx: Context, via: str) -> None:
    """One value or positional of a known kind."""
    if kind in ("value", "pattern", "cwd", "assign", "command"):
        return
    if kind in ("read", "write", "delete", "path", "host", "url"):
        if kind == "path" or "://" not in field.text or kind in ("host", "url"):
            draft.touch(kind, field)
        else:
            draft.touch("url" if not field.text.startswith("file:") else kind, field)
    elif kind in ("remote_read", "remote_write"):
        head, colon, _ = field.text.partition(":")
        if "://" in field.text:
            draft.url(field)
        elif colon and "/" not in head and len(head) > 1:
            draft.touch("host", field)
            draft.flags.add("upload" if kind == "remote_write" else "download")
        else:
            draft.touch(kind[7:], field)
    elif kind == "atfile":
        if field.text.startswith("@"):
            draft.touch("read", field._replace(text=field.text[1:]))
    elif kind in ("shell", "words"):
        draft.effects.add("exec")
        if field.text:
            walker.inline(field, inner(ctx, draft, via))
    elif kind == "program":
        draft.effects.add("exec")
        if field.text:
            resolve(walker, [field], inner(ctx, draft, via))
    elif kind == "script":
        script(walker, draft, field, ctx)
    elif kind == "module":
        draft.effects.add("exec")
        draft.flags.add("module")
    elif kind == "sql":
        draft.analysis.nest("sql", field.text, draft.name)
        draft.flags.add("inline_sql")
    else:
        draft.code(kind[5:], field)


def inner(ctx: Context, draft: Draft, via: str) -> Context:
    """The context of a command that `draft` runs."""
    return ctx._replace(
        wrappers=(*ctx.wrappers, draft.name),
        via=via,
        depth=ctx.depth + 1,
        env=draft.env,
        opaque=(),
        stdin=None,
    )


def script(walker: Walker, draft: Draft, field: Field, ctx: Context) -> None:
    """A file of code that is run: its name is known, its content is not."""
    draft.effects.add("exec")
    if field.proc is not None:
        source_output(walker, draft, field, ctx)
    elif field.text in ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
        draft.flags.add("reads_stdin")
    else:
        draft.flags.add("script_file")
        draft.touch("read", field)
        if field.unknown:
            draft.flags.add("dynamic_script")


def source_output(walker: Walker, draft: Draft, field: Field, ctx: Context) -> None:
    """`sh <(curl …)`: a script that another program prints."""
    text = walker.output(field.proc.body) if field.proc is not None else None
    if text is not None:
        draft.opaque["resolved_script"] = None
        walker.inline(Field(text), inner(ctx, draft, "substitution"))
        return
    draft.flags.add("stdin_script")
    draft.opaque["stdin_script"] = None
    if field.proc is not None:
        draft.upstream = (*draft.upstream, *walker.programs(field.proc.body))


def unwrap(walker: Walker, draft: Draft, profile: Profile, parsed: Parsed, ctx: Context) -> None:
    """A wrapper: find where its inner command starts, and resolve that."""
    fields = parsed.positionals
    k = 0
    env: list[tuple[str, str]] = list(draft.env)
    for arg in profile.args:
        if arg.kind == "command":
            break
        if arg.kind == "assign":
            while k < len(fields) and is_assignment(fields[k].text):
                name, _, value = fields[k].text.partition("=")
                env.append((name, value))
                k += 1
        elif k < len(fields):
            apply(walker, draft, arg.kind, fields[k], ctx, "option")
            k += 1
    rest = fields[k:]
    draft.env = tuple(env)
    if env:
        check_environment(draft, draft.env)
    if not rest:
        draft.emit(ctx)
        return
    if parsed.unknown:
        # its value, if it takes one, may be what looks like the program here
        draft.opaque["unknown_option"] = None
    redirect, draft.redirect = draft.redirect, None
    if draft.effects - profile.passes - ctx.passes or draft.opaque:
        draft.emit(ctx)
    below = inner(ctx, draft, ctx.via)._replace(
        passes=ctx.passes | profile.passes,
        flags=ctx.flags | (profile.flags & _INHERITED) | (draft.flags & _INHERITED),
        stdin=ctx.stdin,
    )
    walker.command(rest, below, redirect, functions=draft.name in ("time", "exec"))


_INHERITED = frozenset(
    ("remote", "container", "stdin_args", "scheduled", "background", "dangerous_env", "env_path")
)


def is_assignment(text: str) -> bool:
    name, equals, _ = text.partition("=")
    # a name that no shell could set (`BASH_FUNC_ls%%`) is still one for env
    return bool(equals) and (is_name(name) or (bool(name) and not name.startswith("-") and "/" not in name))
