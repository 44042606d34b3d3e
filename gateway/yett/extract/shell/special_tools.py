"""More of `special`: programs with a language of their own on the command line (sed, awk, tar, git, vi …)."""

from __future__ import annotations

from collections.abc import Mapping

from yett.extract.shell.actions import inner
from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expand import Field
from yett.extract.shell.machine import Handler, Machine
from yett.extract.shell.options import Parsed


def _run(walker: Machine, draft: Draft, field: Field, ctx: Context, via: str = "option") -> None:
    draft.effects.add("exec")
    if field.text.strip():
        walker.inline(field, inner(ctx, draft, via))


def sed(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """GNU sed: `e` runs, `w` and `W` write, `r` and `R` read, `s///e` and `s///w` too."""
    scripts = [g.value for g in parsed.given if g.name in ("-e", "--expression") and g.value is not None]
    if not scripts and not parsed.has("-f", "--file") and parsed.positionals:
        scripts = [parsed.positionals[0]]
    if parsed.has("-i", "--in-place"):
        files = (
            parsed.positionals if parsed.has("-e", "--expression", "-f", "--file") else parsed.positionals[1:]
        )
        for file in files:
            draft.touch("write", file)
    for text in scripts:
        for letter, argument in sed_commands(text.text):
            field = Field(argument, text.unknown)
            if letter == "e":
                draft.flags.add("inline_code")
                if argument:
                    _run(walker, draft, field, ctx, "inline")
                else:
                    draft.effects.add("exec")
                    draft.opaque["eval"] = None
            elif letter in "wW":
                draft.touch("write", field)
            else:
                draft.touch("read", field)
    return False


def sed_commands(script: str) -> list[tuple[str, str]]:
    """The commands of a sed script that touch the world: (e|w|W|r|R, argument)."""
    found: list[tuple[str, str]] = []
    i, n = 0, len(script)
    while i < n:
        c = script[i]
        if c in " \t\n;{}!,0123456789$~+I":
            i += 1
        elif c in "/\\" or (c == "\\" and i + 1 < n):
            delimiter = script[i + 1] if c == "\\" and i + 1 < n else "/"
            i = _delimited(script, i + (2 if c == "\\" else 1), delimiter)
        elif c == "#":
            i = _line_end(script, i)
        elif c in "sy":
            if i + 1 >= n:
                break
            delimiter = script[i + 1]
            middle = _delimited(script, i + 2, delimiter)
            i = _delimited(script, middle, delimiter)
            while i < n and script[i] not in ";\n}":
                if script[i] == "e" and c == "s":
                    found.append(("e", ""))
                elif script[i] == "w" and c == "s":
                    end = _line_end(script, i)
                    found.append(("w", script[i + 1 : end].strip()))
                    i = end
                    break
                i += 1
        elif c in "ewWrR":
            end = _line_end(script, i)
            found.append((c, script[i + 1 : end].strip()))
            i = end
        elif c in "aic":
            end = _line_end(script, i)
            while end < n and script[end - 1 : end] == "\\":
                end = _line_end(script, end + 1)
            i = end
        elif c in ":btTvFlqQL":
            i += 1
            while i < n and script[i] not in ";\n}":
                i += 1
        else:
            i += 1
    return found


def _delimited(script: str, i: int, delimiter: str) -> int:
    while i < len(script) and script[i] != delimiter:
        i += 2 if script[i] == "\\" else 1
    return i + 1


def _line_end(script: str, i: int) -> int:
    end = script.find("\n", i)
    return len(script) if end < 0 else end


def awk(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`system("…")`, `"…" | getline`, `print | "…"`, `print > "file"`; a program without them only filters."""
    programs = [g.value for g in parsed.given if g.name in ("-e", "--source") and g.value is not None]
    if not programs and not parsed.has("-f", "--file") and parsed.positionals:
        programs = [parsed.positionals[0]]
    for program in programs:
        text = program.text
        strings = awk_strings(text)
        bare = awk_code(text).replace("||", "").replace(" ", "")
        if "@load" in bare:
            draft.effects.add("exec")
            draft.flags.add("loads_library")
        if "/inet" in text:
            draft.effects.add("network")
        if "system(" in bare or "|" in bare:
            draft.effects.add("exec")
            draft.flags.add("inline_code")
            runs = [
                s
                for s, before, after in strings
                if before.endswith(("system(", "|", "|&")) or after.startswith("|")
            ]
            for string in runs:
                _run(walker, draft, Field(string, program.unknown), ctx, "inline")
            if not runs:
                draft.opaque["eval"] = None
        for string, before, _ in strings:
            if before.endswith((">", ">>")):
                draft.touch("write", Field(string))
            elif before.endswith("getline<"):
                draft.touch("read", Field(string))
    return False


def awk_strings(text: str) -> list[tuple[str, str, str]]:
    """The string literals of an awk program, with the code before and behind each, blanks removed."""
    found: list[tuple[int, int, str]] = []
    i, n = 0, len(text)
    while i < n:
        if text[i] != '"':
            i += 1
            continue
        j = i + 1
        value = ""
        while j < n and text[j] != '"':
            if text[j] == "\\" and j + 1 < n:
                value += {"n": "\n", "t": "\t"}.get(text[j + 1], text[j + 1])
                j += 2
            else:
                value += text[j]
                j += 1
        found.append((i, j + 1, value))
        i = j + 1
    return [
        (value, "".join(text[max(0, a - 40) : a].split()), "".join(text[b : b + 20].split()))
        for a, b, value in found
    ]


def awk_code(text: str) -> str:
    """The program without its string and regular expression literals."""
    out, inside, last, i = "", "", "", 0
    while i < len(text):
        c = text[i]
        i += 1
        if inside:
            if c == "\\":
                i += 1
            elif c == inside:
                inside = ""
                last = c
        elif c == '"' or (c == "/" and last in _BEFORE_REGEX):
            inside = c
        else:
            out += c
            last = c if c not in " \t" else last
    return out


_BEFORE_REGEX = frozenset(("", "(", ",", "~", "!", "&", "|", "{", "}", ";", "\n", "=", "?", ":"))


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
                    _run(walker, draft, value, ctx)
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
                _run(walker, draft, Field(text, g.value.unknown), ctx)
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


_GIT_RUNS = (
    "core.pager", "core.editor", "core.sshcommand", "core.fsmonitor", "core.askpass", "core.gitproxy",
    "sequence.editor", "diff.external", "credential.helper", "gpg.program", "gpg.ssh.program",
    "gpg.ssh.defaultkeycommand", "uploadpack.packobjectshook", "web.browser", "init.templatedir",
    "core.hookspath", "protocol.ext.allow", "core.alternaterefscommand", "core.attributesfile",
)  # fmt: skip
_GIT_RUN_PARTS = (
    "alias.", "pager.", "filter.", ".command", ".cmd", ".textconv", ".driver", ".program", ".helper", ".clean",
    ".smudge", ".process", ".uploadpack", ".receivepack", ".vcs", "browser.", "man.", ".proxy", ".path",
)  # fmt: skip
_HARMLESS_PAGERS = frozenset(
    ("cat", "less", "more", "true", "", "vim", "nano", "vi", "code --wait", "store", "cache", "manager")
)


def git(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`-c key=value` and `git config key value` can name programs; a transport can be a command line."""
    args = draft.argv[1:]
    k = 0
    subcommand = ""
    folder: Field | None = None
    while k < len(args):
        text = args[k].text
        if text in ("-c", "--config-env"):
            if k + 1 < len(args):
                key, _, value = args[k + 1].text.partition("=")
                _git_setting(walker, draft, key, Field(value, args[k + 1].unknown), ctx)
            k += 2
        elif text.startswith("-c") and "=" in text and not text.startswith("--"):
            key, _, value = text[2:].partition("=")
            _git_setting(walker, draft, key, Field(value, args[k].unknown), ctx)
            k += 1
        elif text in ("-C", "--git-dir", "--work-tree", "--namespace", "--super-prefix"):
            k += 2
        elif text.startswith("-"):
            if text.startswith("--exec-path="):
                # every sub-command is looked for there first
                folder = args[k]._replace(text=text[12:].rstrip("/"))
                draft.flags.add("runs_config")
                draft.effects.add("exec")
            k += 1
        else:
            subcommand = text
            break
    rest = args[k + 1 :]
    if folder is not None:
        program = folder._replace(text=f"{folder.text}/git-{subcommand}")
        walker.command([program, *rest], inner(ctx, draft, "option"), functions=False)
    if subcommand == "config":
        words = [
            field
            for before, field in zip([None, *rest], rest, strict=False)
            if not field.text.startswith("-")
            and (before is None or before.text not in ("-f", "--file", "--blob", "--type"))
        ]
        if words and words[0].text in ("set", "get", "unset", "list", "edit"):
            verb, words = words[0].text, words[1:]
            if verb != "set":
                words = words[:1]
        if len(words) > 1 and not any(f.text.startswith(("--get", "--list", "-l", "--unset")) for f in rest):
            draft.effects.add("config")
            if not (words[0].text.lower() == "core.hookspath" and _own_folder(words[1])):
                _git_setting(walker, draft, words[0].text, words[1], ctx)
    if subcommand in ("clone", "init"):
        _git_clone_settings(walker, draft, rest, ctx)
    for field in rest:
        if field.text.startswith("ext::"):
            _run(walker, draft, Field(field.text[5:], field.unknown), ctx)
        elif "://" in field.text and subcommand != "commit":
            draft.url(field)
        elif "@" in field.text and ":" in field.text.partition("@")[2] and " " not in field.text:
            draft.touch("host", field)
    if subcommand in ("push", "pull", "fetch", "clone") and any(
        f.text.startswith("-") and "f" in f.text[:3] for f in rest
    ):
        draft.flags.add("force")
    return False


def _own_folder(folder: Field) -> bool:
    """Hooks that lie in the repository (`.githooks`, `.husky`) are part of the project that is worked on."""
    return not folder.unknown and folder.text[:1] not in ("/", "~", "$") and ".." not in folder.text


def _git_clone_settings(walker: Machine, draft: Draft, rest: list[Field], ctx: Context) -> None:
    """`clone -c key=value` configures the new repository before it is used; a template brings hooks."""
    for field, after in zip(rest, [*rest[1:], None], strict=True):
        name, equals, value = field.text.partition("=")
        given = Field(value, field.unknown) if equals and name.startswith("--") else after
        if given is None:
            continue
        if name in ("-c", "--config"):
            key, _, setting = given.text.partition("=")
            _git_setting(walker, draft, key, Field(setting, given.unknown), ctx)
        elif name == "--template":
            _git_setting(walker, draft, "init.templatedir", given, ctx)


def _git_setting(walker: Machine, draft: Draft, key: str, value: Field, ctx: Context) -> None:
    name = key.lower()
    if not (name in _GIT_RUNS or any(part in name for part in _GIT_RUN_PARTS)):
        return
    if value.text in _HARMLESS_PAGERS:
        return
    if name.startswith("alias."):
        if value.text.startswith("!"):
            draft.flags.add("runs_config")
            _run(walker, draft, Field(value.text[1:], value.unknown), ctx, "config")
        return
    draft.flags.add("runs_config")
    draft.effects.add("exec")
    if name in ("core.hookspath", "init.templatedir", "core.attributesfile", "protocol.ext.allow"):
        walker.command(
            [value._replace(text=value.text.rstrip("/") + "/pre-commit")],
            inner(ctx, draft, "config"),
            functions=False,
        )
        return
    text = value.text.removeprefix("!")
    if name.endswith("helper") and not value.text.startswith(("!", "/")):
        text = "git-credential-" + text
    _run(walker, draft, Field(text, value.unknown), ctx, "config")


def editor(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """vi: `+command` and `-c command`; ex commands may start a shell or write; ed reads its own from a pipe."""
    if draft.name in ("ed", "red", "ex") and ctx.stdin is not None:
        for line in ctx.stdin.split("\n"):
            letter, _, rest = line.strip().partition(" ")
            field = Field(rest.strip(), ctx.guessed)
            if letter.startswith("!"):
                _run(walker, draft, Field(line.strip()[1:], ctx.guessed), ctx)
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
            _run(walker, draft, given.value._replace(text=text[bang + 1 :]), ctx)
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
            _run(walker, draft, given.value._replace(text=given.value.text.strip()[1:]), ctx)
        elif word in ("shell", "make", "pipe", "|"):
            _run(walker, draft, given.value._replace(text=rest), ctx)
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
    "sed": sed, "awk": awk, "tar": tar, "git": git, "editor": editor, "gdb": debugger, "multiplexer": multiplexer, "verbs": verbs,
}  # fmt: skip
