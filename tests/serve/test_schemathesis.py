"""Whatever OpenAPI allows somebody to send, and a lot that it does not: the sidecar never answers 5xx."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

EXAMPLES = 200 if os.environ.get("YETT_LONG") else 12
ROLES = ("agent", "approver", "operator", "auditor", "watcher")


@pytest.fixture(scope="module")
def tokens(living: Any) -> dict[str, str]:
    more = {"per_minute": 10_000_000}
    return {role: living.token(role, f"fuzz-{role}", "fuzz", groups=("treasury",), **more) for role in ROLES}


def document() -> Any:
    """The OpenAPI document; it depends on no state, so that tests can be collected from it."""
    from yett.serve.app import build
    from yett.serve.metrics import Metrics

    paper: Any = SimpleNamespace(ledger=None, agent=None)
    return build(paper, paper, Metrics()).openapi()


schema = schemathesis.openapi.from_dict(document()).exclude(
    path="/v1/approvals/events"  # an endless stream; see test_endpoints
)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
def test_no_request_makes_the_sidecar_fail(case: Any, living: Any, tokens: dict[str, str]) -> None:
    base = f"http://127.0.0.1:{living.ports[0]}"
    if case.query and "wait" in case.query:
        case.query["wait"] = 0
    for role in ROLES:
        headers = {"authorization": f"Bearer {tokens[role]}"}
        response = case.call(base_url=base, headers=headers)
        case.validate_response(response, checks=[not_a_server_error])
        if response.status_code >= 400:
            assert response.headers["content-type"] == ["application/problem+json"], response.text
            assert response.json()["code"]
