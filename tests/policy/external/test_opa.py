"""An OPA layer: what a real server says counts, and everything else is a deny."""

from __future__ import annotations

import http.server
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opa_client")

from policy_helpers import BANK, judged, loaded, pay

from yett.model import Effect
from yett.policy import PolicySet
from yett.policy.external import opa
from yett.policy.external.opa import FAILURES, REST_S, Breaker

GIVEN = {"origins": {"A": "prompt"}}


class Double:
    """A server that misbehaves as told; `mode` is what it does next."""

    def __init__(self) -> None:
        self.mode: Any = {"result": "allow"}
        self.asked: list[dict[str, Any]] = []
        self.release = threading.Event()
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                double.asked.append({"path": self.path, "body": json.loads(body)})
                mode = double.mode
                if mode == "hang":
                    double.release.wait(10)
                    self.close_connection = True
                    return
                if mode == "close":
                    self.close_connection = True
                    return
                status = mode if isinstance(mode, int) else 200
                text = (
                    mode
                    if isinstance(mode, bytes)
                    else json.dumps({} if isinstance(mode, int) else mode).encode()
                )
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text) + (50 if mode == b'{"result"' else 0)))
                self.end_headers()
                self.wfile.write(text)
                if mode == b'{"result"':
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def double() -> Iterator[Double]:
    opa.forget()
    server = Double()
    yield server
    server.close()
    opa.forget()


def asking(folder: Path, url: str, timeout_ms: int = 10_000) -> PolicySet:
    rules = "rules: [{id: all, allow: '*', free: true}]"
    layer = f"policy: external\nopa: {{url: '{url}', path: yett/decision, timeout_ms: {timeout_ms}}}"
    return loaded(folder, BANK + rules, layer)


def codes(policy: PolicySet) -> tuple[Effect, str]:
    verdict = judged(policy, pay(), GIVEN)
    return verdict.effect, verdict.reasons[0].code


def test_an_allow_of_opa_leaves_the_rest_to_the_rules(tmp_path: Path, double: Double) -> None:
    policy = asking(tmp_path, double.url)
    assert codes(policy) == (Effect.ALLOW, "RULE_ALLOWS")
    assert double.asked[0]["path"] == "/v1/data/yett/decision"
    asked = double.asked[0]["body"]["input"]
    assert asked["version"] == 1
    assert asked["arguments"] == pay()["args"]
    assert asked["origins"]["recipient"] == "prompt"
    assert asked["manifest"]["does"] == ["pay"]
    assert asked["facts"]["truncated"] is False


@pytest.mark.parametrize(
    ("mode", "effect", "code"),
    [
        ({"result": "deny"}, Effect.DENY, "OPA_DENIES"),
        (
            {"result": {"effect": "hold", "approvers": ["treasury"], "reasons": ["why"]}},
            Effect.HOLD,
            "OPA_HOLDS",
        ),
        ({}, Effect.DENY, "OPA_UNDEFINED"),
        ([], Effect.DENY, "OPA_UNDEFINED"),
        ({"result": None}, Effect.DENY, "OPA_INVALID"),
        ({"result": True}, Effect.DENY, "OPA_INVALID"),
        ({"result": "true"}, Effect.DENY, "OPA_INVALID"),
        ({"result": "ALLOW"}, Effect.DENY, "OPA_INVALID"),
        ({"result": ["allow"]}, Effect.DENY, "OPA_INVALID"),
        ({"result": {}}, Effect.DENY, "OPA_INVALID"),
        ({"result": {"effect": "allow", "unless": "x"}}, Effect.DENY, "OPA_INVALID"),
        ({"result": {"effect": "allow", "reasons": "x"}}, Effect.DENY, "OPA_INVALID"),
        ({"result": {"effect": ["allow"]}}, Effect.DENY, "OPA_INVALID"),
        (500, Effect.DENY, "OPA_UNAVAILABLE"),
        (503, Effect.DENY, "OPA_UNAVAILABLE"),
        (404, Effect.DENY, "OPA_UNAVAILABLE"),
        (b"not json", Effect.DENY, "OPA_UNAVAILABLE"),
        (b'{"result"', Effect.DENY, "OPA_UNAVAILABLE"),
        (b"", Effect.DENY, "OPA_UNDEFINED"),
        ("close", Effect.DENY, "OPA_UNAVAILABLE"),
    ],
)
def test_whatever_is_not_an_answer_is_a_deny(
    tmp_path: Path, double: Double, mode: Any, effect: Effect, code: str
) -> None:
    double.mode = mode
    assert codes(asking(tmp_path, double.url)) == (effect, code)


