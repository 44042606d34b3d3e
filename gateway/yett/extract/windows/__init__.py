"""Windows command lines: cmd and PowerShell, taken apart into effective commands.

    analyse(source, pointer, …) -> ShellResult

1. The dialect is told by what only one of them has (`dialect`).
2. `cmd` or `powershell` cuts the source into commands, undoing carets, backticks, quotes, variables and constant
   string tricks.
3. `_Unwrapper` follows what a command runs in turn (`cmd /c`, `powershell -enc`, `start`, `schtasks /tr`, `wmic process
   call create` …) to a fixed depth.
4. `profiles` (data) say what each effective command does.
"""

from __future__ import annotations

import msgspec
import re2

from yett.extract.budget import Budget, Nested
from yett.extract.facts import Command, Redirect, ShellProgram
from yett.extract.result import ShellResult
from yett.extract.windows import cmd, powershell, profiles

MAX_LENGTH = 16_384
MAX_DEPTH = 5
MAX_COMMANDS = 400

_POWERSHELL = re2.compile(
    r"(?im)(?:^|[\s;|({&=])(?:(?:get|set|new|add|remove|invoke|start|stop|import|export|out|write|copy|move|clear|enable|disable|install|register|unregister|connect|convertto|convertfrom|test|select|where|foreach|sort|format|rename|expand|compress|send|resolve|join|split|update|mount|dismount|restart|resume|suspend|wait|receive|enter|exit|uninstall|measure|compare|push|pop|group|tee|read|debug|trace|unblock|save|find|publish|show|limit|grant|revoke|reset|restore|checkpoint|complete|confirm|deny|block|initialize|open|close|lock|unlock|merge|optimize|protect|unprotect|repair|request|search|submit|switch|sync|undo|use|watch|approve|assert|backup|build|edit)-[a-z]\w+"
    r"|iex\b|iwr\b|irm\b|gwmi\b|gcim\b|ipmo\b)|(?:^|[\s;|({&=,+\"])\$(?:env:|\(|\{|[a-z_]\w*[\s.=:\[+;)|,-])|\[[a-z][\w.]*(?:\[\])?\]::|@\(|@\{|\|\s*%\s*\{|\|\s*(?:iex|out-|select|where|foreach|ft|fl|\?\s*\{)|^\s*&\s*[\"'(${]|-(?:eq|ne|like|match|replace|join)\s+['\"$]|['\"]\s*-f\s|<#|^\s*\.\s+['\"$]"
)
_CMD = re2.compile(
    r"(?im)%[a-z_][\w()]*(?::[^%\s]*)?%|\^[&|<>^a-z\"]|(?:^|[\s&|(])(?:cmd(?:\.exe)?\s*/[ckqvr]|@echo\s+o|setlocal\b|if\s+(?:not\s+)?(?:exist|errorlevel|defined)\s|for\s+/[flrd]\b|for\s+%%?\w\s+in|goto\s|call\s+:|set\s+/[ap]\s|rem\s|\S+\s+>\s*nul\b|del\s+/|rd\s+/|rmdir\s+/|xcopy\s|type\s+\S+\\)|\s2?>\s*nul\b"
)
_LOOKS = re2.compile(
    r"(?i)(?:^|[\s;|({&\"'@])(?:[a-z]:\\[^:*?\"<>|\r\n]*\\)?(?:powershell|pwsh|cmd|reg|schtasks|wmic|netsh|sc|certutil|bitsadmin|rundll32|regsvr32|mshta|wscript|cscript|msiexec|vssadmin|bcdedit|wevtutil|icacls|takeown|attrib|taskkill|tasklist|net1?|nltest|whoami|systeminfo|ipconfig|fsutil|diskshadow|wbadmin|esentutl|ntdsutil|procdump|psexec|cmdkey|vaultcmd|auditpol|sdbinst|installutil|msbuild|csc|forfiles|robocopy|xcopy|gpupdate|gpresult|dism|pnputil|fltmc|setspn|klist|dsquery|query|quser|tscon|winrm|winrs|makecab|expand|mavinject|cipher|reagentc|appcmd|odbcconf|cmstp|hh|mofcomp|logman|pktmon|sfc|chkdsk|diskpart|shutdown)(?:\.exe)(?:[\s\"'^]|$)"
    r"|(?i)^\s*(?:reg\s+(?:add|query|delete|save|export|import|copy|load)\s|schtasks\s+/|wmic\s+\w|netsh\s+\w+\s|sc\s+(?:\\\\\S+\s+)?(?:create|config|stop|start|delete|query\w*|sdset|failure)\s|certutil\s+[-/]|bitsadmin\s+/|rundll32\s+\S|regsvr32\s|mshta\s|wscript\s|cscript\s|msiexec\s|vssadmin\s|bcdedit(?:\s+/|$)|wevtutil\s|icacls\s|takeown\s|attrib\s+[+-]|taskkill\s+/|tasklist\b|net1?\s+(?:user|localgroup|group|stop|start|share|use|view|accounts|session|config)\b|nltest\s+/|ipconfig\b|fsutil\s|wbadmin\s|powershell\s|pwsh\s|cmd\s*/|diskpart\b|cmdkey\s+/|forfiles\s+/|del\s+/|rd\s+/|rmdir\s+/|dir\s+/|copy\s+/|xcopy\s|robocopy\s|type\s+[a-z]:\\|start\s+/|shutdown\s+/|gpupdate\b|sfc\s+/|chkdsk\s|net\.exe\s|setx\s|where\s+/|auditpol\s+/|cipher\s+/|dism\s+/|nslookup\s+-|query\s+(?:user|session)|quser\b|iex\s*[('\"$]|@echo\s+off)"
    r"|(?i)\[[a-z][\w.]*(?:\[\])?\]::[a-z]|(?i)\bnew-object\s+[\w.-]|(?i)(?:^|[\s;|({&=])(?:get|set|new|add|remove|invoke|start|stop|import|export|out|write|copy|move|clear|enable|disable|install|register|unregister|convertto|convertfrom|test|select|where|foreach|rename|expand|compress|send|restart|uninstall|mount|connect)-(?:item\w*|childitem|content|process|service|object|expression|webrequest|restmethod|command|module|file|host|output|wmi\w+|cim\w+|scheduled\w+|localuser|localgroup\w*|mppreference|net\w+|ad\w+|psdrive|pssession|path|location|date|eventlog|winevent|acl|archive|csv|json|bits\w+|clipboard|executionpolicy|variable|string|job|computer|sleep|smb\w+|mailmessage|securestring|azure\w+|exchange\w*|diskimage|windows\w+|appx\w+|null|type|printer|volume|disk|partition|vm\w*|psremoting|history|credential|hotfix|random|guid|culture|help|member|alias)\b"
    r"|(?i)%(?:temp|tmp|appdata|localappdata|userprofile|programfiles|programdata|systemroot|windir|comspec|public|systemdrive|username|computername|userdomain|logonserver|userdnsdomain|homepath|allusersprofile)(?::[^%\s]*)?%|(?i)\$env:[a-z]\w+|(?i)\b(?:hklm|hkcu|hkcr|hku):?\\|(?i)\bhkey_(?:local_machine|current_user|classes_root|users)\b"
)


