"""Whatever OpenAPI allows somebody to send, and a lot that it does not: the sidecar never answers 5xx."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from yett.proxy.doors import routes as DOORS

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

    paper: Any = SimpleNamespace(ledger=None, asker=None)
    return build(paper, paper, Metrics(), DOORS).openapi()


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
        if response.status_code >= 400 and case.method != "HEAD":
            assert response.headers["content-type"] == ["application/problem+json"], response.text
            assert response.json()["code"]


def test_the_document_names_the_doors_of_other_protocols() -> None:
    found = document()["paths"]
    doors = {"/access/v1/evaluation", "/access/v1/evaluations", "/v1/data/yett/{document}", "/ext_authz/{path}",
             "/decision", "/pdp/docker", "/v1/hooks/{agent}", "/proxy/{tool}", "/v1/visible"}  # fmt: skip
    assert doors <= set(found)
    assert "security" not in found["/.well-known/authzen-configuration"]["get"]
    assert found["/access/v1/evaluation"]["post"]["requestBody"]["content"]["application/json"]["example"]
