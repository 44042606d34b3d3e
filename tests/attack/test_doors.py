"""Attacks on the doors of Envoy and agentgateway: what is judged is what the server behind them will read."""

from __future__ import annotations

import contextlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from pdpside import Gateway, authenticate
from starlette.applications import Starlette
from starlette.testclient import TestClient

from yett.proxy.pdp import authzen, envoy, gateways, opa
from yett.proxy.pdp.protos import ENVOY, EXT_MCP
from yett.proxy.pdp.rpc import LARGEST, serving

CHECK = "/envoy.service.auth.v3.Authorization/Check"
REQUEST = "/agentgateway.dev.ext_mcp.ExtMcp/CheckRequest"
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "rm", "arguments": {}}}
TEXT = json.dumps(CALL)
ESCAPED = TEXT.replace('"jsonrpc"', '"\\u006asonrpc"')
DISGUISED = [
    ("text/plain", TEXT.encode()),
    ("", TEXT.encode()),
    ("application/octet-stream", TEXT.encode()),
    ("application/json; charset=utf-16", TEXT.encode("utf-16")),
    ("application/json", TEXT.encode("utf-32-le")),
    ("application/json", b"\xef\xbb\xbf[" + ESCAPED.encode() + b"]"),
    ("application/json", ESCAPED.replace('"id": 1', '"id": 1, "id": 1').encode()),
    ("application/json", TEXT.replace("jsonrpc", "JSONRPC").encode()),
    ("application/json", TEXT.replace("jsonrpc", "j\u017fonrpc").encode()),
    ("application/json", ESCAPED.replace('"id": 1', '"id": 1, "x": ' + "9" * 5_000).encode()),
    ("application/json", ESCAPED.replace('"id": 1', '"id": 1, "x": NaN').encode()),
    ("text/plain", b" [" + ESCAPED.encode() + b"]"),
    ("application/json", ESCAPED.replace('"id": 1', '"id": 1, "x": ' + "[" * 60 + "]" * 60).encode()),
    ("application/json", ESCAPED.replace('"id": 1', '"id": 1, "x": ' + "[" * 9_000 + "]" * 9_000).encode()),
]
"""Bodies that some server would run as the tool `rm`, and that look like something else."""


class Doors:
    """Both of Envoy's doors, around a gateway that allows the tool `http` and no MCP tool."""

    def __init__(self, address: str, gateway: Gateway) -> None:
        self.channel = grpc.insecure_channel(address)
        self.gateway = gateway
        self.http = TestClient(Starlette(routes=envoy.routes(gateway, authenticate)))

    def grpc(self, body: bytes = b"", **more: Any) -> bool:
        http = {"method": "POST", "path": "/mcp", "host": "h", "size": len(body), "raw_body": body, **more}
        extensions = http.pop("context_extensions", {})
        return self.sent({"attributes": {"request": {"http": http}, "context_extensions": extensions}})

    def sent(self, message: dict[str, Any], *metadata: tuple[str, str | bytes]) -> bool:
        ask = self.channel.unary_unary(CHECK)
        metadata = metadata or (("authorization", "Bearer pep"),)
        raw = ask(ENVOY["CheckRequest"](**message).SerializeToString(), metadata=metadata, timeout=60)
        answer = ENVOY["CheckResponse"].FromString(raw)
        assert answer.HasField("ok_response") == (answer.status.code == 0)
        return bool(answer.status.code == 0)

    def over_http(self, body: bytes, *headers: tuple[str, str], method: str = "POST") -> bool:
        sent = [("x-yett-authorization", "Bearer pep"), *headers]
        return self.http.request(method, "/ext_authz/mcp", content=body, headers=sent).status_code == 200


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    gateway = Gateway(allow=["http"])
    with serving(gateway, authenticate, "127.0.0.1:0") as address:
        found = Doors(address, gateway)
        with contextlib.closing(found.channel):
            yield found


