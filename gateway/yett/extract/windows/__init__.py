"""Windows command lines: cmd and PowerShell, taken apart into effective commands.

    analyse(source, pointer, …) -> ShellResult

1. The dialect is told by what only one of them has (`dialect`); where a `;` leaves it open, both are read.
2. `cmd` or `powershell` cuts the source into commands, undoing carets, backticks, quotes, variables and constant
   string tricks.
3. `unwrap` follows what a command runs in turn (`cmd /c`, `powershell -enc`, `start`, `schtasks /tr`, `wmic process
   call create` …) to a fixed depth.
4. `profiles` (data) say what each effective command does.
"""

from __future__ import annotations

from yett.extract.budget import Budget
from yett.extract.facts import ShellProgram
from yett.extract.result import ShellResult
from yett.extract.windows import recognise
from yett.extract.windows.recognise import MAX_LENGTH, dialect, looks_like
from yett.extract.windows.unwrap import Unwrapper
from yett.extract.words import encodable

__all__ = ["analyse", "dialect", "looks_like"]


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
    source = encodable(source)
    reader = Unwrapper(pointer, budget)
    kind = dialect or recognise.dialect(source)
    if len(source) > MAX_LENGTH:
        reader.opaque.append("too_long")
    elif "\0" in source:
        reader.opaque.append("control_char")
    else:
        reader.read(source, kind, (), "direct")
        if kind == "cmd" and not dialect and recognise.goes_on(source):
            reader.read(source, "powershell", (), "direct")
        reader.fetched()
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
