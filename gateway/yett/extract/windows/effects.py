"""One effective command: what it does, by its profile; where it points, by its words."""

from __future__ import annotations

import msgspec

from yett.extract.budget import Budget, Nested
from yett.extract.facts import Command, Redirect
from yett.extract.patterns import pattern
from yett.extract.shell.profiles import library
from yett.extract.windows import profiles
from yett.extract.words import words as names_of

_URL = pattern(r"(?i)\b(?:https?|ftp)://[^\s'\"<>|)\]},;`]+")
_HOST = pattern(r"(?i)^(?:https?|ftp)://(?:[^@/\s]*@)?([^/:?#\s]+)|^\\\\([\w.-]+)\\")
_PATH = pattern(r"(?i)(?:[a-z]:|%[\w()]+%|\$env:\w+|\\)\\[^\s\"'<>|;,]+")
_POSIX_PATH = pattern(r"/(?:etc|usr|var|root|home|opt|lib|boot|Library)/[^\s\"'<>|;,]+")
"""PowerShell runs on other systems too."""
_EXTENSION = pattern(r"(?i)\.(?:exe|com|cmd|bat)$")
_KEY = pattern(
    r"(?i)\b(?:hklm|hkcu|hkcr|hku|hkcc|hkey_[a-z_]+|registry::[a-z_]+|microsoft\.powershell\.core\\registry::[a-z_]+):?\\"
)
_GOES = names_of("cd chdir sl set-location push-location pushd")
_REGISTRY = names_of(
    "new-item ni copy-item move-item rename-item remove-item ri set-item si set-itemproperty sp new-itemproperty remove-itemproperty rp clear-itemproperty"
)
"""Cmdlets that write files and registry alike."""
_ODD_PLACE = pattern(
    r"(?i)(?:\\(?:downloads|temp|tmp|public|programdata|perflogs|\$recycle\.bin)\\|%(?:temp|tmp|public|programdata)%|\$env:(?:temp|tmp|public|programdata)\b|\\\.\.\\|^\\\\[^.?])"
)
"""Where everybody may write and no installer puts programs."""
_RUN = pattern(
    r"(?i)(?:^|[\\/])(?:calc|cmd|powershell|pwsh|mshta|wscript|cscript|rundll32|regsvr32|certutil|bitsadmin|notepad|mspaint|winver|msiexec)\.exe$"
)
"""What another program is told to run in place of it."""
_RUNNERS = frozenset(
    (
        "start",
        "start-process",
        "saps",
        "call",
        "cmd",
        "powershell",
        "pwsh",
        "powershell_ise",
        "invoke-command",
        "icm",
        "invoke-item",
        "ii",
    )
)
"""Whose argument is followed anyway."""
_SYSTEM_PROGRAM = pattern(
    r"(?i)^[\"']?(?:[a-z]:|%windir%|%systemroot%|\$env:windir)\\(?:windows\\)?[^\"']*\.exe[\"']?$"
)
_SCRIPT = pattern(r"(?i)\.(?:vbs|vbe|js|jse|hta|wsf|ps1|bat|cmd)[\"']?$")
_STORES = names_of("out-file set-content sc add-content tee-object")
_RUNNABLE = pattern(r"(?i)\.(?:exe|com|scr|bat|cmd|ps1|psm1|vbs|vbe|js|jse|wsf|hta|msi|dll|cpl|jar|py|sh)$")
_BLANKS = str.maketrans(dict.fromkeys("\t\n\f\r\"'", " "))
_FILE = pattern(
    r"(?i)^[\"']?(?:[a-z]:|%\w+%|\$env:\w+|\.{1,2}|\\)[\\/]|\.(?:exe|bat|cmd|ps1|vbs|js|com|scr|msi)[\"']?$"
)


JUDGED = 3
"""Steps that looking a command up takes."""