def looks_like(text: str) -> bool:
    """Whether a text is a Windows command line or script rather than a POSIX one. One RE2 match."""
    return bool(_LOOKS.search(text[:MAX_LENGTH]))


def dialect(source: str) -> str:
    """`powershell` or `cmd`, by what only one of them has; cmd if neither shows."""
    return "powershell" if _POWERSHELL.search(source) else "cmd"


def analyse(
    source: str,
    pointer: str,
    *,
    chain: tuple[str, ...] = (),
    declared: bool = True,
    dialect: str = "",
    budget: Budget,
) -> ShellResult:
    """The effective commands of a Windows command line or script.

    Args:
        dialect: `cmd` or `powershell`, if known.

    Raises:
        OverBudget: the call's budget ran out.
    """
    budget.spend(1, len(source))
    reader = _Unwrapper(pointer, budget)
    kind = dialect or _dialect(source)
    if len(source) > MAX_LENGTH:
        reader.opaque.append("too_long")
    elif "\0" in source:
        reader.opaque.append("control_char")
    else:
        reader.read(source, kind, (), "direct")
        reader.whole(source)
    return ShellResult(
        program=ShellProgram(
            pointer=pointer,
            source=source,
            dialect=kind,
            chain=chain,
            declared=declared,
            opaque=tuple(dict.fromkeys(reader.opaque)),
        ),
        commands=tuple(reader.commands),
        nested=tuple(reader.nested),
    )


