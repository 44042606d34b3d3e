"""Attacks on forgetting: nothing that was used, refused or revoked comes back, whatever the clock does."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from ledger_world import AGENT, APPROVER, OPERATOR, World, codes

from yett.errors import LedgerError
from yett.model import Decision, Effect

DAY_S = 86_400
PAY = {"to": "bob", "amount": 5}


def _pay(world: World, **how: Any) -> Decision:
    return world.decide("pay", PAY, does=("pay",), **how)


@pytest.mark.parametrize("seed", range(8))
def test_no_clock_makes_a_mandate_count_twice(world: World, seed: int) -> None:
    dice = random.Random(seed)
    tokens: list[str] = []
    used: set[str] = set()
    for _ in range(60):
        match dice.randrange(5):
            case 0:
                terms = {"principal": "ada", "agent": "helper", "tool": "pay", "arguments": PAY}
                life = dice.choice((60, 600, DAY_S)) * 1000
                tokens.append(world.ledger.issue_mandate(OPERATOR, lifetime_ms=life, **terms))
            case 1:
                world.clock.pass_s(
                    dice.choice((-400 * DAY_S, -DAY_S, -60, 1, 60, DAY_S, 2 * DAY_S, 40 * DAY_S))
                )
            case 2:
                world.ledger.sweep()
            case 3 if dice.random() < 0.3:
                world.restart(crash=dice.random() < 0.5)
            case _ if tokens:
                token = dice.choice(tokens)
                if _pay(world, mandate=token).effect is Effect.ALLOW:
                    assert token not in used
                    used.add(token)
    assert used


@pytest.mark.parametrize("step_s", [-400 * DAY_S, 0, 2 * DAY_S, 400 * DAY_S])
def test_an_approval_is_used_once_and_a_refusal_is_not_outlived_by_its_call(
    world: World, step_s: int
) -> None:
    first = _pay(world, effect=Effect.HOLD)
    assert first.approval
    world.ledger.approve(first.approval, APPROVER)
    assert _pay(world, effect=Effect.HOLD).effect is Effect.ALLOW
    second = world.decide("pay", {"to": "eve", "amount": 6}, does=("pay",), effect=Effect.HOLD)
    assert second.approval
    world.ledger.refuse(second.approval, APPROVER)
    world.clock.pass_s(step_s)
    world.ledger.sweep()
    assert _pay(world, effect=Effect.HOLD).effect is not Effect.ALLOW
    again = world.decide("pay", {"to": "eve", "amount": 6}, does=("pay",), effect=Effect.HOLD)
    assert again.effect is not Effect.ALLOW
    if step_s > 0:
        with pytest.raises(LedgerError, match="APPROVAL_"):
            world.ledger.approve(second.approval, APPROVER)


def test_a_revoked_mandate_stays_revoked_through_sweeps(world: World) -> None:
    token = world.ledger.issue_mandate(
        OPERATOR, principal="ada", agent="helper", tool="pay", arguments=PAY, lifetime_ms=30 * DAY_S * 1000
    )
    world.ledger.revoke("agent:default/ada/helper", OPERATOR)
    for days in (1, 5, 20, 3, 5):
        world.clock.pass_s(days * DAY_S)
        world.ledger.sweep()
        assert codes(_pay(world, mandate=token)) & {"MANDATE_REVOKED", "MANDATE_EXPIRED"}
    world.clock.pass_s(-34 * DAY_S)
    assert codes(_pay(world, mandate=token)) & {"MANDATE_REVOKED", "MANDATE_EXPIRED"}


def test_one_use_is_one_use_while_the_sweeper_runs_beside_it(world: World) -> None:
    allowed: list[str] = []
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            world.ledger.sweep()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for round_ in range(10):
            token = world.ledger.issue_mandate(
                OPERATOR, principal="ada", agent="helper", tool="pay", arguments=PAY, lifetime_ms=1000
            )
            before = len(allowed)

            def present(token: str = token) -> None:
                if _pay(world, mandate=token, who=AGENT).effect is Effect.ALLOW:
                    allowed.append(token)

            racers = [threading.Thread(target=present) for _ in range(4)]
            for racer in racers:
                racer.start()
            world.clock.pass_s(2 * DAY_S if round_ % 2 else 0.5)
            for racer in racers:
                racer.join()
            assert len(allowed) - before <= 1
    finally:
        stop.set()
        sweeper.join()
    assert allowed
