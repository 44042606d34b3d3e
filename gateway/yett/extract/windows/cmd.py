"""cmd.exe: a command line or batch file cut into its commands, the way cmd cuts it.

The phases follow the order documented by the cmd community (S. Ansari, D. Benham, "How does the Windows Command
Interpreter parse scripts?"): percent expansion first, then carets, quotes, redirections and the separators
`& && | || ( )` and newline. What depends on the machine stays as written; a program name that does is opaque.
"""

from __future__ import annotations

from typing import NamedTuple

from yett.extract.patterns import pattern
from yett.extract.windows.lexer import MAX_COMMANDS, TooMuch

MAX_WORD = 8_192
MAX_LINE = 8_191
"""What cmd itself takes for a line or a variable."""
MAX_EXPANSION = 65_536
"""Characters that second expansions and loops may add to one source."""


class Line(NamedTuple):
    """One simple command: its words without quotes and carets, and where its bytes go."""

    words: tuple[str, ...]
    redirects: tuple[tuple[str, str], ...]
    piped: bool
    """Its standard input is the previous command's output."""
    raw: str
    """As written, for the second expansion and for programs that read their command line themselves."""
    computed: bool = False
    """The command's name is worked out by a loop or read from somewhere."""


ENVIRONMENT = {
    "comspec": "C:\\Windows\\System32\\cmd.exe",
    "systemroot": "C:\\Windows",
    "windir": "C:\\Windows",
    "systemdrive": "C:",
    "programfiles": "C:\\Program Files",
    "programfiles(x86)": "C:\\Program Files (x86)",
    "programdata": "C:\\ProgramData",
    "allusersprofile": "C:\\ProgramData",
    "public": "C:\\Users\\Public",
    "commonprogramfiles": "C:\\Program Files\\Common Files",
    "os": "Windows_NT",
    "pathext": ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
    "psmodulepath": "C:\\Program Files\\WindowsPowerShell\\Modules;C:\\Windows\\system32\\WindowsPowerShell\\v1.0\\Modules",
    "path": "C:\\Windows\\system32;C:\\Windows;C:\\Windows\\System32\\Wbem;C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\",
    "processor_architecture": "AMD64",
}
"""Values every Windows has: obfuscators cut letters out of them (`%comspec:~0,1%`)."""

GUESSED = {
    "userprofile": "C:\\Users\\User",
    "appdata": "C:\\Users\\User\\AppData\\Roaming",
    "localappdata": "C:\\Users\\User\\AppData\\Local",
    "temp": "C:\\Users\\User\\AppData\\Local\\Temp",
    "tmp": "C:\\Users\\User\\AppData\\Local\\Temp",
}
"""As on any ordinary installation; used only where letters are cut out of them."""

_VARIABLE = pattern(
    r"%([^%:\s=&|<>^\"]{1,40})(?::(?:~(-?\d{1,5})(?:,(-?\d{1,5}))?|([^=%]{1,60})=([^%]{0,60})))?%"
)
_DELAYED = pattern(r"!([A-Za-z_]\w{0,40})(?::(?:~(-?\d{1,5})(?:,(-?\d{1,5}))?|([^=!]{1,60})=([^!]{0,60})))?!")
_SET = pattern(r"(?i)^set\s+\"?([^\s=\"/]+)=(.*?)\"?\s*$")


def expand(line: str, variables: dict[str, str]) -> str:
    """Percent and delayed expansion of what is known; the rest stays as written."""
    for form in (_VARIABLE, _DELAYED):
        out, last, size = [], 0, 0
        for match in form.finditer(line):
            name = match.group(1).lower()
            value = variables.get(name, ENVIRONMENT.get(name))
            if value is None and match.group(2) is not None:
                value = GUESSED.get(name)
            if value is None:
                continue
            if match.group(2) is not None:
                value = _cut(value, int(match.group(2)), match.group(3))
            elif match.group(4) is not None:
                value = value.replace(match.group(4), match.group(5))
            out.append(line[last : match.start()] + value)
            last = match.end()
            size += len(out[-1])
            if size > MAX_LINE:
                break
        line = "".join(out) + line[last:]
    return line


def _cut(value: str, start: int, length: str | None) -> str:
    begin = start if start >= 0 else max(len(value) + start, 0)
    if length is None:
        return value[begin:]
    count = int(length)
    return value[begin : begin + count] if count >= 0 else value[begin:count]


_LOOP = pattern(r"(?i)\bfor\s+(/f\s+)?(?:\"([^\"]*)\"\s+)?(%%?)([a-z])\s+in\s*\(([^()]*)\)\s*do\s+(.*)$")
_OPTION = pattern(r"(?i)(delims|tokens)=([^\s=]*)")
MAX_TURNS = 8


def _unrolled(line: str) -> str:
    """A loop over what stands in the line itself, `for %i in (a b) do %i`: its turns behind it, one after the other."""
    loop = _LOOP.search(line)
    if loop is None:
        return line
    lines, options, percent, letter, source, body = (loop.group(n) or "" for n in range(1, 7))
    options = dict(_OPTION.findall(options.lower()))
    source = source.strip()
    turns: list[list[str]] = []
    if not lines:
        turns = [
            [item]
            for item in source.replace(",", " ").replace(";", " ").split()
            if not set(item) & set("*?/")
        ]
    elif source[:1] in ("'", "`") and source[1:6].lower() == "echo ":
        turns = [_fields(source[6:-1].replace("^", "").strip(), options)]
    elif source[:1] == '"':
        turns = [_fields(source.strip('"'), options)]
    if not turns or len(turns) > MAX_TURNS:
        return line
    out = [line[: loop.start(6)]]
    for fields in turns:
        turn = body
        for number, field in enumerate(fields):
            name = chr(ord(letter) + number)
            turn = turn.replace(f"{percent}~{name}", field).replace(percent + name, field)
        out.append(turn)
    return " & ".join(out)


