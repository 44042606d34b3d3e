"""Integer decay: as exact as it has to be, the same everywhere, and not to be stopped by small steps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yett.ledger.memory.fixed import ONE, decay, from_permille, to_permille

DAY = 86_400_000


@given(st.integers(0, 100 * ONE), st.integers(0, 40 * DAY))
def test_decay_is_what_the_exponential_says(value: int, elapsed: int) -> None:
    exact = value * 2 ** (-elapsed / DAY)
    assert abs(decay(value, elapsed, DAY) - exact) <= 1 + exact * 3e-5


@given(st.integers(0, 100 * ONE), st.integers(0, DAY), st.integers(0, DAY))
def test_more_time_never_leaves_more(value: int, one: int, other: int) -> None:
    first, second = sorted((one, other))
    assert decay(value, first, DAY) >= decay(value, second, DAY)


def test_many_small_steps_decay_as_one_large_one() -> None:
    value = 30 * ONE
    for _ in range(1440):
        value = decay(value, 60_000, DAY)
    assert abs(value - 15 * ONE) < ONE // 10


def test_a_clock_that_steps_back_does_not_decay() -> None:
    assert decay(ONE, -5, DAY) == ONE


@given(st.integers(0, 1000))
def test_scores_survive_the_way_there_and_back(score: int) -> None:
    assert to_permille(from_permille(score)) == score
