"""The budget of one call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from yett import extract as extraction
from yett.extract import code
from yett.extract.budget import WALL_FACTOR, Budget, OverBudget
from yett.model import ToolCall


class Clocks:
    """A wall clock and a processor clock that stand where they are put, in seconds."""

    def __init__(self) -> None:
        self.wall = 0.0
        self.busy = 0.0

    def budget(self, milliseconds: int = 100) -> Budget:
        return Budget(milliseconds=milliseconds, clock=lambda: self.wall, processor=lambda: self.busy)


def test_steps_and_bytes_run_out_by_name() -> None:
    with pytest.raises(OverBudget, match="steps"):
        Budget(steps=2).spend(3)
    with pytest.raises(OverBudget, match="bytes"):
        Budget(size=10).spend(size=11)


def test_a_busy_machine_does_not_cut_a_call_short() -> None:
    clocks = Clocks()
    budget = clocks.budget()
    clocks.wall, clocks.busy = 1.0, 0.01
    budget.spend()
    assert not budget.expired


def test_a_parser_that_computes_too_long_is_cut() -> None:
    clocks = Clocks()
    budget = clocks.budget()
    clocks.wall, clocks.busy = 0.2, 0.11
    assert budget.expired
    with pytest.raises(OverBudget, match="time"):
        budget.spend()


def test_a_parser_that_hangs_without_computing_is_cut_as_well() -> None:
    clocks = Clocks()
    budget = clocks.budget()
    clocks.wall = 0.1 * WALL_FACTOR + 0.01
    with pytest.raises(OverBudget, match="time"):
        budget.spend()


def test_after_loading_no_first_call_pays_for_start_up(tmp_path: Path) -> None:
    script = tmp_path / "first.py"
    script.write_text(
        "import sys\n"
        "from yett.risk import Assessor\n"
        "Assessor.load()\n"
        "loaded = set(sys.modules)\n"
        "from yett.extract import extract\n"
        "from yett.model import ToolCall\n"
        "for arguments in ({'command': 'git status'}, {'sql': 'select 1'}, {'code': 'print(1)'},\n"
        "                  {'command': 'Get-Item x'}, {'url': 'http://a.example/'}, {'path': '/etc/hosts'}):\n"
        "    assert not extract(ToolCall(tool='t', arguments=arguments), None, 1).limits\n"
        "late = {name for name in set(sys.modules) - loaded if name.startswith(('yett', 'sqlglot', 'tree_sitter'))}\n"
        "assert not late, late\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_was_cut_for_time_only_is_read_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause of the machine (a collection of garbage, another's turn) comes once; a slow text comes again."""
    calls = []

    def paused(times: int) -> type[Budget]:
        class Paused(Budget):
            def __init__(self, **kinds: int) -> None:
                super().__init__(**kinds)
                calls.append(kinds)
                self._late = len(calls) <= times

            @property
            def expired(self) -> bool:
                return self._late

        return Paused

    monkeypatch.setattr(extraction, "Budget", paused(1))
    call = ToolCall(tool="t", arguments={"command": "ls -l"})
    facts = extraction.extract(call, None, 1)
    assert (facts.limits, len(facts.programs), len(calls)) == ((), 1, 2)
    calls.clear()
    monkeypatch.setattr(extraction, "Budget", paused(9))
    assert (extraction.extract(call, None, 1).limits, len(calls)) == (("time",), 2)


def test_a_script_whose_parser_got_only_a_part_is_not_taken_for_the_whole() -> None:
    clocks = Clocks()
    budget = clocks.budget()
    clocks.wall = clocks.busy = 0.2
    with pytest.raises(OverBudget, match="time"):
        code.analyse("a()", "/c", language="javascript", budget=budget)