@pytest.mark.parametrize(("kind", "body"), DISGUISED, ids=range(len(DISGUISED)))
def test_a_call_in_disguise_is_no_plain_request(doors: Doors, kind: str, body: bytes) -> None:
    assert not doors.grpc(body, headers={"content-type": kind} if kind else {})
    assert not doors.over_http(body, *([("content-type", kind)] if kind else []))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "GET"])
@pytest.mark.parametrize("server", ["", "bank"])
def test_a_plain_request_is_not_let_through_for_a_message_that_it_carries_along(
    doors: Doors, method: str, server: str
) -> None:
    """`ping` runs nothing and needs no decision; a server that speaks no MCP does what path and query say."""
    ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
    if server and method == "POST":
        return  # it is said to speak MCP
    asked = len(doors.gateway.decider.calls)
    extensions = {"context_extensions": {"mcp_server": server}} if server else {}
    over = [("x-mcp-server", server)] if server else []
    for passed in (
        doors.grpc(ping, method=method, path="/transfer?to=eve", **extensions),
        doors.over_http(ping, ("content-type", "application/json"), *over, method=method),
    ):
        assert passed is (method != "POST")
    judged = doors.gateway.decider.calls[asked:]
    assert [call.tool for call in judged] == (["http", "http"] if method != "POST" else [])


def test_a_plain_request_passes_with_whatever_it_carries(doors: Doors) -> None:
    for kind, body in (
        ("application/json", b'{"a": 1, "big": 12345678901234567890}'),
        ("application/json", b'{"method": "GET"}'),
        ("text/plain", b"[see below] jsonrpc"),
        ("text/csv", b"jsonrpc,method\n1,2\n"),
        ("application/x-www-form-urlencoded", b"a=1"),
        ("", b""),
    ):
        assert doors.grpc(body, headers={"content-type": kind})
        assert doors.over_http(body, ("content-type", kind))


@pytest.mark.parametrize("body", [b"", b"a=1", b'{"a": 1}', TEXT.encode()[:-3], b"\x1f\x8b\x08garbage"])
def test_where_an_mcp_server_is_said_to_be_only_mcp_is_posted(doors: Doors, body: bytes) -> None:
    for kind in ("application/json", "text/plain", ""):
        headers = {"content-type": kind} if kind else {}
        assert not doors.grpc(body, headers=headers, context_extensions={"mcp_server": "bank"})
        assert not doors.over_http(body, ("x-mcp-server", "bank"), *headers.items())
    assert doors.over_http(b"", ("x-mcp-server", "bank"), method="DELETE")  # the end of a session


def test_a_compressed_body_cannot_be_judged(doors: Doors) -> None:
    for coding in ("gzip", "br", "identity, gzip"):
        assert not doors.grpc(b"\x1f\x8b", headers={"content-encoding": coding})
        assert not doors.over_http(b"\x1f\x8b", ("content-encoding", coding))
    assert doors.grpc(b"a=1", headers={"content-encoding": "identity"})


def test_a_client_that_denies_the_cut_is_not_believed(doors: Doors) -> None:
    cut = {"key": "x-envoy-auth-partial-body", "raw_value": b"true"}
    denied = {"key": "x-envoy-auth-partial-body", "raw_value": b"false"}
    for headers in ([denied, cut], [cut, denied]):
        assert not doors.grpc(b"a=1", size=-1, header_map={"headers": headers})
        told = [(each["key"], each["raw_value"].decode()) for each in headers]
        assert not doors.over_http(b"a=1", *told)


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"attributes": {}},
        {"attributes": {"request": {}}},
        {"attributes": {"request": {"http": {}}}},
        {"attributes": {"request": {"http": {"method": "GET"}}}},
        {"attributes": {"request": {"http": {"path": "/"}}}},
    ],
)
def test_a_check_without_a_request_is_a_refusal(doors: Doors, message: dict[str, Any]) -> None:
    assert not doors.sent(message)


