"""`yett serve`: the sidecar, on a Unix socket and on a loopback port."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yett.cli.options import Policies, State
from yett.cli.words import install, milliseconds

if TYPE_CHECKING:
    from yett.gateway import Gateway
    from yett.proxy.pdp.asking import Authenticate
    from yett.serve.run import Beside
    from yett.serve.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def serve(
        policy: Policies = None,
        state: State = Path("state"),
        socket: Annotated[Path | None, typer.Option(help="Unix socket; default STATE/yett.sock.")] = None,
        no_socket: Annotated[bool, typer.Option("--no-socket", help="Listen on TCP only.")] = False,
        socket_mode: Annotated[str, typer.Option(help="Mode of the socket, octal.")] = "660",
        host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
        port: Annotated[int, typer.Option(help="TCP port.", min=1, max=65535)] = 8787,
        no_tcp: Annotated[bool, typer.Option("--no-tcp", help="Listen on the Unix socket only.")] = False,
        remote: Annotated[
            bool, typer.Option("--remote", help="Allow another address than loopback.")
        ] = False,
        tls_certificate: Annotated[
            Path | None, typer.Option(help="PEM certificate; the port speaks TLS.")
        ] = None,
        tls_key: Annotated[Path | None, typer.Option(help="PEM key of the certificate.")] = None,
        tls_client_ca: Annotated[
            Path | None, typer.Option(help="Clients need a certificate of this CA.")
        ] = None,
        grpc: Annotated[
            str | None, typer.Option(help="Also speak gRPC (ext_authz, ExtMcp): unix:PATH or HOST:PORT.")
        ] = None,
        origin: Annotated[str | None, typer.Option(help="The log's name, host/path; fixed once.")] = None,
        workers: Annotated[
            int,
            typer.Option(help="Processes that judge beside the one that holds the ledger.", min=0, max=64),
        ] = 0,
        per_minute: Annotated[int, typer.Option(help="Requests of one credential a minute.", min=1)] = 60_000,
        burst: Annotated[int, typer.Option(help="Requests of one credential at once.", min=1)] = 2_000,
        anchor_policy: Annotated[
            Path | None, typer.Option(help="Witnesses (tlog-policy) to which the log's head is taken.")
        ] = None,
        anchor_file: Annotated[
            list[Path], typer.Option(help="File to which checkpoints are appended; repeat for more.")
        ] = [],  # noqa: B006
        anchor_every: Annotated[float, typer.Option(help="Seconds between two anchors.", min=1.0)] = 60.0,
        postgres: Annotated[
            str | None,
            typer.Option(
                help="Keep the projection there, not in STATE/ledger.db; a libpq string, its password elsewhere.",
                envvar="YETT_POSTGRES",
            ),
        ] = None,
        keep: Annotated[
            str | None, typer.Option(help="Remove what is older from the log, on the record: 90d, 400d.")
        ] = None,
        archive: Annotated[Path | None, typer.Option(help="Folder that keeps what --keep removes.")] = None,
        webhook: Annotated[str | None, typer.Option(help="URL told of every held call.")] = None,
        webhook_secret: Annotated[Path | None, typer.Option(help="File of the secret that signs it.")] = None,
        webhook_tenant: Annotated[str, typer.Option(help="Whose held calls are told.")] = "default",
    ) -> None:
        """Run the gateway as a sidecar until it is told to stop (SIGTERM); SIGHUP reloads the policy."""
        from yett import resources
        from yett.errors import YettError
        from yett.proxy.config import own_files
        from yett.proxy.doors import routes
        from yett.serve.run import serve as run
        from yett.serve.settings import Settings

        try:
            mode = int(socket_mode, 8)
        except ValueError:
            raise YettError("BAD_MODE", "the socket's mode is not an octal number") from None
        settings = Settings(
            policy=tuple(policy or [resources.baseline()]),
            state=state,
            origin=origin,
            socket=None if no_socket else socket or state / "yett.sock",
            socket_mode=mode,
            host=host,
            port=None if no_tcp else port,
            remote=remote,
            tls_certificate=tls_certificate,
            tls_key=tls_key,
            tls_client_ca=tls_client_ca,
            workers=workers,
            per_minute=per_minute,
            burst=burst,
            anchor_policy=anchor_policy,
            anchor_files=tuple(anchor_file),
            anchor_every_s=anchor_every,
            postgres=postgres,
            keep_ms=None if keep is None else milliseconds(keep),
            archive=archive,
            webhook=webhook,
            webhook_secret=webhook_secret,
            webhook_tenant=webhook_tenant,
            beside=own_files(os.environ),
        )
        run(settings, partial(routes, sessions=state / "hook-sessions"), _grpc(grpc, settings))


def _grpc(address: str | None, settings: Settings) -> Beside:
    from yett.errors import YettError
    from yett.serve.run import nothing_beside
    from yett.serve.serving import tls_context

    if address is None:
        return nothing_beside
    try:
        from yett.proxy.pdp.rpc import Tls, serving
    except ImportError:
        raise YettError("EXTRA_MISSING", "gRPC is not installed", remedy=install("grpc")) from None
    tls = None
    if tls_context(settings) is not None and settings.tls_certificate is not None:
        certificate = settings.tls_certificate.read_bytes()
        key = certificate if settings.tls_key is None else settings.tls_key.read_bytes()
        authority = None if settings.tls_client_ca is None else settings.tls_client_ca.read_bytes()
        tls = Tls(certificate, key, authority)

    @contextlib.contextmanager
    def beside(gateway: Gateway, authenticate: Authenticate) -> Iterator[None]:
        mode, remote = settings.socket_mode, settings.remote
        with serving(gateway, authenticate, address, mode, tls=tls, remote=remote) as bound:
            print(f"yett listens on {bound} (gRPC)", flush=True)
            yield

    return beside
