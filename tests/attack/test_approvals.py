"""Attacks on approvals: a yes is for one call, once, whatever else is presented with it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ledger_world import AGENT, APPROVER, OPERATOR, OTHER, SECOND, World, codes

from yett.cli.approve import _show
from yett.errors import LedgerError, Unauthorized
from yett.extract import extract
from yett.extract.facts import Command
from yett.ledger import Pending
from yett.ledger.deciding.approval import MAX_WAITING
from yett.ledger.deciding.show import view_of, visible
from yett.ledger.tokens import jws, mandate
from yett.ledger.tokens.mandate import Claims, Limit
from yett.model import Decision, Effect

PAY = {"to": "bob", "amount": 5}


def _pay(world: World, **how: object) -> Decision:
    return world.decide("pay", PAY, does=("pay",), effect=Effect.HOLD, **how)


def test_a_yes_is_used_up_also_by_a_call_that_presents_a_mandate_of_another_kind(world: World) -> None:
    token = world.ledger.issue_mandate(
        OPERATOR, principal="ada", agent="helper", tool="pay", arguments=PAY, uses=5
    )
    held = _pay(world, mandate=token)
    assert held.effect is Effect.HOLD
    assert held.approval
    world.ledger.approve(held.approval, APPROVER)
    assert _pay(world, mandate=token).effect is Effect.ALLOW
    assert _pay(world, mandate=token).effect is Effect.HOLD
    assert _pay(world).effect is Effect.HOLD


def _world_with(folder: Path, foreign: jws.SigningKey, **more: object) -> World:
    """A world that accepts another issuer's mandates."""
    (folder / "keys").mkdir(parents=True, mode=0o700)
    issuer = {"key": jws.encode(foreign.public), "name": "partner", **more}
    (folder / "keys" / "issuers.json").write_text(json.dumps([issuer]))
    return World(folder)


def _claims(world: World) -> Claims:
    now = world.clock() // 1000
    return Claims(
        v=1,
        iss="partner",
        tenant="default",
        sub="ada",
        agent="helper",
        aud=world.ledger.origin,
        jti="p_1",
        iat=now,
        exp=now + 60,
        tools=("pay",),
    )


def test_an_issuers_key_that_has_expired_cannot_date_a_mandate_back(tmp_path: Path) -> None:
    foreign = jws.SigningKey(b"f" * 32)
    ends = 1_800_000_000 + 3600
    world = _world_with(tmp_path / "state", foreign, exp=ends)
    claims = msgspec.structs.replace(_claims(world), exp=ends + 3600, uses=2)
    token = mandate.sign(claims, foreign)
    assert world.decide("pay", PAY, does=("pay",), mandate=token).effect is Effect.ALLOW
    world.clock.pass_s(3601)
    assert codes(world.decide("pay", PAY, does=("pay",), mandate=token)) & {"MANDATE_ISSUER"}
    world.ledger.close()


def test_another_issuer_cannot_speak_for_a_person(tmp_path: Path) -> None:
    """prevents: an approval of anybody used up, or lifted, by a mandate that merely names it."""
    foreign = jws.SigningKey(b"f" * 32)
    world = _world_with(tmp_path / "state", foreign)
    others = world.decide("pay", PAY, does=("pay",), effect=Effect.HOLD, who=OTHER)
    assert others.approval
    world.ledger.approve(others.approval, APPROVER)
    claims = _claims(world)
    plain = mandate.sign(claims, foreign)
    assert world.decide("pay", PAY, does=("pay",), mandate=plain).effect is Effect.ALLOW
    naming = msgspec.structs.replace(claims, jti="p_2", approval=others.approval)
    for effect in (Effect.ALLOW, Effect.HOLD):
        decision = world.decide(
            "pay", PAY, does=("pay",), effect=effect, mandate=mandate.sign(naming, foreign)
        )
        assert codes(decision) & {"MANDATE_ISSUER"}
        assert decision.effect is Effect.DENY
    assert world.ledger.approval(others.approval, APPROVER).status == "approved"
    assert world.decide("pay", PAY, does=("pay",), effect=Effect.HOLD, who=OTHER).effect is Effect.ALLOW
    world.ledger.close()


