"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Shared, noisy machines: how long an example takes says nothing about the code.
settings.register_profile(
    "yett", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("yett")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Vectors and corpora written by others, kept beside the checkout."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the folder ../shared with foreign vectors is not beside this checkout")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    """As a gateway does when it opens: what analysers load on first use is on no call's budget."""
    from yett.extract import warm

    warm()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    """With YETT_NO_SKIP=1 (in CI) a skipped test is a failed one: what it needs is to be installed there."""
    report = yield
    if report.skipped and os.environ.get("YETT_NO_SKIP") == "1" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {reason}"
    return report
