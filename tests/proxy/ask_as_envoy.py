"""Asks the gRPC door with Envoy's own definitions: `ask_as_envoy.py ADDRESS`, with them on PYTHONPATH.

In a process of its own, because the package that has them (`xds-protos`) brings packages of other names too.
Prints what came back as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import grpc
from envoy.service.auth.v3 import attribute_context_pb2, external_auth_pb2, external_auth_pb2_grpc


def main() -> None:
    with grpc.insecure_channel(sys.argv[1]) as channel:
        stub = external_auth_pb2_grpc.AuthorizationStub(channel)
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "send_money", "arguments": {"amount": 10}},
        }
        headers = {"content-type": "application/json"}
        call = {"method": "POST", "path": "/mcp", "headers": headers, "raw_body": json.dumps(body).encode()}
        plain = {"method": "DELETE", "path": "/x", "host": "bank.example", "body": "all of it"}
        print(json.dumps([check(stub, **call), check(stub, **plain)]))


def check(stub: Any, **http: Any) -> dict[str, Any]:
    context = attribute_context_pb2.AttributeContext
    request = context.Request(http=context.HttpRequest(id="r1", scheme="https", size=-1, **http))
    asked = external_auth_pb2.CheckRequest(
        attributes=context(request=request, context_extensions={"mcp_server": "bank"})
    )
    told = stub.Check(asked, metadata=[("authorization", "Bearer pep")], timeout=60)
    return {
        "code": told.status.code,
        "ok": {each.header.key: each.header.value for each in told.ok_response.headers},
        "status": told.denied_response.status.code,
        "headers": {each.header.key: each.header.value for each in told.denied_response.headers},
        "body": told.denied_response.body,
    }


if __name__ == "__main__":
    main()
