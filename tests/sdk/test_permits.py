"""A tool that checks permits runs exactly what was allowed, once, in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yett.errors import InvalidCall, LedgerError
from yett.gateway import Gateway
from yett.model import ToolCall
from yett.sdk import PermitChecker, verify_permit

POLICY = "policy: p\ntools:\n  pay: {does: [read], open: true}\nrules:\n  - {id: pay, allow: pay}\n"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    (tmp_path / "p.yaml").write_text(POLICY)
    with Gateway.open(tmp_path / "p.yaml", tmp_path / "state") as opened:
        yield opened


def permit(gateway: Gateway, **arguments: Any) -> str:
    decision = gateway.decide(ToolCall(tool="pay", arguments=arguments))
    assert decision.permit is not None
    return decision.permit


def code(work: Any) -> str:
    with pytest.raises((LedgerError, InvalidCall)) as refused:
        work()
    return refused.value.code


def test_what_was_allowed_runs_once(gateway: Gateway) -> None:
    checker = PermitChecker(gateway.ledger.public_key, audience=gateway.ledger.origin)
    token = permit(gateway, to="bob", amount=5)
    claims = checker.verify_permit(token, "pay", {"amount": 5, "to": "bob"})
    assert claims.index > 0
    assert code(lambda: checker.verify_permit(token, "pay", {"amount": 5, "to": "bob"})) == "PERMIT_USED"


@pytest.mark.parametrize(
    ("tool", "arguments", "server"),
    [
        ("pay", {"to": "bob", "amount": 6}, None),
        ("pay", {"to": "eve", "amount": 5}, None),
        ("pay", {"to": "bob", "amount": 5, "more": 1}, None),
        ("pay", {"to": "bob"}, None),
        ("pay", {"to": "bob", "amount": "5"}, None),
        ("pay", {"to": "bob", "amount": True}, None),
        ("send", {"to": "bob", "amount": 5}, None),
        ("pay", {"to": "bob", "amount": 5}, "other"),
    ],
)
def test_anything_else_does_not_run(
    gateway: Gateway, tool: str, arguments: dict[str, Any], server: str | None
) -> None:
    checker = PermitChecker(gateway.ledger.public_key)
    token = permit(gateway, to="bob", amount=5)
    assert code(lambda: checker.verify_permit(token, tool, arguments, server=server)) == "PERMIT_CALL"
    checker.verify_permit(token, "pay", {"to": "bob", "amount": 5})


def test_a_permit_ends(gateway: Gateway) -> None:
    token = permit(gateway, to="bob")
    claims = verify_permit(token, gateway.ledger.public_key, "pay", {"to": "bob"})
    late = lambda: verify_permit(token, gateway.ledger.public_key, "pay", {"to": "bob"}, now=claims.exp)  # noqa: E731
    assert code(late) == "PERMIT_EXPIRED"


def test_another_gateways_word_does_not_count(gateway: Gateway, tmp_path: Path) -> None:
    token = permit(gateway, to="bob")
    with Gateway.open(tmp_path / "p.yaml", tmp_path / "other") as other:
        assert code(lambda: verify_permit(token, other.ledger.public_key, "pay", {"to": "bob"})) != ""
    stranger = PermitChecker(gateway.ledger.public_key, audience="elsewhere.example/yett")
    assert code(lambda: stranger.verify_permit(token, "pay", {"to": "bob"})) == "PERMIT_AUDIENCE"


def test_every_changed_character_breaks_a_permit(gateway: Gateway) -> None:
    token = permit(gateway, to="bob")
    for place in range(0, len(token), 7):
        # The last character of a base64url text may carry unused bits; those must be zero as well.
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert code(lambda t=changed: verify_permit(t, gateway.ledger.public_key, "pay", {"to": "bob"}))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "\ud800", "x" * 100_000])
def test_noise_is_no_permit(gateway: Gateway, token: str) -> None:
    assert code(lambda: verify_permit(token, gateway.ledger.public_key, "pay", {"to": "bob"}))