def test_a_hung_server_costs_its_timeout_and_is_a_deny(tmp_path: Path, double: Double) -> None:
    double.mode = "hang"
    policy = asking(tmp_path, double.url, timeout_ms=100)
    assert codes(policy) == (Effect.DENY, "OPA_UNAVAILABLE")


def test_a_dead_server_is_a_deny_and_soon_not_asked_any_more(tmp_path: Path) -> None:
    opa.forget()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    policy = asking(tmp_path, f"http://127.0.0.1:{port}")
    assert [codes(policy)[1] for _ in range(FAILURES + 2)] == ["OPA_UNAVAILABLE"] * FAILURES + [
        "OPA_RESTING"
    ] * 2
    opa.forget()


def test_the_breaker_lets_one_call_try_and_closes_when_it_succeeds() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.admits(0)
        breaker.failed(0)
    assert not breaker.admits(REST_S[0] / 2)
    assert breaker.admits(REST_S[0])
    assert not breaker.admits(REST_S[0])
    breaker.failed(10)
    assert not breaker.admits(10 + REST_S[0])
    assert breaker.admits(10 + REST_S[1])
    breaker.succeeded()
    assert breaker.admits(10)


def test_many_threads_ask_at_once(tmp_path: Path, double: Double) -> None:
    policy = asking(tmp_path, double.url, timeout_ms=10_000)
    found: list[Effect] = []
    threads = [threading.Thread(target=lambda: found.append(codes(policy)[0])) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Effect.ALLOW] * 16


@pytest.mark.parametrize(
    "layer",
    [
        "opa: {url: 'ftp://x', path: a/b}",
        "opa: {url: 'http://x', path: ../v1/policies}",
        "opa: {url: 'http://x', path: a}",
        "opa: {url: 'http://x', path: a/b, timeout_ms: 0}",
        "opa: {url: 'http://x', path: a/b, fail_open: true}",
        "opa: {url: 'http://x', path: a/b}\nrules: [{id: a, allow: '*'}]",
    ],
)
def test_what_does_not_load(tmp_path: Path, layer: str) -> None:
    from yett.errors import PolicyError

    with pytest.raises(PolicyError):
        loaded(tmp_path, "policy: p\n" + layer)


@pytest.fixture(scope="module")
def real_opa(root: Path) -> Iterator[str]:
    binary = shutil.which("opa")
    if binary is None:
        pytest.skip("no `opa` on PATH (go install github.com/open-policy-agent/opa@v1.22.0)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [
            binary,
            "run",
            "--server",
            "--addr",
            f"127.0.0.1:{port}",
            "--log-level",
            "error",
            str(root / "policies/rego"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/health", timeout=60).close()
                break
            except OSError:
                if server.poll() is not None:
                    raise
                time.sleep(0.05)
        opa.forget()
        yield url
    finally:
        opa.forget()
        server.terminate()
        server.wait(10)


@pytest.mark.opa_binary
def test_a_real_server_decides_by_the_shipped_rego(tmp_path: Path, real_opa: str) -> None:
    policy = asking(tmp_path, real_opa, timeout_ms=10_000)
    assert judged(policy, pay(20), GIVEN).effect is Effect.ALLOW
    large = judged(policy, pay(501), GIVEN)
    assert (large.effect, large.approvers) == (Effect.HOLD, ("treasury",))
    assert judged(policy, pay(20)).effect is Effect.HOLD
    after = {"origins": {"A": "untrusted"}, "labels": ["read_untrusted", "read_secret"]}
    assert judged(policy, pay(20), after).effect is Effect.DENY
    assert judged(policy, {"tool": "read_file", "args": {"path": "x"}}).effect is Effect.ALLOW


@pytest.mark.opa_binary
def test_a_misspelt_rule_on_a_real_server_is_a_deny(tmp_path: Path, real_opa: str) -> None:
    rules = "rules: [{id: all, allow: '*', free: true}]"
    layer = f"policy: external\nopa: {{url: '{real_opa}', path: yett/desision, timeout_ms: 10000}}"
    verdict = judged(loaded(tmp_path, BANK + rules, layer), pay(20), GIVEN)
    assert (verdict.effect, verdict.reasons[0].code) == (Effect.DENY, "OPA_UNDEFINED")


@pytest.mark.opa_binary
def test_the_shipped_rego_passes_its_own_tests(root: Path) -> None:
    binary = shutil.which("opa")
    if binary is None:
        pytest.skip("no `opa` on PATH (go install github.com/open-policy-agent/opa@v1.22.0)")
    subprocess.run([binary, "test", str(root / "policies/rego")], check=True, capture_output=True, timeout=60)
    subprocess.run([binary, "check", "--strict", str(root / "policies/rego")], check=True, timeout=60)
