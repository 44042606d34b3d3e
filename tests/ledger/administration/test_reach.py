"""Operators, watchers and auditors of a tenant stay within it; those of `default` run the gateway."""

from __future__ import annotations

import msgspec
import pytest
from ledger_world import AGENT, OPERATOR, World

from yett import canonical
from yett.errors import LedgerError, Unauthorized
from yett.ledger.tokens import jws
from yett.model import Identity

THEIRS = Identity(tenant="bank", principal="berta", agent="helper", credential="c-berta")
BANKER = Identity(tenant="bank", principal="otto", agent="console", role="operator", credential="c-otto")
BANK_WATCHER = msgspec.structs.replace(BANKER, role="watcher", credential="c-watch")


def jti(token: str) -> str:
    return str(canonical.parse(jws.decode(token.split(".")[1]))["jti"])


@pytest.mark.parametrize(
    "scope", ["all", "tenant:default", "principal:default/ada", "agent:default/ada/helper", "session:s_none"]
)
@pytest.mark.parametrize("who", [BANKER, BANK_WATCHER])
def test_nobody_freezes_beyond_his_tenant(world: World, scope: str, who: Identity) -> None:
    with pytest.raises(Unauthorized, match="NOT_YOUR_TENANT"):
        world.ledger.freeze(scope, who)
    assert world.ledger.frozen() == ()


@pytest.mark.parametrize("scope", ["tenant:bank", "principal:bank/berta", "agent:bank/berta/helper"])
def test_within_it_he_does(world: World, scope: str) -> None:
    world.ledger.freeze(scope, BANKER)
    assert not world.decide(who=THEIRS).allowed
    assert world.decide(who=AGENT).allowed
    world.ledger.thaw(scope, BANKER)
    assert world.decide(who=THEIRS).allowed


def test_a_session_belongs_to_its_tenant(world: World) -> None:
    mine, other = world.ledger.open_session(THEIRS), world.ledger.open_session(AGENT)
    world.ledger.freeze(f"session:{mine}", BANKER)
    with pytest.raises(Unauthorized, match="NOT_YOUR_TENANT"):
        world.ledger.freeze(f"session:{other}", BANKER)


def test_what_the_host_froze_only_the_host_thaws(world: World) -> None:
    world.ledger.freeze("all", OPERATOR)
    with pytest.raises(Unauthorized, match="NOT_YOUR_TENANT"):
        world.ledger.thaw("all", BANKER)
    world.ledger.freeze("principal:default/ada", OPERATOR)
    assert {row.scope for row in world.ledger.frozen(BANKER)} == {"all"}, "others' freezes are not shown"
    assert len(world.ledger.frozen(OPERATOR)) == 2


def test_a_prefix_is_not_a_tenant(world: World) -> None:
    short = msgspec.structs.replace(BANKER, tenant="ban")
    with pytest.raises(Unauthorized, match="NOT_YOUR_TENANT"):
        world.ledger.freeze("principal:bank/berta", short)


def test_mandates_are_issued_shown_and_revoked_in_ones_own_tenant(world: World) -> None:
    ours = jti(world.ledger.issue_mandate(OPERATOR, principal="ada", agent="helper", tool="pay"))
    theirs = jti(world.ledger.issue_mandate(BANKER, principal="berta", agent="helper", tool="pay"))
    with pytest.raises(Unauthorized, match="NOT_YOUR_TENANT"):
        world.ledger.issue_mandate(BANKER, principal="ada", agent="helper", tool="pay", tenant="default")
    with pytest.raises(LedgerError, match="MANDATE_UNKNOWN"):
        world.ledger.show_mandate(ours, BANKER)
    assert world.ledger.show_mandate(theirs, BANKER).status == "unused"
    for scope in (f"mandate:{ours}", "key:any", "principal:default/ada", "mandate:m_none"):
        with pytest.raises(Unauthorized, match="NOT_YOUR_TENANT"):
            world.ledger.revoke(scope, BANKER)
    world.ledger.revoke(f"mandate:{theirs}", BANKER)
    assert world.ledger.show_mandate(theirs, OPERATOR).revoked


def test_doubts_are_seen_and_settled_in_ones_own_tenant(world: World) -> None:
    token = world.ledger.issue_mandate(OPERATOR, principal="ada", agent="helper", tool="pay")
    decision = world.decide("pay", {"n": 1}, mandate=token)
    world.restart(crash=True)
    assert world.ledger.in_doubt(BANKER) == ()
    assert [row.id for row in world.ledger.in_doubt(OPERATOR)] == [decision.decision_id]
    with pytest.raises(LedgerError, match="NOT_IN_DOUBT"):
        world.ledger.resolve(decision.decision_id, "released", BANKER)
    world.ledger.resolve(decision.decision_id, "released", OPERATOR)
