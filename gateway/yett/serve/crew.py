"""The worker processes of a sidecar, from the main process's side.

The main process keeps the ledger and everything there is to see and administer. It accepts the connections
and hands each, in turn, to a worker; a worker judges the decisions that are asked for on it, and hands the
connection back at the first request of another kind. A worker that dies is replaced; while none is ready, the
main process answers by itself.

Two socket pairs join it to each worker, and nobody else can open them: `link` to the ledger
(`yett.ledger.workers.link`), and `control`, on which descriptors are passed (unix(7), SCM_RIGHTS) with one byte that
says what each is.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Final

import msgspec
import structlog

from yett.ledger import Ledger
from yett.ledger.proposal import Settled
from yett.ledger.workers.service import Service
from yett.serve.metrics import Metrics
from yett.serve.settings import Settings

log = structlog.get_logger("yett.serve")

CLIENT: Final = b"c"
"""To a worker: a client's connection."""
SECURE: Final = b"t"
"""To a worker: a client's connection, on which TLS is to be spoken."""
RELOAD: Final = b"r"
"""To a worker: load the policy again."""
PING: Final = b"p"
"""To a worker, which says it back: is it still there?"""
READY: Final = b"o"
"""From a worker: it has loaded the policy and takes connections."""
BACK: Final = b"b"
"""From a worker: a connection that the main process is to serve."""
SECURE_BACK: Final = b"s"
"""From a worker: the same, of a client with whom the worker speaks TLS."""

RESTART_S: Final = 0.5
"""Before a worker is replaced; doubled, up to a minute, each time one dies young."""
YOUNG_S: Final = 10.0
GRACE_S: Final = 12.0
"""For a worker to finish what is in flight once it is told to stop."""
PING_S: Final = 5.0
HUNG_S: Final = 20.0
"""A worker that has not answered for so long is killed: it would keep every connection that it is handed."""
PAUSE_S: Final = 1.0
"""Without accepting, when there are no descriptors left."""
_AT_ONCE: Final = 64

ServeHere = Callable[[socket.socket, bytes], None]
"""Serves a connection in this process: what came is one of CLIENT, SECURE, BACK, SECURE_BACK."""


class Worker:
    """One worker process: where to send connections, and whether it still lives."""

    def __init__(self, settings: Settings) -> None:
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link, link = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.control.setblocking(False)
        self.link.setblocking(False)
        ends = (control.fileno(), link.fileno())
        start = "from yett.serve.worker import main; main()"
        told = msgspec.json.encode(settings, enc_hook=os.fspath).decode()
        # A session of its own: Ctrl-C is for the main process, which tells its workers in order.
        self.process = subprocess.Popen(
            [sys.executable, "-c", start, *map(str, ends), told], pass_fds=ends, start_new_session=True
        )
        control.close()
        link.close()
        self.began = asyncio.get_running_loop().time()
        self.silent_since: float | None = None
        """When it was first asked what it has not answered yet."""

    def tell(self, what: bytes, connection: socket.socket | None = None) -> bool:
        """Send a message, with a connection if there is one; False if the worker cannot take it."""
        try:
            if connection is None:
                self.control.send(what)
            else:
                socket.send_fds(self.control, [what], [connection.fileno()])
        except OSError:
            return False
        return True


