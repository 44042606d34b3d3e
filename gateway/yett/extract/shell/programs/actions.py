"""What one argument of a known kind makes a command do: read a file, contact a host, run a text."""

from __future__ import annotations

from yett.extract.shell.disk import base, language
from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.machine import Machine


def apply(walker: Machine, draft: Draft, kind: str, field: Field, ctx: Context, via: str) -> None:
    """One value or positional of a known kind."""
    if kind == "cwd" and field.text[:1] in ("/", "~"):
        draft.cwd = field.text
    if kind in ("value", "pair", "pattern", "cwd", "assign", "command"):
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
    elif kind == "form":
        _, _, value = field.text.partition("=")
        if value[:1] in ("@", "<"):
            draft.touch("read", field._replace(text=value[1:].partition(";")[0]))
    elif kind == "atfile":
        if field.text.startswith("@"):
            draft.touch("read", field._replace(text=field.text[1:]))
    elif kind in ("shell", "words"):
        run(walker, draft, field, ctx, via)
    elif kind == "program":
        draft.effects.add("exec")
        if field.text:
            walker.command([field], inner(ctx, draft, via), functions=False)
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


def run(walker: Machine, draft: Draft, field: Field, ctx: Context, via: str = "option") -> None:
    """A text that the program hands to a shell."""
    draft.effects.add("exec")
    if field.text.strip():
        walker.inline(field, inner(ctx, draft, via))


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


def script(walker: Machine, draft: Draft, field: Field, ctx: Context) -> None:
    """A file of code that is run: its name is known, its content is not."""
    draft.effects.add("exec")
    if field.proc is not None:
        source_output(walker, draft, field, ctx)
    elif field.text in ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
        draft.flags.add("reads_stdin")
    else:
        draft.flags.add("script_file")
        draft.touch("read", field)
        draft.lookalikes()
        disk = draft.analysis.disk
        name = base(field.text)
        if draft.analysis.library.attacks(name):
            draft.flags.add("probe")
        if name in disk.origin:
            draft.flags.add("runs_download" if disk.origin[name] == "download" else "runs_written")
        if name in disk.content:
            # a script that runs itself is followed once
            text = disk.content.pop(name)
            draft.opaque["resolved_script"] = None
            after = next((k for k, word in enumerate(draft.argv) if word is field), len(draft.argv))
            run_content(walker, draft, text, ctx, draft.argv[after + 1 :])
            disk.content[name] = text
        if field.unknown:
            draft.flags.add("dynamic_script")


_LANGUAGES = {
    "python": "python", "python2": "python", "python3": "python", "pypy": "python", "pypy3": "python",
    "node": "javascript", "nodejs": "javascript", "bun": "javascript", "deno": "javascript",
    "perl": "perl", "ruby": "ruby", "php": "php",
    "psql": "sql", "mysql": "sql", "mariadb": "sql", "sqlite3": "sql", "duckdb": "sql",
    "awk": "", "gawk": "", "mawk": "", "nawk": "", "original-awk": "", "sed": "", "gsed": "", "ssed": "",
}  # fmt: skip
"""What programs with a profile speak; "" where their handler reads the file itself."""


def run_content(walker: Machine, draft: Draft, text: str, ctx: Context, args: list[Field]) -> None:
    """The text of a file that `draft` runs with these arguments, and that this program wrote before."""
    spoken = _LANGUAGES.get(draft.name)
    if spoken is None:
        profile = draft.analysis.library.find(draft.name)[1]
        ours = profile is None or profile.special == "shell" or draft.name in (".", "source")
        spoken = language(text) if ours else "script"
    if draft.name in (".", "source"):
        given, walker.state.positional = walker.state.positional, args or walker.state.positional
        walker.evaluate(Field(text), inner(ctx, draft, "file"))
        walker.state.positional = given
    elif spoken == "shell":
        walker.inline(Field(text), inner(ctx, draft, "file"), args)
    elif spoken:
        draft.code(spoken, Field(text))


def contents(draft: Draft, files: list[Field]) -> list[Field]:
    """The texts of those files that this program wrote before."""
    known = draft.analysis.disk.content
    return [Field(known[name]) for file in files if (name := base(file.text)) in known]


def source_output(walker: Machine, draft: Draft, field: Field, ctx: Context) -> None:
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
