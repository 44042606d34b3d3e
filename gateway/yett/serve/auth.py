"""Who is calling: bearer tokens, kept as hashes in one small file.

A token is `yett_<id>_<secret>`, the secret 256 random bits. The file `credentials.json` in the state
directory holds, for each id, the role, the identity it stands for, and the SHA-256 of the secret: with that
much entropy a slow hash adds nothing. `yett keys` rewrites the file atomically under a lock; the server
looks at the file's inode and time before each use, so a new or revoked token counts from the next request
on, without a restart.

A file that cannot be read or does not parse admits nobody, nor one that another than its owner may write, or
that others than its owner and its group may read (a volume of Kubernetes belongs to a group, and it holds hashes).
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from yett.errors import Unauthorized, YettError
from yett.model import Identity, Struct

ROLES: Final = ("agent", "approver", "operator", "auditor", "watcher")
"""agent: asks and reports. approver: says yes or no to held calls. operator: mandates, freezes, policy.
auditor: reads records. watcher: freezes, and reads metrics."""

FILE_NAME: Final = "credentials.json"
_MAX_FILE: Final = 4 * 1024 * 1024
_MAX_NAME: Final = 256


class Credential(Struct, frozen=True, kw_only=True):
    """One token, without its secret."""

    id: str
    role: str
    principal: str
    agent: str
    tenant: str = "default"
    groups: tuple[str, ...] = ()
    secret_sha256: str
    created: int
    """Milliseconds since the epoch."""
    expires: int | None = None
    revoked: int | None = None
    per_minute: int | None = None
    """Calls a minute, if not the server's own limit."""

    @property
    def identity(self) -> Identity:
        return Identity(
            principal=self.principal,
            agent=self.agent,
            role=self.role,
            tenant=self.tenant,
            groups=self.groups,
            credential=self.id,
        )


class _File(Struct, frozen=True, kw_only=True):
    version: int = 1
    credentials: tuple[Credential, ...] = ()


