"""Waiting for something that another thread or process is about to do."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(done: Callable[[], object], alive: Callable[[], object] = lambda: True) -> None:
    """Wait until it is so, for as long as it takes: on a busy or paused machine a limit says nothing about the code.

    Args:
        alive: fails if it can never become so; what nobody notices ends with the time limit of the test itself.
    """
    while not done():
        assert alive()
        time.sleep(0.01)
