"""How uvicorn is run, the same in the main process and in each worker: its bounds, its TLS, its event loop.

A worker imports this and not `run`, whose FastAPI would cost it half a second and a third of its memory.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from typing import Any

import uvicorn

from yett.errors import YettError
from yett.serve.asgi import ALWAYS
from yett.serve.protocol import PatientProtocol
from yett.serve.settings import Settings


def config(settings: Settings, app: Any) -> uvicorn.Config:
    """How uvicorn is run: no access log, no guessing, bounds on everything."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        headers=list(ALWAYS),
        limit_concurrency=settings.connections,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.3 for the port, if a certificate is configured.

    Raises:
        YettError: BAD_TLS.
    """
    if settings.tls_certificate is None:
        if settings.tls_key is not None or settings.tls_client_ca is not None:
            raise YettError("BAD_TLS", "a key or a clients' authority without --tls-certificate")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
        if settings.tls_client_ca is not None:
            context.load_verify_locations(settings.tls_client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise YettError(
            "BAD_TLS",
            f"the certificate or key cannot be used ({type(error).__name__})",
            path=str(settings.tls_certificate),
            remedy="give PEM files: --tls-certificate with its chain, --tls-key if the key is not in it",
        ) from None
    return context


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed."""
    if sys.implementation.name != "cpython":
        return None
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
