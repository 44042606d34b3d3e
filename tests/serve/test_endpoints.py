"""The sidecar's endpoints against a real gateway: who may do what, and what comes back."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from yett.model import Effect, Outcome, ToolCall
from yett.sdk import Client, Denied, Held, TransportError, guard
from yett_audit.receipt import Receipt
from yett_audit.trust import Trust

ROLES = ("agent", "approver", "operator", "auditor", "watcher")
MAY: dict[tuple[str, str], set[str]] = {
    ("GET", "/v1/identity"): set(ROLES),
    ("GET", "/v1/policy"): set(ROLES),
    ("GET", "/v1/keys"): set(ROLES),
    ("POST", "/v1/policy/reload"): {"operator"},
    ("POST", "/v1/sessions"): {"agent"},
    ("GET", "/v1/sessions/s_x"): {"agent"},
    ("POST", "/v1/sessions/s_x/clear"): {"operator"},
    ("POST", "/v1/sessions/s_x/clearing"): {"operator"},
    ("POST", "/v1/clearings"): {"operator"},
    ("POST", "/v1/plans"): {"agent"},
    ("GET", "/v1/approvals"): {"agent", "approver", "operator", "auditor"},
    ("GET", "/v1/approvals/a_x"): {"agent", "approver", "operator", "auditor"},
    ("POST", "/v1/approvals/a_x/approve"): {"approver", "operator"},
    ("POST", "/v1/approvals/a_x/refuse"): {"approver", "operator"},
    ("POST", "/v1/approvals/a_x/withdraw"): {"agent"},
    ("POST", "/v1/mandates"): {"operator"},
    ("GET", "/v1/mandates/m_x"): {"operator", "auditor"},
    ("POST", "/v1/mandates/m_x/challenge"): {"agent"},
    ("POST", "/v1/mandates/m_x/revoke"): {"operator"},
    ("POST", "/v1/revocations"): {"operator"},
    ("GET", "/v1/in-doubt"): {"operator", "auditor"},
    ("POST", "/v1/in-doubt/d_x/resolve"): {"operator"},
    ("GET", "/v1/freezes"): {"operator", "watcher", "auditor"},
    ("POST", "/v1/freezes"): {"operator", "watcher"},
    ("POST", "/v1/freezes/lift"): {"operator"},
    ("GET", "/v1/records"): {"auditor"},
    ("GET", "/v1/records/0"): {"auditor"},
    ("GET", "/v1/records/0/receipt"): {"auditor"},
    ("GET", "/v1/checkpoint"): {"operator", "auditor", "watcher"},
    ("POST", "/v1/decisions"): {"agent"},
    ("POST", "/v1/outcomes"): {"agent"},
}


def status_of(client: Client, method: str, path: str, body: Any = None) -> str:
    try:
        client.request(method, path, body)
    except TransportError as refused:
        return refused.code
    return "OK"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_may_and_nothing_else(living: Any, role: str) -> None:
    client = living.client(role, f"matrix-{role}", "x")
    for (method, path), roles in MAY.items():
        body = {} if method == "POST" else None
        code = status_of(client, method, path, body)
        assert (code != "ROLE_FORBIDDEN") == (role in roles), f"{role} {method} {path}: {code}"


def test_the_matrix_above_names_every_endpoint(living: Any) -> None:
    app = living.sidecar.rest
    paths = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    named = {(m, p.replace("s_x", "{session}").replace("d_x", "{decision}")) for m, p in MAY}
    named = {(m, p.replace("a_x", "{identifier}").replace("m_x", "{identifier}")) for m, p in named}
    named = {(m, p.replace("/records/0", "/records/{index}")) for m, p in named}
    open_to_all = {("GET", "/healthz"), ("GET", "/readyz")}
    elsewhere = {("GET", "/metrics"), ("GET", "/v1/approvals/events")}
    assert paths - open_to_all - elsewhere == named


@pytest.mark.parametrize(("method", "path"), [*MAY, ("GET", "/metrics"), ("GET", "/v1/approvals/events")])
def test_without_a_token_there_is_nothing(living: Any, method: str, path: str) -> None:
    with Client(str(living.settings.socket), "yett_0_0", timeout=60) as stranger:
        body = {} if method == "POST" else None
        assert status_of(stranger, method, path, body) == "TOKEN_UNKNOWN"


def test_identity_comes_from_the_credential_and_not_from_the_call(living: Any) -> None:
    client = living.client("agent", "ann", "identity")
    decision = client.decide(ToolCall(tool="ping", principal="root", agent="boss", call_id="c"))
    assert decision.allowed
    who = client.whoami()
    assert (who.principal, who.agent) == ("ann", "identity")
    pinned = Client(str(living.settings.socket), living.token("agent", "ann", "identity"), identity=who)
    with pinned:
        assert pinned.decide(ToolCall(tool="ping")).allowed


def test_a_permit_verifies_under_the_pinned_key_and_under_no_other(living: Any) -> None:
    key = living.gateway.ledger.public_key
    token = living.token("agent", "ann", "permit")
    with Client(str(living.settings.socket), token, public_key=key) as client:
        assert client.decide(ToolCall(tool="ping")).allowed
    with Client(str(living.settings.socket), token, public_key=bytes(31) + b"\x01") as client:
        assert client.decide(ToolCall(tool="ping")).effect is Effect.DENY


def test_the_published_key_is_the_one_that_signs_permits(living: Any) -> None:
    keys = living.client("auditor").request("GET", "/v1/keys")
    assert bytes.fromhex(keys["permit"]) == living.gateway.ledger.public_key
    assert keys["log"] == living.gateway.ledger.log_key


def test_another_agents_session_is_closed_to_read_and_to_write(living: Any) -> None:
    mine = living.client("agent", "ann", "first")
    session = mine.open_session(prompt="say hello")
    for principal, agent in (("ann", "second"), ("eve", "first")):
        other = living.client("agent", principal, agent)
        assert status_of(other, "GET", f"/v1/sessions/{session}") == "SESSION_NOT_YOURS"
        decision = other.decide(ToolCall(tool="ping", session=session))
        assert decision.effect is Effect.DENY
        assert Denied(decision).code == "SESSION_NOT_YOURS"
    assert mine.request("GET", f"/v1/sessions/{session}")["session"] == session


def test_another_agents_decision_cannot_be_reported(living: Any) -> None:
    decision = living.client("agent", "ann", "reporter").decide(ToolCall(tool="ping"))
    other = living.client("agent", "ann", "liar")
    with pytest.raises(TransportError) as refused:
        other.report(Outcome(decision_id=decision.decision_id, result="x"))
    assert refused.value.code == "NOT_YOURS"


def test_an_approved_call_runs_once_and_only_by_another_persons_word(living: Any) -> None:
    ran: list[int] = []
    agent = living.client("agent", "ann", "payer")
    session = agent.open_session(prompt="pay bob 500")

    @guard.tool(agent, session=session)
    def pay(to: str, amount: int) -> None:
        ran.append(amount)

    with pytest.raises(Held) as held:
        pay("bob", 500)
    approval = held.value.approval
    assert status_of(agent, "POST", f"/v1/approvals/{approval}/approve", {}) == "ROLE_FORBIDDEN"
    stranger = living.client("approver", "sam", "sam", groups=("kitchen",))
    assert status_of(stranger, "POST", f"/v1/approvals/{approval}/approve", {}) != "OK"
    own = living.client("approver", "ann", "ann", groups=("treasury",))
    assert status_of(own, "POST", f"/v1/approvals/{approval}/approve", {}) == "OWN_CALL"
    boss = living.client("approver", "tom", "tom", groups=("treasury",))
    seen = boss.request("GET", f"/v1/approvals/{approval}")
    assert '"amount":500' in seen["shown"]["arguments"]
    assert "canonical" not in seen["shown"]
    assert boss.request("GET", f"/v1/approvals/{approval}")["decided_at"] == 0
    assert boss.request("POST", f"/v1/approvals/{approval}/approve", {})["decided_at"] > 0
    assert "yett_approval_seconds_count 0.0" not in living.sidecar.metrics.render().decode()
    pay("bob", 500)
    with pytest.raises(Held):
        pay("bob", 500)
    assert ran == [500]


def test_waiting_for_an_approval_ends_when_it_is_given(living: Any) -> None:
    agent = living.client("agent", "ann", "waiter")
    boss = living.client("approver", "tom", "tom", groups=("treasury",))
    ran: list[int] = []

    @guard.tool(agent, wait=120)
    def pay(to: str, amount: int) -> None:
        ran.append(amount)

    def approve() -> None:
        while not ran:
            for each in boss.request("GET", "/v1/approvals")["approvals"]:
                if each["agent"] == "waiter":
                    boss.request("POST", f"/v1/approvals/{each['id']}/approve", {})
                    return
            time.sleep(0.02)

    helper = threading.Thread(target=approve)
    helper.start()
    pay("bob", 700)
    helper.join()
    assert ran == [700]


def test_a_refused_call_stays_refused(living: Any) -> None:
    agent = living.client("agent", "ann", "refused")
    boss = living.client("approver", "tom", "tom", groups=("treasury",))
    held = agent.decide(ToolCall(tool="pay", arguments={"to": "bob", "amount": 900}))
    boss.request("POST", f"/v1/approvals/{held.approval}/refuse", {"reason": "no"})
    again = agent.decide(ToolCall(tool="pay", arguments={"to": "bob", "amount": 900}))
    assert again.effect is Effect.DENY
    assert "APPROVAL_REFUSED" in [reason.code for reason in again.reasons]


def test_approvals_stream_as_server_sent_events(living: Any) -> None:
    boss = living.token("approver", "tom", "tom", groups=("treasury",))
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(10)
        stream.connect(str(living.settings.socket))
        request = (
            f"GET /v1/approvals/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {boss}\r\n\r\n"
        )
        stream.sendall(request.encode())
        agent = living.client("agent", "ann", "streamed")
        held = agent.decide(ToolCall(tool="pay", arguments={"to": "bob", "amount": 333}))
        received = b""
        while f"id: {held.approval}".encode() not in received or not received.endswith(b"\n\n\r\n"):
            received += stream.recv(65536)
    assert b"text/event-stream" in received
    assert b"event: approval" in received


def test_a_freeze_stops_an_agent_at_once_and_only_an_operator_lifts_it(living: Any) -> None:
    agent = living.client("agent", "ann", "wild")
    watcher = living.client("watcher", "dog", "dog")
    operator = living.client("operator", "olga", "olga")
    scope = "agent:default/ann/wild"
    assert agent.decide(ToolCall(tool="ping")).allowed
    watcher.request("POST", "/v1/freezes", {"scope": scope, "reason": "drill"})
    assert [r.code for r in agent.decide(ToolCall(tool="ping")).reasons].count("FROZEN") == 1
    assert status_of(watcher, "POST", "/v1/freezes/lift", {"scope": scope}) == "ROLE_FORBIDDEN"
    operator.request("POST", "/v1/freezes/lift", {"scope": scope})
    assert agent.decide(ToolCall(tool="ping")).allowed


def test_a_mandate_is_issued_shown_and_revoked(living: Any) -> None:
    operator = living.client("operator", "olga", "olga")
    issued = operator.request(
        "POST",
        "/v1/mandates",
        {"principal": "ann", "agent": "coder", "tools": ["pay"], "limits": {"amount": {"most": 5}}},
    )
    shown = operator.request("GET", f"/v1/mandates/{issued['id']}")
    assert (shown["used"], shown["revoked"]) == (0, False)
    operator.request("POST", f"/v1/mandates/{issued['id']}/revoke")
    assert operator.request("GET", f"/v1/mandates/{issued['id']}")["revoked"] is True


def test_an_auditor_reads_the_record_of_a_decision(living: Any) -> None:
    decision = living.client("agent", "ann", "audited").decide(ToolCall(tool="ping", arguments={"n": 1}))
    assert decision.record is not None
    record = living.client("auditor").request("GET", f"/v1/records/{decision.record.index}")
    assert record["event"] == "decision"
    assert record["body"]["id"] == decision.decision_id
    assert record["leaf"] == decision.record.leaf
    assert status_of(living.client("auditor"), "GET", "/v1/records/999999999") == "UNKNOWN_RECORD"


def text_of(living: Any, token: str, path: str) -> str:
    """The answer of an endpoint that is not JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", living.ports[0], timeout=60)
    connection.request("GET", path, headers={"authorization": f"Bearer {token}"})
    response = connection.getresponse()
    assert response.status == 200
    text = response.read().decode()
    connection.close()
    return text


