"""Yett as the decision point behind others: each protocol's own words, and never an accidental yes."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pdpside import Gateway, authenticate
from starlette.applications import Starlette
from starlette.testclient import TestClient

from yett.model import Obligation, ToolCall
from yett.proxy.hooks import routes as hooks
from yett.proxy.pdp import authzen, envoy, gateways, opa

NOW = 1_800_000_000


class Door:
    def __init__(self, token: str | None = "pep", **script: Any) -> None:
        self.gateway = Gateway(**script)
        routes = [
            *authzen.routes(self.gateway, authenticate),
            *opa.routes(self.gateway, authenticate),
            *envoy.routes(self.gateway, authenticate),
            *gateways.routes(self.gateway, authenticate, toolhive_secret=b"secret", clock=lambda: NOW),
            *hooks.routes(self.gateway, authenticate),
        ]
        self.headers = {"authorization": f"Bearer {token}"} if token else {}
        self.client = TestClient(Starlette(routes=routes), raise_server_exceptions=True)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=data, headers={**self.headers, **more})

    @property
    def calls(self) -> list[ToolCall]:
        return self.gateway.decider.calls


def evaluation(**changes: Any) -> dict[str, Any]:
    return {
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "tools/call"},
        "resource": {"type": "tool", "id": "send_money", "properties": {"server": "bank"}},
        "context": {"arguments": {"amount": 10}},
        **changes,
    }


class TestAuthZEN:
    def test_a_tool_is_judged_with_its_arguments_for_the_subject(self) -> None:
        door = Door(allow=["send_money"])
        answer = door.post("/access/v1/evaluation", evaluation(), x_request_id="r-1")
        assert answer.status_code == 200
        assert answer.json()["decision"] is True
        assert answer.headers["x-request-id"] == "r-1"
        assert (door.calls[0].tool, door.calls[0].server, door.calls[0].arguments) == (
            "send_money",
            "bank",
            {"amount": 10},
        )
        assert door.gateway.who[0] is not None
        assert door.gateway.who[0].principal == "alice"

    def test_any_other_action_is_a_call_with_subject_and_resource_as_arguments(self) -> None:
        door = Door(allow=["can_read_user"])
        resource = {"type": "user", "id": "bob", "properties": {"owner": "x"}}
        body = evaluation(action={"name": "can_read_user"}, resource=resource, context={})
        assert door.post("/access/v1/evaluation", body).json()["decision"] is True
        assert door.calls[0].arguments == {"subject": {"type": "user", "id": "alice"}, "resource": resource}

    @pytest.mark.parametrize(
        "script",
        [
            {},
            {"hold": ["send_money"]},
            {"allow": ["*"], "lie": "raise"},
            {"allow": ["*"], "lie": "other_call"},
        ],
    )
    def test_everything_but_an_allow_is_false_and_says_why(self, script: Any) -> None:
        answer = Door(**script).post("/access/v1/evaluation", evaluation()).json()
        assert answer["decision"] is False
        assert answer["context"]["reason_admin"]["en"]

    def test_an_agent_can_ask_for_itself_only(self) -> None:
        door = Door("agent", allow=["*"])
        assert door.post("/access/v1/evaluation", evaluation()).status_code == 403
        own = evaluation(subject={"type": "agent", "id": "agent"})
        assert door.post("/access/v1/evaluation", own).json()["decision"] is True

    @pytest.mark.parametrize("token", [None, "nobody", "auditor"])
    def test_others_cannot_ask_at_all(self, token: str | None) -> None:
        door = Door(token, allow=["*"])
        assert door.post("/access/v1/evaluation", evaluation()).status_code in (401, 403)
        assert door.calls == []

    @pytest.mark.parametrize(
        "change",
        [
            {"resource": {"type": "tool", "id": "send_money", "properties": {"server": ["bank"]}}},
            {"context": {"arguments": {}, "session": 7}},
            {"context": {"arguments": {}}, "action": {"name": "call", "properties": {"arguments": {"a": 1}}}},
        ],
        ids=["server", "session", "arguments-twice"],
    )
    def test_what_is_no_text_or_stands_twice_is_not_taken_for_left_out(self, change: Any) -> None:
        door = Door(allow=["*"])
        assert door.post("/access/v1/evaluation", evaluation(**change)).status_code == 400
        assert door.calls == []

    @pytest.mark.parametrize("missing", ["subject", "action", "resource"])
    def test_an_incomplete_request_is_400(self, missing: str) -> None:
        body = evaluation()
        del body[missing]
        assert Door(allow=["*"]).post("/access/v1/evaluation", body).status_code == 400

    def test_several_evaluations_share_defaults_and_stop_where_asked(self) -> None:
        door = Door(allow=["a"])
        resources = [{"resource": {"type": "tool", "id": name}} for name in ("a", "b", "a")]
        for semantic, expected in (
            ("execute_all", [True, False, True]),
            ("deny_on_first_deny", [True, False]),
            ("permit_on_first_permit", [True]),
        ):
            body = {**evaluation(), "evaluations": resources, "options": {"evaluations_semantic": semantic}}
            answers = door.post("/access/v1/evaluations", body).json()["evaluations"]
            assert [answer["decision"] for answer in answers] == expected

    def test_one_bad_evaluation_is_false_and_does_not_spoil_the_others(self) -> None:
        body = {**evaluation(), "evaluations": [{}, {"resource": 7}, {"subject": {}}]}
        answers = Door(allow=["*"]).post("/access/v1/evaluations", body).json()["evaluations"]
        assert [answer["decision"] for answer in answers] == [True, False, False]

    def test_no_evaluations_is_the_single_one(self) -> None:
        assert Door(allow=["*"]).post("/access/v1/evaluations", evaluation()).json()["decision"] is True

    def test_it_can_be_discovered(self) -> None:
        found = Door().client.get("/.well-known/authzen-configuration").json()
        assert found["access_evaluation_endpoint"].endswith("/access/v1/evaluation")


class TestOpa:
    def test_the_boolean_the_effect_and_the_whole_document(self) -> None:
        door = Door(allow=["t"])
        body = {"input": {"tool": "t", "arguments": {"a": 1}, "subject": "alice"}}
        assert door.post("/v1/data/yett/allow", body).json()["result"] is True
        assert door.post("/v1/data/yett/effect", body).json()["result"] == "allow"
        assert door.post("/v1/data/yett", body).json()["result"]["allow"] is True

    def test_an_unknown_document_is_undefined(self) -> None:
        assert Door(allow=["*"]).post("/v1/data/other/allow", {"input": {"tool": "t"}}).json() == {}

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"input": None},
            {"input": {"tool": 7}},
            {"input": {"tool": "t", "arguments": []}},
            {"input": {"tool": "t", "subject": 7}},
        ],
    )
    def test_an_input_without_a_call_is_an_error(self, body: Any) -> None:
        assert Door(allow=["*"]).post("/v1/data/yett/allow", body).status_code == 400


class TestEnvoy:
    def ask(self, door: Door, path: str, body: bytes = b"", method: str = "POST", **headers: str) -> Any:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"x-yett-authorization": "Bearer pep", "authorization": "Bearer somebody-elses", **more}
        return door.client.request(method, f"/ext_authz{path}", content=body, headers=given)

    def mcp(self, **params: Any) -> bytes:
        return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()

    def test_a_tool_call_in_the_body_is_judged(self) -> None:
        door = Door(allow=["read"])
        ok = self.ask(door, "/mcp", self.mcp(name="read", arguments={"p": 1}), x_mcp_server="files")
        no = self.ask(door, "/mcp", self.mcp(name="rm"), x_mcp_server="files")
        assert ok.status_code == 200
        assert ok.headers["x-yett-decision"] == "d1"
        assert no.status_code == 403
        assert (no.json()["id"], no.json()["error"]["data"]["effect"]) == (1, "deny")
        assert "not allowed" in no.json()["error"]["message"], "an MCP client can show it"

    def test_a_plain_request_is_the_tool_http(self) -> None:
        door = Door(allow=["http"])
        assert self.ask(door, "/a/b?x=1", method="DELETE").status_code == 200
        assert door.calls[0].arguments == {"method": "DELETE", "host": "testserver", "path": "/a/b?x=1"}

    @pytest.mark.parametrize(
        "body",
        [
            b'[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}]',
            b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"read"}}',
            b'{"jsonrpc":"2.0","id":1,"method":"tools/run","params":{"name":"read"}}',
            b'{"jsonrpc":"2.0","method":"tools/call","params":{"name":"read"}}',  # no id: a server runs it too
        ],
    )
    def test_ambiguous_messages_are_refused(self, body: bytes) -> None:
        door = Door(allow=["*"])
        for server in ({}, {"x_mcp_server": "files"}):
            answer = self.ask(door, "/mcp", body, content_type="application/json", **server)
            assert answer.status_code == 400
        assert door.calls == []

    def test_a_cut_body_is_refused(self) -> None:
        answer = self.ask(Door(allow=["*"]), "/", b"x", x_envoy_auth_partial_body="true")
        assert answer.status_code == 413

    def test_the_judged_requests_own_credential_is_not_envoys(self) -> None:
        door = Door(allow=["*"])
        answer = door.client.get("/ext_authz/", headers={"authorization": "Bearer pep"})
        assert answer.status_code == 401

    def test_a_server_that_is_named_twice_is_no_server(self) -> None:
        door = Door(allow=["*"])
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "read", "arguments": {}},
        }
        headers = [
            ("x-yett-authorization", "Bearer pep"),
            ("x-mcp-server", "theirs"),
            ("x-mcp-server", "ours"),
        ]
        assert door.client.post("/ext_authz/mcp", json=call, headers=headers).status_code == 400
        assert door.calls == []


class TestToolHive:
    def sign(self, body: bytes, stamp: int = NOW, secret: bytes = b"secret") -> dict[str, str]:
        mac = hmac.new(secret, str(stamp).encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"x_toolhive_timestamp": str(stamp), "x_toolhive_signature": f"sha256={mac}"}

    def body(self, tool: str = "read", uid: str = "u") -> bytes:
        request = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": tool, "arguments": {}},
        }
        context = {"server_name": "files"}
        return json.dumps(
            {
                "version": "v0.1.0",
                "uid": uid,
                "principal": {"sub": "alice"},
                "mcp_request": request,
                "context": context,
            }
        ).encode()

    def test_a_signed_request_is_judged_for_its_principal(self) -> None:
        door = Door(None, allow=["read"])
        body = self.body()
        answer = door.post("/pdp/toolhive", body, **self.sign(body)).json()
        assert answer == {"version": "v0.1.0", "uid": "u", "allowed": True}
        assert (door.calls[0].server, door.gateway.who[0].principal) == ("files", "alice")  # type: ignore[union-attr]
        denied = self.body("rm")
        assert door.post("/pdp/toolhive", denied, **self.sign(denied)).json()["allowed"] is False

    def test_unsigned_forged_old_and_replayed_requests_are_refused(self) -> None:
        door = Door(None, allow=["*"])
        body = self.body()
        good = self.sign(body)
        assert door.post("/pdp/toolhive", body).status_code == 401
        assert door.post("/pdp/toolhive", body, **self.sign(body, secret=b"other")).status_code == 401
        assert door.post("/pdp/toolhive", self.body(uid="v"), **good).status_code == 401
        assert door.post("/pdp/toolhive", body, **self.sign(body, NOW - 1000)).status_code == 401
        assert door.calls == []
        assert door.post("/pdp/toolhive", body, **good).json()["allowed"] is True
        assert door.post("/pdp/toolhive", body, **good).status_code == 401

    @pytest.mark.parametrize(
        "change",
        [
            {"mcp_request": {"method": "tools/call", "params": {"name": 7}}},
            {"mcp_request": {"method": "tools/call", "params": {"name": "read", "arguments": {"n": 2**70}}}},
            {"mcp_request": {"method": "tools/run", "params": {}}},
            {"principal": {"sub": 7}},
            {"principal": {}},
            {"context": {"server_name": 7}},
        ],
    )
    def test_a_call_that_cannot_be_judged_is_a_no_and_not_a_failure_to_pass_over(self, change: Any) -> None:
        """ToolHive goes on, if it is told to, where the webhook answers with another status."""
        door = Door(None, allow=["*"])
        body = json.dumps(json.loads(self.body()) | change).encode()
        answer = door.post("/pdp/toolhive", body, **self.sign(body))
        assert (answer.status_code, answer.json()["allowed"]) == (200, False)
        assert door.calls == []

    def test_a_body_with_a_key_twice_is_a_no_too(self) -> None:
        door = Door(None, allow=["*"])
        body = self.body()[:-1] + b',"uid":"v"}'
        answer = door.post("/pdp/toolhive", body, **self.sign(body))
        assert (answer.status_code, answer.json()["allowed"]) == (200, False)

    def test_a_notification_runs_nothing_and_passes(self) -> None:
        door = Door(None)
        body = json.dumps(
            json.loads(self.body()) | {"mcp_request": {"method": "notifications/initialized"}}
        ).encode()
        assert door.post("/pdp/toolhive", body, **self.sign(body)).json()["allowed"] is True
        assert door.calls == []

    def test_the_decision_endpoint_answers_allow_or_not(self) -> None:
        door = Door(allow=["ns:read", "prompts/get", "resources/read", "deploy:app"])

        def asked(operation: str, resource: Any, context: Any) -> Any:
            porc = {"principal": {"sub": "alice"}, "operation": operation, "resource": resource}
            answer = door.post("/decision", porc | {"context": context})
            return answer.json()["allow"] if answer.status_code == 200 else answer.status_code

        given = {"mcp": {"args": {"path": "a"}}}
        assert asked("mcp:tool:call", "mrn:mcp:files:tool:ns:read", given) is True
        assert asked("mcp:tool:call", "mrn:mcp:files:tool:ns:rm", given) is False
        assert asked("mcp:resource:read", "mrn:mcp:files:resource:file://a:b", {}) is True
        assert asked("mcp:prompt:get", "mrn:mcp:files:prompt:greet", {}) is True
        assert asked("deploy:app", "prod", {}) is True
        told = [(call.server, call.tool, call.arguments) for call in door.calls]
        assert told == [
            ("files", "ns:read", {"path": "a"}),
            ("files", "ns:rm", {"path": "a"}),
            ("files", "resources/read", {"uri": "file://a:b"}),
            ("files", "prompts/get", {"name": "greet", "arguments": {}}),
            (None, "deploy:app", {"resource": "prod", "context": {}}),
        ]

    @pytest.mark.parametrize(
        ("operation", "resource", "context"),
        [
            ("mcp:tool:call", "mrn:mcp:files:tool:read", {"mcp": {"operation": "call"}}),
            ("mcp:tool:call", "mrn:mcp:files:tool:read", {}),
            ("mcp:tool:call", "mrn:mcp:files:tool:", {"mcp": {"args": {}}}),
            ("mcp:tool:call", "mrn:mcp:files:prompt:read", {"mcp": {"args": {}}}),
            ("mcp:tool:call", "read", {"mcp": {"args": {}}}),
            ("mcp:tool:call", None, {"mcp": {"args": {}}}),
            ("mcp:tool:run", "mrn:mcp:files:tool:read", {"mcp": {"args": {}}}),
            ("mcp:", "mrn:mcp:files::read", {"mcp": {"args": {}}}),
        ],
    )
    def test_a_call_that_is_not_told_whole_is_not_judged(
        self, operation: str, resource: Any, context: Any
    ) -> None:
        door = Door(allow=["*"])
        porc = {"principal": {"sub": "alice"}, "operation": operation, "resource": resource}
        assert door.post("/decision", porc | {"context": context}).status_code == 400
        assert door.calls == []


class TestDocker:
    call: ClassVar[dict[str, Any]] = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "read", "arguments": {"p": 1}},
    }

    def test_an_empty_answer_lets_it_go_on_and_a_result_replaces_it(self) -> None:
        assert Door(allow=["read"]).post("/pdp/docker", self.call).content == b""
        refused = Door().post("/pdp/docker", self.call)
        assert refused.status_code == 200
        assert refused.json()["isError"] is True

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"method":"x"}', b'{"name":7}'])
    def test_whatever_goes_wrong_is_a_result_because_docker_goes_on_otherwise(self, body: bytes) -> None:
        door = Door(allow=["*"])
        assert door.post("/pdp/docker", body).json()["isError"] is True
        assert Door(None, allow=["*"]).post("/pdp/docker", self.call).json()["isError"] is True


PATHS = ["/access/v1/evaluation", "/access/v1/evaluations", "/v1/data/yett/allow", "/ext_authz/x", "/decision", "/pdp/docker", "/v1/hooks/claude-code"]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["subject", "action", "resource", "context", "id", "type", "name", "input", "tool", "arguments", "evaluations", "properties", "jsonrpc", "method", "params", "operation", "principal", "tool_name", "tool_input", "hook_event_name", "session_id"]), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(PATHS), body=JSON | st.binary(max_size=50))
def test_no_body_makes_a_door_fail_or_say_yes_by_accident(path: str, body: Any) -> None:
    door = Door(deny=["*"])
    headers = {"x_yett_authorization": "Bearer pep", "content_type": "application/json"}
    answer = door.post(path, body, **headers)
    assert answer.status_code < 500
    if answer.status_code == 200 and path.startswith(("/access", "/v1/data", "/decision")):
        said = answer.json()
        assert True not in (said.get("decision"), said.get("result"), said.get("allow"))


def test_a_duty_that_the_other_side_cannot_be_told_of_is_a_no() -> None:
    duty = (Obligation(kind="redact", arguments={"fields": ["x"]}),)
    door = Door(allow=["*"], obligations=duty)
    assert door.post("/access/v1/evaluation", evaluation()).json()["decision"] is False
    assert door.gateway.decider.outcomes[0].status == "no_effect"


def test_hooks_over_http_get_their_own_deny_even_when_the_event_is_garbage() -> None:
    door = Door("agent", allow=["*"])
    answer = door.post("/v1/hooks/claude-code", b"{")
    assert answer.status_code == 200
    assert answer.json()["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert Door("auditor").post("/v1/hooks/claude-code", b"{}").status_code == 403
    assert door.post("/v1/hooks/emacs", b"{}").status_code == 404
