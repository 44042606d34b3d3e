"""The sidecar's socket for a gateway that lives in another program: `yett mcp` without `yett serve`.

One process owns a state directory, so a person who is to approve a call has to reach that very process. It
listens on `STATE/yett.sock` like a sidecar, for the same tokens: an approver needs one of that role, made with
`yett keys create`, and nobody approves the calls of their own principal.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from yett.gateway import Gateway
from yett.serve.run import Server, assemble, bind
from yett.serve.settings import Settings


@contextlib.contextmanager
def listening(gateway: Gateway, state: Path) -> Iterator[Path]:
    """Answer on the socket, which is given, in a thread until the context is left.

    Raises:
        YettError: SOCKET_IN_USE, NOT_A_SOCKET, CANNOT_BIND.
    """
    path = state / "yett.sock"
    settings = Settings(policy=(), state=state, socket=path, socket_mode=0o600)
    sockets = bind(settings)
    server = Server(settings, assemble(gateway, settings), gateway)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets)), name="yett-door", daemon=True
    )
    thread.start()
    try:
        yield path
    finally:
        server.should_exit = True
        thread.join()
        path.unlink(missing_ok=True)
