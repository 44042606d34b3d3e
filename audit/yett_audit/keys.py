"""Signing keys on disk: made once, readable by their owner alone, never overwritten."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from yett_audit.ed25519 import SigningKey
from yett_audit.errors import LogRefused
from yett_audit.note import ED25519, VerifierKey


def create(path: Path, *, entropy: Callable[[int], bytes] = os.urandom) -> SigningKey:
    """Makes a new key at `path` (mode 0600, 64 hex digits and LF); refuses to replace one."""
    seed = entropy(32)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, seed.hex().encode() + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)
    return SigningKey(seed)


def load(path: Path) -> SigningKey:
    """Reads a key made by `create`; refuses a link, or a file that others can read."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        data = os.read(fd, 200)
    finally:
        os.close(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise LogRefused("KEY_EXPOSED", "the signing key is readable by others: chmod 600, and rotate it")
    try:
        return SigningKey(bytes.fromhex(data.decode("ascii").strip()))
    except ValueError:
        raise LogRefused("KEY_MALFORMED", "the signing key is not 64 hex digits") from None


def verifier_key(origin: str, key: SigningKey) -> VerifierKey:
    """The public `vkey` that a verifier pins."""
    return VerifierKey(origin, key.public, ED25519)
