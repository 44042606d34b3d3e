"""A worker process of a sidecar: it judges, and keeps nothing.

It gets connections from the main process (`yett.serve.crew`), answers the decisions and outcomes that are sent
on them, and asks the ledger at the other end of its link to record each. It holds no key that signs anything.
The first request of any other kind takes its connection back to the main process, bytes and all: from then on
this process only carries them.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import structlog
import uvicorn

from yett.clock import wall_clock
from yett.errors import YettError
from yett.extract.own import Own
from yett.judging import Judging, load_gate
from yett.ledger.workers.remote import RemoteLedger
from yett.risk import Assessor
from yett.serve import auth, crew
from yett.serve.asgi import Receive, Scope, Send, Sidecar
from yett.serve.auth import Credentials
from yett.serve.garbage import calm
from yett.serve.log import configure
from yett.serve.metrics import Metrics
from yett.serve.protocol import PatientProtocol
from yett.serve.ratelimit import Allowance, RateLimiter
from yett.serve.serving import config, loop_factory, tls_context
from yett.serve.settings import Settings

log = structlog.get_logger("yett.serve")

OURS: Final = tuple(f"POST {path} HTTP/1.1\r\n".encode() for path in ("/v1/decisions", "/v1/outcomes"))
"""Request lines that a worker answers."""
_LONGEST: Final = max(map(len, OURS))


def main() -> None:
    """Entry point: descriptors of the control socket and of the link, and the settings as JSON."""
    control = socket.socket(fileno=int(sys.argv[1]))
    link = socket.socket(fileno=int(sys.argv[2]))
    settings = msgspec.json.decode(sys.argv[3], type=Settings, dec_hook=_path)
    configure()
    # Told to stop by the end of its instructions, so that it does not leave before the main process does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(settings, control, link))
    except YettError as error:
        log.error("a worker did not start", code=error.code, message=error.message, path=error.path)
        sys.exit(1)


async def _serve(settings: Settings, control: socket.socket, link: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()

    def broken() -> None:
        loop.call_soon_threadsafe(gone.set)

    ledger = RemoteLedger(link, clock=wall_clock, on_broken=broken, loop=loop)
    judging = Judging(
        gate=load_gate(settings.policy, Assessor.load(), Own.of(settings.state, settings.own)),
        memory=ledger,
        policy_paths=settings.policy,
        clock=wall_clock,
    )
    server = Server(settings, judging, control)
    calm()
    serving = asyncio.ensure_future(server.serve(sockets=[]))
    ending = asyncio.ensure_future(gone.wait())
    await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
    if ending.done() and not serving.done():
        log.error("a worker ends: its ledger is gone")
        server.should_exit = True
        await serving
    ending.cancel()
    ledger.close()


class Server(uvicorn.Server):
    """uvicorn without a listening socket: connections come as descriptors."""

    def __init__(self, settings: Settings, judging: Judging, control: socket.socket) -> None:
        limiter = RateLimiter(
            Allowance(per_minute=settings.per_minute, burst=settings.burst), shares=settings.workers
        )
        credentials = Credentials(settings.state / auth.FILE_NAME, clock=wall_clock)
        sidecar = Sidecar(judging, credentials, limiter, Metrics())
        sidecar.rest = _elsewhere
        super().__init__(config(settings, sidecar))
        self._judging = judging
        self._control = control
        self._tls = tls_context(settings)
        self._reloading: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._control.setblocking(False)
        asyncio.get_running_loop().add_reader(self._control, self._hear)
        self._control.send(crew.READY)

    def _hear(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.should_exit:
            try:
                what, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                what, descriptors = b"", []
            for descriptor in descriptors:
                self._keep(self._receive(socket.socket(fileno=descriptor), what == crew.SECURE))
            if what == crew.PING:
                with contextlib.suppress(OSError):
                    self._control.send(crew.PING)
            elif what == crew.RELOAD:
                self._keep(self._reload())
            elif not what:
                loop.remove_reader(self._control)
                self.should_exit = True

    def _keep(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    async def _receive(self, connection: socket.socket, secure: bool) -> None:
        connection.setblocking(False)
        context: ssl.SSLContext | None = self._tls if secure else None
        protocol = partial(
            WorkerProtocol, self._control, config=self.config, server_state=self.server_state, app_state={}
        )
        try:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection, ssl=context)
        except OSError:
            connection.close()  # gone before it began, or no TLS

    async def _reload(self) -> None:
        try:
            await asyncio.to_thread(self._judging.reload)
        except YettError as error:
            log.error("policy not reloaded by a worker: it ends", code=error.code, message=error.message)
            self.should_exit = True
        else:
            log.info("policy reloaded by a worker", digest=self._judging.policy_ref.digest)


async def _elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    """What was pipelined behind a decision and is not a worker's: its bytes are parsed, and cannot be handed back."""
    raise YettError(
        "PIPELINED", "this cannot be asked behind a decision", remedy="ask again on a new connection"
    )


class WorkerProtocol(PatientProtocol):
    """One connection in a worker: until its first request that is not for a worker."""

    _begun = b""
    """The first bytes of a request, as long as they do not tell whose it is."""

    def __init__(self, control: socket.socket, **options: Any) -> None:
        super().__init__(**options)
        self._control = control

    def data_received(self, data: bytes) -> None:
        if self._between_requests():
            self._begun += data
            if not any(self._begun.startswith(line) for line in OURS):
                if any(line.startswith(self._begun) for line in OURS):
                    self._expect_head()
                    return
                self._hand_back(self._begun)
                return
            data, self._begun = self._begun, b""
        super().data_received(data)

    def _between_requests(self) -> bool:
        answered = self.cycle is None or self.cycle.response_complete
        return answered and self._between and not self.pipeline

    def _hand_back(self, begun: bytes) -> None:
        self._head_done()
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        try:
            ours, theirs = socket.socketpair()
        except OSError:  # no descriptors left
            self.transport.abort()
            return
        try:
            what = crew.SECURE_BACK if self.scheme == "https" else crew.BACK
            socket.send_fds(self._control, [what], [theirs.fileno()])
        except OSError:
            ours.close()
            self.transport.abort()
            return
        finally:
            theirs.close()
        ours.setblocking(False)
        client = Carrier(self.transport)
        self.transport.set_protocol(client)
        self.transport.pause_reading()
        task = self.loop.create_task(client.meet(ours, begun))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class Carrier(asyncio.Protocol):
    """One end of a connection whose bytes are only carried: what comes here goes out at the other end."""

    def __init__(self, own: asyncio.Transport | None = None) -> None:
        self.own = own
        self.other: Carrier | None = None

    async def meet(self, connection: socket.socket, begun: bytes) -> None:
        """Join with the other end, and send it what has come already."""
        far = Carrier()
        far.other = self
        self.other = far
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, sock=connection)
        except OSError:
            connection.close()
            self.close()
            return
        if self.own is not None and far.own is not None and not self.own.is_closing():
            far.own.write(begun)
            self.own.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.own = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.own is not None:
            self.other.own.write(data)

    def eof_received(self) -> bool:
        if self.other is None or self.other.own is None or not self.other.own.can_write_eof():
            return False
        self.other.own.write_eof()
        return True

    def pause_writing(self) -> None:
        if self.other is not None and self.other.own is not None:
            self.other.own.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.own is not None:
            self.other.own.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.own = None
        if self.other is not None:
            self.other.close()

    def close(self) -> None:
        """End this end, once what was to be sent is sent."""
        if self.own is not None:
            self.own.close()


def _path(kind: type, value: Any) -> Any:
    return Path(value) if kind is Path else value
