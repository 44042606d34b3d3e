"""A credential gets its burst, then its rate; nobody else's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yett.serve.ratelimit import Allowance, RateLimiter


def test_a_burst_then_the_rate() -> None:
    limiter = RateLimiter(Allowance(per_minute=60, burst=3))
    assert [limiter.wait("a", None, 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limiter.wait("a", None, 0.0) == 1.0
    assert limiter.wait("a", None, 1.0) == 0.0
    assert limiter.wait("a", None, 1.0) > 0.0


def test_credentials_do_not_share() -> None:
    limiter = RateLimiter(Allowance(per_minute=60, burst=1))
    assert limiter.wait("a", None, 0.0) == 0.0
    assert limiter.wait("b", None, 0.0) == 0.0
    assert limiter.wait("a", None, 0.0) > 0.0


def test_a_credential_may_have_less_than_others() -> None:
    limiter = RateLimiter(Allowance(per_minute=6000, burst=100))
    assert limiter.wait("slow", 1, 0.0) == 0.0
    assert limiter.wait("slow", 1, 0.0) == 60.0


@given(st.lists(st.floats(-5, 20), max_size=200))
def test_never_more_than_burst_plus_rate_whatever_the_clock_does(steps: list[float]) -> None:
    limiter = RateLimiter(Allowance(per_minute=60, burst=5))
    now, forward, taken = 0.0, 0.0, 0
    for step in steps:
        now += step
        forward += max(0.0, step)
        taken += limiter.wait("a", None, now) == 0.0
    assert taken <= 5 + forward + 1
