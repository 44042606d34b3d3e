"""How a sidecar is run: what `yett serve` was told."""

from __future__ import annotations

from pathlib import Path

from yett.model import Struct


class Settings(Struct, frozen=True, kw_only=True):
    """How a sidecar is run."""

    policy: tuple[Path, ...]
    state: Path
    origin: str | None = None
    socket: Path | None = None
    socket_mode: int = 0o660
    host: str = "127.0.0.1"
    port: int | None = None
    """None = no TCP."""
    remote: bool = False
    """Listen on other addresses than loopback without TLS; tokens then cross the network in the clear."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    """With a certificate (PEM, chain included), the port speaks TLS and may be on any address."""
    tls_client_ca: Path | None = None
    """Clients must show a certificate that this authority signed, besides their token."""
    per_minute: int = 60_000
    """Requests of one credential."""
    burst: int = 2_000
    connections: int = 1_024
    """At once, in each process."""
    workers: int = 0
    """Processes that judge beside the one that holds the ledger; 0 = that one judges."""
    anchor_policy: Path | None = None
    """Witnesses and quorum (C2SP tlog-policy) to which the log's head is taken."""
    anchor_files: tuple[Path, ...] = ()
    """Files, on another volume or append-only, to which each checkpoint is appended."""
    anchor_every_s: float = 60.0
    postgres: str | None = None
    """libpq connection string of the database that keeps the projection."""
    keep_ms: int | None = None
    """What of the log is older is removed; None = nothing is."""
    archive: Path | None = None
    """Folder that keeps what is removed."""
    webhook: str | None = None
    """Told of every call that waits for a person."""
    webhook_secret: Path | None = None
    """File of the secret that signs what the webhook is told."""
    webhook_tenant: str = "default"

    beside: tuple[Path, ...] = ()
    """Files of what is served beside the API, such as the proxies' secrets."""

    @property
    def own(self) -> tuple[Path, ...]:
        """Files of the gateway that no agent may touch, beside its state and policy."""
        files = (self.socket, self.tls_key, self.webhook_secret, *self.beside)
        return tuple(file for file in files if file is not None)
