"""Mandates and approvals through the whole ledger: used once, for what they are for, by whom they are for."""

from __future__ import annotations

import msgspec
import pytest
from ledger_world import AGENT, APPROVER, OPERATOR, OTHER, SECOND, World, codes

from yett import canonical
from yett.errors import LedgerError, Unauthorized
from yett.ledger import Conflict
from yett.ledger.administration.mandates import delegate
from yett.ledger.deciding import approval
from yett.ledger.tokens import jws
from yett.ledger.tokens.mandate import token_digest
from yett.model import Effect, Identity, Obligation

PAY = {"recipient": "GB33", "amount": 500}
REQUIRED = (Obligation(kind="require_mandate"),)


def issue(world: World, **terms: object) -> str:
    terms = {"principal": "ada", "agent": "helper", "tool": "pay", "arguments": PAY, **terms}
    return world.ledger.issue_mandate(OPERATOR, **terms)


def test_a_required_mandate_that_is_missing_is_a_deny(world: World) -> None:
    assert codes(world.decide("pay", PAY, obligations=REQUIRED)) == {"MANDATE_REQUIRED"}


def test_a_mandate_is_used_once(world: World) -> None:
    token = issue(world)
    first = world.decide("pay", PAY, mandate=token, obligations=REQUIRED)
    assert first.allowed
    assert first.mandate is not None
    assert first.obligations == (), "the gate's own obligation is none of the enforcement point's"
    again = world.decide("pay", PAY, mandate=token, obligations=REQUIRED)
    assert codes(again) == {"MANDATE_IN_FLIGHT"}
    world.report(first)
    assert codes(world.decide("pay", PAY, mandate=token)) == {"MANDATE_SPENT"}


def test_a_mandate_can_be_presented_by_its_id(world: World) -> None:
    token = issue(world, arguments=None)
    jti = world.ledger.show_mandate(_jti(token)).jti
    assert world.decide("pay", PAY, mandate=jti).allowed
    assert not world.decide("pay", PAY, mandate=jti).allowed
    assert codes(world.decide("pay", PAY, mandate="m_invented")) == {"MANDATE_UNKNOWN"}


def _jti(token: str) -> str:
    return canonical.parse(jws.decode(token.split(".")[1]))["jti"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("terms", "call", "code"),
    [
        ({}, {"arguments": {"recipient": "GB33", "amount": 501}}, "MANDATE_ARGUMENTS"),
        ({}, {"arguments": {"recipient": "GB34", "amount": 500}}, "MANDATE_ARGUMENTS"),
        ({}, {"tool": "refund"}, "MANDATE_TOOL"),
        ({"agent": "another"}, {}, "MANDATE_AGENT"),
        ({"principal": "eve"}, {}, "MANDATE_PRINCIPAL"),
        ({"tenant": "elsewhere"}, {}, "MANDATE_TENANT"),
        ({"session": "s_other"}, {}, "MANDATE_SESSION"),
        ({"server": "bank"}, {}, "MANDATE_TOOL"),
        ({"lifetime_ms": 1000}, {"wait": 2}, "MANDATE_EXPIRED"),
    ],
)
def test_a_mandate_for_something_else_is_refused(
    world: World, terms: dict[str, object], call: dict[str, object], code: str
) -> None:
    token = issue(world, **terms)
    world.clock.pass_s(int(str(call.get("wait", 0))))
    tool, arguments = str(call.get("tool", "pay")), call.get("arguments", PAY)
    decision = world.decide(tool, arguments, mandate=token)  # type: ignore[arg-type]
    assert codes(decision) == {code}
    assert world.ledger.show_mandate(_jti(token)).used == 0, "a refused presentation burns nothing"


def test_a_denied_or_held_call_does_not_use_its_mandate_up(world: World) -> None:
    token = issue(world)
    assert world.decide("pay", PAY, mandate=token, effect=Effect.DENY).effect is Effect.DENY
    assert world.decide("pay", PAY, mandate=token, effect=Effect.HOLD).effect is Effect.HOLD
    assert world.decide("pay", PAY, mandate=token).allowed


