"""Waiting for something that another thread or process is about to do."""

from __future__ import annotations

import contextlib
import socket
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


def stop(listener: socket.socket) -> None:
    """Close a socket that another thread accepts on. Closing alone leaves that thread in `accept`, with a number that
    the next listener may get; a process that is paused and goes on accepts on that one then."""
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