def test_a_receipt_proves_a_decision_when_it_is_answered(living: Any) -> None:
    decision = living.client("agent", "ann", "receipted").decide(ToolCall(tool="ping"))
    assert decision.record is not None
    auditor = living.token("auditor")
    receipt = Receipt.parse(text_of(living, auditor, f"/v1/records/{decision.record.index}/receipt").encode())
    trust = Trust.parse(f"log {living.gateway.ledger.log_key}\nquorum none\n")
    assert decision.decision_id in str(receipt.verify(trust)["record"])
    assert text_of(living, auditor, "/v1/checkpoint").startswith(living.gateway.ledger.origin)
    assert status_of(living.client("auditor"), "GET", "/v1/records/99999999/receipt") == "UNKNOWN_RECORD"


def test_a_malformed_call_is_a_recorded_deny(living: Any) -> None:
    client = living.client("agent", "ann", "malformed")
    for body in ({"tool": 5}, {"tool": "ping", "effect": "allow"}, [], {"tool": "ping", "arguments": []}):
        answer = client.request("POST", "/v1/decisions", body)
        assert (answer["effect"], answer["record"] is None) == ("deny", False), body


def test_a_clock_behind_the_log_is_named_by_the_probe(make_living: Any) -> None:
    own = make_living()
    state = own.gateway.ledger._core.state
    assert own.client("operator").request("GET", "/readyz")["problems"] == []
    state.meta = msgspec.structs.replace(state.meta, now=state.meta.now + 10**9)
    assert own.client("operator").request("GET", "/readyz") == {"ready": True, "problems": ["CLOCK_BEHIND"]}
    assert "yett_clock_behind_seconds 9" in own.sidecar.metrics.render().decode()