def test_an_ordinary_mandate_does_not_lift_a_hold(world: World) -> None:
    assert world.decide("pay", PAY, mandate=issue(world), effect=Effect.HOLD).effect is Effect.HOLD


def test_uses_and_amounts_are_counted_down(world: World) -> None:
    token = issue(world, arguments=None, uses=3, amount=1000, per_use=600, amount_of="amount")
    assert codes(world.decide("pay", {"amount": 700}, mandate=token)) == {"MANDATE_AMOUNT"}
    assert world.decide("pay", {"amount": 600}, mandate=token).allowed
    assert codes(world.decide("pay", {"amount": 500}, mandate=token)) == {"MANDATE_BUDGET"}
    assert world.decide("pay", {"amount": 400}, mandate=token).allowed
    for bad in (0, -5, "5", True, None, 1.0):
        assert codes(world.decide("pay", {"amount": bad}, mandate=token)) == {"MANDATE_AMOUNT"}


def test_a_use_without_an_outcome_is_in_doubt_after_a_restart_and_only_an_operator_settles_it(
    world: World,
) -> None:
    token = issue(world)
    first = world.decide("pay", PAY, mandate=token)
    world.restart(crash=True)
    assert [row.id for row in world.ledger.in_doubt()] == [first.decision_id]
    assert codes(world.decide("pay", PAY, mandate=token)) == {"MANDATE_IN_DOUBT"}
    world.clock.pass_s(300)
    assert codes(world.decide("pay", PAY, mandate=token)) == {"MANDATE_IN_DOUBT"}, "no time releases it"
    with pytest.raises(Unauthorized):
        world.ledger.resolve(first.decision_id, "released", AGENT)
    world.ledger.resolve(first.decision_id, "released", OPERATOR, "the bank has no such payment")
    assert world.decide("pay", PAY, mandate=token).allowed
    with pytest.raises(LedgerError, match="NOT_IN_DOUBT"):
        world.ledger.resolve(first.decision_id, "released", OPERATOR)


def test_an_agent_cannot_give_its_own_use_back(world: World) -> None:
    token = issue(world)
    world.report(world.decide("pay", PAY, mandate=token), status="no_effect")
    assert codes(world.decide("pay", PAY, mandate=token)) == {"MANDATE_IN_DOUBT"}


def test_proof_of_no_effect_by_the_enforcement_point_gives_the_use_back(world: World) -> None:
    token = issue(world)
    world.report(world.decide("pay", PAY, mandate=token), status="no_effect", proven=True)
    assert world.decide("pay", PAY, mandate=token).allowed


@pytest.mark.parametrize(
    "scope", ["mandate:{jti}", "principal:default/ada", "agent:default/ada/helper", "key:{kid}"]
)
def test_a_revoked_mandate_is_refused_also_after_a_restart(world: World, scope: str) -> None:
    token = issue(world)
    proposal = world.propose("pay", PAY, mandate=token)
    world.ledger.revoke(scope.format(jti=_jti(token), kid=jws.key_id(token)), OPERATOR)
    answer = world.ledger.commit(proposal)
    assert not isinstance(answer, Conflict)
    assert codes(answer.result(120)) == {"MANDATE_REVOKED"}, "revocation is read inside the commit"
    world.restart(crash=True)
    assert codes(world.decide("pay", PAY, mandate=token)) == {"MANDATE_REVOKED"}


def test_expiry_between_check_and_commit_is_seen(world: World) -> None:
    token = issue(world, lifetime_ms=5000)
    proposal = world.propose("pay", PAY, mandate=token)
    world.clock.pass_s(6)
    answer = world.ledger.commit(proposal)
    assert not isinstance(answer, Conflict)
    assert codes(answer.result(120)) == {"MANDATE_EXPIRED"}


