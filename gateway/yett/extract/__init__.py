"""Arguments to facts: what a call means, whatever it looks like.

`extract` walks the arguments and reads every string, keys included:

1. `views`      what it is declared to be: by manifest, by argument name, by tool name; else `data`;
2. `decode`     every reading that a receiver could reach: percent, base64, JSON in a string …;
3. an analyser  for what it is declared to be, or for what its content looks like: `shell`, `windows`, `sql`,
                `code`, `files`; paths and addresses in `values`;
4. everywhere   the other `values`: secrets, words to a model, contacts, addresses;
5. again        what an analyser found inside (`Nested`: Python in a shell, SQL in `psql -c`) is read in turn.

The result is one immutable `Facts`. It is bounded by a `Budget`, and whatever was cut, crashed or over budget
stands in `Facts.limits`, which a policy may not ignore. `extract` never raises.
"""

from __future__ import annotations

from yett.extract.budget import MAX_MILLISECONDS, Budget, OverBudget
from yett.extract.facts import Facts
from yett.extract.orchestrate import Extraction
from yett.model import ToolCall, ToolSpec

__all__ = ["extract", "warm"]

_SAMPLES = (
    ("shell", {"command": "ls -l 'a b' | sort > out"}),
    ("powershell", {"command": "Get-Process | Select-Object Name"}),
    ("cmd", {"command": "dir C:\\Windows & echo %PATH%"}),
    ("query", {"sql": "SELECT a FROM t WHERE b = 'c'"}),
    ("run_python", {"code": "import os\nprint(os.getcwd())"}),
    ("run_javascript", {"code": "function f(a) { return a + 1 }"}),
    ("fetch", {"url": "https://example.com/a?b=c", "path": "../a/b.txt", "note": "Y3VybCBleGFtcGxlLmNvbQ=="}),
)
"""A harmless call for each analyser."""


def extract(
    call: ToolCall, spec: ToolSpec | None, size: int, *, milliseconds: int = MAX_MILLISECONDS
) -> Facts:
    """Facts of one call.

    Args:
        call: the admitted call.
        spec: what a manifest says of the tool, if there is one.
        size: bytes of the canonical arguments.
        milliseconds: of processor time before analysis is given up. Time is the one limit that hangs on the
            machine and not on the call alone (a collection of garbage, a processor lent to somebody else), so
            what was cut for it only is read once more.
    """
    facts = _extract(call, spec, size, Budget(milliseconds=milliseconds))
    if "time" in facts.limits:
        facts = _extract(call, spec, size, Budget(milliseconds=milliseconds))
    return facts


def _extract(call: ToolCall, spec: ToolSpec | None, size: int, budget: Budget) -> Facts:
    work = Extraction(call, spec, size, budget)
    try:
        work.run()
    except (KeyboardInterrupt, SystemExit):
        raise
    except OverBudget as over:
        work.limits.add(str(over) or "budget")
    except BaseException:  # noqa: BLE001 - whatever broke, the facts found so far are marked incomplete
        work.limits.add("parser:extract")
    return work.facts()


def warm() -> None:
    """Load what the analysers load on first use (profiles, grammars, tables), outside of any call's budget.

    Without it the first calls of a process pay for start-up, and on a busy machine are cut for it.
    """
    for tool, arguments in _SAMPLES:
        Extraction(ToolCall(tool=tool, arguments=arguments), None, 0, Budget(milliseconds=60_000)).run()
