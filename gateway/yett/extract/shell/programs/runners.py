"""Programs that run programs: shells, interpreters, ssh, find, xargs, schedulers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.grammar.scanner import TooMuch
from yett.extract.shell.machine import Handler, Machine
from yett.extract.shell.options import Parsed
from yett.extract.shell.programs.actions import inner, script

_SHELL_LETTERS = frozenset("abefhkmnptuvxilrsBCDEHPTcoO")


_HOSTS = frozenset(
    ("sudo", "doas", "su", "env", "exec", "nice", "time", "command", "docker", "podman", "nerdctl", "kubectl", "oc",
     "ssh", "lxc", "incus", "chroot", "poetry", "uv", "pipenv", "nix", "nix-shell", "tmux", "screen", "script",
     "runuser", "machinectl", "toolbox", "distrobox", "crictl", "systemd-run", "direnv", "bash", "sh", "zsh")
)  # fmt: skip
"""From these one expects a shell; from `find`, `awk` or `tar` it is a way out of a restriction."""


def _expects_shell(draft: Draft, carrier: str) -> bool:
    profile = draft.analysis.library.find(carrier)[1]
    plain = profile is not None and profile.wrapper and carrier not in ("busybox", "toybox", "xargs", "flock")
    return plain or carrier in _HOSTS


def shell(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """sh, bash …: `-c` in any cluster, a script file, or the standard input."""
    args = draft.argv[1:]
    inline = from_stdin = False
    k = 0
    while k < len(args):
        text = args[k].text
        if args[k].unknown and text[:1] not in "-+":
            break
        if text == "--" or text == "-":
            k += 1
            break
        if text.startswith("--"):
            k += 1
            if text in ("--rcfile", "--init-file"):
                if k < len(args):
                    script(walker, draft, args[k], ctx)
                k += 1
            continue
        if len(text) < 2 or text[0] not in "-+":
            break
        letters = text[1:]
        k += 1
        if not _SHELL_LETTERS.issuperset(letters):
            draft.opaque["invalid_option"] = None
            if "c" in letters:
                walker.inline(Field(letters.partition("c")[2]), inner(ctx, draft, "inline"))
        inline |= "c" in letters
        from_stdin |= "s" in letters
        k += letters.count("o") + letters.count("O")
    rest = args[k:]
    if inline and rest:
        below = inner(ctx, draft, ctx.via if ctx.wrappers else "inline")._replace(
            via="inline", stdin=ctx.stdin, fed=ctx.fed, piped_from=ctx.piped_from
        )
        extra = not rest[0].text.strip() or "stdin_args" in ctx.flags
        if "stdin_args" in ctx.flags and (rest[0].unknown or "{}" in rest[0].text):
            draft.opaque["inline_input"] = None
        if draft.opaque or draft.redirect is not None or (extra and "stdin_args" in ctx.flags):
            draft.effects.add("exec")
            draft.emit(ctx)
        more = "stdin_args" in ctx.flags  # xargs adds arguments of its own
        walker.inline(rest[0], below, None if more else rest[2:], rest[1] if len(rest) > 1 else None)
        return True
    draft.effects.add("exec")
    if rest and not from_stdin and rest[0].text not in ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
        script(walker, draft, rest[0], ctx)
    elif ctx.stdin is not None:
        draft.flags.add("stdin_script")
        draft.opaque["resolved_script"] = None
        draft.emit(ctx)
        via = "pipe" if ctx.piped_from else "heredoc"
        walker.inline(Field(ctx.stdin, ctx.guessed), inner(ctx, draft, via), rest)
        return True
    elif ctx.from_file:
        draft.flags.add("script_file")
    elif ctx.fed or "stdin_args" in ctx.flags:
        draft.flags.add("stdin_script")
        draft.opaque["stdin_script"] = None
    else:
        draft.flags.add("interactive")
        if ctx.wrappers and not _expects_shell(draft, ctx.wrappers[-1]):
            draft.flags.add("shell_escape")
    draft.emit(ctx)
    return True


def interpreter(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """python, node, perl …: without code or script, the standard input is the script."""
    if (
        "inline_code" in draft.flags
        or "module" in draft.flags
        or "listen" in draft.flags
        or parsed.has("-v", "--version", "-V", "-h", "--help", "--test")
    ):
        return False
    if parsed.positionals and parsed.positionals[0].text not in ("-", "/dev/stdin"):
        return False
    draft.effects.add("exec")
    if ctx.stdin is not None:
        if ctx.stdin.strip():
            draft.flags.update(("stdin_script", "inline_code"))
            language = draft.name.rstrip("0123456789.")
            language = {
                "node": "javascript",
                "nodejs": "javascript",
                "bun": "javascript",
                "pypy": "python",
            }.get(language, language)
            draft.code(language, Field(ctx.stdin, ctx.guessed))
            draft.opaque["resolved_script"] = None
    elif ctx.from_file:
        draft.flags.add("script_file")
    elif ctx.fed:
        draft.flags.add("stdin_script")
        draft.opaque["stdin_script"] = None
    else:
        draft.flags.add("interactive")
    return False


def python(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`-m module`: some modules serve, install, or run code from the arguments."""
    module = parsed.value("-m")
    if module is None:
        return interpreter(walker, draft, parsed, ctx)
    rest = parsed.positionals
    name = module.text
    if name in (
        "pip",
        "pipx",
        "pytest",
        "venv",
        "virtualenv",
        "twine",
        "uv",
        "poetry",
        "ansible",
        "build",
        "black",
        "ruff",
        "mypy",
    ):
        # `python -m pip` is pip
        walker.command([Field(name), *rest], inner(ctx, draft, "inline"), draft.redirect, functions=False)
        return True
    if name == "timeit":
        for field in rest:
            if not field.text.startswith("-"):
                draft.code("python", field)
    elif name in ("pdb", "trace", "cProfile", "profile", "runpy", "doctest", "coverage"):
        draft.flags.add("script_file")
    elif name in ("http.server", "SimpleHTTPServer", "pyftpdlib", "smtpd", "xmlrpc.server"):
        draft.effects.update(("network", "read"))
        draft.flags.add("listen")
    elif name in ("webbrowser", "antigravity"):
        draft.effects.add("network")
    elif name in (
        "json.tool",
        "base64",
        "zipfile",
        "tarfile",
        "gzip",
        "calendar",
        "site",
        "sysconfig",
        "platform",
        "ast",
        "tokenize",
        "this",
        "py_compile",
        "compileall",
        "dis",
    ):
        draft.effects.discard("exec")
        for field in rest:
            if not field.text.startswith("-"):
                draft.touch("read", field)
    return False


