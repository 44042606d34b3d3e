"""Values that the log binds itself to without holding them.

A recorded argument is `commit(salt, path, canonical bytes)`: HMAC-SHA256 under a 256-bit salt that is never in
the log. Disclosing one field is handing over its salt and value (`open_commitment` checks them); the path is
part of what is bound, so a value cannot be shown as another field's. Low-entropy values cannot be guessed
without the salt. Whoever writes derives salts from one key per subject (a tenant, a person): destroying that key
erases every value of that subject for good, and the log's bytes do not change.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path

from yett_audit.errors import AuditError
from yett_audit.record import b64

PREFIX = "hmac-sha256:"
_BLOCK = 64
_INNER, _OUTER = bytes(byte ^ 0x36 for byte in range(256)), bytes(byte ^ 0x5C for byte in range(256))


def commit(salt: bytes, path: str, canonical_value: bytes) -> str:
    """The commitment to one value.

    Args:
        salt: 32 secret bytes, different for every value.
        path: RFC 6901 pointer of the field (`/arguments/recipient`).
        canonical_value: RFC 8785 bytes.

    Returns:
        `hmac-sha256:` and 43 base64url characters of HMAC-SHA256(salt, path ‖ 0x00 ‖ value).
    """
    if len(salt) != 32:
        raise ValueError("a salt has 32 bytes")
    # RFC 2104, spelt out: `hmac.digest` lets other threads run each time, and waits for its turn to come again.
    key = salt.ljust(_BLOCK, b"\x00")
    inner = hashlib.sha256(key.translate(_INNER) + path.encode() + b"\x00" + canonical_value).digest()
    return PREFIX + b64(hashlib.sha256(key.translate(_OUTER) + inner).digest()).decode()


def open_commitment(commitment: str, salt: bytes, path: str, canonical_value: bytes) -> bool:
    """Whether the commitment binds exactly this value at this path under this salt."""
    return hmac.compare_digest(commitment, commit(salt, path, canonical_value))


class SubjectKeys:
    """One 32-byte key per subject, a file each; `erase` destroys one and leaves a mark that it existed.

    File names are hashes of the subject, so that a listing names nobody. Overwriting is best effort: on
    journaling file systems and flash the old block may survive, so keep the folder on an encrypted volume.
    """

    def __init__(self, folder: Path, *, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._folder, self._entropy = folder, entropy
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _path(self, subject: str) -> Path:
        return self._folder / hashlib.sha256(b"yett/subject/v1\n" + subject.encode()).hexdigest()

    def get(self, subject: str, *, create: bool = True) -> bytes:
        """The subject's key.

        Raises:
            AuditError: it was erased, or does not exist and is not to be created.
        """
        path = self._path(subject)
        if create and not path.exists():
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                return self.get(subject, create=False)
            try:
                os.write(fd, self._entropy(32))
                os.fsync(fd)
            finally:
                os.close(fd)
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            raise AuditError("there is no key for this subject") from None
        if len(key) != 32:
            raise AuditError("the subject's key was erased")
        return key

    def erase(self, subject: str) -> None:
        """Destroys the key; the values committed under it can never be shown again."""
        path = self._path(subject)
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.write(fd, bytes(32))
            os.fsync(fd)
            os.ftruncate(fd, 0)
            os.fsync(fd)
        finally:
            os.close(fd)
