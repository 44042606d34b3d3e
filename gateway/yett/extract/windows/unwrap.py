"""Follows a Windows source into every command it would run, wrappers removed, to a fixed depth."""

from __future__ import annotations

from yett.extract import shell
from yett.extract.budget import Budget, Nested
from yett.extract.patterns import pattern
from yett.extract.windows import cmd, lexer, powershell, values
from yett.extract.windows.carriers import block, carried, echoed, strip_control
from yett.extract.windows.effects import Judge, base_name
from yett.extract.windows.recognise import dialect
from yett.extract.words import words as names

MAX_DEPTH = 5
READ = 12
"""Characters that are read for one step; what stands within another command is read anew."""

_ENCODED = pattern(r"(?i)^[-/–—](?:e|ec|en\w*)$")
_INLINE = pattern(r"(?i)^[-/–—](?:c|co\w*)$")
_RUNS = pattern(r"^(?:/[a-z](?::[a-z]+)?)*?/[ckr]")
_CUT = pattern(r"%\w+:~-?\d+,-?\d+%\w|\w%\w+:~-?\d+,-?\d+%")

_EVERYWHERE = {
    name: "python3" if name == "py" else name
    for name in names(
        "py python python3 node deno bun php ruby perl git docker podman kubectl helm terraform npm npx pnpm yarn pip pip3 uv cargo go aws az gcloud gh "
        "tar ssh scp sftp mysql psql sqlite3 sqlcmd redis-cli mongo mongosh openssl rclone"
    )
}
"""Programs that are the same on every system: the profiles of `programs/posix` know their options."""
_CODE_PUT_IN = pattern(r"(?:^|[;|&({\n])\s*[\"']?\$")
"""A variable where a command stands."""
_CODE_METHODS = names("[scriptblock]::create .invokescript .newscriptblock .addscript")
_VARIABLE = pattern(r"^\$(?:env:)?[\w?]+$")
_NAMES_ALIAS = names("set-alias sal new-alias nal")
_PS_COMMANDS = frozenset(("powershell", "pwsh", "powershell_ise"))