def _fields(text: str, options: dict[str, str]) -> list[str]:
    """What the letters of a `for /f` stand for."""
    delimiters = options.get("delims", " ")
    words = [text]
    if delimiters:
        for delimiter in delimiters:
            text = text.replace(delimiter, "\n")
        words = [word for word in text.split("\n") if word]
    wanted = options.get("tokens", "1").split(",")
    if "*" in wanted[0]:
        return [(delimiters[:1] or " ").join(words)]
    words += [""] * 8
    return [words[int(w) - 1] for w in wanted if w.isdigit() and 0 < int(w) <= len(words)]


def lines(source: str) -> list[Line]:
    """Every simple command of a command line or batch file, in order."""
    variables: dict[str, str] = {}
    computed: set[str] = set()
    found: list[Line] = []
    text = source.replace("^\r\n", "").replace("^\n", "").replace("\r\n", "\n")
    grown = 0
    for raw in text.split("\n"):
        for written in _split(_unrolled(expand(raw, variables))):
            again = _again(written, variables)
            grown += 0 if again[0] is written else sum(len(line.raw) for line in again)
            if grown > MAX_EXPANSION:
                raise TooMuch("too_long")
            for line in again:
                if line.words[:1] and line.words[0].lower() == "set":
                    _assign(line, variables, computed)
                found.append(line._replace(computed=_is_computed(line, computed)))
        if len(found) > MAX_COMMANDS:
            raise TooMuch("too_long")
    return found


def _assign(line: Line, variables: dict[str, str], computed: set[str]) -> None:
    assignment = _SET.match(line.raw)
    if assignment is None:
        asked = _ASKED.match(line.raw)
        if asked:
            computed.add(asked.group(1).lower())
        return
    name, value = assignment.group(1).lower(), assignment.group(2)
    if _WORKED_OUT.search(value):
        computed.add(name)
        variables.pop(name, None)
    else:
        computed.discard(name)
        variables[name] = value[:MAX_LINE]


_ASKED = pattern(r"(?i)^set\s+/[pa]\s+\"?([^\s=\"/]+)=")
_WORKED_OUT = pattern(r"![A-Za-z_]\w*(?::[^!]*)?!|^%%?~?[A-Za-z]$")
_LETTERS = pattern(r"^(?:%{1,2}~?[A-Za-z])+$")
_NAMED = pattern(r"[%!]([A-Za-z_]\w*)(?::[^%!]*)?[%!]$")


def _is_computed(line: Line, computed: set[str]) -> bool:
    for word in line.words[:2]:
        name = _NAMED.search(word)
        if _LETTERS.match(word) or (name is not None and name.group(1).lower() in computed):
            return True
        if word.lower() not in ("call", "do", "start"):
            return False
    return False


def _again(line: Line, variables: dict[str, str]) -> list[Line]:
    """`set x=…&call %x%`: a second expansion, with what the line itself has set."""
    if variables and ("%" in line.raw or "!" in line.raw):
        expanded = expand(line.raw, variables)
        if expanded != line.raw:
            first, *others = _split(expanded) or [line]
            return [first._replace(piped=line.piped), *others]
    return [line]


def _split(text: str) -> list[Line]:
    """One physical line cut at its separators."""
    found: list[Line] = []
    words: list[str] = []
    redirects: list[tuple[str, str]] = []
    word: list[str] = []
    started = False
    quoted = piped = False
    begin = 0
    index, size = 0, len(text)
    redirect = ""

    def end_word() -> None:
        nonlocal started, redirect
        if started:
            joined = "".join(word)[:MAX_WORD]
            if redirect:
                redirects.append((redirect, joined))
                redirect = ""
            else:
                words.append(joined)
        word.clear()
        started = False

    def end_command(stop: int, pipe: bool) -> None:
        nonlocal piped, begin, redirect
        end_word()
        if words or redirects:
            found.append(Line(tuple(words), tuple(redirects), piped, text[begin:stop].strip()))
            if len(found) > MAX_COMMANDS:
                raise TooMuch("too_long")
        words.clear()
        redirects.clear()
        redirect = ""
        piped = pipe
        begin = stop + 1

    while index < size:
        character = text[index]
        if quoted:
            if character == '"':
                quoted = False
            else:
                word.append(character)
        elif character == '"':
            quoted = started = True
        elif character == "^" and index + 1 < size:
            index += 1
            word.append(text[index])
            started = True
        elif character in "&|":
            double = text[index : index + 2] == character * 2
            end_command(index, character == "|" and not double)
            index += 1 if double else 0
            begin = index + 1
        elif character in "<>":
            if started and "".join(word) in ("1", "2"):
                word.clear()
                started = False
            end_word()
            redirect = character
            if text[index : index + 2] == ">>":
                redirect = ">>"
                index += 1
            if text[index + 1 : index + 2] == "&":
                redirect = ""
                index += 2
        elif (
            character in "()"
            and not (started and character == "(")
            and (character == ")" or not words or _opens(words))
        ):
            end_command(index, False)
        elif character in " \t,;=" and not (character in ",;=" and words):
            end_word()
        else:
            word.append(character)
            started = True
        index += 1
    end_command(size, False)
    return found


def _opens(words: list[str]) -> bool:
    return words[0].lower() in ("if", "for", "else", "do") or words[-1].lower() in ("do", "else", "in")