def remote(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """ssh: options as words, a host, and a command line for the shell over there."""
    for given in parsed.given:
        if given.name == "-o" and given.value is not None:
            key, _, value = given.value.text.replace("=", " ", 1).partition(" ")
            if key.lower() in ("proxycommand", "localcommand", "knownhostscommand"):
                draft.effects.add("exec")
                if value.strip() != "none":
                    walker.inline(Field(value, given.value.unknown), inner(ctx, draft, "option"))
            elif key.lower() == "stricthostkeychecking" and value.lower() in ("no", "off"):
                draft.flags.add("insecure")
            elif key.lower() in ("pkcs11provider", "securitykeyprovider", "xauthlocation"):
                draft.effects.add("exec")
                draft.flags.add("loads_library")
    command = parsed.positionals[1:]
    if parsed.positionals:
        draft.touch("host", parsed.positionals[0])
    draft.emit(ctx)
    if command:
        field = Field(" ".join(f.text for f in command), any(f.unknown for f in command))
        below = inner(ctx, draft, "inline")._replace(flags=ctx.flags | {"remote"})
        walker.inline(field, below)
    elif ctx.stdin:
        walker.inline(
            Field(ctx.stdin, ctx.guessed), inner(ctx, draft, "heredoc")._replace(flags=ctx.flags | {"remote"})
        )
    return True


def environment(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`env -S 'words'`: the words come before the rest of the arguments."""
    split = parsed.value("-S", "--split-string")
    if split is None:
        return False
    text = split.text + "".join(" '" + f.text.replace("'", "'\\''") + "'" for f in parsed.positionals)
    walker.inline(Field("env " + text, split.unknown), inner(ctx, draft, "inline"))
    return True


def xargs(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """What it runs gets arguments from its input."""
    replace = parsed.value("-I", "-i", "--replace")
    mark = "{}" if replace is None else replace.text
    draft.flags.add("stdin_args")
    rest = parsed.positionals
    if draft.name == "parallel":
        return _parallel(walker, draft, rest, ctx)
    if not rest:
        return False
    if parsed.has("-I", "-i", "--replace"):
        rest = [f._replace(unknown=True) if mark in f.text else f for f in rest]
    else:
        given = ctx.input if ctx.input is not None and len(ctx.input) < 4096 else None
        words = given.replace("\0", " ").split() if given is not None else None
        rest = [
            *rest,
            *([Field(w) for w in words] if words is not None else [Field("{}", True, quoted=True)]),
        ]
    parsed.positionals = rest
    return False


def _parallel(walker: Machine, draft: Draft, words: list[Field], ctx: Context) -> bool:
    """`parallel gzip {} ::: a b`: a line for each value, or for each line of a known input; else one that holds the mark."""
    marks = [k for k, word in enumerate(words) if word.text in (":::", "::::", ":::+")]
    head = words[: marks[0]] if marks else words
    values = words[marks[0] + 1 :] if marks and words[marks[0]].text == ":::" else []
    if not values and ctx.input is not None:
        values = [Field(text) for text in ctx.input.splitlines()]
    if len(values) > _PARALLEL:
        raise TooMuch("expansions")
    if not values and (not head or head[0].text.startswith("{}")):
        draft.opaque["stdin_script"] = None
        draft.emit(ctx)
        return True
    line = " ".join(word.text for word in head)
    for value in values or [Field("{}", unknown=True)]:
        text = line.replace("{}", value.text) if "{}" in line else f"{line} {value.text}".strip()
        unknown = value.unknown or any(f.unknown for f in head)
        walker.inline(Field(text, unknown), inner(ctx, draft, "inline"))
    return True


_PARALLEL = 64
"""Values of `parallel` that are followed; with more nobody knows what runs."""


def _rotated(words: list[str]) -> str:
    """`/*.gz` where only such old files are deleted, as whoever tidies up logs does."""
    pairs = list(itertools.pairwise(words))
    aged = any(option in ("-mtime", "-ctime", "-atime") and days[:1] == "+" for option, days in pairs)
    names = [name for option, name in pairs if option in ("-name", "-iname")]
    old = (".gz", ".xz", ".bz2", ".zip", ".old", ".[0-9]", ".[0-9]*", ".1", ".log.*")
    return "/" + names[0] if aged and len(names) == 1 and names[0].endswith(old) else ""


def find(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """Its expression may run, delete and write."""
    args = draft.argv[1:]
    k = 0
    while k < len(args) and (
        args[k].text in ("-H", "-L", "-P", "--") or args[k].text.startswith(("-O", "-D"))
    ):
        k += 2 if args[k].text == "-D" else 1
    roots = 0
    while k < len(args) and args[k].text[:1] not in ("-", "(", "!", ")", ","):
        draft.touch("read", args[k])
        roots += 1
        k += 1
    if not roots:
        draft.touch("read", Field("."))
    actions: list[list[Field]] = []
    while k < len(args):
        text = args[k].text
        k += 1
        if text in ("-exec", "-execdir", "-ok", "-okdir"):
            command: list[Field] = []
            while k < len(args) and args[k].text != ";":
                if args[k].text == "+" and command and command[-1].text == "{}":
                    break
                command.append(args[k])
                k += 1
            k += 1
            if command:
                actions.append(command)
        elif text == "-delete":
            draft.flags.add("recursive")
            for root in list(draft.reads):
                draft.touch("delete", Field(root + _rotated([arg.text for arg in args])))
        elif text in ("-fprint", "-fprint0", "-fls", "-fprintf") and k < len(args):
            draft.touch("write", args[k])
            k += 2 if text == "-fprintf" else 1
        elif text in ("-files0-from", "-newer", "-samefile") and k < len(args):
            k += 1
        elif text == "-perm" and k < len(args):
            if any(mark in args[k].text for mark in ("4000", "6000", "2000", "u=s", "u+s", "g=s", "g+s")):
                draft.flags.add("setuid_search")
            k += 1
    draft.flags.add("recursive")
    draft.emit(ctx)
    roots_found = list(draft.reads)
    for command in actions:
        below = inner(ctx, draft, "option")._replace(flags=ctx.flags | {"stdin_args"})
        if any("{}" in f.text for f in command):
            # what it is run on lies below the starting points
            command = [
                f._replace(text=f.text.replace("{}", roots_found[0].rstrip("/") + "/{}"))
                if "{}" in f.text
                else f
                for f in command
            ]
        walker.command(command, below, functions=False)
    return True


def fd(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`fd … -x command`."""
    args = draft.argv[1:]
    for k, field in enumerate(args):
        if field.text in ("-x", "--exec", "-X", "--exec-batch") and k + 1 < len(args):
            draft.emit(ctx)
            rest = [f._replace(unknown="{" in f.text) for f in args[k + 1 :] if f.text != ";"]
            walker.command(
                rest, inner(ctx, draft, "option")._replace(flags=ctx.flags | {"stdin_args"}), functions=False
            )
            return True
    return False


def flock(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`flock file -c 'text'`."""
    rest = parsed.positionals[1:]
    if len(rest) > 1 and rest[0].text in ("-c", "--command"):
        walker.inline(rest[1], inner(ctx, draft, "inline"))
        return True
    return False


def joined(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """watch, and others that join their arguments and give them to a shell."""
    if parsed.positionals:
        fields = parsed.positionals
        text = Field(" ".join(f.text for f in fields), any(f.unknown for f in fields))
        walker.inline(text, inner(ctx, draft, "inline"))
        return True
    return False


def command(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`command -v name` only asks."""
    if parsed.has("-v", "-V"):
        draft.emit(ctx)
        return True
    return False


def capabilities(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """`capsh -- arguments` starts bash with them."""
    words = [f.text for f in draft.argv]
    if "--" in words:
        rest = draft.argv[words.index("--") + 1 :]
        walker.command([Field("bash"), *rest], inner(ctx, draft, ctx.via), draft.redirect, functions=False)
        return True
    return False


def service_runner(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """start-stop-daemon: the program is an option, its arguments are the positionals."""
    program = parsed.value("--exec", "-x", "--startas", "-a")
    if program is None or not parsed.has("--start", "-S"):
        return False
    walker.command([program, *parsed.positionals], inner(ctx, draft, "inline"), functions=False)
    return True


def scheduled(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """at, batch, crontab: what they read on standard input runs later."""
    if ctx.stdin:
        text = ctx.stdin
        if draft.name == "crontab":
            lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
            text = "\n".join(
                line.split(None, 1)[1]
                if line.startswith("@") and " " in line
                else (line.split(None, 5) + [""] * 6)[5]
                for line in lines
            )
        walker.inline(Field(text), inner(ctx, draft, "heredoc")._replace(flags=ctx.flags | {"scheduled"}))
    return False


def at(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """at, batch: without a file or an input, nothing is put off."""
    if ctx.fed or ctx.stdin is not None or parsed.has("-f"):
        draft.effects.add("persist")
        draft.flags.add("scheduled")
    return scheduled(walker, draft, parsed, ctx)


def crontab(walker: Machine, draft: Draft, parsed: Parsed, ctx: Context) -> bool:
    """A file or the standard input becomes the table."""
    if "lists" in draft.flags or "removes" in draft.flags:
        draft.effects.add("read")
        return False
    if parsed.positionals or ctx.fed:
        draft.effects.add("persist")
        draft.flags.add("scheduled")
    return scheduled(walker, draft, parsed, ctx)


HANDLERS: Mapping[str, Handler] = {
    "shell": shell, "interpreter": interpreter, "python": python, "ssh": remote, "env": environment, "xargs": xargs, "find": find, "fd": fd, "flock": flock, "joined": joined, "command": command,
    "capsh": capabilities, "start-stop-daemon": service_runner, "at": at, "crontab": crontab,
}  # fmt: skip
