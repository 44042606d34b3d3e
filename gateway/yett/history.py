"""What a policy and the score may ask about the past: the seam between the ledger and the gate.

The ledger hands the gate a `History`, an immutable view taken at one version of its state. Judging reads
it and never writes; `ledger.commit` later checks that the version is still current.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from yett.model import Origin


@runtime_checkable
class History(Protocol):
    """An immutable view of what came before this call. All amounts are integers."""

    @property
    def version(self) -> int:
        """Grows with every change of what this view shows; a commit against an older one is a conflict."""

    @property
    def labels(self) -> frozenset[str]:
        """Ratchet labels: read_untrusted, read_secret, exec_done, priv_changed, persist_taint,
        taint_saturated, state_lost … Only an operator's recorded clearing removes one."""

    @property
    def risk(self) -> int:
        """Session risk, 0..1000."""

    def origin(self, value: str) -> Origin:
        """Where a value came from; `novel` if it was never seen. Compared after normalisation."""

    def mentioned(self, value: str) -> bool:
        """Whether untrusted text of this session names the value, however else it may be known; true if that
        cannot be told any more, so much was read. A sender's own address is not a mention."""

    def spent(self, what: str, window_s: int) -> int:
        """What the budget `what` was charged within the window, reservations included."""

    def count(self, what: str, window_s: int) -> int:
        """How many calls matched `what` (a tool name, a capability, or `denied`) within the window."""

    def seen(self, value: str) -> bool:
        """Whether this session has dealt with the value as a target before."""

    def stage(self, name: str) -> str:
        """The state of a named automaton (`verify before refund`); `""` before its first step."""


class NoHistory:
    """The empty past: a first call of a new session. Judging with it must equal judging the call alone."""

    version = 0
    labels: frozenset[str] = frozenset()
    risk = 0

    def origin(self, value: str) -> Origin:
        return Origin.NOVEL

    def mentioned(self, value: str) -> bool:
        return False

    def spent(self, what: str, window_s: int) -> int:
        return 0

    def count(self, what: str, window_s: int) -> int:
        return 0

    def seen(self, value: str) -> bool:
        return False

    def stage(self, name: str) -> str:
        return ""