def test_a_quorum_is_of_people_and_not_of_credentials(world: World) -> None:
    held = world.decide("pay", PAY, does=("pay",), effect=Effect.HOLD, approvers=("2 of treasury",))
    assert held.approval
    world.ledger.approve(held.approval, APPROVER)
    twin = msgspec.structs.replace(APPROVER, credential="c-paul-again")
    renamed = msgspec.structs.replace(APPROVER, principal="pauline")
    for same in (APPROVER, twin, renamed):
        with pytest.raises(LedgerError, match="APPROVED_BY_YOU"):
            world.ledger.approve(held.approval, same)
    assert _pay(world).effect is not Effect.ALLOW
    world.ledger.approve(held.approval, SECOND)
    assert (
        world.decide("pay", PAY, does=("pay",), effect=Effect.HOLD, approvers=("2 of treasury",)).effect
        is Effect.ALLOW
    )


def test_of_a_yes_a_no_and_a_withdrawal_at_once_one_counts(world: World) -> None:
    for _ in range(5):
        held = _pay(world)
        assert held.approval
        done: list[str] = []

        def settle(act: Callable[[], object], name: str, done: list[str] = done) -> None:
            try:
                act()
            except (LedgerError, Unauthorized):
                return
            done.append(name)

        request = held.approval
        acts = {
            "yes": lambda request=request: world.ledger.approve(request, APPROVER),
            "no": lambda request=request: world.ledger.refuse(request, SECOND),
            "yes too": lambda request=request: world.ledger.approve(request, SECOND),
        }
        racers = [threading.Thread(target=settle, args=(act, name)) for name, act in acts.items()]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert len(done) == 1
        allowed = _pay(world).effect is Effect.ALLOW
        assert allowed is (done != ["no"])
        assert _pay(world).effect is not Effect.ALLOW
        world.clock.pass_s(1000)


def test_a_yes_that_was_taken_back_lifts_nothing(world: World) -> None:
    held = _pay(world)
    assert held.approval
    world.ledger.approve(held.approval, APPROVER)
    world.ledger.withdraw(held.approval, AGENT)
    assert _pay(world).effect is Effect.HOLD


def test_one_tenants_waiting_calls_leave_room_for_anothers_of_the_same_name(world: World) -> None:
    for number in range(MAX_WAITING):
        assert world.decide("pay", {"n": number}, effect=Effect.HOLD).effect is Effect.HOLD
    assert codes(_pay(world)) & {"APPROVALS_FULL"}
    namesake = msgspec.structs.replace(AGENT, tenant="bank", credential="c-bank")
    assert _pay(world, who=namesake).effect is Effect.HOLD


BLANK = [
    *(
        chr(c)
        for c in (0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x180E, 0x200B, 0x200D, 0x202E, 0x2028)
    ),
    *(
        chr(c)
        for c in (0x2060, 0x2066, 0x2800, 0x3000, 0x3164, 0xFE0F, 0xFEFF, 0xFFA0, 0xE0041, 0x0007, 0x009B)
    ),
]


@pytest.mark.parametrize("character", BLANK, ids=lambda c: f"{ord(c):04x}")
def test_an_approver_sees_what_shows_nothing(character: str) -> None:
    assert visible(f"a{character}b") == f"a\\u{{{ord(character):x}}}b"


@pytest.mark.parametrize(
    "word", ["pаypal", "paypaı", "ɡoogle", "ⲟpen", "ꓐank", "ⅼs", "ｌｓ", "１００", "ο", "𝐚", "a̲"]
)
def test_an_approver_sees_that_a_letter_is_not_the_one_it_looks_like(word: str) -> None:
    assert "\\u{" in visible(word)


