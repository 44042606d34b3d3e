"""Challenges: freshness the gateway mints, so that nobody else can choose or foresee it.

A challenge is `epoch | sequence | end | random` under a MAC; handing one out stores nothing. That it was
answered is one bit in a window that slides over the sequence numbers (as in RFC 6479): a million live
challenges are 125 kB. The MAC's key is derived from the epoch, which changes at every start: after a
restart old challenges are simply refused as stale, so the bits need not be durable for a use to be unique.
"""

from __future__ import annotations

import hmac
import struct
from typing import Final

from yett.errors import LedgerError
from yett.ledger.tokens import jws
from yett.ledger.tokens.mandate import refuse
from yett.model import Reason

LIFE_MS: Final = 60_000
WINDOW: Final = 1 << 20
"""Sequence numbers remembered; a challenge that has fallen out of the window is refused."""
_FORM: Final = struct.Struct(">QQQ8s")


class Challenges:
    """Mints and checks challenges of one epoch. `burn` and `refusal` are called under the ledger's lock."""

    def __init__(self, key: bytes, epoch: int) -> None:
        self.epoch = epoch
        self._key = hmac.digest(key, struct.pack(">Q", epoch), "sha256")
        self._next = 1
        self._bits = bytearray(WINDOW // 8)
        self._top = 0
        """Highest sequence number whose bit is in the window."""

    def mint(self, now: int, context: str, random: bytes) -> str:
        """A challenge for one purpose.

        Args:
            context: what it may answer for (mandate id, or `""` for any); bound by the MAC.
            random: 8 bytes.
        """
        body = _FORM.pack(self.epoch, self._next, now + LIFE_MS, random[:8])
        self._next += 1
        return jws.encode(body + self._mac(body, context))

    def open(self, text: str, now: int, context: str) -> tuple[int, int] | Reason:
        """(epoch, sequence) of a challenge that is ours, fresh, and minted for this context."""
        try:
            data = jws.decode(text)
        except LedgerError:
            return refuse("CHALLENGE_FORGED", "the challenge was not minted here")
        body, mac = data[: _FORM.size], data[_FORM.size :]
        if len(body) != _FORM.size:
            return refuse("CHALLENGE_FORGED", "the challenge was not minted here")
        epoch, sequence, end, _ = _FORM.unpack(body)
        if epoch != self.epoch:
            return refuse("CHALLENGE_STALE", "the gateway has restarted since: ask for a new challenge")
        if not hmac.compare_digest(mac, self._mac(body, context)):
            return refuse("CHALLENGE_FORGED", "the challenge was not minted here, or for something else")
        if now >= end:
            return refuse("CHALLENGE_EXPIRED", "the challenge has expired: ask for a new one")
        return epoch, sequence

    def refusal(self, challenge: tuple[int, int]) -> Reason | None:
        """Why this challenge cannot be answered (any more); None if it can."""
        epoch, sequence = challenge
        if epoch != self.epoch:
            return refuse("CHALLENGE_STALE", "the gateway has restarted since: ask for a new challenge")
        if sequence <= self._top - WINDOW:
            return refuse("CHALLENGE_EXPIRED", "the challenge is too old: ask for a new one")
        if sequence <= self._top and self._bits[sequence % WINDOW >> 3] >> (sequence & 7) & 1:
            return refuse("CHALLENGE_USED", "the challenge was answered before")
        return None

    def burn(self, challenge: tuple[int, int]) -> None:
        """Marks a challenge as answered."""
        sequence = challenge[1]
        if sequence > self._top:
            for passed in range(self._top + 1, min(sequence, self._top + WINDOW) + 1):
                self._bits[passed % WINDOW >> 3] &= ~(1 << (passed & 7)) & 0xFF
            self._top = sequence
        self._bits[sequence % WINDOW >> 3] |= 1 << (sequence & 7)

    @property
    def size(self) -> int:
        """Bytes held, whatever the number of live challenges."""
        return len(self._bits)

    def _mac(self, body: bytes, context: str) -> bytes:
        return hmac.digest(self._key, body + context.encode(), "sha256")[:16]