def test_a_swept_mandate_stays_refused_whatever_the_clock_does(world: World) -> None:
    token = issue(world, lifetime_ms=5000)
    decision = world.decide("pay", PAY, mandate=token)
    world.report(decision)
    world.clock.pass_s(2 * 86400)
    assert world.ledger.sweep() == 1
    world.clock.pass_s(-2 * 86400)
    assert codes(world.decide("pay", PAY, mandate=token)) == {"MANDATE_EXPIRED"}
    world.restart(crash=True)
    assert codes(world.decide("pay", PAY, mandate=token)) == {"MANDATE_EXPIRED"}


def test_what_is_in_doubt_is_never_swept(world: World) -> None:
    world.decide("pay", PAY, mandate=issue(world, lifetime_ms=5000))
    world.restart(crash=True)
    world.clock.pass_s(10 * 86400)
    assert world.ledger.sweep() == 0
    assert len(world.ledger.in_doubt()) == 1


def test_an_idempotency_key_runs_a_call_once(world: World) -> None:
    first = world.decide("pay", PAY, attempt="k1")
    assert first.allowed
    assert codes(world.decide("pay", PAY, attempt="k1")) == {"ATTEMPT_IN_FLIGHT"}
    assert codes(world.decide("pay", {"amount": 1}, attempt="k1")) == {"ATTEMPT_CONFLICT"}
    world.report(first)
    assert codes(world.decide("pay", PAY, attempt="k1")) == {"ATTEMPT_SPENT"}
    assert world.decide("pay", PAY, attempt="k2").allowed
    assert world.decide("pay", PAY, attempt="k1", who=OTHER).allowed, "keys are the caller's own"


def test_a_mandate_with_a_key_needs_a_proof_over_a_fresh_challenge(world: World) -> None:
    key = jws.SigningKey(bytes(range(32)))
    token = issue(world, cnf=jws.encode(key.public), uses=5)
    assert codes(world.decide("pay", PAY, mandate=token)) == {"PROOF_REQUIRED"}

    def proof(challenge: str, signer: jws.SigningKey = key, **change: object) -> str:
        admitted = world.propose("pay", PAY).admitted
        payload = {
            "mandate": token_digest(token),
            "call": admitted.digest,
            "attempt": "",
            "aud": world.ledger.origin,
            "challenge": challenge,
            **change,
        }
        return jws.sign(jws.PROOF, payload, signer)

    good = proof(world.ledger.challenge(_jti(token)))
    assert world.decide("pay", PAY, mandate=token, proof=good).allowed
    assert codes(world.decide("pay", PAY, mandate=token, proof=good)) == {"CHALLENGE_USED"}
    stale = proof(world.ledger.challenge(_jti(token)))
    late = proof(world.ledger.challenge(_jti(token)))
    foreign = proof(world.ledger.challenge("another mandate"))
    thief = jws.SigningKey(bytes(32))
    assert codes(world.decide("pay", PAY, mandate=token, proof=foreign)) == {"CHALLENGE_FORGED"}
    stolen = proof(world.ledger.challenge(_jti(token)), thief)
    assert codes(world.decide("pay", PAY, mandate=token, proof=stolen)) == {"BAD_TOKEN"}
    moved = proof(world.ledger.challenge(_jti(token)), call="sha256:" + "0" * 64)
    assert codes(world.decide("pay", PAY, mandate=token, proof=moved)) == {"PROOF_MISMATCH"}
    world.clock.pass_s(61)
    assert codes(world.decide("pay", PAY, mandate=token, proof=late)) == {"CHALLENGE_EXPIRED"}
    world.restart()
    assert codes(world.decide("pay", PAY, mandate=token, proof=stale)) == {"CHALLENGE_STALE"}


