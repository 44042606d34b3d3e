"""Programs that run what the project's own files say.

Those files are not read; but where the same program wrote one of them a moment ago (`printf … > Makefile && make`),
what it says is followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from yett import canonical
from yett.errors import InvalidCall
from yett.extract.patterns import pattern
from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.machine import Handler, Machine
from yett.extract.shell.options import Parsed
from yett.extract.shell.programs.actions import inner

_RECIPES = frozenset(("makefile", "gnumakefile", "justfile"))
_RECIPE = pattern(r"(?m)^(?:[ \t]+|[\w.%/ -]+:[^=;\n]*;)[-@+ \t]*(.+)$")
_VARIABLE = pattern(r"\$\(([A-Za-z_]+)\)")


def make(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """Its recipe is in a file; `--eval` is code here."""
    for given in parsed.given:
        if given.name in ("-E", "--eval") and given.value is not None:
            draft.flags.add("inline_code")
            text = given.value.text
            start = text.find("$(shell ")
            if start >= 0:
                draft.effects.add("exec")
                command = given.value._replace(text=text[start + 8 :].rpartition(")")[0])
                walker.inline(command, inner(ctx, draft, "inline"))
            else:
                draft.opaque["eval"] = None
    for field in parsed.positionals:
        name, equals, _value = field.text.partition("=")
        if equals and name in ("SHELL", "MAKEFLAGS", "CC", "CXX", ".SHELLFLAGS"):
            draft.flags.add(
                "dangerous_env" if name in ("SHELL", "MAKEFLAGS", ".SHELLFLAGS") else "config_value"
            )
    file = parsed.value("-f", "--file", "--makefile")
    if file is not None and file.text == "-" and ctx.fed:
        draft.flags.add("stdin_script")
        draft.opaque["stdin_script"] = None
    if not parsed.has("-n", "--dry-run", "--just-print", "-v", "--version"):
        draft.opaque["project_script"] = None
        draft.lookalikes(urls=False)
        _follow(walker, draft, ctx)
    return False


def project(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """npm run, yarn, cargo …: a script that the project defines."""
    draft.effects.add("exec")
    draft.opaque["project_script"] = None
    draft.lookalikes(urls=False)
    _follow(walker, draft, ctx)
    return False


def install(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """npm install: `preinstall` and its like run, unless told not to."""
    if "no_scripts" not in draft.flags:
        _follow(walker, draft, ctx)
    return False


def _follow(walker: Machine, draft: Draft, ctx: Context) -> None:
    """What the files say that this very program wrote, each once."""
    content = draft.analysis.disk.content
    for name, text in list(content.items()):
        language = {"py": "python", "js": "javascript", "mjs": "javascript", "cjs": "javascript"}.get(
            name.rpartition(".")[2]
        )
        if language is not None:
            draft.flags.add("runs_written")
            draft.analysis.nest(language, text, draft.name)
            continue
        commands = list(_commands(name, text))
        if commands:
            draft.flags.add("runs_written")
            del content[name]
            walker.inline(Field("\n".join(commands)), inner(ctx, draft, "file"))
            content[name] = text


def _commands(name: str, text: str) -> Iterator[str]:
    """The command lines of a makefile, or of the scripts of a `package.json`."""
    if name.lower() in _RECIPES or name.endswith(".mk"):
        for line in _RECIPE.findall(text):
            yield _VARIABLE.sub(r"${\1}", line.replace("$$", "$"))
    elif name == "package.json":
        try:
            read = canonical.parse(text.encode())
        except (InvalidCall, UnicodeError):
            return
        scripts = read.get("scripts") if isinstance(read, dict) else None
        if isinstance(scripts, dict):
            yield from (script for script in scripts.values() if isinstance(script, str))


HANDLERS: Mapping[str, Handler] = {"make": make, "project": project, "install": install}