@pytest.mark.parametrize(
    "metadata",
    [
        [("other", "1")],
        [("authorization", "Bearer pep"), ("authorization", "Bearer pep")],
        [("authorization", "Bearer auditor")],
        [("authorization", "Bearer ")],
        [("authorization", "bearer pep ")],
        [("authorization-bin", b"Bearer pep")],
    ],
)
def test_whoever_is_not_known_or_may_not_ask_is_refused(doors: Doors, metadata: Any) -> None:
    asked = {"attributes": {"request": {"http": {"method": "GET", "path": "/", "host": "h"}}}}
    assert not doors.sent(asked, *metadata)


@pytest.mark.parametrize("method", [CHECK, REQUEST])
def test_what_is_no_message_or_too_large_is_an_error_of_the_call_and_harms_nobody(
    doors: Doors, method: str
) -> None:
    for body in (b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x7f", bytes(LARGEST + 1)):
        with pytest.raises(grpc.RpcError):
            doors.channel.unary_unary(method)(body, metadata=[("authorization", "Bearer pep")], timeout=60)
    assert doors.sent({"attributes": {"request": {"http": {"method": "GET", "path": "/", "host": "h"}}}})


def test_an_ext_mcp_request_with_anything_missing_is_a_refusal(doors: Doors) -> None:
    ask = doors.channel.unary_unary(REQUEST)
    params = json.dumps(CALL["params"]).encode()
    for fields in (
        {},
        {"method": "tools/call"},
        {"mcp_request": params},
        {"method": "tools/call", "mcp_request": b"[]"},
        {"method": "tools/call", "mcp_request": b"null"},
        {"method": "tools/call", "mcp_request": b'{"name": "http", "name": "rm"}'},
        {"method": "Tools/Call", "mcp_request": params},
        {"method": "tools/call\0", "mcp_request": params},
        {"method": "ping", "mcp_request": b'{"method": "tools/call"'},
        {"method": "tools/call", "mcp_request": b'{"name": "http"}', "service_names": ["a", "b"]},
    ):
        raw = ask(
            EXT_MCP["McpRequest"](**fields).SerializeToString(),
            metadata=[("authorization", "Bearer pep")],
            timeout=60,
        )
        assert EXT_MCP["McpResult"].FromString(raw).HasField("error"), fields


@pytest.mark.parametrize("name", ["eve\x1b[2J", "eve\u202e", "e" * 300, "e\x00ve"])
def test_no_subject_has_a_name_that_no_credential_could_have(doors: Doors, name: str) -> None:
    """Names end in the log and on an approver's terminal, and part the keys of the ledger's memory."""
    over = Starlette(
        routes=[
            *authzen.routes(doors.gateway, authenticate),
            *opa.routes(doors.gateway, authenticate),
            *gateways.routes(doors.gateway, authenticate, toolhive_secret=b"s", clock=lambda: 100),
        ]
    )
    subject = {"type": "user", "id": name}
    tool = {"type": "tool", "id": "http"}
    call = {"method": "tools/call", "params": {"name": "http", "arguments": {}}}
    webhook = json.dumps({"uid": "u", "principal": name, "mcp_request": call}).encode()
    signature = hmac.new(b"s", b"100." + webhook, "sha256").hexdigest()
    asked = len(doors.gateway.who)
    with TestClient(over, headers={"authorization": "Bearer pep"}) as door:
        for path, body in (
            ("/access/v1/evaluation", {"subject": subject, "action": {"name": "c"}, "resource": tool}),
            ("/v1/data/yett/allow", {"input": {"tool": "http", "subject": name}}),
            ("/decision", {"operation": "http", "principal": {"sub": name}}),
        ):
            assert door.post(path, json=body).status_code == 400, path
        headers = {"x-toolhive-timestamp": "100", "x-toolhive-signature": f"sha256={signature}"}
        assert door.post("/pdp/toolhive", content=webhook, headers=headers).json()["allowed"] is False
    assert len(doors.gateway.who) == asked
