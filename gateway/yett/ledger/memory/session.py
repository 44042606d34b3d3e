"""One session's memory of risk: the risk clock, the ratchet of labels, the rule that combines them.

Three things, none of which a caller can wash out with harmless calls:

* **labels** are a ratchet: set by what was read and done, cleared only by an operator's recorded clearing.
* **fast risk** (half-life 15 minutes) and **slow risk** (24 hours; 14 days for the principal) fall by the
  wall clock alone. A call without risk changes neither; a risky one can only raise them. Calls that were
  denied count like any other: asking for the forbidden is information.
* **combination**: `R = 1 - (1-r)(1-½E)(1-⅖·min(1,S/3))(1-⅕·min(1,P/10))`, with r the call's own risk. With
  nothing remembered R = r; more memory never lowers R.

Everything is an integer (`fixed`), a session is immutable, and `Session.hash` is what a decision record
carries as the state before and after it, so that a verifier can replay the risk bit for bit.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from yett.ledger.memory.fixed import ONE, decay, from_permille, times, to_permille
from yett.ledger.memory.taint import Taint
from yett.model import Struct

MINUTE: Final = 60_000
FAST_HALF_LIFE: Final = 15 * MINUTE
SLOW_HALF_LIFE: Final = 24 * 60 * MINUTE
PRINCIPAL_HALF_LIFE: Final = 14 * SLOW_HALF_LIFE
BASELINE: Final = from_permille(150)
"""Risk that an ordinary call may carry without being remembered."""
OPENING_RISK: Final = from_permille(5)
"""What opening a session adds to its principal: splitting work over sessions is not free."""
HOLD_AT: Final = 750
"""Combined risk at which history turns an acting call into a hold."""

KNOWN_LABELS: Final = frozenset(
    {
        "read_untrusted",
        "read_secret",
        "read_injection",
        "read_hint",
        "exec_done",
        "priv_changed",
        "audit_touched",
        "persist_taint",
        "taint_saturated",
        "state_lost",
    }
)
MAX_LABELS: Final = 64
MAX_TARGETS: Final = 512
MAX_STAGES: Final = 32

Pinned = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
"""A pinned plan: for each call its tool and its arguments' hashes. See `planned`."""

_encode = msgspec.msgpack.Encoder().encode


class Clock(Struct, frozen=True, kw_only=True):
    """Fast and slow risk, in Q16, as they stood at `at`."""

    fast: int = 0
    slow: int = 0
    at: int = 0

    def aged(self, now: int, slow_half_life: int = SLOW_HALF_LIFE) -> Clock:
        if now <= self.at or not (self.fast or self.slow):
            return self
        return Clock(
            fast=decay(self.fast, now - self.at, FAST_HALF_LIFE),
            slow=decay(self.slow, now - self.at, slow_half_life),
            at=now,
        )

    def struck(self, risk: int, now: int, slow_half_life: int = SLOW_HALF_LIFE) -> Clock:
        """The clock after a call of this risk (Q16, baseline taken off already)."""
        if risk <= 0:
            # Ageing in two steps rounds differently from ageing in one: leave the clock where it is, so that
            # harmless calls in between change nothing at all.
            return self
        aged = self.aged(now, slow_half_life)
        # Half of the new, half of the old, but never below the old: a slightly risky call is no dilution.
        return Clock(
            fast=max(aged.fast, (aged.fast + risk) // 2), slow=aged.slow + risk, at=max(now, self.at)
        )


class Session(Struct, frozen=True, kw_only=True):
    """What is remembered of one session. See the module."""

    id: str
    tenant: str
    principal: str
    agent: str
    lineage: str
    """Id of the root of its family: budgets of the family are charged there."""
    parent: str = ""
    opened: int = 0
    version: int = 0
    labels: tuple[str, ...] = ()
    clock: Clock = Clock()
    taint: Taint = Taint()
    targets: bytes = b""
    """Packed hashes of targets dealt with, newest last, at most MAX_TARGETS."""
    explained: bytes = b""
    """Packed hashes of (tool, target) pairs a person approved."""
    stages: tuple[tuple[str, str], ...] = ()
    """Named automata and where they stand."""
    plan: Pinned = ()
    """The calls that this session may make unasked; empty: no plan is pinned."""
    step: int = -1
    """Of a plan whose order counts, how many steps are behind; -1: order and number do not matter."""

    @property
    def hash(self) -> str:
        """`sha256` (hex) over everything above, in a form that any MessagePack library writes alike."""
        small = (
            self.id,
            self.lineage,
            self.version,
            self.labels,
            (self.clock.fast, self.clock.slow, self.clock.at),
            self.taint.digest,
            self.targets,
            self.explained,
            self.stages,
            *((self.plan,) if self.plan else ()),
            *((self.step,) if self.step >= 0 else ()),
        )
        return hashlib.sha256(b"yett/session/v1\0" + _encode(small)).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of what grows with use."""
        return self.taint.size + len(self.targets) + len(self.explained)


def combine(risk: int, session: Clock, principal: Clock) -> int:
    """The combined risk of a call, Q16, from its own risk and clocks aged to now."""
    keep = ONE - min(risk, ONE)
    keep = times(keep, ONE - min(session.fast, ONE) // 2)
    keep = times(keep, ONE - min(ONE, session.slow // 3) * 2 // 5)
    keep = times(keep, ONE - min(ONE, principal.slow // 10) // 5)
    return max(risk, ONE - keep)


def combined_permille(score: int, session: Clock, principal: Clock) -> int:
    """As `combine`, from and to 0..1000; exactly `score` when nothing is remembered."""
    if not (session.fast or session.slow or principal.slow):
        return score
    return max(score, to_permille(combine(from_permille(score), session, principal)))


def joined(left: int, right: int) -> int:
    """Two independent risks, 0..1000, as one: `1 - (1-a)(1-b)`."""
    return 1000 - (1000 - left) * (1000 - right) // 1000 if right else left


def remembered(score: int, explained: bool) -> int:
    """How much of a call's score the clocks are struck with, Q16; a quarter if a person has approved its like."""
    excess = max(0, from_permille(score) - BASELINE)
    return excess // 4 if explained else excess


def with_labels(labels: tuple[str, ...], new: frozenset[str] | set[str]) -> tuple[str, ...]:
    """The ratchet: the union, sorted, bounded (labels the ledger knows are never the ones left out)."""
    if new <= set(labels):
        return labels
    union = sorted(set(labels) | new, key=lambda name: (name not in KNOWN_LABELS, name))
    return tuple(sorted(union[:MAX_LABELS]))
