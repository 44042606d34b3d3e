"""The conformance kit in your own tests: `pytest -p yett.sdk.pytest_plugin`.

    @pytest.fixture
    def yett_target():                       # how one call of send_money goes through your way to it
        @counted
        def drive(tool, address, token):     # call `tool(**ARGUMENTS)` if and only if you may
            ...
        return drive

    def test_it_never_fails_open(yett_conformance):
        yett_conformance()

`yett_conformance()` drives the target through every scenario and fails with those in which it ran when it may
not, or did not when it may; `yett_conformance("dead", "hung")` through some.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from yett.sdk.conformance import SCENARIOS, Target, check


@pytest.fixture
def yett_target() -> Target:
    """Override this with your own way to a tool."""
    pytest.fail("define a fixture `yett_target` that returns a conformance target")


@pytest.fixture
def yett_conformance(request: pytest.FixtureRequest, yett_target: Target) -> Callable[..., None]:
    """Drives `yett_target`; fails with the scenarios that are open."""

    def drive(*names: str) -> None:
        __tracebackhide__ = True
        unknown = set(names) - {scenario.name for scenario in SCENARIOS}
        if unknown:
            pytest.fail(f"no such scenario: {', '.join(sorted(unknown))}")
        chosen = tuple(scenario for scenario in SCENARIOS if not names or scenario.name in names)
        bad = [row for row in check(request.node.name, yett_target, chosen) if not row.passed]
        if bad:
            pytest.fail("open: " + "; ".join(f"{row.scenario} ({row.detail})" for row in bad))

    return drive