def test_a_delegated_mandate_charges_every_ancestor(world: World) -> None:
    key = jws.SigningKey(bytes(range(32)))
    root = issue(world, arguments=None, uses=3, amount=1000, amount_of="amount", cnf=jws.encode(key.public))
    now_s = world.clock() // 1000

    def child(jti: str, **change: object) -> str:
        return delegate(
            root,
            key,
            jti=jti,
            now_s=now_s,
            narrow=lambda c: msgspec.structs.replace(c, cnf="", **change),  # type: ignore[arg-type]
        )

    one, two = child("c1", amount=600), child("c2", amount=600)
    assert world.decide("pay", {"amount": 600}, mandate=one).allowed
    assert codes(world.decide("pay", {"amount": 600}, mandate=two)) == {"MANDATE_BUDGET"}
    assert world.decide("pay", {"amount": 400}, mandate=two).allowed
    assert world.ledger.show_mandate(_jti(root)).spent == 1000
    for change in (
        {"amount": 2000},
        {"amount": None},
        {"uses": 4},
        {"tools": ("pay", "refund")},
        {"tools": ()},
    ):
        with pytest.raises(LedgerError, match="MANDATE_WIDENED"):
            child("c3", **change)
    world.ledger.revoke("mandate:" + _jti(root), OPERATOR)
    fresh = child("c4", amount=1)
    assert codes(world.decide("pay", {"amount": 1}, mandate=fresh)) == {"MANDATE_REVOKED"}


# -- approvals -----------------------------------------------------------------------------------------


def held(world: World, **how: object) -> str:
    decision = world.decide("pay", PAY, effect=Effect.HOLD, approvers=("treasury",), **how)
    assert decision.effect is Effect.HOLD
    assert decision.approval is not None
    return decision.approval


def test_an_approved_call_runs_once(world: World) -> None:
    request = held(world)
    assert held(world) == request, "the same call asks once"
    world.ledger.approve(request, APPROVER)
    again = world.decide("pay", PAY, effect=Effect.HOLD, approvers=("treasury",))
    assert again.allowed
    assert "APPROVED" in codes(again)
    assert again.approval == request
    assert again.mandate is not None
    assert held(world) != request


def test_an_approval_is_for_exactly_the_call_that_was_shown(world: World) -> None:
    request = held(world)
    world.ledger.approve(request, APPROVER)
    other = world.decide("pay", {**PAY, "amount": 501}, effect=Effect.HOLD)
    assert other.effect is Effect.HOLD
    stranger = world.decide("pay", PAY, effect=Effect.HOLD, who=OTHER)
    assert stranger.effect is Effect.HOLD


def test_an_approval_does_not_cover_a_reason_that_came_later(world: World) -> None:
    request = held(world)
    world.ledger.approve(request, APPROVER)
    assert held(world, rule="another-rule") != request


def test_a_deny_is_never_approved_away(world: World) -> None:
    world.ledger.approve(held(world), APPROVER)
    assert world.decide("pay", PAY, effect=Effect.DENY).effect is Effect.DENY
    assert world.decide("pay", PAY, effect=Effect.HOLD, approvers=("treasury",)).allowed


def test_who_may_approve(world: World) -> None:
    request = held(world)
    for who, code in (
        (AGENT, "NOT_APPROVER"),
        (Identity(principal="x", agent="x", role="approver", groups=("sales",)), "NOT_IN_GROUP"),
        (Identity(principal="ada", agent="x", role="approver", groups=("treasury",)), "OWN_CALL"),
        (
            Identity(principal="x", agent="x", role="approver", groups=("treasury",), tenant="t2"),
            "NOT_APPROVER",
        ),
        (Identity(principal="x", agent="x", role="auditor", groups=("treasury",)), "NOT_APPROVER"),
    ):
        with pytest.raises(Unauthorized, match=code):
            world.ledger.approve(request, who)
        with pytest.raises(Unauthorized, match=code):
            world.ledger.refuse(request, who)
    assert world.ledger.approve(request, APPROVER).status == "approved"
    with pytest.raises(LedgerError, match="APPROVAL_APPROVED"):
        world.ledger.approve(request, SECOND)


def test_a_quorum_needs_different_people(world: World) -> None:
    decision = world.decide("pay", PAY, effect=Effect.HOLD, approvers=("2 of treasury",))
    assert decision.approval is not None
    assert world.ledger.approve(decision.approval, APPROVER).status == "waiting"
    with pytest.raises(LedgerError, match="APPROVED_BY_YOU"):
        world.ledger.approve(decision.approval, APPROVER)
    assert world.decide("pay", PAY, effect=Effect.HOLD, approvers=("2 of treasury",)).effect is Effect.HOLD
    assert world.ledger.approve(decision.approval, SECOND).status == "approved"
    assert world.decide("pay", PAY, effect=Effect.HOLD, approvers=("2 of treasury",)).allowed