class Unwrapper(Judge):
    """Follows commands into what they run, and looks each up in the profiles."""

    def __init__(self, pointer: str, budget: Budget) -> None:
        super().__init__(pointer, budget)
        self.aliases: dict[str, str] = {}

    def read(
        self, source: str, kind: str, wrappers: tuple[str, ...], via: str, flags: frozenset[str] = frozenset()
    ) -> None:
        if len(wrappers) > MAX_DEPTH:
            self.opaque.append("too_deep")
            return
        # What stands within another command is read anew, and is short where it is honest.
        self.budget.spend(1 + len(source) * (1 + len(wrappers)) // READ)
        try:
            if kind == "powershell":
                before: powershell.Line | None = None
                for line in powershell.Reader(source).lines:
                    self._powershell(line, before, wrappers, via, flags)
                    before = line
            else:
                self._cmd(source, wrappers, via, flags)
        except (lexer.TooMuch, RecursionError) as error:
            self.opaque.append(str(error) if isinstance(error, lexer.TooMuch) else "too_deep")

    def _cmd(self, source: str, wrappers: tuple[str, ...], via: str, flags: frozenset[str]) -> None:
        carets = source.count("^")
        if (carets > 6 and carets * 6 > len(source)) or _CUT.search(source):
            flags = flags | {"obfuscated"}
        earlier: cmd.Line | None = None
        for line in cmd.lines(source):
            words = line.words
            if (
                words
                and words[0][:1] in ("'", "`")
                and earlier is not None
                and [w.lower() for w in earlier.words[:1]] == ["for"]
            ):
                # `for /f %a in ('command') do`: what the loop goes through
                text = " ".join(words)[1:-1]
                self.read(text, dialect(text), (*wrappers, "for"), "substitution", flags)
                continue
            piped = echoed(earlier) if line.piped else None
            self._command(words, line.redirects, "cmd", wrappers, via, flags, piped, line.computed)
            earlier = line

    def _powershell(
        self,
        line: powershell.Line,
        before: powershell.Line | None,
        wrappers: tuple[str, ...],
        via: str,
        flags: frozenset[str],
    ) -> None:
        if line.method:
            name = line.words[0].lower()
            if name not in self.known.programs:
                return
            self.emit(line.words, name, (), "powershell", wrappers, via, flags)
            if name in _CODE_METHODS and len(line.words) > 1:
                self.read(
                    line.words[1], "powershell", (*wrappers, name), "inline", frozenset(("inline_code",))
                )
            return
        if line.built:
            flags = flags | {"obfuscated"}
        stdin = None
        fed: tuple[str, ...] = ()
        if line.piped and before is not None and not before.method:
            stdin = " ".join(before.words)
            fed = before.words[1:]
        words = tuple(word for word in line.words)
        self._command(
            words,
            line.redirects,
            "powershell",
            wrappers,
            via,
            flags,
            stdin,
            line.dynamic,
            line,
            fed,
        )

    def _command(
        self,
        words: tuple[str, ...],
        redirects: tuple[tuple[str, str], ...],
        kind: str,
        wrappers: tuple[str, ...],
        via: str,
        flags: frozenset[str],
        stdin: str | None = None,
        dynamic: bool = False,
        line: powershell.Line | None = None,
        fed: tuple[str, ...] = (),
    ) -> None:
        if len(wrappers) > MAX_DEPTH:
            self.opaque.append("too_deep")
            return
        if len(self.commands) >= lexer.MAX_COMMANDS:
            self.opaque.append("too_long")
            return
        words = strip_control(words, kind)
        if not words:
            return
        if words[0].lower() in self.aliases:
            words = (self.aliases[words[0].lower()], *words[1:])
        name = base_name(words[0])
        if (
            "/" in words[0]
            and name not in self.known.programs
            and words[0].lower().startswith(("cmd/", "cmd.exe/"))
        ):
            head, _, rest = words[0].partition("/")
            words = (head, "/" + rest, *words[1:])
            name = base_name(head)
        self.emit(words, name, redirects, kind, wrappers, via, flags, dynamic, fed)
        inner = (*wrappers, name)
        low = [word.lower() for word in words]
        place = len(self.commands) - 1
        if (name == "cmd" or name in _PS_COMMANDS) and (
            _VARIABLE.match(words[-1]) or (line is not None and line.unknown)
        ):
            self.mark_flag("dynamic_code", place)
        if name == "cmd":
            self._inner_cmd(words, low, inner, stdin)
        elif name in _PS_COMMANDS:
            self._inner_powershell(words, inner, stdin)
        elif name in ("start", "call", "start-process", "saps"):
            self._started(words, low, inner, kind, name)
        elif name in ("invoke-expression", "iex"):
            text = " ".join(word for word in words[1:] if word.lower() not in ("-command", "-c")) or (
                stdin or ""
            )
            if text and not text.startswith("$") and len(text) > 2:
                self.read(text, "powershell", inner, "inline", frozenset(("inline_code",)))
            if stdin is not None or not text or line is None or line.unknown or _CODE_PUT_IN.search(text):
                self.mark_flag("dynamic_code", place)
            elif line.inserted:
                self.mark_flag("inserted_code", place)
        elif name in _NAMES_ALIAS or any(word.startswith("alias:") for word in low):
            alias = [word for word in words[1:] if not word.startswith("-")]
            if len(alias) > 1:
                self.aliases[alias[0].lower().removeprefix("alias:").strip("\\/")] = alias[1]
        elif name in ("bash", "wsl", "sh") and len(words) > 1:
            index = low.index("-c") if "-c" in low else 0
            text = " ".join(words[index + 1 :]) if index or name == "wsl" else ""
            if text:
                self.nested.append(
                    Nested(kind="shell", text=text, pointer=self.pointer, via=f"windows:{name}")
                )
        elif name in _EVERYWHERE and len(words) > 1:
            result = shell.analyse_argv((_EVERYWHERE[name], *words[1:]), self.pointer, budget=self.budget)
            self.commands += result.commands[: lexer.MAX_COMMANDS]
            self.nested += result.nested
            self.opaque += result.program.opaque
        elif name in ("mshta", "rundll32") and any(
            word.startswith(("javascript:", "vbscript:")) for word in low
        ):
            text = next(word for word in words if word.lower().startswith(("javascript:", "vbscript:")))
            self.nested.append(
                Nested(
                    kind="javascript",
                    text=text.partition(":")[2],
                    pointer=self.pointer,
                    via=f"windows:{name}",
                )
            )
        else:
            text = carried(name, words, low)
            if text:
                self.read(text, dialect(text), inner, "option")

    def _inner_cmd(
        self, words: tuple[str, ...], low: list[str], inner: tuple[str, ...], stdin: str | None
    ) -> None:
        for index, word in enumerate(low[1:], 1):
            switch = _RUNS.match(word)
            if switch:
                text = " ".join([words[index][switch.end() :], *words[index + 1 :]]).strip()
                if text:
                    self.read(text, "cmd", inner, "inline")
                return
        if stdin:
            self.read(stdin, "cmd", inner, "pipe", frozenset(("stdin_script",)))

    def _inner_powershell(self, words: tuple[str, ...], inner: tuple[str, ...], stdin: str | None) -> None:
        index = 1
        while index < len(words):
            word = words[index]
            if _ENCODED.match(word) and index + 1 < len(words):
                decoded = values.decode_base64(words[index + 1])
                if decoded is None:
                    self.mark("encoded")
                    self.mark_flag("encoded_command")
                else:
                    self.read(
                        decoded, "powershell", inner, "inline", frozenset(("encoded_command", "inline_code"))
                    )
                return
            if _INLINE.match(word):
                self.read(
                    block(" ".join(words[index + 1 :])),
                    "powershell",
                    inner,
                    "inline",
                    frozenset(("inline_code",)),
                )
                return
            if word.lower() in ("-file", "-f", "-fi", "-fil"):
                self.mark_flag("script_file")
                return
            if word.startswith(("-", "/")):
                index += 1 if word.lower()[1:4] in ("nop", "non", "nol", "noe", "sta", "mta", "nop") else 2
                continue
            self.read(
                block(" ".join(words[index:])), "powershell", inner, "inline", frozenset(("inline_code",))
            )
            return
        if stdin and stdin.strip():
            self.read(stdin, "powershell", inner, "pipe", frozenset(("stdin_script",)))

    def _started(
        self, words: tuple[str, ...], low: list[str], inner: tuple[str, ...], kind: str, name: str
    ) -> None:
        rest: list[str] = []
        index = 1
        while index < len(words):
            word = low[index]
            if kind == "powershell" or name in ("start-process", "saps"):
                if word in ("-filepath", "-file", "-argumentlist", "-args", "-arg", "-argument"):
                    pass
                elif word.startswith("-") and not rest:
                    index += 0 if word in ("-wait", "-passthru", "-nonewwindow") else 1
                elif word in (
                    "-verb",
                    "-windowstyle",
                    "-workingdirectory",
                    "-credential",
                    "-redirectstandardoutput",
                    "-redirectstandarderror",
                ):
                    index += 1
                elif word not in ("-wait", "-passthru", "-nonewwindow"):
                    rest.append(words[index])
            elif not word:
                pass
            elif word.startswith("/") and not rest:
                index += 1 if word in ("/d", "/node", "/affinity") else 0
            elif not (
                index == 1
                and name == "start"
                and " " not in word
                and len(words) > 2
                and "." not in word
                and "\\" not in word
                and base_name(word) not in self.known.programs
            ):
                rest.append(words[index])
            index += 1
        if rest and rest[0]:
            flat = (rest[0], *" ".join(rest[1:]).split())
            dynamic = kind == "powershell" and bool(_VARIABLE.match(rest[0]))
            self._command(flat, (), kind, inner, "inline", frozenset(), dynamic=dynamic)
