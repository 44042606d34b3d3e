"""Programs whose command line says more than a table can, by the name their profile gives in `special`.

A handler gets the command under construction with its options applied, adds what it knows, and returns
whether it has emitted everything itself. A new one is a function in a module here and a line in its table.
"""

from __future__ import annotations

from collections.abc import Mapping

from yett.extract.shell.machine import Handler
from yett.extract.shell.programs import build, data, git, runners, system, text, tools

HANDLERS: Mapping[str, Handler] = {
    **runners.HANDLERS,
    **data.HANDLERS,
    **system.HANDLERS,
    **tools.HANDLERS,
    **text.HANDLERS,
    **git.HANDLERS,
    **build.HANDLERS,
}
