"""Run the sidecar: open the gateway, bind a Unix socket and a loopback port, serve until told to stop.

In order: the gateway opens first, because it holds the lock on the state directory and fails on a broken
policy or log; then the sockets are bound; then uvicorn serves both from one event loop. SIGHUP loads the
policy again (a policy that does not load leaves the last good one in force, and `/readyz` says so), SIGTERM
stops accepting, lets what is in flight finish, and seals the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from yett.clock import wall_clock
from yett.errors import YettError
from yett.gateway import Gateway
from yett.model import Identity
from yett.serve import auth, crew
from yett.serve.anchoring import anchoring, floor
from yett.serve.app import Doors, build, no_doors
from yett.serve.asgi import Sidecar
from yett.serve.auth import Credentials
from yett.serve.crew import Crew
from yett.serve.garbage import calm
from yett.serve.log import configure
from yett.serve.metrics import Metrics, observe
from yett.serve.noting import noting
from yett.serve.protocol import PatientProtocol
from yett.serve.ratelimit import Allowance, RateLimiter
from yett.serve.retaining import retaining
from yett.serve.serving import config, loop_factory, tls_context
from yett.serve.settings import Settings
from yett.serve.webhook import Watch, Webhook

log = structlog.get_logger("yett.serve")


Beside = Callable[[Gateway, Callable[[list[tuple[bytes, bytes]]], Identity]], AbstractContextManager[object]]
"""Opens a further server around the same gateway, which is closed with it; arguments as of `app.Doors`."""


def nothing_beside(*_: object) -> AbstractContextManager[object]:
    """No further server."""
    return contextlib.nullcontext()


def serve(settings: Settings, doors: Doors = no_doors, beside: Beside = nothing_beside) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        doors: further routes, such as the proxies'; see `app.Doors`.
        beside: a further server, such as gRPC's.

    Raises:
        PolicyError, LedgerError, AuditUnavailable: the gateway does not open.
        YettError: SOCKET_IN_USE, NOT_A_SOCKET, CANNOT_BIND, NOT_LOOPBACK, NOTHING_TO_LISTEN_ON.
    """
    configure()
    known = floor(settings)
    with Gateway.open(
        settings.policy,
        settings.state,
        origin=settings.origin,
        own=settings.own,
        floor=known,
        postgres=settings.postgres,
    ) as gateway:
        sockets = bind(settings)
        try:
            sidecar = assemble(gateway, settings, doors)
            server = Server(settings, sidecar, gateway)
            with (
                _watching(gateway, settings),
                beside(gateway, sidecar.asker),
                anchoring(gateway.ledger, sidecar.metrics, settings),
                retaining(gateway.ledger, settings),
                noting(gateway.ledger, Credentials(settings.state / auth.FILE_NAME, clock=wall_clock)),
                asyncio.Runner(loop_factory=loop_factory()) as runner,
            ):
                _greet(settings)
                calm()
                runner.run(server.serve(sockets))
        finally:
            for bound in sockets:
                bound.close()
            if settings.socket is not None:
                settings.socket.unlink(missing_ok=True)


@contextlib.contextmanager
def _watching(gateway: Gateway, settings: Settings) -> Iterator[None]:
    """Tell a webhook of held calls while the sidecar runs, if one is configured."""
    if settings.webhook is None:
        yield
        return
    if settings.webhook_secret is None:
        raise YettError(
            "BAD_WEBHOOK", "a webhook needs a secret to sign with", remedy="--webhook-secret FILE"
        )
    secret = settings.webhook_secret.read_bytes().strip()
    if len(secret) < 16:
        raise YettError("BAD_WEBHOOK", "the webhook's secret has fewer than 16 bytes")
    reader = Identity(
        principal="gateway",
        agent="webhook",
        role="auditor",
        tenant=settings.webhook_tenant,
        credential="webhook",
    )
    watch = Watch(lambda: gateway.ledger.approvals(reader), Webhook(settings.webhook, secret))
    try:
        yield
    finally:
        watch.close()


def _greet(settings: Settings) -> None:
    """Say where it listens and how to get in, on standard output: the log goes to standard error."""
    if settings.socket is not None:
        print(f"yett listens on {settings.socket}", flush=True)
    if settings.port is not None:
        scheme = "http" if settings.tls_certificate is None else "https"
        print(f"yett listens on {scheme}://{settings.host}:{settings.port}", flush=True)
    hint = f"yett keys create --state {settings.state} --role agent --principal WHO --agent NAME --out agent.token"
    print(f"create a token with: {hint}", flush=True)


def assemble(gateway: Gateway, settings: Settings, doors: Doors = no_doors) -> Sidecar:
    """The ASGI application around an open gateway."""
    credentials = Credentials(settings.state / auth.FILE_NAME, clock=wall_clock)
    limiter = RateLimiter(Allowance(per_minute=settings.per_minute, burst=settings.burst))
    metrics = Metrics()
    observe(metrics, gateway)
    sidecar = Sidecar(gateway, credentials, limiter, metrics)
    sidecar.rest = build(gateway, sidecar, metrics, doors)
    return sidecar


