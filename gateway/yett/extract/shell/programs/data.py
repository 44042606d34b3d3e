"""Databases and data filters: their statements, dot commands and programs."""

from __future__ import annotations

from collections.abc import Mapping

from yett.extract import patches
from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.machine import Handler, Machine
from yett.extract.shell.options import Parsed
from yett.extract.shell.programs.actions import inner


def _words(draft: Draft) -> list[str]:
    return [f.text for f in draft.argv[1:]]


def database(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """psql, mysql, sqlite3: statements on the standard input."""
    if "inline_sql" not in draft.flags:
        if ctx.stdin:
            draft.flags.add("inline_sql")
            draft.analysis.nest("sql", ctx.stdin, draft.name)
        elif ctx.from_file:
            draft.flags.add("script_file")
        elif ctx.fed:
            draft.flags.add("stdin_script")
    return False


def psql(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    r"""`-c` text starting with a backslash is psql's own: `\! command`."""
    for given in parsed.given:
        if given.name in ("-c", "--command") and given.value is not None:
            text = given.value.text.strip()
            if text.startswith("\\!"):
                draft.effects.add("exec")
                walker.inline(given.value._replace(text=text[2:]), inner(ctx, draft, "option"))
    for field in parsed.positionals:
        if "://" in field.text:
            draft.url(field)
    return database(walker, draft, parsed, ctx)


def sqlite(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """Dot commands: `.shell`, `.system`, `.load`, `.output`, `.import`."""
    texts = list(parsed.positionals[1:]) + [
        g.value for g in parsed.given if g.name in ("-cmd", "-c") and g.value
    ]
    for field in texts:
        for line in field.text.split("\n"):
            word, _, rest = line.strip().partition(" ")
            if word in (".shell", ".system"):
                draft.effects.add("exec")
                walker.inline(field._replace(text=rest), inner(ctx, draft, "option"))
            elif word in (".output", ".once", ".backup", ".save", ".log", ".clone"):
                draft.touch("write", field._replace(text=rest.split()[-1] if rest.split() else ""))
            elif word in (".import", ".read", ".restore", ".open"):
                draft.touch("read", field._replace(text=rest.split()[0] if rest.split() else ""))
            elif word == ".load":
                draft.effects.add("exec")
                draft.flags.add("loads_library")
    return database(walker, draft, parsed, ctx)


def database_tools(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """redis-cli FLUSHALL, dropdb …"""
    words = {w.lower() for w in _words(draft)}
    if draft.name in ("dropdb", "dropuser") or words & {"flushall", "flushdb", "drop", "del"}:
        draft.effects.add("delete")
        draft.flags.add("destructive")
    if draft.name in (
        "createdb",
        "createuser",
        "mongorestore",
        "pg_restore",
        "mysqlimport",
        "mongoimport",
    ) or words & {"set", "config", "put"}:
        draft.effects.add("write")
    for field in parsed.positionals:
        if "://" in field.text:
            draft.url(field)
    return False


def jq(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`env` and `$ENV` in a jq program read the environment."""
    if parsed.positionals:
        text = parsed.positionals[0].text
        if "$ENV" in text or "env." in text or text.strip() == "env":
            draft.flags.add("lists_environment")
        if draft.name == "yq" and "-i" in _words(draft):
            for field in parsed.positionals[1:]:
                draft.touch("write", field)
    return False


def bang(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    r"""`!command` (lftp, mail, smbclient) and `\\! command` (mysql) inside their own commands start a shell."""
    texts = [g.value for g in parsed.given if g.value is not None and g.option.kind in ("value", "sql")]
    if ctx.stdin is not None:
        texts.append(Field(ctx.stdin, ctx.guessed))
    for field in texts:
        for part in field.text.replace("\n", ";").split(";"):
            text = part.strip().removeprefix("\\").strip()
            if text.startswith("!") and not text.startswith("!="):
                draft.effects.add("exec")
                walker.inline(field._replace(text=text[1:]), inner(ctx, draft, "option"))
            elif text.startswith(("system ", "shell ")):
                draft.effects.add("exec")
                walker.inline(field._replace(text=text.partition(" ")[2]), inner(ctx, draft, "option"))
    if draft.name in ("mysql", "mariadb", "mycli", "mysqlsh"):
        return database(walker, draft, parsed, ctx)
    if draft.name in ("lftp", "psftp", "ftp", "tnftp", "smbclient") and (
        ctx.stdin or parsed.has("-c", "-e", "-f")
    ):
        draft.effects.update(("read", "write"))
    return False


def patched(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """Codex's `apply_patch`: the patch stands in its operand or on the standard input, and names the files."""
    given = [field for field in parsed.positionals if patches.looks_like(field.text)]
    if not given and ctx.stdin is not None:
        given = [Field(ctx.stdin, ctx.guessed)]
    for field in given:
        for use, name in patches.read(field.text).files:
            draft.touch(use, field._replace(text=name))
    if not given:
        draft.flags.add("dynamic_target")
    return False


HANDLERS: Mapping[str, Handler] = {
    "database": database, "psql": psql, "sqlite": sqlite, "dbtools": database_tools, "jq": jq,
    "bang": bang, "patched": patched,
}  # fmt: skip
