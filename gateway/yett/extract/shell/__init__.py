"""POSIX shell programs to effective commands: what would really run, wrappers and disguises removed.

The way of a program:

1. guards: too long, control characters: refused, as facts (`ShellProgram.opaque`);
2. `grammar`: a tree of nodes, by a linear, fuel-capped parser of our own;
3. `walk`, `builtins`, `outputs`, `expansion`: the tree is run without running it, with the variables, functions
   and outputs that the program itself determines;
4. `resolve`, `options`, `profiles`, `programs`: each command's wrappers are removed, its options read by its
   profile (`policies/programs/posix/*.yaml`), and its effects, paths and hosts written down.

**Opacity** comes in two sizes. Behind a *severe* one (`SEVERE`) any command may hide:
dynamic_program (the program's name is not known), environment_program and caller_program (it is named from outside,
see `named`), glob_program, eval (evaluated text is not known),
stdin_script (a shell or interpreter reads its program from a pipe or file), sourced_output, response_file,
arithmetic_data and subscript_data (bash expands data again), rebound_program (`hash -p`), unknown_option
(in a wrapper: it decides which word is the program), invalid_option, inline_input (input pasted into `sh -c`),
depth, recursion; of a whole program: has_error, control_char, too_long, too_deep, steps, expansions.
A *mild* one (`MILD`) is what a person would not stop at: dynamic_argument (`"$TAG"`), listed_argument (`wc $(git ls-files)`, see `listed`), dynamic_directory
(`$BIN/tool`), resolved_program and resolved_script (computed, and followed), inline_dynamic (a known text
with a variable in it is given to a shell), project_script (`make test`, `npm run build`), carriage_return.

**Flags** on commands: recursive, force, dangerous_env, env_path, foreign_path (a program by a path outside
the system's folders), profile_unknown, subcommand_unknown, inline_code, inline_sql, script_file, stdin_script,
stdin_args (arguments come from input), module, interactive, glob_target, dynamic_target (a written, deleted
or contacted target is not known), runs_written and runs_download (a file that this very program wrote or
fetched is run), upload, sends, download, insecure, listen, remote, container, scheduled, setuid,
world_writable, executable, extract, runs_config, loads_library, credentials, clears_history,
lists_environment, shell_escape (a shell started by a program one does not expect it from), recursion, and what profiles add (installs, firewall, accounts, defences, destructive …).

**How a command was reached** (`via`): direct, substitution, pipe, inline (`sh -c`), heredoc, option
(`tar --to-command`), config (`git -c`), function, file (a script this program wrote).
"""

from __future__ import annotations

from collections.abc import Callable

from yett.extract.budget import Budget
from yett.extract.facts import ShellProgram
from yett.extract.result import ShellResult
from yett.extract.shell.draft import MILD, SEVERE, Analysis, Context
from yett.extract.shell.expansion.expand import Field, State
from yett.extract.shell.grammar.scanner import Fuel, ShellSyntaxError, TooMuch
from yett.extract.shell.looks import looks_like
from yett.extract.shell.profiles import library
from yett.extract.shell.walk import Walker

__all__ = ["MAX_SOURCE", "MILD", "SEVERE", "ShellResult", "analyse", "analyse_argv", "looks_like"]

MAX_SOURCE = 32_768
"""Characters of one program."""
MAX_FUEL = 8_000
"""Parts, commands and expansions of one program, inline programs included."""
FUEL_A_STEP = 3
"""Of these for one step of the call's budget."""

_CONTROL = frozenset(chr(c) for c in range(32) if c not in (9, 10, 13)) | {"\x7f"}


def analyse(
    source: str,
    pointer: str,
    *,
    chain: tuple[str, ...] = (),
    declared: bool = True,
    budget: Budget | None = None,
) -> ShellResult:
    """The effective commands of a POSIX (bash) program.

    Args:
        source: the program text.
        pointer: RFC 6901 pointer of the argument it came from.
        chain: how the text was decoded to reach it.
        declared: the tool says that it is a command; false = it only looks like one.
        budget: the call's budget.

    Raises:
        OverBudget: the call's budget ran out (this program's own limits are `opaque`, never raised).
    """
    analysis = _begin(pointer, budget or Budget())
    if len(source) > MAX_SOURCE:
        analysis.opaque["too_long"] = None
    elif not _CONTROL.isdisjoint(source):
        analysis.opaque["control_char"] = None
    else:
        if "\r" in source:
            analysis.opaque["carriage_return"] = None
            source_lf = source.replace("\r\n", "\n").replace("\r", "\n")
        else:
            source_lf = source
        _guarded(analysis, lambda: Walker(analysis, State()).program(source_lf, Context()))
    program = ShellProgram(
        pointer=pointer,
        source=source,
        dialect="posix",
        chain=chain,
        declared=declared,
        opaque=tuple(analysis.opaque),
    )
    return _result(program, analysis)


def analyse_argv(
    argv: tuple[str, ...] | list[str], pointer: str, *, budget: Budget | None = None
) -> ShellResult:
    """The effective commands of an argument vector that is run without a shell; see `analyse`."""
    analysis = _begin(pointer, budget or Budget())
    words = [str(word) for word in argv]
    size = sum(map(len, words))
    if size > MAX_SOURCE or len(words) > 4096:
        analysis.opaque["too_long"] = None
    elif words:
        analysis.budget.spend(1, size)
        fields = [Field(word, quoted=True) for word in words]
        walker = Walker(analysis, State())
        _guarded(analysis, lambda: walker.command(fields, Context(dialect="argv"), functions=False))
    program = ShellProgram(
        pointer=pointer, source=" ".join(words), dialect="posix", opaque=tuple(analysis.opaque)
    )
    return _result(program, analysis)


def _result(program: ShellProgram, analysis: Analysis) -> ShellResult:
    return ShellResult(
        program=program,
        commands=tuple(analysis.commands),
        nested=tuple(analysis.nested.values()),
        written=tuple(analysis.disk.bodies),
    )


def _begin(pointer: str, budget: Budget) -> Analysis:
    return Analysis(pointer, budget, Fuel(min(MAX_FUEL, budget.left * FUEL_A_STEP)))


def _guarded(analysis: Analysis, work: Callable[[], None]) -> None:
    """Read the program, and pay for it. One that ends for lack of the call's steps is no program that is too long."""
    before = analysis.fuel.left
    try:
        _caught(analysis, work)
    finally:
        burnt = before - max(analysis.fuel.left, -1)
        analysis.budget.spend(-(-burnt // FUEL_A_STEP))


def _caught(analysis: Analysis, work: Callable[[], None]) -> None:
    try:
        work()
    except TooMuch as error:
        reason = str(error.args[0])
        analysis.opaque["too_deep" if reason == "depth" else reason] = None
    except RecursionError:
        analysis.opaque["too_deep"] = None
    except ShellSyntaxError:
        analysis.opaque["has_error"] = None


# Read the profiles now: the first call's time budget is not for that.
library()
looks_like("warm up")
