"""A token bucket for each credential: a limit nobody escapes by choosing another name.

The key is the credential's id, as established from its token, never anything the request says. Time comes
in as seconds of a monotonic clock.
"""

from __future__ import annotations

from yett.model import Struct


class Allowance(Struct, frozen=True, kw_only=True):
    """How much a credential may do: `per_minute` on average, `burst` at once."""

    per_minute: int
    burst: int


class RateLimiter:
    """One bucket a credential. Credentials are few and known, so the table is bounded by them.

    Args:
        shares: limiters among which every allowance is divided.
    """

    def __init__(self, allowance: Allowance, shares: int = 1) -> None:
        self._allowance = allowance
        self._shares = shares
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, credential: str, per_minute: int | None, now: float) -> float:
        """Take one request's worth.

        Args:
            credential: the credential's id.
            per_minute: its own allowance, if it has one.
            now: seconds, monotonic.

        Returns: 0.0 if the request may go on, else the seconds after which one may.
        """
        allowance = self._allowance
        if per_minute is not None:
            allowance = Allowance(per_minute=per_minute, burst=max(1, min(per_minute, allowance.burst)))
        rate = allowance.per_minute / 60.0 / self._shares
        burst = max(1.0, allowance.burst / self._shares)
        level, since = self._buckets.get(credential, (burst, now))
        level = min(burst, level + max(0.0, now - since) * rate)
        if level >= 1.0:
            self._buckets[credential] = (level - 1.0, now)
            return 0.0
        self._buckets[credential] = (level, now)
        return (1.0 - level) / rate if rate > 0 else 3600.0
