"""The ledger's keys: what it signs with, what it hashes with, and whose signatures it accepts.

They lie in `state/keys`, each file mode 0600 (`log.pub` is readable by all), made on first use; one of
another user, that others than the group may read or that the group may write is refused:

* `log.seed`     Ed25519 seed of the log; used for nothing else (one key, one kind of note);
* `log.seed.next`  the seed that a rotation appoints, until it takes the other's place;
* `ledger.seed`  Ed25519 seed for mandates and permits;
* `master`       32 bytes from which the secrets for session ids, the taint index and challenges are
                 derived, each under its own name;
* `subjects/`    one key per principal, for commitments to its arguments; destroying it erases them;
* `log.pub`      the log's verifier key, to give to whoever runs `yett-verify`;
* `issuers.json` public keys of others whose mandates are accepted.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from yett.errors import LedgerError
from yett.ledger.tokens import jws
from yett.model import Struct
from yett_audit import disk
from yett_audit.note import VerifierKey

LOG_SEED, NEXT_SEED, LEDGER_SEED = "log.seed", "log.seed.next", "ledger.seed"
_MAX_FILE: Final = 4 * 1024 * 1024


class Issuer(Struct, frozen=True, kw_only=True):
    """A key whose mandates are accepted, for whom and when."""

    key: str
    """Ed25519 public key, base64url."""
    name: str = ""
    tenants: tuple[str, ...] = ()
    """Tenants it may issue for; empty = all."""
    principals: tuple[str, ...] = ()
    """Principals it may issue for; empty = all."""
    nbf: int = 0
    exp: int = 2**53 - 1
    """Seconds; a mandate must have been issued (`iat`) within, and is refused once the key has expired."""
    status: str = "active"
    """active, retired (still valid for what it signed in its time), compromised (nothing is)."""

    @property
    def kid(self) -> str:
        return jws.thumbprint(jws.decode(self.key))


class Keys:
    """See the module."""

    def __init__(
        self,
        log_seeds: tuple[bytes, ...],
        ledger_seed: bytes,
        master: bytes,
        issuers: tuple[Issuer, ...] = (),
    ) -> None:
        self.log_seeds = log_seeds
        """The one in force; and after a rotation that was interrupted, the one that may be."""
        self.ledger = jws.SigningKey(ledger_seed)
        self._master = master
        self.issuers: dict[str, Issuer] = {}
        for issuer in issuers:
            self.issuers[issuer.kid] = issuer
        self.issuers[self.ledger.kid] = Issuer(key=jws.encode(self.ledger.public), name="ledger")

    @classmethod
    def open(cls, folder: Path, entropy: Callable[[int], bytes] | None) -> Keys:
        """Reads the keys.

        Args:
            entropy: makes those that are missing; None beside a log, whose sessions only its own keys understand.
        Raises:
            LedgerError: KEYS_UNREADABLE, KEYS_EXPOSED, KEYS_MISSING.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        seeds = [_secret(folder / LOG_SEED, entropy)]
        if (folder / NEXT_SEED).exists():
            seeds.append(_secret(folder / NEXT_SEED, None))
        return cls(
            tuple(seeds),
            _secret(folder / LEDGER_SEED, entropy),
            _secret(folder / "master", entropy),
            _issuers(folder / "issuers.json"),
        )

    def derive(self, name: str) -> bytes:
        """The 32-byte secret for one purpose."""
        return hmac.digest(self._master, b"yett/" + name.encode("ascii"), "sha256")

    def public(self, kid: str) -> bytes | None:
        issuer = self.issuers.get(kid)
        return jws.decode(issuer.key) if issuer is not None else None


def settle_rotation(folder: Path, vkey: str) -> None:
    """Puts the log's next seed in its place if `vkey`, the key in force, is its own; else it was never appointed."""
    path = folder / NEXT_SEED
    if not path.exists():
        return
    if VerifierKey.parse(vkey).key == jws.SigningKey(path.read_bytes()).public:
        path.replace(folder / LOG_SEED)
    else:
        path.unlink()
    disk.sync_directory(folder)


def _secret(path: Path, entropy: Callable[[int], bytes] | None) -> bytes:
    try:
        data = _own(path, 0o027)
    except FileNotFoundError:
        if entropy is None:
            raise LedgerError(
                "KEYS_MISSING",
                f"there is a log, but not its {path.name}",
                path=str(path),
                remedy="restore `keys` from the backup that the log is from",
            ) from None
        data = entropy(32)
        disk.write_new(path, data, 0o600)
    except OSError as error:
        raise LedgerError(
            "KEYS_UNREADABLE", f"cannot read {path.name}: {error.strerror}", path=str(path)
        ) from None
    if len(data) != 32:
        raise LedgerError("KEYS_UNREADABLE", f"{path.name} does not hold 32 bytes", path=str(path))
    return data


def _own(path: Path, others: int) -> bytes:
    """A file that is this user's. Keys that came with a folder from elsewhere are somebody else's, too.

    Args:
        others: permission bits that it must not have.
    """
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & others:
            raise LedgerError(
                "KEYS_EXPOSED",
                f"{path.name} belongs to another user, or its mode ({status.st_mode & 0o777:o}) is too open",
                path=str(path),
                remedy="begin a new state folder; `chmod 600` only if nobody else ever had the file",
            )
        return file.read(_MAX_FILE)


def _issuers(path: Path) -> tuple[Issuer, ...]:
    try:
        return msgspec.json.decode(_own(path, 0o002), type=tuple[Issuer, ...])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError) as error:
        raise LedgerError("KEYS_UNREADABLE", f"issuers.json is refused: {error}", path=str(path)) from None


def session_id(key: bytes, tenant: str, principal: str, agent: str, nonce: bytes, at: int) -> str:
    """An id nobody can guess or choose: a MAC over its owner, randomness and time."""
    owner = "\0".join((tenant, principal, agent, str(at))).encode()
    digest = hmac.new(key, owner + b"\0" + nonce, hashlib.sha256).digest()
    return "s_" + jws.encode(digest[:15])
