"""Integer arithmetic of the session layer: Q16 fractions, exponential decay by table.

Floats round differently under different compilers and libraries; a verifier must recompute a recorded
state bit for bit on any machine, years later. So every quantity is an integer: a fraction f is
`f * 65536` (Q16), and a half-life decay is a shift and one multiplication by a table entry that is itself
computed with integers only.
"""

from __future__ import annotations

from math import isqrt
from typing import Final

ONE: Final = 1 << 16
"""1.0 in Q16."""

_STEPS: Final = 64


def _root64(number: int) -> int:
    for _ in range(6):
        number = isqrt(number)
    return number


_TABLE: Final = tuple(_root64(1 << (32 * _STEPS - step)) for step in range(_STEPS + 1))
"""floor(2^32 * 2^(-step/64)): nested integer square roots give the exact floor of the 64th root."""


def decay(value: int, elapsed_ms: int, half_life_ms: int) -> int:
    """`value * 2^(-elapsed/half_life)`, rounded down; time that runs backwards does not decay."""
    if elapsed_ms <= 0 or value == 0:
        return value
    whole, rest = divmod(elapsed_ms, half_life_ms)
    if whole > 63:
        return 0
    step, part = divmod(rest * _STEPS, half_life_ms)
    # Between two entries a straight line is exact to 2e-5: without it, frequent small steps would never decay.
    factor = _TABLE[step] - (_TABLE[step] - _TABLE[step + 1]) * part // half_life_ms
    return (value * factor >> 32) >> whole


def from_permille(score: int) -> int:
    """0..1000 to Q16."""
    return score * ONE // 1000


def to_permille(value: int) -> int:
    """Q16 to 0..1000, rounded to nearest so that `to_permille(from_permille(x)) == x`."""
    return (value * 1000 + ONE // 2) // ONE


def times(left: int, right: int) -> int:
    """Product of two Q16 fractions."""
    return left * right >> 16
