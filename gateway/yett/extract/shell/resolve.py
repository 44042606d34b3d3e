"""Fields to effective commands: which program really runs, with what, and what it does.

A wrapper (`sudo`, `env`, `xargs` …) is removed and what it runs is looked at in its place; a shell's `-c`
text, its standard input and its script are followed; everything else gets its effects from its profile. The
way round always is: what cannot be followed is said (`opaque`, a flag), never guessed away.
"""

from __future__ import annotations

from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.grammar.scanner import TooMuch, is_name
from yett.extract.shell.machine import Machine, Redirect
from yett.extract.shell.named import guess, outside
from yett.extract.shell.options import Parsed, distribute, parse_options
from yett.extract.shell.profiles import Profile
from yett.extract.shell.programs import handlers
from yett.extract.shell.programs.actions import apply, inner, run_content

MAX_WRAPPERS = 8
"""Wrappers and inline shells around one command."""
_HOLE = frozenset("$`(){}<>")
_ARGUMENTS = frozenset(("$@", "${@}"))
"""Without arguments these are no word at all, quoted or not."""


def resolve(walker: Machine, argv: list[Field], ctx: Context, redirect: Redirect = None) -> None:
    """Emit what running `argv` runs. `redirect` adds the redirections to the command they end up at."""
    analysis = walker.analysis
    analysis.fuel.burn(1 + (len(argv) >> 3))
    if ctx.depth > MAX_WRAPPERS:
        raise TooMuch("depth")
    word = argv[0]
    name = base_name(word.text)
    draft = Draft(analysis, name, argv, ctx, redirect)
    if word.unknown or word.glob or word.proc is not None:
        folder = word.text.rpartition("/")[0]
        known = bool(name) and _HOLE.isdisjoint(name) and not _HOLE.isdisjoint(folder)
        if word.glob or word.proc is not None or not known:
            draft.name = ""
            draft.effects.add("exec")
            reason = "glob_program" if word.glob else "dynamic_program"
            if not word.glob and word.proc is None:
                reason = outside(word.text, walker.state, analysis.mentioned(), ctx.via, ctx.flags)
            draft.opaque[reason] = None
            draft.emit(ctx)
            below = ctx._replace(depth=ctx.depth + 1)
            if reason == "environment_program" and (meant := guess(word.text, analysis.library)):
                resolve(
                    walker,
                    [word._replace(text=meant, unknown=False, resolved=True), *argv[1:]],
                    below,
                    redirect,
                )
            if len(argv) > 1 and word.text.startswith("$") and (not word.quoted or word.text in _ARGUMENTS):
                # `$SUDO rm x`: with nothing in the variable, the next word is the program
                resolve(walker, argv[1:], below, redirect)
            return
        draft.opaque["dynamic_directory"] = None
    elif word.resolved:
        draft.opaque["resolved_program"] = None
    if "/" in word.text and word.text.rpartition("/")[0] not in analysis.library.trusted:
        draft.flags.add("foreign_path")
    if draft.env:
        check_environment(draft, draft.env)
    draft.name, profile = analysis.library.find(name)
    if "foreign_path" in draft.flags:
        if run_from_disk(walker, draft, name, ctx):
            return
        if name in analysis.disk.copies:
            source = analysis.disk.copies[name]
            if source not in ("busybox", "toybox"):  # those go by the name of the link
                draft.name, profile = analysis.library.find(source)
            draft.opaque["resolved_program"] = None
    if profile is None:
        unknown_program(draft)
        draft.emit(ctx)
        return
    run(walker, draft, profile, argv[1:], ctx)


def base_name(text: str) -> str:
    name = text.removeprefix("=").rpartition("/")[2].rpartition("\\")[2]  # zsh: `=rm` is the path of rm
    return name[:-4] if name.lower().endswith(".exe") else name


def run_from_disk(walker: Machine, draft: Draft, name: str, ctx: Context) -> bool:
    """A program that this very program wrote: flag it, and follow it if its text is known."""
    disk = draft.analysis.disk
    origin = disk.origin.get(name)
    if origin is None or name in disk.copies:
        return False
    draft.effects.add("exec")
    draft.flags.add("runs_download" if origin == "download" else "runs_written")
    if name not in disk.content:
        return False
    unknown_program(draft)
    text = disk.content.pop(name)
    draft.opaque["resolved_script"] = None
    draft.emit(ctx)
    run_content(walker, draft, text, ctx, draft.argv[1:])
    disk.content[name] = text
    return True


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
    draft.lookalikes()


def run(walker: Machine, draft: Draft, profile: Profile, args: list[Field], ctx: Context) -> None:
    """Apply a profile to a command's arguments, and emit the command and what it runs."""
    draft.effects |= profile.effects
    draft.flags |= profile.flags
    parsed = parse_options(profile, args)
    fallback: Profile | None = None
    extra = profile.special
    apply_options(walker, draft, parsed, ctx)
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
        apply_options(walker, draft, parsed, ctx)
    if not parsed.positionals:
        draft.flags |= profile.bare
    if profile.response and any(a.text.startswith("@") for a in args):
        draft.opaque["response_file"] = None
    if profile.special or extra:
        handled = handlers.HANDLERS[profile.special or extra](walker, draft, parsed, ctx)
        if handled:
            return
    if profile.wrapper:
        unwrap(walker, draft, profile, parsed, ctx)
        return
    positionals(walker, draft, profile, parsed, ctx)
    if draft.name == "git":
        draft.lookalikes(urls=False)
    draft.emit(ctx)


def apply_options(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> None:
    for given in parsed.given:
        option = given.option
        draft.flags.update(option.flags)
        draft.effects.update(option.effects)
        if option.kind is not None and given.value is not None:
            apply(walker, draft, option.kind, given.value, ctx, "option")


def positionals(walker: Machine, draft: Draft, profile: Profile, parsed: Parsed, ctx: Context) -> None:
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


def unwrap(walker: Machine, draft: Draft, profile: Profile, parsed: Parsed, ctx: Context) -> None:
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
    rest = fields[k + 1 :] if k < len(fields) and fields[k].text == "--" else fields[k:]
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
        cwd=draft.cwd,
    )
    walker.command(rest, below, redirect, functions=draft.name in ("time", "exec"))


_INHERITED = frozenset(
    ("remote", "container", "stdin_args", "scheduled", "background", "dangerous_env", "env_path")
)


def is_assignment(text: str) -> bool:
    name, equals, _ = text.partition("=")
    # a name that no shell could set (`BASH_FUNC_ls%%`) is still one for env
    return bool(equals) and (is_name(name) or (bool(name) and not name.startswith("-") and "/" not in name))