def test_refused_withdrawn_and_expired_requests_permit_nothing(world: World) -> None:
    request = held(world)
    world.ledger.refuse(request, APPROVER, "no")
    assert "APPROVAL_REFUSED" in codes(world.decide("pay", PAY, effect=Effect.HOLD, approvers=("treasury",)))
    world.clock.pass_s(16 * 60)
    request = held(world)
    world.ledger.approve(request, APPROVER)
    world.ledger.withdraw(request, AGENT)
    request = held(world)
    world.ledger.approve(request, APPROVER)
    world.clock.pass_s(16 * 60)
    assert held(world) != request


def test_an_approval_survives_a_restart_and_a_used_one_stays_used(world: World) -> None:
    world.ledger.approve(held(world), APPROVER)
    world.restart(crash=True)
    assert world.decide("pay", PAY, effect=Effect.HOLD, approvers=("treasury",)).allowed
    world.restart(crash=True)
    assert world.decide("pay", PAY, effect=Effect.HOLD, approvers=("treasury",)).effect is Effect.HOLD


def test_a_narrowed_approval_permits_only_the_smaller_call(world: World) -> None:
    request = held(world)
    for wider in ({"amount": 501}, {"amount": 0}, {"recipient": "GB34"}, {"new": 1}):
        with pytest.raises(LedgerError, match="NOT_NARROWER"):
            world.ledger.approve(request, APPROVER, wider)
    world.ledger.approve(request, APPROVER, {"amount": 100})
    assert world.decide("pay", PAY, effect=Effect.HOLD, approvers=("treasury",)).effect is Effect.HOLD
    smaller = {**PAY, "amount": 100}
    assert world.decide("pay", smaller, effect=Effect.HOLD, approvers=("treasury",)).allowed


def test_an_approver_sees_everything_that_is_not_visible(world: World) -> None:
    sneaky = {"text": "pay\u202ebob\u200b", "who": "p\u0430ul"}
    decision = world.decide("send", sneaky, effect=Effect.HOLD)
    assert decision.approval is not None
    shown = world.ledger.approval(decision.approval, APPROVER).shown
    assert shown is not None
    assert "\\u{202e}" in shown.arguments
    assert "\\u{200b}" in shown.arguments
    assert "\\u{430}" in shown.arguments
    assert "\u202e" not in shown.arguments


def test_what_cannot_be_shown_in_full_cannot_be_approved(world: World) -> None:
    decision = world.decide("send", {"text": "x" * 30_000}, effect=Effect.HOLD)
    assert decision.approval is not None
    with pytest.raises(LedgerError, match="APPROVAL_UNSEEN"):
        world.ledger.approve(decision.approval, APPROVER)


def test_an_approver_has_a_capacity(world: World) -> None:
    for number in range(approval.HOURLY):
        decision = world.decide("send", {"n": number}, effect=Effect.HOLD)
        assert decision.approval is not None
        world.ledger.approve(decision.approval, APPROVER)
    decision = world.decide("send", {"n": "last"}, effect=Effect.HOLD)
    assert decision.approval is not None
    with pytest.raises(LedgerError, match="APPROVER_CAPACITY"):
        world.ledger.approve(decision.approval, APPROVER)
    world.clock.pass_s(600)
    assert world.ledger.approve(decision.approval, SECOND).status == "approved"


def test_agents_see_their_own_requests_only(world: World) -> None:
    request = held(world)
    assert [view.id for view in world.ledger.approvals(AGENT)] == [request]
    assert world.ledger.approvals(OTHER) == ()
    with pytest.raises(LedgerError, match="APPROVAL_UNKNOWN"):
        world.ledger.approval(request, OTHER)
    assert [view.id for view in world.ledger.approvals(APPROVER)] == [request]