@pytest.mark.parametrize("word", ["Müller", "naïve café", "Łódź", "東京", "שלום", "नमस्ते"[:1], "ñ€✓ m²"])
def test_words_in_their_own_letters_stay_readable(word: str) -> None:
    assert visible(word) == word


def test_an_approver_at_a_terminal_sees_which_servers_tool_it_is(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = "p\u0430y"
    view = world.propose(tool, PAY, effect=Effect.HOLD)
    call = msgspec.structs.replace(view.admitted.call, server="elsewhere\u2800")
    admitted = msgspec.structs.replace(view.admitted, call=call)
    held = world.ledger.commit(msgspec.structs.replace(view, admitted=admitted))
    assert isinstance(held, Pending)
    request = held.result(120).approval
    assert request
    _show(msgspec.to_builtins(world.ledger.approval(request, APPROVER)))
    shown = capsys.readouterr().out
    assert "p\u0430\\u{430}y on elsewhere\\u{2800}" in shown


@pytest.mark.parametrize(
    ("meant", "given"),
    [([1], [True]), ({"urgent": False}, {"urgent": 0}), ([{"n": [0]}], [{"n": [False]}])],
)
def test_a_mandate_takes_no_truth_for_a_number_however_deep(meant: Any, given: Any) -> None:
    for limit in (Limit(eq=meant), Limit(among=(meant,))):
        assert limit.admits(meant)
        assert not limit.admits(given)
        assert not Limit(eq=given).within(limit)


def test_a_narrowed_list_has_nothing_more_often_than_was_asked(world: World) -> None:
    asked = {"to": ["ann", "bob"], "flags": [1]}
    held = world.decide("pay", asked, does=("pay",), effect=Effect.HOLD)
    assert held.approval
    for wider in ({"to": ["ann", "ann"]}, {"flags": [True]}, {"to": []}):
        with pytest.raises(LedgerError) as refused:
            world.ledger.approve(held.approval, APPROVER, narrow=wider)
        assert refused.value.code == "NOT_NARROWER"
    world.ledger.approve(held.approval, APPROVER, narrow={"to": ["bob"]})


def test_nothing_is_pushed_out_of_an_approvers_sight(world: World) -> None:
    """A tail behind a screen of spaces, behind the end of a long command, or last of many."""
    assert visible("ls" + " " * 5_000 + "; rm") == "ls\\u{20}x5000 ; rm"
    assert visible("a" + " " * 80 + "b") == "a" + " " * 80 + "b"
    view = world.propose("shell", PAY)
    argv = Command(pointer="/command", program="echo", argv=("echo", "x" * 9_000, "TAIL"))
    facts = msgspec.structs.replace(view.facts, commands=(argv,) * 60)
    targets = [f"h{n}.example" for n in range(59)] + ["h" * 900 + ".evil"]
    shown = view_of(view.admitted, facts, view.risk, view.snapshot, targets, ())
    assert shown.commands[0].endswith("TAIL")
    assert "[… 7010 characters …]" in shown.commands[0]
    assert shown.commands[-1] == "[… and 10 more]"
    assert shown.targets[-1].value == "[… and 10 more]"
    assert (
        view_of(view.admitted, facts, view.risk, view.snapshot, targets[-1:], ())
        .targets[0]
        .value.endswith(".evil")
    )


def test_what_stands_around_a_command_is_shown_with_it(world: World) -> None:
    view = world.propose("shell", {"command": "LD_PRELOAD=/tmp/x.so sudo ls >> ~/.bashrc"})
    facts = extract(view.admitted.call, None, 0)
    (shown,) = view_of(view.admitted, facts, view.risk, view.snapshot, [], ()).commands
    assert all(part in shown for part in ("LD_PRELOAD=/tmp/x.so", "sudo", "ls", ">> ~/.bashrc")), shown