class Judge:
    """Collects the effective commands of one source."""

    def __init__(self, pointer: str, budget: Budget) -> None:
        self.pointer = pointer
        self.budget = budget
        self.commands: list[Command] = []
        self.nested: list[Nested] = []
        self.opaque: list[str] = []
        self.known = profiles.shipped()
        self.location = ""
        """The registry key that the script has gone to."""

    def emit(
        self,
        words: tuple[str, ...],
        name: str,
        redirects: tuple[tuple[str, str], ...],
        kind: str,
        wrappers: tuple[str, ...],
        via: str,
        flags: frozenset[str],
        dynamic: bool = False,
        fed: tuple[str, ...] = (),
    ) -> None:
        """Record a command; `fed` are the arguments of the one that hands it its objects."""
        self.budget.spend(JUDGED)
        line = " ".join([name, *fed, *words[1:], *(f"{op} {target}" for op, target in redirects)])
        if name in _GOES:
            self.location = next((word for word in words[1:] if _KEY.match(word)), "")
        elif name in _REGISTRY and self.location:
            line = f"{line} {self.location}"
        line = _spaced(line.lower())
        profile = self.known.programs.get(name) or self.known.programs.get(str(_SCRIPT.sub("", name)))
        effects = set(profile.effects) if profile else {"exec"} if _is_file(words[0]) else set()
        found = set(flags | {"dynamic_program"} if dynamic else flags)
        if profile is None:
            found.add("profile_unknown")
            if _ODD_PLACE.search(words[0]):
                found.add("odd_location")
            if library().attacks(name):
                found.add("attack_tool")
            if name not in _RUNNERS and _SYSTEM_PROGRAM.search(words[0]) and _URL.search(" ".join(words[1:])):
                found.add("download")
                found.add("lolbin")
        else:
            for rule in profile.rules:
                if rule.pattern.search(line):
                    effects |= rule.effects
                    found |= rule.flags
        starts = profile is None or ("exec" in effects and name not in _RUNNERS)
        if starts and ".exe" in line and any(_RUN.search(word) for word in words[1:]):
            found.add("runs_program")
        if found & {"registry_write"} or (_KEY.search(line) and name in _REGISTRY):
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
                if word[:2] == "\\\\" or "://" in word
                if (m := _HOST.match(word)) and (h := m.group(1) or m.group(2))
            )
        )
        for url in urls:
            self.nested.append(Nested(kind="url", text=url, pointer=self.pointer, via=f"windows:{name}"))
        found_paths = [match.group(0) for match in _PATH.finditer(" ".join(words[1:]))]
        found_paths += [word for word in words[1:] if word[:1] == "/" and _POSIX_PATH.fullmatch(word)]
        paths = tuple(dict.fromkeys(found_paths))[:32]
        written = tuple(
            target
            for op, target in redirects
            if op.startswith(">") and target.lower() not in ("nul", "$null", "")
        )
        if written:
            effects.add("write")
            if any(_SCRIPT.search(target) for target in written):
                found.add("script_drop")
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

    def fetched(self) -> None:
        """A file that is fetched and then run is a program that nobody has looked at."""
        names: set[str] = set()
        online = False
        for index, command in enumerate(self.commands):
            arguments = [_last(word) for word in command.argv]
            runs = "exec" in command.effects or "profile_unknown" in command.flags
            if names and runs and (names & set(arguments[:1]) or _programs(arguments) & names):
                self.mark_flag("runs_download", index)
            if "download" in command.flags or (online and command.program in _STORES):
                names.update(arguments[1:])
                names.update(_last(redirect.target) for redirect in command.redirects)
            online = online or "network" in command.effects

    def whole(self, source: str) -> None:
        """Patterns over the whole source: they say something of the first command, or of a script of expressions alone."""
        text = _spaced(source.replace("`", "").replace("^", "").lower())
        found: set[str] = set()
        for index in self.known.whole.scan(text.encode()):
            found |= self.known.source[index].flags
        if found and self.commands:
            self.commands[0] = _with_flags(self.commands[0], frozenset(found))
        elif found:
            words = (source[:512],)
            self.commands.append(
                Command(
                    pointer=self.pointer, program="", argv=words, dialect="powershell", flags=frozenset(found)
                )
            )

    def mark(self, why: str) -> None:
        self.opaque.append(why)

    def mark_flag(self, flag: str, place: int = -1) -> None:
        if self.commands:
            self.commands[place] = _with_flags(self.commands[place], frozenset((flag,)))


def base_name(word: str) -> str:
    """The program's name: no folder, no quotes, no `.exe`, lower case."""
    plain = word.strip("\"'@ ").lower()
    if plain.startswith((".", "[")) and "\\" not in plain and "/" not in plain:
        return plain
    plain = plain.replace("/", "\\").rpartition("\\")[2]
    return str(_EXTENSION.sub("", plain)) or word.lower()


def _last(word: str) -> str:
    return word.rpartition("/")[2].rpartition("\\")[2].lower()


def _programs(names: list[str]) -> set[str]:
    return {name for name in names if _RUNNABLE.search(name)}


def _is_file(word: str) -> bool:
    return bool(_FILE.search(word))


def _with_flags(command: Command, flags: frozenset[str]) -> Command:
    return msgspec.structs.replace(command, flags=command.flags | flags)


def _spaced(text: str) -> str:
    """Every run of blanks and quotes one blank; a pattern costs thirty times as much where a text is made of them."""
    text = text.translate(_BLANKS)
    while "  " in text:
        text = text.replace("  ", " ")
    return text
