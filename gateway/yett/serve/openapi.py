"""The OpenAPI document: FastAPI's paths, and the schemas and examples of the structs that are really read.

FastAPI knows the paths; msgspec knows the bodies. The two endpoints of the short way are added here, because
FastAPI never sees them, and so are the doors of other protocols, which describe themselves (`described`).
"""

from __future__ import annotations

import copy
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from yett.model import Decision, Outcome, ToolCall
from yett.plans import Plan
from yett.serve.problems import MEDIA_TYPE, Problem
from yett.serve.routes import approvals, basics, mandates, operations

CALL_EXAMPLE: Final = {
    "call_id": "c-1",
    "tool": "run_shell",
    "arguments": {"command": "ls -l /srv/app"},
    "context": {"prompt": "What is in the app's folder?"},
}
OUTCOME_EXAMPLE: Final = {"decision_id": "d-1", "status": "ok", "result": {"stdout": "total 0\n"}}

BODIES: Final[dict[tuple[str, str], type[Any]]] = {
    ("post", "/v1/decisions"): ToolCall,
    ("post", "/v1/outcomes"): Outcome,
    ("post", "/v1/sessions"): basics.SessionRequest,
    ("post", "/v1/plans"): Plan,
    ("post", "/v1/sessions/{session}/clear"): operations.Clear,
    ("post", "/v1/sessions/{session}/clearing"): operations.Clear,
    ("post", "/v1/clearings"): operations.Clearing,
    ("post", "/v1/approvals/{identifier}/approve"): approvals.Approve,
    ("post", "/v1/approvals/{identifier}/refuse"): approvals.Refuse,
    ("post", "/v1/mandates"): mandates.Issue,
    ("post", "/v1/revocations"): mandates.Revoke,
    ("post", "/v1/in-doubt/{decision}/resolve"): mandates.Resolve,
    ("post", "/v1/freezes"): operations.Freeze,
    ("post", "/v1/freezes/lift"): operations.Freeze,
}
"""What each endpoint reads."""
_EXAMPLES: Final[dict[tuple[str, str], Any]] = {
    ("post", "/v1/decisions"): CALL_EXAMPLE,
    ("post", "/v1/outcomes"): OUTCOME_EXAMPLE,
    ("post", "/v1/sessions"): {"prompt": "Pay the invoice in my inbox"},
    ("post", "/v1/plans"): {
        "calls": [
            {"tool": "read_file", "arguments": {"path": "invoice.txt"}},
            {"tool": "pay", "arguments": {"iban": {"$step": 1}, "amount": 12}},
        ],
        "pin": True,
    },
    ("post", "/v1/approvals/{identifier}/approve"): {},
    ("post", "/v1/approvals/{identifier}/refuse"): {"reason": "not ours"},
    ("post", "/v1/mandates"): {
        "principal": "ann",
        "agent": "coder",
        "tools": ["pay"],
        "limits": {"amount": {"most": 100}},
    },
    ("post", "/v1/freezes"): {"scope": "agent:default/ann/coder", "reason": "runs wild"},
}
_OPEN: Final = ("/healthz", "/readyz", "/.well-known/authzen-configuration")


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the whole sidecar."""
    spec = get_openapi(title=app.title, version=app.version, routes=app.routes)
    structs = list(BODIES.values())
    (problem_ref, decision_ref, *body_refs), schemas = msgspec.json.schema_components(
        [Problem, Decision, *structs], ref_template="#/components/schemas/{name}"
    )
    components = spec.setdefault("components", {})
    components["schemas"] = schemas
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    paths = spec["paths"]
    paths["/v1/decisions"] = {"post": _operation("Judge one tool call", _json(decision_ref))}
    paths["/v1/outcomes"] = {"post": _operation("Report what an allowed call did", {})}
    for (method, path), ref in zip(BODIES, body_refs, strict=True):
        content = _json(ref)
        example = _EXAMPLES.get((method, path))
        if example is not None:
            content["application/json"]["example"] = example
        paths[path][method]["requestBody"] = {"required": True, "content": content}
    for route in app.routes:
        paths.update(copy.deepcopy(getattr(route, "described", {})))
    for path, methods in paths.items():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {
                "description": "Refused: a problem document (RFC 9457)",
                "content": {MEDIA_TYPE: {"schema": problem_ref}},
            }
            if path not in _OPEN:
                operation["security"] = [{"token": []}]
    return spec


def _operation(summary: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": "Answered", "content": content}}}


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
