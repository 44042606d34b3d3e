"""The one place where lines become verified records.

A `Chain` is fed a log's lines in order. It holds only verified state: the next index, the leaf of the last
line, the compact Merkle range, the key in force. For each line, in this order:

1. the tail: right number, right predecessor, and in per-record mode the signature — before any parsing;
2. a seal is rebuilt from what must be in it (time of the record before, origin, size, root, key) and compared
   as bytes; then its Ed25519 signature is checked. Nothing in a seal is free;
3. any other line must be canonical (`canonical.decode`), have exactly the known members, and not go back in time;
4. the log's own events keep their rules: genesis first and once, segment headers repeat the state, a rotation
   is sealed at once by the old and the new key.

Nothing is *verified* before a seal covers it: `sealed` says how far that is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from yett_audit import canonical, ed25519, merkle, note, record
from yett_audit.errors import LIMIT, UNSUPPORTED, Broken

_sha256 = hashlib.sha256
_SEALED_KEYS = frozenset(("at", "body", "ev", "seq", "~prev"))
_MAX_KINDS, _MAX_EPOCHS = 1000, 10_000  # what a hostile log may make a verifier remember
_SIGNED_KEYS = _SEALED_KEYS | {"~sig"}


def _field(body: dict[str, Any], name: str, kind: type) -> Any:
    value = body.get(name)
    if type(value) is not kind:
        raise Broken("event", f"a log event lacks its field {name}")
    return value


def _check_transfer(line: bytes) -> None:
    """Names the faults of a transfer or an editor, which are commoner than attacks."""
    if line.endswith(b"\r"):
        raise Broken("crlf", "the line ends with CR LF: was the file transferred in text mode?")
    if line.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) or b"\x00" in line[:64]:
        raise Broken("encoding", "the line has a byte-order mark or is UTF-16: was the file converted?")


class Chain:
    """Feed it lines. Raises `Broken` at the first that does not belong."""

    def __init__(self) -> None:
        self.start = -1
        self.next = self.at = self.first_at = self._quiet = 0
        self.prev = record.ZERO
        self.range = merkle.Range()
        self.mode = self.log = self.origin = self.note = self.last_event = ""
        self.signed = False
        self.key = note.VerifierKey("", b"")
        self.keys: list[tuple[int, note.VerifierKey]] = []
        """(first index, key) of each epoch seen."""
        self.epoch = self.heartbeat = 0
        self.sealed = 0
        """Number of records under a seal, that is, the size of the last checkpoint. When a chain starts at a
        segment's header it is a claim until that segment's first seal."""
        self.sealed_root = merkle.EMPTY_ROOT
        self.sealed_at = 0
        self.closed = False
        self.cosigned: list[str] = []
        """Notes of the last few `log.anchor` records; unverified, since only the caller knows witnesses."""
        self.pruned = 0
        """Index below which a `log.retention` record says that records were removed."""
        self.gaps: list[tuple[int, int]] = []
        """(index, silent milliseconds) of records that came later than the promised heartbeat."""
        self.events: dict[str, int] = {}
        self._claim: tuple[dict[str, Any], bytes, int] | None = None
        self._unsupported = False
        self._new_key: note.VerifierKey | None = None
        self._advance_tail()

    def _advance_tail(self) -> None:
        self._tail = record.tail(self.next, self.prev)
        self._seal_tail = record.SEAL_END + self._tail + b"}"

    def feed(self, line: bytes) -> dict[str, Any] | None:
        """Verifies the next line (without LF); its decoded object, or None for a seal."""
        if len(line) > record.MAX_LINE:
            raise Broken("too-long", f"a line has more than {record.MAX_LINE} bytes", LIMIT)
        value: dict[str, Any] | None = None
        if self.start < 0:
            value = self._begin(line)
        elif line.endswith(self._seal_tail):
            self._seal(line)
        else:
            if self.signed:
                self._check_signature(line)
            elif not line.endswith(b"}") or not line.endswith(self._tail, 0, -1):
                self._explain(line)
            value = self._decode(line)
        self._put(line)
        return value

    def adopt(self, other: Chain) -> None:
        """Takes over another chain's state as it is."""
        self.__dict__.update(other.__dict__)

    def join(self, later: Chain, file: str) -> None:
        """Goes on with a chain that was begun at a segment's header; its claims must be this chain's state.

        Raises:
            Broken: they are not, or a key comes back.
        """
        if later.start >= 0 and (
            later._claim != (self.header(), self.prev, self.next)
            or later.first_at < self.at
            or self._new_key is not None
        ):
            broken = Broken("segment", "a segment's header does not repeat the log's state")
            broken.file, broken.offset, broken.record = file, 0, self.next
            raise broken
        old, new = self.keys, later.keys[1:]
        if {key.key for _, key in old} & {key.key for _, key in new}:
            raise Broken("rotation", "a key rotation goes back to an earlier key")
        events = {
            name: self.events.get(name, 0) + later.events.get(name, 0) for name in self.events | later.events
        }
        kept = {
            "start": self.start,
            "first_at": self.first_at,
            "keys": old + new,
            "events": events,
            "gaps": (self.gaps + later.gaps)[:1000],
            "cosigned": (self.cosigned + later.cosigned)[-32:],
            "pruned": max(self.pruned, later.pruned),
            "note": later.note or self.note,
        }
        self.adopt(later)
        self.__dict__.update(kept)

    @classmethod
    def resume(cls, header: dict[str, Any], prev: bytes, index: int, at: int) -> Chain:
        """A chain that goes on right behind a seal that an earlier run verified."""
        chain = cls()
        chain.prev, chain.at, chain.sealed, chain.sealed_at = prev, at, index - 1, at
        chain._adopt_header(header)
        chain.epoch = header["epoch"]
        chain.range = merkle.Range(index, [note.from_base64(h) for h in header["range"]])
        chain.start, chain.next, chain.first_at = index, index, at
        chain.keys.append((index, chain.key))
        chain._advance_tail()
        return chain

    def take_unchecked(self, line: bytes) -> None:
        """Counts a line that is known to be wrong; for diagnosis only. A chain must have begun properly."""
        if self.start < 0:
            self._begin(line)
        self._put(line)

    def replace_last(self, before: merkle.Range, leaf: bytes, following: bytes) -> None:
        """Goes on as if the last line's leaf had been `leaf`, and its time the one of a seal that follows."""
        digits = following.removeprefix(b'{"at":').partition(b",")[0]
        if b'"},"ev":"log.seal",' in following and digits.isdigit() and len(digits) < 17:
            self.at = int(digits)
        self.last_event = "?"
        self.range = before.copy()
        self.range.append(leaf)
        self.prev = leaf
        self._advance_tail()

    def _put(self, line: bytes) -> None:
        leaf = _sha256(b"\x00" + line).digest()
        self.range.append(leaf)
        self.prev = leaf
        self.next += 1
        self._advance_tail()

    # --- ordinary records

    def _decode(self, line: bytes) -> dict[str, Any]:
        value = canonical.decode(line)
        if type(value) is not dict or value.keys() != (_SIGNED_KEYS if self.signed else _SEALED_KEYS):
            raise Broken("members", "a record has unknown or missing members")
        at, event = value["at"], value["ev"]
        if type(at) is not int or type(event) is not str or type(value["body"]) is not dict:
            raise Broken("members", "a record's member has the wrong type")
        if at < self.at:
            raise Broken("time", "a record is older than the one before it")
        if not record.event_ok(event):
            raise Broken("event", "an event's name is malformed")
        if self._new_key is not None:
            raise Broken("rotation", "a key rotation is not followed by its seal")
        if (
            self._quiet
            and at - self.at > self._quiet
            and self.at
            and not self.closed
            and len(self.gaps) < 1000
        ):
            self.gaps.append((self.next, at - self.at))
        self.at = at
        self.last_event = event
        name = event if event in self.events or len(self.events) < _MAX_KINDS else "(other)"
        self.events[name] = self.events.get(name, 0) + 1
        if event.startswith("log."):
            self._own_event(event, value["body"])
        return value

    def _check_signature(self, line: bytes) -> None:
        start = line[: -record.SIG_LENGTH]
        if (
            not start.endswith(self._tail)
            or line[-record.SIG_LENGTH : -88] != b',"~sig":"'
            or line[-2:] != b'"}'
        ):
            self._explain(line)
        encoded = line[-88:-2]
        try:
            signature = base64.b64decode(encoded + b"==", b"-_", validate=True)
        except binascii.Error:
            signature = b""
        if record.b64(signature) != encoded:
            raise Broken("record-signature", "a record's signature is malformed")
        if not ed25519.verify(self.key.key, record.signed_bytes(self.origin, self.log, start), signature):
            raise Broken("record-signature", "a record's signature does not verify")

    def _explain(self, line: bytes) -> None:
        """Says why a tail does not fit; always raises."""
        _check_transfer(line)
        value = canonical.decode(line)
        if type(value) is not dict or type(value.get("seq")) is not int:
            raise Broken("members", "a record has unknown or missing members")
        if value["seq"] != self.next:
            raise Broken("sequence", f"record {self.next} is expected here, not {value['seq']}")
        if value.get("~prev") != record.b64(self.prev).decode():
            raise Broken("chain", "the record does not link to the one before it")
        raise Broken("members", "a record's last members are not the expected ones")

    # --- seals

    def _seal(self, line: bytes) -> None:
        if self.last_event == "":
            raise Broken("seal", "a seal covers nothing new")
        checkpoint = note.Checkpoint(self.origin, self.next, self.range.root())
        text = checkpoint.text()
        keys = [self.key] if self._new_key is None else [self.key, self._new_key]
        expected = record.SEAL_START % self.at + text.replace("\n", "\\n").encode() + b"\\n"
        if not line.startswith(expected):
            self._explain_seal(line, checkpoint)
        position = len(expected)
        signatures = []
        for key in keys:
            opening = f"{note.DASH}{key.name} ".encode()
            position += len(opening)
            encoded = line[position : position + 92]
            position += 94
            if (
                line[position - 94 - len(opening) : position - 94] != opening
                or line[position - 2 : position] != b"\\n"
            ):
                raise Broken("seal", "the seal's signature lines are not the expected ones")
            blob = note.from_base64(encoded.decode("ascii", "replace"))
            if blob[:4] != key.id:
                raise Broken("seal-key", "the seal is not signed by the key in force")
            if not ed25519.verify(key.key, text.encode(), blob[4:]):
                raise Broken("seal-signature", "the seal's signature does not verify")
            signatures.append(note.Signature(key.name, key.id, blob[4:]))
        if line[position:] != self._seal_tail:
            raise Broken("seal", "the seal holds more than its checkpoint")
        if self._unsupported:
            raise Broken(
                "event", "the log holds an event of its own that this verifier does not know", UNSUPPORTED
            )
        self.note = str(note.Note(text, tuple(signatures)))
        self.sealed, self.sealed_root, self.sealed_at = self.next, checkpoint.root, self.at
        self.closed = self.last_event == record.CLOSE
        self.last_event = ""
        if self._new_key is not None:
            self.key, self._new_key = self._new_key, None
            self.epoch += 1
            self.keys.append((self.next + 1, self.key))

    def _explain_seal(self, line: bytes, expected: note.Checkpoint) -> None:
        value = canonical.decode(line)
        text = (
            value.get("body", {}).get("note")
            if type(value) is dict and type(value.get("body")) is dict
            else None
        )
        if type(text) is not str or set(value["body"]) != {"note"} or value.keys() != _SEALED_KEYS:
            raise Broken("seal", "the seal holds something else than its checkpoint")
        found = note.Checkpoint.parse(note.parse(text).text)
        if found.origin != expected.origin:
            raise Broken("seal-origin", "the seal belongs to another log (another origin)")
        if found.size != expected.size:
            raise Broken(
                "seal-size", f"the seal covers {found.size} records, not the {expected.size} before it"
            )
        if found.root != expected.root:
            raise Broken("seal-root", "the seal's root is not the root of the records before it")
        raise Broken("seal", "the seal's time or form is not the one that follows from the records before it")

    # --- the log's own events

    def _begin(self, line: bytes) -> dict[str, Any]:
        """The first line fed: the genesis, or a segment's header whose claims the next seal will prove."""
        _check_transfer(line)
        value = canonical.decode(line)
        if type(value) is not dict or type(value.get("body")) is not dict:
            raise Broken("genesis", "the first line is not a genesis or segment record")
        body, event = value["body"], value.get("ev")
        if event not in (record.GENESIS, record.SEGMENT):
            raise Broken("genesis", "the first line is not a genesis or segment record")
        self._adopt_header(body)
        index, prev = value.get("seq"), value.get("~prev")
        if type(index) is not int or type(prev) is not str or len(prev) != 43:
            raise Broken("members", "a record has unknown or missing members")
        if (event == record.GENESIS) != (index == 0):
            raise Broken("genesis", "only record 0 is a genesis, and record 0 always is")
        self.next = index
        try:
            self.prev = base64.urlsafe_b64decode(prev + "=")
        except binascii.Error:
            self.prev = b""
        if len(self.prev) != 32 or (index == 0 and self.prev != record.ZERO):
            raise Broken("chain", "the first record's link is malformed")
        if event == record.SEGMENT:
            self.epoch = _field(body, "epoch", int)
            hashes = _field(body, "range", list)
            self.range = merkle.Range(index, [note.from_base64(h) if type(h) is str else b"" for h in hashes])
            self.sealed, self.sealed_root = index - 1, merkle.EMPTY_ROOT
        self.start = index
        self._claim = (body, self.prev, index)
        self.keys.append((index, self.key))
        self._advance_tail()
        if self.signed:
            self._check_signature(line)
        elif not line.endswith(self._tail + b"}"):
            self._explain(line)
        decoded = self._decode(line)
        self.first_at = self.at
        return decoded

    def _adopt_header(self, body: dict[str, Any]) -> None:
        if _field(body, "format", str) != record.FORMAT:
            raise Broken("format", "the log's format is not supported by this verifier", UNSUPPORTED)
        self.log = _field(body, "log", str)
        self.origin = record.check_origin(_field(body, "origin", str))
        self.mode = _field(body, "mode", str)
        self.heartbeat = _field(body, "heartbeat", int)
        if self.mode not in record.MODES:
            raise Broken("format", "the log's signature mode is not supported by this verifier", UNSUPPORTED)
        if len(self.log) != 32 or not set(self.log) <= set("0123456789abcdef"):
            raise Broken("genesis", "the log id is not 32 hex digits")
        self._quiet = 2000 * self.heartbeat
        self.signed = self.mode == "per-record"
        self.key = note.VerifierKey.parse(_field(body, "key", str))
        if self.key.name != self.origin or self.key.kind != note.ED25519:
            raise Broken("genesis", "the log's key is not named by its origin")

    def header(self) -> dict[str, Any]:
        """The body of a segment record that continues this chain here."""
        return {
            "epoch": self.epoch,
            "format": record.FORMAT,
            "heartbeat": self.heartbeat,
            "key": str(self.key),
            "log": self.log,
            "mode": self.mode,
            "origin": self.origin,
            "range": [note.to_base64(h) for h in self.range.hashes],
        }

    def _own_event(self, event: str, body: dict[str, Any]) -> None:
        if event not in record.OWN_EVENTS:
            raise Broken(
                "event", "the log holds an event of its own that this verifier does not know", UNSUPPORTED
            )
        if event == record.SEAL:
            raise Broken("seal", "a seal is not in its only form")
        if event == record.GENESIS and self.next:
            raise Broken("genesis", "a second genesis inside the log")
        if event == record.SEGMENT and (body != self.header() or self.next != self.sealed + 1):
            raise Broken("segment", "a segment's header does not repeat the log's state")
        if event == record.ANCHOR:
            self.cosigned = [*self.cosigned[-31:], _field(body, "note", str)]
        if event == record.RETENTION:
            self.pruned = max(self.pruned, _field(body, "below", int))
        if event == record.ROTATE:
            key = note.VerifierKey.parse(_field(body, "key", str))
            if key.name != self.origin or key.kind != note.ED25519 or body.get("epoch") != self.epoch + 1:
                raise Broken("rotation", "a key rotation has the wrong name or epoch")
            if len(self.keys) > _MAX_EPOCHS:
                raise Broken("rotation", f"the log has more than {_MAX_EPOCHS} key rotations", LIMIT)
            if any(key.key == old.key for _, old in self.keys):
                raise Broken("rotation", "a key rotation goes back to an earlier key")
            self._new_key = key