def test_a_policy_that_does_not_load_leaves_the_last_good_one_and_says_so(make_living: Any) -> None:
    own = make_living()
    operator, agent = own.client("operator"), own.client("agent")
    path = own.folder / "policy.yaml"
    good = path.read_text()
    path.write_text("rules: [")
    assert status_of(operator, "POST", "/v1/policy/reload", {}) != "OK"
    assert agent.decide(ToolCall(tool="ping")).allowed
    assert operator.request("GET", "/readyz")["ready"] is True
    assert operator.request("GET", "/readyz")["problems"]
    path.write_text(good.replace("allow: ping", "deny: ping"))
    operator.request("POST", "/v1/policy/reload", {})
    assert operator.request("GET", "/readyz")["problems"] == []
    assert not agent.decide(ToolCall(tool="ping")).allowed


def test_metrics_count_decisions(living: Any) -> None:
    living.client("agent", "ann", "counted").decide(ToolCall(tool="ping"))
    token = living.token("watcher", "dog", "dog")
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(5)
        raw.connect(str(living.settings.socket))
        raw.sendall(
            f"GET /metrics HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n".encode()
        )
        text = b""
        while more := raw.recv(65536):
            text += more
    assert b'yett_decisions_total{effect="allow"}' in text
    assert b"yett_log_writable 1.0" in text
    assert b"yett_policy_current 1.0" in text
    assert b"yett_frozen_scopes" in text


