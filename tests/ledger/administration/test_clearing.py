"""A clearing: signed for a session as it was looked at, used once, recorded whole."""

from __future__ import annotations

import msgspec
import pytest
from ledger_world import AGENT, APPROVER, OPERATOR, OTHER, World

from yett import canonical
from yett.errors import LedgerError, Unauthorized
from yett.ledger.projection.replay import replay
from yett.ledger.tokens import jws
from yett.model import Identity
from yett_audit.reader import records

SECOND = msgspec.structs.replace(OPERATOR, credential="c-second")
BANKER = Identity(tenant="bank", principal="otto", agent="console", role="operator", credential="c-otto")


def risky(world: World) -> str:
    """A session that read something untrusted and whose risk is high."""
    decision = world.decide(does=("read",), score=700)
    world.report(decision, ("x@y.example", "untrusted"), labels=("read_untrusted", "read_injection"))
    return world.ledger.snapshot(AGENT).session


def test_it_takes_risk_and_named_labels_off_and_nothing_else(world: World) -> None:
    session = risky(world)
    spent = world.ledger.snapshot(AGENT).count("read_file", 600)
    token = world.ledger.issue_clearing(session, OPERATOR, labels=("read_injection",), reason="a drill")
    assert world.ledger.snapshot(AGENT).row.clock.fast > 0, "signing it changes nothing"
    world.ledger.clear(token, SECOND)
    view = world.ledger.snapshot(AGENT)
    assert view.row.clock.fast == view.row.clock.slow == 0
    assert view.row.labels == ("read_untrusted",)
    assert view.count("read_file", 600) == spent


def test_it_is_used_once_also_after_a_restart(world: World) -> None:
    token = world.ledger.issue_clearing(risky(world), OPERATOR)
    world.ledger.clear(token, OPERATOR)
    for crash in (False, True):
        with pytest.raises(LedgerError, match="CLEARING_USED"):
            world.ledger.clear(token, OPERATOR)
        world.restart(crash=crash)


def test_it_is_of_the_session_as_it_was_looked_at(world: World) -> None:
    """prevents: an attack after the operator has looked, cleared together with what he saw."""
    token = world.ledger.issue_clearing(risky(world), OPERATOR)
    world.decide(does=("send",), score=300)
    with pytest.raises(LedgerError, match="CLEARING_STALE"):
        world.ledger.clear(token, OPERATOR)


def test_it_expires(world: World) -> None:
    token = world.ledger.issue_clearing(risky(world), OPERATOR)
    world.clock.pass_s(601)
    with pytest.raises(LedgerError, match="CLEARING_EXPIRED"):
        world.ledger.clear(token, OPERATOR)


def test_a_forged_or_changed_one_is_refused(world: World) -> None:
    token = world.ledger.issue_clearing(risky(world), OPERATOR)
    head, payload, signature = token.split(".")
    told = canonical.parse(jws.decode(payload))
    assert isinstance(told, dict)
    wider = jws.encode(canonical.encode({**told, "labels": ["read_injection", "read_untrusted"]}))
    stranger = jws.sign(jws.CLEARANCE, told, jws.SigningKey(bytes(32)))
    mandate = world.ledger.issue_mandate(OPERATOR, principal="ada", agent="helper", tool="pay")
    for bad in (f"{head}.{wider}.{signature}", stranger, mandate, "", "a.b.c"):
        with pytest.raises(LedgerError, match=r"BAD_TOKEN|BAD_SIGNATURE"):
            world.ledger.clear(bad, OPERATOR)


@pytest.mark.parametrize("who", [AGENT, OTHER, APPROVER])
def test_only_an_operator_signs_or_uses_one(world: World, who: Identity) -> None:
    session = risky(world)
    token = world.ledger.issue_clearing(session, OPERATOR)
    for attempt in (
        lambda: world.ledger.issue_clearing(session, who),
        lambda: world.ledger.clear(token, who),
    ):
        with pytest.raises(Unauthorized, match="NOT_OPERATOR"):
            attempt()


def test_an_operator_of_another_tenant_learns_and_clears_nothing(world: World) -> None:
    session = risky(world)
    with pytest.raises(LedgerError, match="SESSION_UNKNOWN"):
        world.ledger.issue_clearing(session, BANKER)
    with pytest.raises(Unauthorized, match="NOT_YOUR_TENANT"):
        world.ledger.issue_clearing("all", BANKER)
    token = world.ledger.issue_clearing(session, OPERATOR)
    with pytest.raises(LedgerError, match="SESSION_UNKNOWN"):
        world.ledger.clear(token, BANKER)


def test_a_label_that_the_ledger_never_sets_is_no_label(world: World) -> None:
    with pytest.raises(LedgerError, match="UNKNOWN_LABEL"):
        world.ledger.issue_clearing(risky(world), OPERATOR, labels=("all of them",))


def test_its_record_holds_it_whole_and_the_log_replays(world: World) -> None:
    token = world.ledger.issue_clearing(risky(world), OPERATOR, reason="explained by Ada")
    world.ledger.clear(token, SECOND)
    everything = world.ledger.issue_clearing("all", OPERATOR)
    world.ledger.clear(everything, OPERATOR)
    public = world.ledger.public_key
    world.ledger.close()
    bodies = [each.body for each in records(world.folder / "log") if each.event == "clear"]
    told = jws.verify(bodies[0]["token"], jws.CLEARANCE, jws.thumbprint(public), public)
    assert (told["by"], bodies[0]["by"], told["reason"]) == ("c-olga", "c-second", "explained by Ada")
    assert replay(world.folder / "log", world.folder / "ledger.db").differing == ()
    world.ledger = world._open()