class Credentials:
    """The tokens of one gateway, always as the file has them now. Thread-safe.

    Args:
        path: of `credentials.json`.
        clock: milliseconds since the epoch.
    """

    def __init__(self, path: Path, *, clock: Callable[[], int]) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] = ()
        self._known: dict[str, Credential] = {}

    def identify(self, token: str) -> Credential:
        """The credential of a token.

        Raises:
            Unauthorized: TOKEN_UNKNOWN, TOKEN_REVOKED, TOKEN_EXPIRED, CREDENTIALS_UNAVAILABLE.
        """
        known = self._current()
        prefix, _, rest = token.partition("_")
        identifier, _, secret = rest.partition("_")
        credential = known.get(identifier) if prefix == "yett" else None
        # One comparison for every token, so that time does not tell which ids exist.
        expected = credential.secret_sha256 if credential is not None else "0" * 64
        matches = hmac.compare_digest(_hash(secret), expected)
        if credential is None or not matches:
            raise Unauthorized(
                "TOKEN_UNKNOWN", "the token is not known here", remedy="create one with `yett keys create`"
            )
        if credential.revoked is not None:
            raise Unauthorized("TOKEN_REVOKED", "the token was revoked")
        if credential.expires is not None and credential.expires <= self._clock():
            raise Unauthorized("TOKEN_EXPIRED", "the token has expired")
        return credential

    def all(self) -> tuple[Credential, ...]:
        """Every credential, oldest first, revoked and expired ones included.

        Raises:
            Unauthorized: CREDENTIALS_UNAVAILABLE.
        """
        return tuple(self._current().values())

    def create(
        self,
        role: str,
        principal: str,
        agent: str,
        *,
        tenant: str = "default",
        groups: tuple[str, ...] = (),
        lifetime_ms: int | None = None,
        per_minute: int | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> tuple[Credential, str]:
        """Make a credential; returns it and its token, which is kept nowhere else.

        Raises:
            YettError: BAD_ROLE, BAD_NAME. Unauthorized: CREDENTIALS_UNAVAILABLE.
        """
        if role not in ROLES:
            raise YettError("BAD_ROLE", f"no role {role!r}", remedy="one of " + ", ".join(ROLES))
        for name in (principal, agent, tenant, *groups):
            if not name or len(name) > _MAX_NAME or not name.isprintable():
                raise YettError("BAD_NAME", "a name is empty, too long, or not printable")
        if "/" in tenant:
            raise YettError("BAD_NAME", "a tenant's name has no slash: scopes are written tenant/principal")
        now = self._clock()
        secret = base64.urlsafe_b64encode(entropy(32)).rstrip(b"=").decode("ascii")
        credential = Credential(
            id=entropy(6).hex(),
            role=role,
            principal=principal,
            agent=agent,
            tenant=tenant,
            groups=groups,
            secret_sha256=_hash(secret),
            created=now,
            expires=None if lifetime_ms is None else now + lifetime_ms,
            per_minute=per_minute,
        )
        with self._exclusive() as known:
            if credential.id in known:
                raise YettError("ID_TAKEN", "the random id is taken", remedy="try again")
            self._write((*known.values(), credential))
        return credential, f"yett_{credential.id}_{secret}"

    def revoke(self, identifier: str) -> Credential:
        """Make a token worthless, for good. Revoking twice keeps the first time.

        Raises:
            YettError: UNKNOWN_CREDENTIAL. Unauthorized: CREDENTIALS_UNAVAILABLE.
        """
        with self._exclusive() as known:
            credential = known.get(identifier)
            if credential is None:
                raise YettError(
                    "UNKNOWN_CREDENTIAL", f"no credential {identifier!r}", remedy="see `yett keys list`"
                )
            if credential.revoked is None:
                credential = msgspec.structs.replace(credential, revoked=self._clock())
                self._write(tuple(credential if c.id == identifier else c for c in known.values()))
        return credential

    def _current(self) -> dict[str, Credential]:
        with self._lock:
            try:
                stamp = _stamp(os.stat(self._path, follow_symlinks=False))
            except FileNotFoundError:
                self._stamp, self._known = (), {}
                return self._known
            except OSError as error:
                raise _unavailable(type(error).__name__) from None
            if stamp != self._stamp:
                self._known = self._read()
                self._stamp = stamp
            return self._known

    def _read(self) -> dict[str, Credential]:
        # A file that was fine before must not go on counting once it is not.
        self._stamp, self._known = (), {}
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o027:
                    raise _unavailable("others than its owner may write it, or others than its group read it")
                if status.st_uid not in (0, os.geteuid()):
                    raise _unavailable("it belongs to another user")
                loaded = msgspec.json.decode(file.read(_MAX_FILE + 1), type=_File)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _unavailable(type(error).__name__) from None
        if loaded.version != 1:
            raise _unavailable("its version is not 1")
        return {credential.id: credential for credential in loaded.credentials}

    @contextmanager
    def _exclusive(self) -> Iterator[dict[str, Credential]]:
        """The credentials as they are, with every other writer kept out."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._current()
        finally:
            os.close(lock)

    def _write(self, credentials: tuple[Credential, ...]) -> None:
        body = msgspec.json.format(msgspec.json.encode(_File(credentials=credentials)), indent=2)
        with tempfile.NamedTemporaryFile(dir=self._path.parent, prefix=".credentials", delete=False) as file:
            try:
                file.write(body + b"\n")
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, self._path)
            except BaseException:
                os.unlink(file.name)
                raise
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def bearer(headers: list[tuple[bytes, bytes]]) -> str:
    """The token of a request's one Authorization header (RFC 6750).

    Raises:
        Unauthorized: TOKEN_MISSING.
    """
    given = [value for name, value in headers if name == b"authorization"]
    if len(given) == 1 and given[0][:7].lower() == b"bearer " and len(given[0]) <= 512:
        token = given[0][7:].strip()
        if token.isascii():
            return token.decode("ascii")
    raise Unauthorized("TOKEN_MISSING", "no bearer token", remedy="send `Authorization: Bearer yett_…`")


def require(identity: Identity, *roles: str) -> None:
    """
    Raises:
        Unauthorized: ROLE_FORBIDDEN.
    """
    if identity.role not in roles:
        raise Unauthorized(
            "ROLE_FORBIDDEN",
            f"the role {identity.role} may not do this",
            remedy="use a token of role " + " or ".join(roles),
        )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)


def _unavailable(why: str) -> Unauthorized:
    return Unauthorized(
        "CREDENTIALS_UNAVAILABLE",
        f"the credentials file cannot be used: {why}",
        remedy="restore it, mode 0600",
    )