def bind(settings: Settings) -> list[socket.socket]:
    """The listening sockets.

    Raises:
        YettError: as `serve`.
    """
    sockets: list[socket.socket] = []
    try:
        if settings.socket is not None:
            sockets.append(_bind_unix(settings.socket, settings.socket_mode))
        if settings.port is not None:
            anywhere = settings.remote or settings.tls_certificate is not None
            sockets.append(_bind_tcp(settings.host, settings.port, anywhere))
    except OSError as error:
        for bound in sockets:
            bound.close()
        where = f"port {settings.port}" if sockets or settings.socket is None else settings.socket
        raise YettError("CANNOT_BIND", f"cannot listen on {where}: {error.strerror or error}") from None
    if not sockets:
        raise YettError("NOTHING_TO_LISTEN_ON", "neither a socket nor a port was given")
    return sockets


def _bind_unix(path: Path, mode: int) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise YettError("NOT_A_SOCKET", f"{path} exists and is not a socket", path=str(path))
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()  # left behind by a gateway that was killed
            else:
                raise YettError("SOCKET_IN_USE", f"another gateway listens on {path}", path=str(path))
    bound = socket.socket(socket.AF_UNIX)
    # The mode must never be wider than wanted, not even between bind and chmod.
    before = os.umask(0o177)
    try:
        bound.bind(str(path))
    except BaseException:
        bound.close()
        raise
    finally:
        os.umask(before)
    path.chmod(mode)
    bound.listen(256)
    bound.setblocking(False)
    return bound


def _bind_tcp(host: str, port: int, anywhere: bool) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    if not anywhere and str(address[0]) not in ("127.0.0.1", "::1"):
        raise YettError(
            "NOT_LOOPBACK",
            f"{host} is not this host's loopback",
            remedy="use the Unix socket, give a TLS certificate, or say --remote where the network is trusted",
        )
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except BaseException:
        bound.close()
        raise
    bound.listen(256)
    bound.setblocking(False)
    return bound


class Server(uvicorn.Server):
    """uvicorn, that tells its service manager when it is ready and reloads the policy on SIGHUP.

    TLS, if there is any, is spoken on the port only: uvicorn itself would speak it on the Unix socket too.
    With workers, connections are theirs first (`yett.serve.crew`).
    """

    def __init__(self, settings: Settings, sidecar: Sidecar, gateway: Gateway) -> None:
        super().__init__(config(settings, sidecar))
        self._settings = settings
        self._sidecar = sidecar
        self._gateway = gateway
        self._tls = tls_context(settings)
        self._crew: Crew | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop in order on SIGINT and SIGTERM. uvicorn's own version raises the signal again once it has
        stopped serving, which would end the process before the log is sealed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        secured = [
            bound for bound in sockets or [] if self._tls is not None and bound.family != socket.AF_UNIX
        ]
        if self._settings.workers:
            await super().startup([])
            metrics = self._sidecar.metrics
            self._crew = Crew(self._settings, self._gateway.ledger, metrics, self._serve_here)
            await self._crew.start(sockets or [], secured)
        else:
            await super().startup([bound for bound in sockets or [] if bound not in secured])
            for bound in secured:
                self.servers.append(
                    await asyncio.get_running_loop().create_server(self._protocol, sock=bound, ssl=self._tls)
                )
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)
        log.info("listening", sockets=[str(bound.getsockname()) for bound in sockets or []])
        notify_ready()

    def _protocol(self) -> PatientProtocol:
        state: dict[str, Any] = self.lifespan.state
        return PatientProtocol(config=self.config, server_state=self.server_state, app_state=state)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._crew is not None:
            await self._crew.stop()
        await super().shutdown(sockets)

    def _serve_here(self, connection: socket.socket, what: bytes) -> None:
        self._keep(self._receive(connection, what))

    async def _receive(self, connection: socket.socket, what: bytes) -> None:
        tls = self._tls if what == crew.SECURE else None

        def protocol() -> asyncio.Protocol:
            made = self._protocol()
            made.carried_secure = what == crew.SECURE_BACK
            return made

        try:
            await asyncio.get_running_loop().connect_accepted_socket(protocol, connection, ssl=tls)
        except (OSError, ValueError):
            connection.close()  # gone before it began, no TLS, or no stream at all

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hang_up(self) -> None:
        self._keep(self._reload())

    async def _reload(self) -> None:
        try:
            reference = await asyncio.to_thread(self._gateway.reload)
        except YettError as error:
            log.error("policy not reloaded", code=error.code, message=error.message, path=error.path)
        else:
            log.info("policy reloaded", policy=reference.id, digest=reference.digest)
            if self._crew is not None:
                self._crew.reload()


def notify_ready() -> None:
    """Tell systemd that the service is up (sd_notify(3)), if it asked to be told."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(b"READY=1", address)
