"""Programs with a language of their own on the command line (tar, vi, gdb, tmux …)."""

from __future__ import annotations

from collections.abc import Mapping

from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.machine import Handler, Machine
from yett.extract.shell.options import Parsed
from yett.extract.shell.programs.actions import inner, run


def tar(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """The first argument may be a bundle without a dash; `--checkpoint-action=exec=…` runs."""
    args = draft.argv[1:]
    positionals = list(parsed.positionals)
    letters = ""
    if args and not args[0].text.startswith("-") and positionals and positionals[0] is args[0]:
        letters = args[0].text
        positionals = positionals[1:]
        for letter in letters:
            if letter in "fCTXgIbKLNVF" and positionals:
                value = positionals.pop(0)
                if letter == "f":
                    _archive(draft, letters, value)
                elif letter in "IF":
                    run(walker, draft, value, ctx)
    given = {g.name for g in parsed.given}
    modes = set(letters) | {n[1:] for n in given if len(n) == 2}
    for long, short in (
        ("--create", "c"),
        ("--extract", "x"),
        ("--get", "x"),
        ("--list", "t"),
        ("--append", "r"),
        ("--update", "u"),
    ):
        if long in given:
            modes.add(short)
    for g in parsed.given:
        if g.value is None:
            continue
        if g.name in ("-f", "--file"):
            _archive(draft, "".join(modes), g.value)
        elif g.name == "--checkpoint-action":
            action, _, text = g.value.text.partition("=")
            if action == "exec":
                run(walker, draft, Field(text, g.value.unknown), ctx)
        elif g.name in ("-C", "--directory") and "x" in modes:
            draft.touch("write", g.value)
    if "x" in modes:
        draft.effects.add("write")
        draft.flags.add("extract")
    if modes & set("cru"):
        for field in positionals:
            draft.touch("read", field)
        if "--remove-files" in given:
            for field in positionals:
                draft.touch("delete", field)
    if "P" in modes or "--absolute-names" in given:
        draft.flags.add("absolute_names")
    return False


def _archive(draft: Draft, modes: str, field: Field) -> None:
    head, colon, _ = field.text.partition(":")
    if colon and "/" not in head:
        draft.touch("host", field)
    else:
        draft.touch("write" if set(modes) & set("cru") else "read", field)


def editor(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """vi: `+command` and `-c command`; ex commands may start a shell or write; ed reads its own from a pipe."""
    if draft.name in ("ed", "red", "ex") and ctx.stdin is not None:
        for line in ctx.stdin.split("\n"):
            letter, _, rest = line.strip().partition(" ")
            field = Field(rest.strip(), ctx.guessed)
            if letter.startswith("!"):
                run(walker, draft, Field(line.strip()[1:], ctx.guessed), ctx)
            elif letter in ("e", "E", "r") and rest:
                draft.touch("read", field)
            elif letter in ("w", "W", "wq") and rest:
                draft.touch("write", field)
    for given in parsed.given:
        if given.value is None or given.name not in ("+", "-c", "--cmd"):
            continue
        text = given.value.text
        bang = text.find("!")
        if bang >= 0 and (
            bang == 0 or text[bang - 1] in " :|" or text[:bang].strip(": ") in ("", "silent", "r", "w")
        ):
            run(walker, draft, given.value._replace(text=text[bang + 1 :]), ctx)
        elif any(
            word in text
            for word in (
                "system(",
                "py ",
                "py3 ",
                "python",
                "lua ",
                "ruby ",
                "perl ",
                "source",
                "call ",
                "job_start",
            )
        ):
            draft.effects.add("exec")
            draft.flags.add("inline_code")
            draft.opaque["eval"] = None
    return False


def debugger(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """gdb: `-ex 'shell …'`, `-ex '!…'`, `-ex 'python …'`."""
    for given in parsed.given:
        if given.value is None or given.name not in ("-ex", "--eval-command", "-eval-command", "-iex"):
            continue
        word, _, rest = given.value.text.strip().partition(" ")
        if word.startswith("!"):
            run(walker, draft, given.value._replace(text=given.value.text.strip()[1:]), ctx)
        elif word in ("shell", "make", "pipe", "|"):
            run(walker, draft, given.value._replace(text=rest), ctx)
        elif word.startswith(("python", "py", "source", "guile", "call", "print", "compile")):
            draft.effects.add("exec")
            draft.flags.add("inline_code")
            if word.startswith("py"):
                draft.code("python", given.value._replace(text=rest))
    return False


def multiplexer(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """tmux, screen: the last argument of `new-session`, `send-keys` … is a command line."""
    words = draft.argv[1:]
    if draft.name != "tmux" and draft.name != "zellij":
        return _screen(walker, draft, ctx)
    for k, field in enumerate(words):
        if field.text in (
            "new-session",
            "new",
            "new-window",
            "neww",
            "split-window",
            "splitw",
            "respawn-pane",
            "run-shell",
            "run",
            "if-shell",
            "popup",
            "display-popup",
            "pipe-pane",
            "send-keys",
            "send",
        ):
            rest: list[Field] = []
            skip = False
            for word in words[k + 1 :]:
                if skip:
                    skip = False
                elif word.text.startswith("-") and not rest:
                    skip = word.text[-1:] in "cnstexyFlp" and len(word.text) == 2
                elif word.text not in ("Enter", "C-m", "ENTER"):
                    rest.append(word)
            if rest:
                text = Field(" ".join(f.text for f in rest), any(f.unknown for f in rest))
                walker.inline(text, inner(ctx, draft, "inline"))
            break
    return False


def _screen(walker: Machine, draft: Draft, ctx: Context) -> bool:
    """screen, dtach …: options, then a command line; `-X stuff` types into a window."""
    words = draft.argv[1:]
    k = 0
    while k < len(words) and words[k].text.startswith("-"):
        if words[k].text == "-X":
            if k + 2 < len(words) and words[k + 1].text in ("stuff", "exec"):
                walker.inline(words[k + 2], inner(ctx, draft, "inline"))
            return False
        takes = words[k].text[-1:] in "SscehpTtnAa" and draft.name in ("screen", "byobu", "dtach", "abduco")
        k += 2 if takes else 1
    if k < len(words):
        walker.command(words[k:], inner(ctx, draft, "inline"), functions=False)
    return False


_TRANSFERS = frozenset(("cp", "sync", "mv", "upload", "put", "copy", "move", "put-object", "rsync"))


def verbs(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """Clouds' command lines: the sub-command's verb tells the effect."""
    words = [f.text.lower() for f in parsed.positionals[:4]]
    for word in words:
        for part in word.split("-"):
            if part in ("delete", "remove", "rm", "destroy", "terminate", "purge", "deregister", "rb"):
                draft.effects.add("delete")
            elif part in (
                "create",
                "put",
                "update",
                "set",
                "apply",
                "deploy",
                "cp",
                "sync",
                "mv",
                "upload",
                "publish",
                "send",
                "write",
                "attach",
                "add",
                "start",
                "run",
                "invoke",
                "modify",
                "import",
                "mb",
                "push",
            ):
                draft.effects.add("write")
            elif part in ("ssh", "exec", "execute"):
                draft.effects.add("exec")
            elif part in ("iam", "secrets", "secret", "keyvault", "kms", "login", "auth", "credential"):
                draft.flags.add("credentials")
    moving = not _TRANSFERS.isdisjoint(words)
    for field in parsed.positionals[1:]:
        if "://" in field.text:
            draft.url(field)
        elif moving and field.text.lower() not in words[:2]:
            draft.touch("read", field)
    return False


HANDLERS: Mapping[str, Handler] = {
    "tar": tar, "editor": editor, "gdb": debugger, "multiplexer": multiplexer, "verbs": verbs,
}  # fmt: skip