def test_a_revoked_token_is_out_with_the_next_request(living: Any) -> None:
    credential, token = living.keys.create("agent", "ann", "leaver")
    with Client(str(living.settings.socket), token) as client:
        assert client.decide(ToolCall(tool="ping")).allowed
        living.keys.revoke(credential.id)
        assert client.decide(ToolCall(tool="ping")).reasons[0].code == "TOKEN_REVOKED"


def test_the_loopback_port_answers_like_the_socket(living: Any) -> None:
    with Client(f"http://127.0.0.1:{living.ports[0]}", living.token("agent", "ann", "tcp")) as client:
        assert client.decide(ToolCall(tool="ping")).allowed


def test_unknown_paths_and_methods_are_problem_documents(living: Any) -> None:
    client = living.client("agent")
    assert status_of(client, "GET", "/v1/nothing") == "NOT_FOUND"
    assert status_of(client, "DELETE", "/v1/policy") == "METHOD_NOT_ALLOWED"
    assert status_of(client, "GET", "/v1/decisions") in ("NOT_FOUND", "METHOD_NOT_ALLOWED")
    assert status_of(client, "POST", "/v1/sessions", {"x": "y" * 1_100_000}) == "TOO_LARGE"


def test_further_doors_are_routes_with_the_same_credentials(make_living: Any) -> None:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    def doors(gateway: Any, authenticate: Any) -> list[Any]:
        async def who(request: Any) -> Any:
            return PlainTextResponse('"' + authenticate(request.scope["headers"]).principal + '"')

        return [Route("/access/v1/who", who)]

    own = make_living(doors=doors)
    assert own.client("agent", "ann").request("GET", "/access/v1/who") == "ann"
    with Client(str(own.settings.socket), "yett_0_0") as stranger:
        assert status_of(stranger, "GET", "/access/v1/who") == "TOKEN_UNKNOWN"


