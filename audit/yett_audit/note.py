"""C2SP signed notes, checkpoints and cosignatures.

A note is text, an empty line, and signature lines `— name base64(key id ‖ signature)`. A checkpoint is a note
whose text is `origin LF size LF base64(root) LF`. A verifier key (`vkey`) is `name+hash+base64(type ‖ key)`.
Keys outside the caller's list are unknown: their signatures are skipped, never trusted.

Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from yett_audit import ed25519
from yett_audit.errors import Broken

ED25519 = 0x01
"""A log's own signature over the note text."""
COSIGNATURE = 0x04
"""A witness's timestamped signature (cosignature/v1)."""
MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
DASH = "— "


def _name_ok(name: str) -> bool:
    return (
        bool(name)
        and "+" not in name
        and not any(c.isspace() or ord(c) < 0x21 or ord(c) == 0x7F for c in name)
    )


def from_base64(text: str) -> bytes:
    """Strict standard base64: the bytes, or Broken if re-encoding would give other text."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Broken("note", "malformed base64") from None
    if base64.b64encode(data).decode() != text:
        raise Broken("note", "base64 is not in its canonical form")
    return data


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class VerifierKey(NamedTuple):
    """A named public key. `kind` is the signature type: a log's key (1) or a witness's (4)."""

    name: str
    key: bytes
    kind: int = ED25519

    @property
    def id(self) -> bytes:
        """First 4 bytes of SHA-256(name ‖ LF ‖ type ‖ key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{to_base64(bytes([self.kind]) + self.key)}"

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """Reads `name+hash+base64`; refuses a wrong hash, an unknown type and keys of low order."""
        name, _, rest = vkey.strip().partition("+")
        digest, _, encoded = rest.partition("+")
        data = from_base64(encoded)
        if not _name_ok(name) or len(data) != 33 or data[0] not in (ED25519, COSIGNATURE):
            raise Broken("key", "malformed or unsupported verifier key")
        key = cls(name, data[1:], data[0])
        if key.id.hex() != digest:
            raise Broken("key", "the verifier key's hash does not match its name and key")
        if not ed25519.acceptable_key(key.key):
            raise Broken("key", "the verifier key is not an acceptable Ed25519 key")
        return key


class Signature(NamedTuple):
    """One signature line: the signer's name, the 4-byte key id, and the signature's bytes."""

    name: str
    id: bytes
    signature: bytes

    def line(self) -> str:
        return f"{DASH}{self.name} {to_base64(self.id + self.signature)}\n"


class Note(NamedTuple):
    """A parsed note; nothing in it is verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(s.line() for s in self.signatures)


def parse(data: str | bytes) -> Note:
    """Splits a note into its text and signature lines.

    Raises:
        Broken: not UTF-8, control characters, no signature, too many, or malformed lines.
    """
    if isinstance(data, bytes):
        if len(data) > MAX_NOTE:
            raise Broken("note", "the note is too long")
        try:
            data = data.decode("utf-8")
        except UnicodeDecodeError:
            raise Broken("note", "the note is not UTF-8") from None
    if any(ord(c) < 0x20 and c != "\n" for c in data):
        raise Broken("note", "the note holds control characters")
    cut = data.rfind("\n\n")
    if cut < 0 or not data.endswith("\n"):
        raise Broken("note", "the note has no signature block")
    text, block = data[: cut + 1], data[cut + 2 :]
    lines = block.split("\n")[:-1]
    if not 0 < len(lines) <= MAX_SIGNATURES:
        raise Broken("note", "the note has no signatures, or too many")
    signatures = []
    for line in lines:
        name, _, encoded = line.removeprefix(DASH).partition(" ")
        if not line.startswith(DASH) or not _name_ok(name):
            raise Broken("note", "malformed signature line")
        blob = from_base64(encoded)
        if len(blob) < 5:
            raise Broken("note", "malformed signature line")
        signatures.append(Signature(name, blob[:4], blob[4:]))
    return Note(text, tuple(signatures))


def cosigned_message(text: str, time: int) -> bytes:
    """What a cosignature/v1 signs: a header, the time in seconds, and the note text."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def check(note: Note, signature: Signature, key: VerifierKey) -> int:
    """Verifies one line under `key`; the cosignature's time in seconds, or 0 for a log's own signature."""
    time, message, raw = 0, note.text.encode(), signature.signature
    if key.kind == COSIGNATURE:
        time = int.from_bytes(raw[:8], "big")
        message, raw = cosigned_message(note.text, time), raw[8:]
    if not ed25519.verify(key.key, message, raw):
        raise Broken("note-signature", "a signature by a known key does not verify")
    return time


def verified(note: Note, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int]:
    """The known keys that signed the note, each once, with the cosignature time.

    A line that names a known key but does not verify makes the whole note bad: it is an attack or a
    defect, not an unknown signer. Two names for one public key count once.
    """
    known = {(k.name, k.id): k for k in keys}
    found: dict[VerifierKey, int] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.id))
        if key is None or any(key.key == other.key for other in found):
            continue
        found[key] = check(note, signature, key)
    return found


class Checkpoint(NamedTuple):
    """What a log commits to: origin, number of records, and root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Reads a note's text. Extension lines are allowed and ignored."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not lines[0]:
            raise Broken("checkpoint", "malformed checkpoint")
        digits = lines[1]
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 16 or str(int(digits)) != digits:
            raise Broken("checkpoint", "malformed checkpoint size")
        root = from_base64(lines[2])
        if len(root) != 32:
            raise Broken("checkpoint", "malformed checkpoint root")
        return cls(lines[0], int(digits), root)


def sign(text: str, name: str, key: ed25519.SigningKey) -> Signature:
    """A log's signature over a note text."""
    return Signature(name, VerifierKey(name, key.public).id, key.sign(text.encode()))


def cosign(text: str, name: str, key: ed25519.SigningKey, time: int) -> Signature:
    """A witness's timestamped signature over a checkpoint's text."""
    raw = time.to_bytes(8, "big") + key.sign(cosigned_message(text, time))
    return Signature(name, VerifierKey(name, key.public, COSIGNATURE).id, raw)
