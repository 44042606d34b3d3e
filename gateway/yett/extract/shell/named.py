"""Programs named from outside: `$PYTHON -m build`, `exec "$@"`, `install_$1`.

A script that is published names many of its programs so, and whoever runs it says which they are. The text alone cannot
say, so the command is opaque either way (`SEVERE`); what it is called tells two cases from a program that the text hides:

- `environment_program`: a variable that nothing in the text sets, under a name as the environment has them;
- `caller_program`: an argument of the script, or of a function that nothing in the text calls.

Both are only said where the text cannot have a hand in the value: a name that stands anywhere but behind its `$` may be
set there (`read X`, `export X=…`), one that the shell sets for itself (`$OPTARG`, `$_`) holds what the text made it hold,
a shell that another program starts has the arguments that it is given, and one in a container or on another machine its
environment too.
"""

from __future__ import annotations

from yett.extract.patterns import pattern
from yett.extract.shell.expansion.expand import State
from yett.extract.shell.profiles import Library
from yett.extract.words import encodable

_VARIABLE = pattern(r"\$\{?([A-Z][A-Z0-9_]+|sudo)\}?")
_WORD = pattern(r"\w+")
_ARGUMENT = pattern(r"\$\{?(?:[@*]|[1-9])\}?")
_DISPATCH = pattern(r"[A-Za-z0-9_.-]*\$\{?[1-9*]\}?[A-Za-z0-9_.-]*")
"""`install_$1`, inside a function: one of the script's own functions or files."""
_OF_THE_SHELL = frozenset(
    ("OPTARG", "OPTIND", "REPLY", "COPROC", "MAPFILE", "DIRSTACK", "FUNCNAME", "PIPESTATUS", "GROUPS", "IFS", "PWD", "OLDPWD",
     "MATCH", "HOSTNAME", "PATH", "COLUMNS", "LINES", "SHLVL", "PPID", "EPOCHSECONDS", "EPOCHREALTIME", "HOME", "USER", "LOGNAME")
)  # fmt: skip
_ELSEWHERE = frozenset(("container", "remote"))
_PREFIXES = ("BASH", "COMP_", "READLINE_", "HIST", "PS", "ZSH_")
_AFFIXES = (
    "_BINARY",
    "_BIN_PATH",
    "_BIN",
    "_CMD",
    "_COMMAND",
    "_EXECUTABLE",
    "_EXE",
    "_PATH",
    "_PROGRAM",
    "BIN",
    "CMD",
)


def outside(word: str, state: State, mentioned: set[str], via: str, flags: frozenset[str]) -> str:
    """The kind of opacity of a program's name that is not known.

    Args:
        word: the name, expansions as they stand in the source.
        state: the shell's.
        mentioned: of every text that was read so far, see `mentions`.
        via, flags: of the command (`Context`).
    """
    if flags & _ELSEWHERE:
        return "dynamic_program"
    word = encodable(word)
    variable = _VARIABLE.fullmatch(word)
    if variable is not None:
        name = variable.group(1)
        own = name in _OF_THE_SHELL or name.startswith(_PREFIXES)
        return "dynamic_program" if own or state.known(name) or name in mentioned else "environment_program"
    name = word.rpartition("/")[2]
    given = _ARGUMENT.fullmatch(name) or (_DISPATCH.fullmatch(name) if via == "function" else None)
    ours = state.positional is None and state.outermost
    return "caller_program" if ours and given is not None else "dynamic_program"


def mentions(text: str) -> set[str]:
    """The words of a program outside its comments that could name a variable and are more than a look at its value."""
    found: set[str] = set()
    for line in encodable(text).split("\n"):
        if not line.lstrip().startswith("#"):
            for word in _WORD.finditer(line):
                start = word.start()
                if line[start - 1 : start] != "$" and line[max(start - 2, 0) : start] not in ("${", "{!"):
                    found.add(word.group())
    return found


def guess(word: str, library: Library) -> str:
    """The program that a variable's name speaks of (`$PYTHON`, `${CURL_BIN}`), or "" where it names none that is known."""
    variable = _VARIABLE.fullmatch(encodable(word))
    if variable is None:
        return ""
    name = variable.group(1)
    for affix in _AFFIXES:
        name = name.removesuffix(affix)
    name = name.strip("_").lower()
    return name if library.find(name)[1] is not None else ""
