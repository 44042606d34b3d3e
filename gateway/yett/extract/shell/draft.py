"""What analysing one program shares, and a command while it is being put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from yett.extract.budget import Budget, Nested
from yett.extract.facts import Command, Redirect
from yett.extract.shell.disk import Disk
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.grammar.scanner import Fuel
from yett.extract.shell.listed import listed
from yett.extract.shell.named import mentions
from yett.extract.shell.profiles import Library, library
from yett.extract.shell.settings import plain

MAX_COMMANDS = 400
MAX_NESTED = 200

SEVERE = frozenset(
    (
        "dynamic_program", "glob_program", "eval", "stdin_script", "sourced_output", "response_file",
        "arithmetic_data", "subscript_data", "rebound_program", "unknown_option", "invalid_option", "depth",
        "has_error", "control_char", "too_long", "too_deep", "steps", "expansions", "recursion", "inline_input",
        "environment_program", "caller_program",
    )
)  # fmt: skip
"""Opacity behind which any command may hide."""

MILD = frozenset(
    (
        "dynamic_argument", "dynamic_directory", "resolved_program", "resolved_script", "inline_dynamic",
        "project_script", "config_file", "carriage_return", "listed_argument",
    )
)  # fmt: skip
"""Opacity a person reading the line would not stop at."""

_STREAMS = frozenset(
    ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/stdin", "/dev/tty", "/dev/zero", "/dev/random",
     "/dev/urandom", "-", "/dev/fd/1", "/dev/fd/2", "/dev/fd/0")
)  # fmt: skip


class Context(NamedTuple):
    """Where a command stands: what surrounds it and what it inherits."""

    wrappers: tuple[str, ...] = ()
    via: str = "direct"
    piped_from: tuple[str, ...] = ()
    stdin: str | None = None
    """The text on its standard input, if it is known."""
    fed: bool = False
    """Its standard input is a pipe or a file."""
    certain: bool = True
    """It runs whenever the program runs (no branch, no loop around it)."""
    depth: int = 0
    passes: frozenset[str] = frozenset()
    """Effects that a wrapper lends (privilege)."""
    flags: frozenset[str] = frozenset()
    env: tuple[tuple[str, str], ...] = ()
    from_file: bool = False
    """Its standard input is a file (`< script.sh`)."""
    guessed: bool = False
    """`stdin` holds expansions whose value is not known."""
    dialect: str = "posix"
    opaque: tuple[str, ...] = ()
    cwd: str | None = None

    @property
    def input(self) -> str | None:
        """The standard input where every character of it is known."""
        return None if self.guessed else self.stdin


class Analysis:
    """The results so far, and what is left to spend; one for a program and everything inside it."""

    def __init__(self, pointer: str, budget: Budget, fuel: Fuel) -> None:
        self.pointer = pointer
        self.budget = budget
        self.fuel = fuel
        self.library: Library = library()
        self.commands: dict[Command, None] = {}
        """Each once, in the order they run: a function called a hundred times adds nothing new."""
        self.ran: list[str] = []
        """The program of every command, those that are repeated too."""
        self.nested: dict[tuple[str, str], Nested] = {}
        self.opaque: dict[str, None] = {}
        self.disk = Disk()
        self.texts: list[str] = []
        """Programs that were read and not yet asked for the names in them."""
        self.names: set[str] = set()

    def mentioned(self) -> set[str]:
        """The names that the programs read so far may set: the outermost, and every text that one of them runs."""
        while self.texts:
            self.names |= mentions(self.texts.pop())
        return self.names

    def add(self, command: Command) -> None:
        self.ran.append(command.program)
        if len(self.commands) < MAX_COMMANDS:
            self.commands[command] = None
        elif command not in self.commands:
            self.opaque["expansions"] = None

    def nest(self, kind: str, text: str, via: str) -> None:
        key = (kind, text)
        if text and key not in self.nested:
            if len(self.nested) >= MAX_NESTED:
                self.opaque["expansions"] = None
                return
            self.nested[key] = Nested(kind=kind, text=text, pointer=self.pointer, via=via)


class Draft:
    """A command while its arguments are read."""

    __slots__ = (
        "analysis", "argv", "cwd", "deletes", "effects", "env", "flags", "hosts", "name", "opaque", "path", "reads",
        "redirect", "redirects", "upstream", "writes",
    )  # fmt: skip

    def __init__(
        self,
        analysis: Analysis,
        name: str,
        argv: list[Field],
        ctx: Context,
        redirect: Callable[[Draft], None] | None = None,
    ) -> None:
        self.analysis = analysis
        self.redirect = redirect
        """Adds the redirections; a wrapper hands it on to what it runs."""
        self.name = name
        self.argv = argv
        self.path = argv[0].text if argv else ""
        self.effects = set(ctx.passes)
        self.flags = set(ctx.flags)
        self.opaque = dict.fromkeys(ctx.opaque)
        self.reads: dict[str, None] = {}
        self.writes: dict[str, None] = {}
        self.deletes: dict[str, None] = {}
        self.hosts: dict[str, None] = {}
        self.redirects: list[Redirect] = []
        self.env: tuple[tuple[str, str], ...] = ctx.env
        self.upstream = ctx.piped_from
        self.cwd = ctx.cwd

    def touch(self, kind: str, field: Field) -> None:
        """The command reads, writes or deletes this path, or talks to this host or URL."""
        text = field.text
        if not text:
            return
        if kind == "host":
            self.effects.add("network")
            self.hosts[host_of(text)] = None
            if field.unknown:
                self.flags.add("dynamic_target")
            return
        if kind == "url":
            self.url(field)
            return
        if text.startswith(("/dev/tcp/", "/dev/udp/")):
            self.effects.add("network")
            self.hosts[text.split("/")[3]] = None
            return
        if text in _STREAMS:
            return
        if text.startswith("file://"):
            text = "/" + text[7:].lstrip("/").removeprefix("localhost/")
        if self.cwd is not None and self.cwd[:1] in ("/", "~") and text[0] not in "/~$`<>":
            text = self.cwd.rstrip("/") + "/" + text.removeprefix("./")
        where = {"read": self.reads, "path": self.reads, "write": self.writes, "delete": self.deletes}[kind]
        where[text] = None
        self.effects.add("read" if kind == "path" else kind)
        if field.glob and kind != "read":
            self.flags.add("glob_target")
        if field.unknown and kind in ("write", "delete"):
            self.flags.add("dynamic_target")
        if (
            kind == "write"
            and self.redirects
            and self.redirects[-1].op == ">>"
            and plain(self.name, self.argv)
        ):
            self.flags.add("plain_setting")
        elif kind == "write" and any(part in text for part in self.analysis.library.startup):
            self.effects.add("persist")

    def url(self, field: Field) -> None:
        text = field.text
        if text.startswith("file:"):
            self.touch("read", field._replace(text="/" + text[5:].lstrip("/").removeprefix("localhost/")))
            return
        self.effects.add("network")
        self.hosts[host_of(text)] = None
        self.analysis.nest("url", text, self.name)
        if self.analysis.library.attacks(text.rstrip("/").rpartition("/")[2].removesuffix(".git")):
            self.flags.add("probe")
        if field.unknown:
            self.flags.add("dynamic_target")

    def lookalikes(self, *, urls: bool = True) -> None:
        """Arguments that no profile explains, but that look like a path or, unless `urls` is off, a URL."""
        for field in self.argv[1:]:
            text = field.text
            if " " in text:
                continue
            if text.startswith("-"):
                _, equals, text = text.partition("=")
                if not equals:
                    continue
                field = field._replace(text=text)
            if "://" in text:
                if urls:
                    self.url(field)
                continue
            _, colon, rest = text.rpartition(":")
            for word in (text, rest) if colon else (text,):  # `HEAD:.env`, `host:/path`
                known = word.startswith(("~", "./", "../")) or (word[:1] == "/" and word[:2] != "//")
                if known or "/../" in word or (word[:1] == "." and word.strip(".") and word[:2] != ".."):
                    self.touch("path", field._replace(text=word))

    def code(self, language: str, field: Field) -> None:
        """Inline code of another language."""
        self.effects.add("exec")
        self.flags.add("inline_code")
        if field.unknown:
            self.opaque["inline_dynamic"] = None
        kind = (
            language
            if language in ("python", "javascript", "sql", "windows", "perl", "ruby", "php")
            else "script"
        )
        self.analysis.nest(kind, field.text, self.name)

    def emit(self, ctx: Context) -> None:
        self.analysis.fuel.burn(4)
        if self.redirect is not None:
            self.redirect(self)
        if unknown := [f.text for f in self.argv[1:] if f.unknown]:
            words = [f.text for f in self.argv]
            known = listed(self.name, words, unknown, self.upstream, "stdin_args" in self.flags)
            self.opaque["listed_argument" if known else "dynamic_argument"] = None
        if self.writes and "config" not in self.effects:
            for path in self.writes:
                self.analysis.disk.note(path, self.name, self.upstream, "network" in self.effects)
        command = Command(
            pointer=self.analysis.pointer,
            program=self.name,
            argv=tuple(f.text for f in self.argv),
            path=self.path,
            env=self.env,
            redirects=tuple(self.redirects),
            cwd=ctx.cwd,
            wrappers=ctx.wrappers,
            via=ctx.via,
            dialect=ctx.dialect,
            effects=frozenset(self.effects),
            reads=tuple(self.reads),
            writes=tuple(self.writes),
            deletes=tuple(self.deletes),
            hosts=tuple(self.hosts),
            flags=frozenset(self.flags),
            opaque=tuple(self.opaque),
            piped_from=self.upstream,
        )
        self.analysis.add(command)


def host_of(text: str) -> str:
    """The host of a URL, `user@host:path`, or `host:port`."""
    scheme, separator, rest = text.partition("://")
    if separator and "$" not in scheme:
        text = rest
    text = text.partition("/")[0].partition("?")[0].partition("#")[0]
    text = text.rpartition("@")[2]
    if text.startswith("["):
        return text[1:].partition("]")[0]
    if text.count(":") > 1:
        return text
    return text.partition(":")[0]