def test_the_documentation_names_every_endpoint() -> None:

    page = (Path(__file__).resolve().parents[2] / "docs" / "sidecar.md").read_text()
    for method, path in MAY:
        template = path.replace("s_x", "{session}").replace("d_x", "{decision}")
        template = template.replace("a_x", "{identifier}").replace("m_x", "{identifier}")
        template = template.replace("/records/0", "/records/{index}")
        assert f"{method} {template}" in page, f"{method} {template}"


def test_a_failure_behind_an_endpoint_is_a_problem_document_without_its_cause(
    living: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> Any:
        raise RuntimeError("secret cause")

    monkeypatch.setattr(type(living.gateway.ledger), "frozen", broken)
    with pytest.raises(TransportError) as refused:
        living.client("operator").request("GET", "/v1/freezes")
    assert refused.value.code == "INTERNAL"
    assert "secret" not in refused.value.message


def test_the_doors_of_other_protocols_ask_for_an_agents_token_too(make_living: Any) -> None:
    from yett.proxy.doors import routes

    own = make_living(doors=routes)
    question = {
        "subject": {"type": "user", "id": "ann"},
        "action": {"name": "ping"},
        "resource": {"type": "tool", "id": "ping"},
    }
    assert own.client("agent").request("POST", "/access/v1/evaluation", question)["decision"] in (True, False)
    with Client(str(own.settings.socket), "yett_0_0") as stranger:
        assert status_of(stranger, "POST", "/access/v1/evaluation", question) != "OK"
    assert status_of(own.client("auditor"), "POST", "/access/v1/evaluation", question) != "OK"


def test_an_enforcement_point_with_an_operators_token_asks_for_others_and_runs_nothing_itself(
    make_living: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from yett.proxy.doors import routes

    servers = tmp_path / "proxy.yaml"
    servers.write_text(
        "tools: {ping: {url: 'http://127.0.0.1:1/'}}\nmcpServers: {m: {url: 'http://127.0.0.1:1/'}}"
    )
    monkeypatch.setenv("YETT_PROXY_FILE", str(servers))
    own = make_living(doors=routes)
    point = own.client("operator", "mesh")
    question = {
        "subject": {"type": "user", "id": "somebody"},
        "action": {"name": "call"},
        "resource": {"type": "tool", "id": "ping"},
    }
    assert point.request("POST", "/access/v1/evaluation", question)["decision"] is True
    assert status_of(own.client("agent"), "POST", "/access/v1/evaluation", question) == "SUBJECT_MISMATCH"
    assert status_of(point, "POST", "/proxy/ping", {"arguments": {}}) == "ROLE_FORBIDDEN"
    assert status_of(point, "POST", "/mcp/m", {}) != "OK"
    assert status_of(point, "POST", "/v1/decisions", {"tool": "ping", "arguments": {}}) != "OK"


def test_a_plan_is_judged_before_its_first_call_and_held_to(living: Any) -> None:
    agent = living.client("agent")
    session = agent.open_session(prompt="pay bob")
    calls = [{"tool": "fetch"}, {"tool": "pay", "arguments": {"to": "bob", "amount": 200}}]
    plan = agent.request("POST", "/v1/plans", {"session": session, "calls": calls, "pin": True})
    assert [step["category"] for step in plan["steps"]] == ["allowed", "held"]
    assert plan["category"] == "held"
    assert plan["record"]["index"] > 0
    outside = agent.decide(ToolCall(tool="ping", session=session))
    assert outside.effect is Effect.HOLD
    assert "OUTSIDE_PLAN" in {reason.code for reason in outside.reasons}
    assert agent.decide(ToolCall(tool="fetch", session=session)).allowed
    other = living.client("agent", agent="other")
    assert status_of(other, "POST", "/v1/plans", {"session": session, "calls": calls}) == "SESSION_NOT_YOURS"
    assert status_of(agent, "POST", "/v1/plans", {"calls": []}) == "BAD_PLAN"
    again = {"session": session, "calls": calls, "pin": True}
    assert status_of(agent, "POST", "/v1/plans", again) == "PLAN_PINNED"
