"""Programs whose command line says more than a table can, by the name their profile gives in `special`.

A handler gets the command under construction with its options applied, adds what it knows, and returns
whether it has emitted everything itself. A new one is a function in a `special_*` module and a line in its
table.
"""

from __future__ import annotations

from collections.abc import Mapping

from yett.extract.shell import (
    special_build,
    special_data,
    special_git,
    special_runners,
    special_system,
    special_text,
    special_tools,
)
from yett.extract.shell.machine import Handler

HANDLERS: Mapping[str, Handler] = {
    **special_runners.HANDLERS,
    **special_data.HANDLERS,
    **special_system.HANDLERS,
    **special_tools.HANDLERS,
    **special_text.HANDLERS,
    **special_git.HANDLERS,
    **special_build.HANDLERS,
}
