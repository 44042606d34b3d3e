"""Sed and awk, whose scripts run programs and read and write files."""

from __future__ import annotations

from collections.abc import Mapping

from yett.extract.shell.draft import Context, Draft
from yett.extract.shell.expansion.expand import Field
from yett.extract.shell.machine import Handler, Machine
from yett.extract.shell.options import Parsed
from yett.extract.shell.programs.actions import contents, run


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
    scripts += contents(draft, [g.value for g in parsed.given if g.name in ("-f", "--file") and g.value])
    for text in scripts:
        for letter, argument in sed_commands(masked(text), text.text):
            field = Field(argument, text.unknown)
            if letter == "e":
                draft.flags.add("inline_code")
                if argument:
                    run(walker, draft, field, ctx, "inline")
                else:
                    draft.effects.add("exec")
                    draft.opaque["eval"] = None
            elif letter in "wW":
                draft.touch("write", field)
            else:
                draft.touch("read", field)
    return False


def masked(script: Field) -> str:
    """A script without the sources of the expansions in it, which are the shell's language."""
    text = script.text
    for start, end in script.holes:
        text = text[:start] + "_" * (end - start) + text[end:]
    return text


def sed_commands(script: str, shown: str = "") -> list[tuple[str, str]]:
    """The commands of a sed script that touch the world: (e|w|W|r|R, argument as it stands in `shown`)."""
    shown = shown or script
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
                    found.append(("w", shown[i + 1 : end].strip()))
                    i = end
                    break
                i += 1
        elif c in "ewWrR":
            end = _line_end(script, i)
            found.append((c, shown[i + 1 : end].strip()))
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
    files = [g.value for g in parsed.given if g.name in ("-f", "--file", "-E", "--exec") and g.value]
    for program in programs + contents(draft, files):
        text = masked(program)
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
                run(walker, draft, Field(string, program.unknown), ctx, "inline")
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


HANDLERS: Mapping[str, Handler] = {"sed": sed, "awk": awk}
