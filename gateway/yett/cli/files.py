"""Writing settings of other programs, in folders that somebody else may have filled."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def put(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file in one step. A link that stands beside it under a name to be guessed is not written through."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".yett-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(beside, mode)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def keep(path: Path, text: str, mode: int) -> None:
    """Make a file unless something stands there already, be it a link to nowhere."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