class Crew:
    """All workers of a sidecar. Used within the event loop of the main process."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        metrics: Metrics,
        serve_here: ServeHere,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._metrics = metrics
        self._serve_here = serve_here
        self._loop = asyncio.get_running_loop()
        self._workers: list[Worker] = []
        self._ready: list[Worker] = []
        self._turn = 0
        self._restart_s = RESTART_S
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[socket.socket] = []
        metrics.gauge("yett_workers", "Worker processes that take connections", lambda: len(self._ready))

    async def start(self, listeners: list[socket.socket], secure: list[socket.socket]) -> None:
        """Start the workers and accept connections; `secure` are the listeners on which TLS is spoken."""
        for _ in range(self._settings.workers):
            await self._hire()
        self._keep(self._watch())
        for listener in listeners:
            self._listeners.append(listener)
            self._listen(listener, listener in secure)

    def reload(self) -> None:
        """Have every worker load the policy again."""
        for worker in self._workers:
            worker.tell(RELOAD)

    async def stop(self) -> None:
        """Accept nothing more, let the workers finish what is in flight, and wait for their end."""
        self._stopping = True
        for listener in self._listeners:
            self._loop.remove_reader(listener)
        for worker in self._workers:
            self._loop.remove_reader(worker.control)
            worker.control.close()  # the end of its instructions
        ends = [asyncio.to_thread(_ended, worker.process) for worker in self._workers]
        await asyncio.gather(*ends)
        for task in self._tasks:
            task.cancel()

    # -- connections -----------------------------------------------------------------------------------

    def _listen(self, listener: socket.socket, secure: bool) -> None:
        if not self._stopping:
            self._loop.add_reader(listener, self._accept, listener, secure)

    def _accept(self, listener: socket.socket, secure: bool) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of descriptors or memory: what waits in the queue would call at once again, and again.
                log.error("a connection was not accepted", reason=error.strerror)
                self._loop.remove_reader(listener)
                self._loop.call_later(PAUSE_S, self._listen, listener, secure)
                return
            connection.setblocking(False)
            self._place(connection, secure)

    def _place(self, connection: socket.socket, secure: bool) -> None:
        what = SECURE if secure else CLIENT
        for _ in range(len(self._ready)):
            self._turn = (self._turn + 1) % len(self._ready)
            if self._ready[self._turn].tell(what, connection):
                connection.close()
                return
        self._serve_here(connection, what)

    # -- life and death --------------------------------------------------------------------------------

    async def _hire(self) -> None:
        worker = Worker(self._settings)
        self._loop.add_reader(worker.control, self._hear, worker)
        await self._loop.create_connection(
            lambda: Service(self._ledger, on_decision=self._count, on_lost=lambda: self._lose(worker)),
            sock=worker.link,
        )
        self._workers.append(worker)

    def _count(self, decision: Settled, seconds: float) -> None:
        self._metrics.decided(decision, seconds)
        self._metrics.answered("/v1/decisions", 200)

    def _hear(self, worker: Worker) -> None:
        """A worker hands a connection back, or has ended."""
        try:
            what, descriptors, _, _ = socket.recv_fds(worker.control, 1, 1)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            what, descriptors = b"", []
        worker.silent_since = None
        for descriptor in descriptors:
            try:
                connection = socket.socket(fileno=descriptor)
            except OSError:  # a broken worker: that is no socket
                os.close(descriptor)
                continue
            connection.setblocking(False)
            self._serve_here(connection, SECURE_BACK if what == SECURE_BACK else BACK)
        if what == READY and worker not in self._ready:
            self._ready.append(worker)
            log.info("a worker is ready", pid=worker.process.pid)
        elif not what:
            self._lose(worker)

    def _lose(self, worker: Worker) -> None:
        if worker not in self._workers or self._stopping:
            return
        self._workers.remove(worker)
        self._ready = [each for each in self._ready if each is not worker]
        self._loop.remove_reader(worker.control)
        worker.control.close()
        log.error("a worker has ended", pid=worker.process.pid)
        young = self._loop.time() - worker.began < YOUNG_S
        self._restart_s = min(self._restart_s * 2, 60.0) if young else RESTART_S
        self._keep(self._replace(worker, self._restart_s))

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(PING_S)
            now = self._loop.time()
            for worker in self._ready:
                if worker.silent_since is None:
                    worker.silent_since = now
                    worker.tell(PING)
                elif now - worker.silent_since > HUNG_S:
                    log.error("a worker was killed", pid=worker.process.pid, reason="it does not answer")
                    worker.process.kill()

    async def _replace(self, worker: Worker, after_s: float) -> None:
        await asyncio.to_thread(_ended, worker.process)
        await asyncio.sleep(after_s)
        if not self._stopping:
            await self._hire()


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for a worker's end, and bring it about if it takes too long."""
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        log.error("a worker was killed", pid=process.pid, reason="it did not end by itself")
        process.kill()
        process.wait()