_dialect = dialect

_URL = re2.compile(r"(?i)\b(?:https?|ftp)://[^\s'\"<>|)\]},;`]+")
_HOST = re2.compile(r"(?i)^(?:https?|ftp)://(?:[^@/\s]*@)?([^/:?#\s]+)|^\\\\([\w.-]+)\\")
_PATH = re2.compile(r"(?i)(?:[a-z]:|%[\w()]+%|\$env:\w+|\\)\\[^\s\"'<>|;,]+")
_EXTENSION = re2.compile(r"(?i)\.(?:exe|com|cmd|bat)$")
_KEY = re2.compile(
    r"(?i)\b(?:hklm|hkcu|hkcr|hku|hkcc|hkey_[a-z_]+|registry::[a-z_]+|microsoft\.powershell\.core\\registry::[a-z_]+):?\\"
)
_ENCODED = re2.compile(r"(?i)^[-/–—](?:e|ec|en\w*)$")
_INLINE = re2.compile(r"(?i)^[-/–—](?:c|co\w*)$")
_FOLDED_MANY = 3

_PS_COMMANDS = frozenset(("powershell", "pwsh", "powershell_ise"))


class _Unwrapper:
    """Follows commands into what they run, and looks each up in the profiles."""

    def __init__(self, pointer: str, budget: Budget) -> None:
        self.pointer = pointer
        self.budget = budget
        self.commands: list[Command] = []
        self.nested: list[Nested] = []
        self.opaque: list[str] = []
        self.known = profiles.shipped()

    def read(
        self, source: str, kind: str, wrappers: tuple[str, ...], via: str, flags: frozenset[str] = frozenset()
    ) -> None:
        if len(wrappers) > MAX_DEPTH:
            self.opaque.append("too_deep")
            return
        self.budget.spend(1)
        if kind == "powershell":
            try:
                reader = powershell.Reader(source)
            except (powershell.TooMuch, RecursionError) as error:
                self.opaque.append(f"too_{error}" if isinstance(error, powershell.TooMuch) else "too_deep")
                return
            if reader.folded >= _FOLDED_MANY:
                flags = flags | {"obfuscated"}
            before: powershell.Line | None = None
            for line in reader.lines:
                self._powershell(line, before, wrappers, via, flags)
                before = line
            return
        carets = source.count("^")
        if carets > 6 and carets * 6 > len(source):
            flags = flags | {"obfuscated"}
        earlier: cmd.Line | None = None
        for entry in cmd.lines(source):
            words = tuple(entry.words)
            self._command(
                words,
                entry.redirects,
                entry.tail,
                "cmd",
                wrappers,
                via,
                flags,
                _echoed(earlier) if entry.piped else None,
            )
            earlier = entry

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
            self._emit(line.words, name, (), "powershell", wrappers, via, flags)
            return
        if line.dynamic:
            flags = flags | {"dynamic_program"}
        stdin = None
        if line.piped and before is not None and not before.method:
            stdin = " ".join(before.words)
        words = tuple(word for word in line.words)
        self._command(
            words,
            line.redirects,
            " ".join(words[1:]),
            "powershell",
            wrappers,
            via,
            flags,
            stdin,
            line.dynamic,
        )

    def _command(
        self,
        words: tuple[str, ...],
        redirects: tuple[tuple[str, str], ...],
        tail: str,
        kind: str,
        wrappers: tuple[str, ...],
        via: str,
        flags: frozenset[str],
        stdin: str | None = None,
        dynamic: bool = False,
    ) -> None:
        if len(self.commands) >= MAX_COMMANDS:
            if "too_many_commands" not in self.opaque:
                self.opaque.append("too_many_commands")
            return
        words = _strip_control(words, kind)
        if not words:
            return
        name = base_name(words[0])
        if (
            "/" in words[0]
            and name not in self.known.programs
            and words[0].lower().startswith(("cmd/", "cmd.exe/"))
        ):
            head, _, rest = words[0].partition("/")
            words = (head, "/" + rest, *words[1:])
            name = base_name(head)
        self._emit(words, name, redirects, kind, wrappers, via, flags, dynamic)
        inner = (*wrappers, name)
        low = [word.lower() for word in words]
        if name == "cmd":
            self._inner_cmd(words, low, tail, inner, stdin)
        elif name in _PS_COMMANDS:
            self._inner_powershell(words, low, inner, stdin, tail)
        elif name in ("start", "call", "start-process", "saps"):
            self._started(words, low, inner, kind, name)
        elif name in ("invoke-expression", "iex"):
            text = " ".join(word for word in words[1:] if word.lower() not in ("-command", "-c")) or (
                stdin or ""
            )
            if text and not text.startswith("$") and len(text) > 2:
                self.read(text, "powershell", inner, "inline", frozenset(("inline_code",)))
            if not text or "$" in text[:1]:
                self._mark_dynamic()
        elif name in ("bash", "wsl", "sh") and len(words) > 1:
            index = low.index("-c") if "-c" in low else 0
            text = " ".join(words[index + 1 :]) if index or name == "wsl" else ""
            if text:
                self.nested.append(
                    Nested(kind="shell", text=text, pointer=self.pointer, via=f"windows:{name}")
                )
        elif name in ("python", "python3", "py") and "-c" in low:
            self.nested.append(
                Nested(
                    kind="python",
                    text=" ".join(words[low.index("-c") + 1 :]),
                    pointer=self.pointer,
                    via=f"windows:{name}",
                )
            )
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
            text = _carried(name, words, low, tail)
            if text:
                self.read(text, _dialect(text), inner, "option")

    def _inner_cmd(
        self, words: tuple[str, ...], low: list[str], tail: str, inner: tuple[str, ...], stdin: str | None
    ) -> None:
        for index, word in enumerate(low[1:], 1):
            if word[:2] in ("/c", "/k", "/r") and (len(word) == 2 or not word[2:].startswith("/")):
                rest = [words[index][2:], *words[index + 1 :]] if len(word) > 2 else list(words[index + 1 :])
                text = " ".join(rest).strip()
                if text:
                    self.read(text, "cmd", inner, "inline")
                return
        if stdin:
            self.read(stdin, "cmd", inner, "pipe", frozenset(("stdin_script",)))

    def _inner_powershell(
        self, words: tuple[str, ...], low: list[str], inner: tuple[str, ...], stdin: str | None, tail: str
    ) -> None:
        index = 1
        while index < len(words):
            word = words[index]
            if _ENCODED.match(word) and index + 1 < len(words):
                decoded = powershell.decode_base64(words[index + 1])
                if decoded is None:
                    self._mark("encoded")
                else:
                    self.read(
                        decoded, "powershell", inner, "inline", frozenset(("encoded_command", "inline_code"))
                    )
                return
            if _INLINE.match(word):
                self.read(
                    _block(" ".join(words[index + 1 :])),
                    "powershell",
                    inner,
                    "inline",
                    frozenset(("inline_code",)),
                )
                return
            if word.lower() in ("-file", "-f", "-fi", "-fil"):
                self._mark_flag("script_file")
                return
            if word.startswith(("-", "/")):
                index += 1 if word.lower()[1:4] in ("nop", "non", "nol", "noe", "sta", "mta", "nop") else 2
                continue
            self.read(
                _block(" ".join(words[index:])), "powershell", inner, "inline", frozenset(("inline_code",))
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
            parts = " ".join(rest[1:])
            flat = (rest[0], *parts.split())
            self._command(flat, (), parts, kind, inner, "inline", frozenset())

    # -- one effective command -----------------------------------------------------------------------------------

    def _emit(
        self,
        words: tuple[str, ...],
        name: str,
        redirects: tuple[tuple[str, str], ...],
        kind: str,
        wrappers: tuple[str, ...],
        via: str,
        flags: frozenset[str],
        dynamic: bool = False,
    ) -> None:
        line = " ".join([name, *words[1:]]).lower()
        line = str(_SPACES.sub(" ", line))
        profile = self.known.programs.get(name)
        effects = set(profile.effects) if profile else {"exec"} if _is_file(words[0]) else set()
        found = set(flags)
        if profile is None:
            found.add("profile_unknown")
        else:
            for rule in profile.rules:
                if rule.pattern.search(line):
                    effects |= rule.effects
                    found |= rule.flags
        if found & {"registry_write"} or (
            _KEY.search(line)
            and name in ("new-item", "ni", "copy-item", "move-item", "rename-item", "remove-item", "set-item")
        ):
            if name in ("new-item", "ni", "remove-item"):
                effects |= {"write", "config"}
                found.add("registry_write")
            for rule in self.known.registry:
                if rule.pattern.search(line):
                    found |= rule.flags
                    effects |= {"persist"} if "persistence" in rule.flags else set()
        urls = [match.group(0) for match in _URL.finditer(" ".join(words[1:]))][:16]
        hosts = tuple(
            dict.fromkeys(
                h
                for word in [*urls, *words[1:]]
                if (m := _HOST.match(word)) and (h := m.group(1) or m.group(2))
            )
        )
        for url in urls:
            self.nested.append(Nested(kind="url", text=url, pointer=self.pointer, via=f"windows:{name}"))
        paths = tuple(dict.fromkeys(match.group(0) for match in _PATH.finditer(" ".join(words[1:]))))[:32]
        written = tuple(
            target
            for op, target in redirects
            if op.startswith(">") and target.lower() not in ("nul", "$null", "")
        )
        if written:
            effects.add("write")
        if any("startup" in target.lower() and "start menu" in target.lower() for target in written):
            found.add("persistence")
        self.commands.append(
            Command(
                pointer=self.pointer,
                program="" if dynamic else name,
                argv=words,
                path=words[0],
                redirects=tuple(Redirect(op=op, target=target) for op, target in redirects),
                wrappers=wrappers,
                via=via,
                dialect=kind,
                effects=frozenset(effects),
                reads=paths if "read" in effects else (),
                writes=written + (paths if "write" in effects else ()),
                deletes=paths if "delete" in effects else (),
                hosts=hosts,
                flags=frozenset(found),
                opaque=("dynamic_program",) if dynamic else (),
            )
        )

    def whole(self, source: str) -> None:
        """Patterns over the whole source: they say something of the first command, whatever it is."""
        text = str(_SPACES.sub(" ", source.replace("`", "").replace("^", "").lower()))
        found: set[str] = set()
        for rule in self.known.source:
            if rule.pattern.search(text):
                found |= rule.flags
        if found and self.commands:
            first = self.commands[0]
            self.commands[0] = _with_flags(first, frozenset(found))
        elif found:
            self.opaque.append("no_command")

    def _mark(self, why: str) -> None:
        self.opaque.append(why)

    def _mark_flag(self, flag: str) -> None:
        if self.commands:
            self.commands[-1] = _with_flags(self.commands[-1], frozenset((flag,)))

    def _mark_dynamic(self) -> None:
        self._mark_flag("dynamic_code")


_SPACES = re2.compile(r"[\s\"']+")
_FILE = re2.compile(
    r"(?i)^[\"']?(?:[a-z]:|%\w+%|\$env:\w+|\.{1,2}|\\)[\\/]|\.(?:exe|bat|cmd|ps1|vbs|js|com|scr|msi)[\"']?$"
)


def base_name(word: str) -> str:
    """The program's name: no folder, no quotes, no `.exe`, lower case."""
    plain = word.strip("\"'@ ").lower()
    if plain.startswith((".", "[")) and "\\" not in plain and "/" not in plain:
        return plain
    plain = plain.replace("/", "\\").rpartition("\\")[2]
    return str(_EXTENSION.sub("", plain)) or word.lower()


def _is_file(word: str) -> bool:
    return bool(_FILE.search(word))


def _with_flags(command: Command, flags: frozenset[str]) -> Command:
    return msgspec.structs.replace(command, flags=command.flags | flags)


def _echoed(line: cmd.Line | None) -> str | None:
    if line is None or not line.words or line.words[0].lower().lstrip("@") not in ("echo", "type"):
        return None
    return " ".join(line.words[1:])


def _block(text: str) -> str:
    stripped = text.strip()
    if stripped.startswith("&"):
        stripped = stripped[1:].strip()
    return stripped[1:-1] if stripped.startswith("{") and stripped.endswith("}") else stripped


def _strip_control(words: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """`@`, `if exist x`, `for … do`, `else`: what stands before the command proper in cmd."""
    listed = list(words)
    if kind != "cmd":
        return words if words and words[0] else words[1:]
    for _ in range(6):
        if not listed:
            return ()
        listed[0] = listed[0].lstrip("@")
        first = listed[0].lower()
        if not first or first == "else" or first == "do":
            listed = listed[1:]
        elif first == "if":
            rest = listed[1:]
            while rest and rest[0].lower() in ("not", "/i"):
                rest = rest[1:]
            if rest and rest[0].lower() in ("exist", "defined", "errorlevel", "cmdextversion"):
                rest = rest[2:]
            elif rest and "==" in rest[0]:
                rest = rest[1:]
            elif len(rest) > 2:
                rest = rest[3:]
            else:
                rest = []
            listed = rest
        elif first == "for":
            lows = [w.lower() for w in listed]
            listed = listed[lows.index("do") + 1 :] if "do" in lows else []
        else:
            break
    return tuple(listed)


_CREATE = re2.compile(r"(?i)\bcall\s+create\s+(?:\(?\s*(?:commandline\s*=\s*)?)(.+)$")
_TASK = re2.compile(r"(?i)^[/-]tr$")


def _carried(name: str, words: tuple[str, ...], low: list[str], tail: str) -> str:
    """The command line that another program is told to run; `""` if there is none."""
    if name == "schtasks":
        for index, word in enumerate(words[:-1]):
            if _TASK.match(word):
                return words[index + 1]
    elif name == "wmic":
        match = _CREATE.search(" ".join(words))
        if match:
            return str(match.group(1)).strip("\"' ()")
    elif name == "sc":
        for index, word in enumerate(low):
            if word.startswith(("binpath", "command")):
                value = words[index].partition("=")[2] or (words[index + 1] if index + 1 < len(words) else "")
                return value.lstrip("= ")
    elif name in ("forfiles", "pcalua", "scriptrunner"):
        for index, word in enumerate(low[:-1]):
            if word in ("/c", "-a", "-appvscript"):
                return " ".join(words[index + 1 :])
    elif name in ("psexec", "psexec64", "paexec", "remcom", "winrs", "runas", "conhost", "at"):
        for index, word in enumerate(words[1:], 1):
            if not word.startswith(("-", "/", "\\\\")) and low[index - 1] not in (
                "-u",
                "-p",
                "-w",
                "-n",
                "-a",
                "-r",
                "-i",
                "-c",
            ):
                return " ".join(words[index:]) if name != "at" else " ".join(words[index + 1 :])
    elif name in ("new-scheduledtaskaction", "invoke-wmimethod", "invoke-cimmethod"):
        for index, word in enumerate(low[:-1]):
            if word in ("-execute", "-argumentlist", "-arguments"):
                return " ".join(w for w in words[index + 1 :] if w.lower() not in ("-argument",))
    return ""
