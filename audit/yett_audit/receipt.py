"""Receipts: one record, proven to be in the log, in a file of its own (C2SP `.tlog-proof`).

A receipt holds the record's line (as the proof's `extra` data), its index, the Merkle path and the signed
checkpoint. It is checked with the log's pinned key alone, without the log: the line hashes to the leaf, the
path leads from the leaf to the root, the root stands in a checkpoint that the key signed.

Source: c2sp.org/tlog-proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yett_audit import canonical, merkle, note, record
from yett_audit.errors import UNANCHORED, UNSUPPORTED, Broken
from yett_audit.trust import Trust

MAGIC = "c2sp.org/tlog-proof@v1"
_MAX = 200_000


@dataclass(frozen=True)
class Receipt:
    """A parsed receipt; nothing in it is verified yet."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint: str
    """The signed note."""
    line: bytes | None = None

    def __str__(self) -> str:
        extra = [f"extra {note.to_base64(self.line)}"] if self.line is not None else []
        hashes = [note.to_base64(h) for h in self.proof]
        return "\n".join([MAGIC, *extra, f"index {self.index}", *hashes, "", self.checkpoint])

    @classmethod
    def parse(cls, data: bytes) -> Receipt:
        """Reads a `.tlog-proof`.

        Raises:
            Broken: malformed, too long, or another version.
        """
        if len(data) > _MAX:
            raise Broken("proof", "the receipt is too long")
        try:
            head, _, checkpoint = data.decode("utf-8").partition("\n\n")
        except UnicodeDecodeError:
            raise Broken("proof", "the receipt is not UTF-8") from None
        rows = head.split("\n")
        if rows[0] != MAGIC:
            raise Broken("format", "this is no receipt of a known version", UNSUPPORTED)
        line = None
        if len(rows) > 1 and rows[1].startswith("extra "):
            line = note.from_base64(rows.pop(1)[6:])
        digits = rows[1].removeprefix("index ") if len(rows) > 1 and rows[1].startswith("index ") else ""
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 16 or str(int(digits)) != digits:
            raise Broken("proof", "the receipt's index is malformed")
        if len(rows) > 65:
            raise Broken("proof", "the receipt's path is too long")
        return cls(int(digits), tuple(note.from_base64(row) for row in rows[2:]), checkpoint, line)

    def verify(self, trust: Trust, line: bytes | None = None) -> dict[str, Any]:
        """The record as proven by the receipt: its decoded line, and `witnesses` that cosigned.

        Args:
            line: the record's line if the receipt does not carry it.

        Raises:
            Broken: anything does not fit; no pinned key signed the checkpoint; the quorum is not reached.
        """
        content = self.line if line is None else line
        if content is None:
            raise Broken("proof", "the receipt holds no record, and none was given")
        parsed = note.parse(self.checkpoint)
        point = note.Checkpoint.parse(parsed.text)
        if not any(key.name == point.origin for key in note.verified(parsed, trust.logs)):
            raise Broken("key", "no pinned key of this log signed the checkpoint", UNANCHORED)
        merkle.verify_inclusion(self.index, point.size, record.leaf_of(content), self.proof, point.root)
        value = canonical.decode(content)
        if type(value) is not dict or value.get("seq") != self.index:
            raise Broken("sequence", "the record has another number than the receipt")
        signers = note.verified(parsed, trust.witnesses.values())
        if not trust.satisfied(signers):
            raise Broken("quorum", "the quorum of witnesses did not cosign the checkpoint", UNANCHORED)
        return {"record": value, "size": point.size, "witnesses": sorted(key.name for key in signers)}
