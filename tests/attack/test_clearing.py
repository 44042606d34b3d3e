"""Attacks on clearings: what an operator has looked at is cleared, and nothing that happened meanwhile or elsewhere."""

from __future__ import annotations

import msgspec
import pytest
from ledger_world import AGENT, OPERATOR, World

from yett import canonical
from yett.errors import LedgerError
from yett.ledger.projection.replay import replay
from yett.ledger.tokens import jws


def _attacked(world: World) -> str:
    session = world.ledger.open_session(AGENT)
    world.decide(does=("send",), score=800, session=session)
    return session


def _starting_risk(world: World) -> int:
    return world.ledger.snapshot(AGENT, world.ledger.open_session(AGENT)).row.clock.fast


def test_what_another_session_does_between_look_and_use_is_remembered_of_the_principal(world: World) -> None:
    looked_at = _attacked(world)
    token = world.ledger.issue_clearing(looked_at, OPERATOR)
    _attacked(world)
    before = _starting_risk(world)
    world.ledger.clear(token, OPERATOR)
    assert world.ledger.snapshot(AGENT, looked_at).row.clock.fast == 0
    assert _starting_risk(world) >= before > 0
    world.ledger.close()
    assert replay(world.folder / "log", world.folder / "ledger.db").differing == ()
    world.ledger = world._open()


def test_a_principal_of_whom_nothing_new_is_known_is_cleared_with_the_session(world: World) -> None:
    looked_at = _attacked(world)
    risk = _starting_risk(world)
    world.ledger.clear(world.ledger.issue_clearing(looked_at, OPERATOR), OPERATOR)
    assert _starting_risk(world) < risk


def test_a_clearing_of_one_ledger_is_worth_nothing_at_another(world: World) -> None:
    """Even one whose signing key is the same: a state directory that was copied."""
    session = _attacked(world)
    token = world.ledger.issue_clearing(session, OPERATOR)
    told = canonical.parse(jws.decode(token.split(".")[1]))
    assert isinstance(told, dict)
    key = world.ledger._core.keys.ledger
    for change in (
        {"aud": "elsewhere/yett"},
        {"v": 2},
        {"v": True},
        {"exp": 2**60},
        {"more": 1},
        {"scope": None},
    ):
        with pytest.raises(LedgerError, match="BAD_TOKEN"):
            world.ledger.clear(jws.sign(jws.CLEARANCE, {**told, **change}, key), OPERATOR)
    for kind in (jws.MANDATE, jws.PROOF, jws.PERMIT):
        with pytest.raises(LedgerError, match="BAD_TOKEN"):
            world.ledger.clear(jws.sign(kind, told, key), OPERATOR)


def test_a_spent_clearing_stays_spent_when_its_row_is_forgotten(world: World) -> None:
    session = _attacked(world)
    token = world.ledger.issue_clearing(session, OPERATOR)
    world.ledger.clear(token, OPERATOR)
    world.clock.pass_s(3 * 86_400)
    world.ledger.sweep()
    world.clock.pass_s(-3 * 86_400)  # the host's clock is set back: the ledger's is not
    with pytest.raises(LedgerError, match=r"CLEARING_(USED|EXPIRED)"):
        world.ledger.clear(token, OPERATOR)


def test_two_clearings_of_one_look_do_not_both_count(world: World) -> None:
    session = _attacked(world)
    first, second = (world.ledger.issue_clearing(session, OPERATOR) for _ in range(2))
    world.ledger.clear(first, OPERATOR)
    with pytest.raises(LedgerError, match="CLEARING_STALE"):
        world.ledger.clear(second, msgspec.structs.replace(OPERATOR, credential="c-second"))
