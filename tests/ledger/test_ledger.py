"""The ledger's main path: snapshot, commit, outcome, and everything again after a restart."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from ledger_world import AGENT, OPERATOR, OTHER, POLICY, WATCHER, World, codes

from yett.errors import LedgerError, Unauthorized
from yett.ledger import Conflict, Pending
from yett.ledger.projection.state import State
from yett.ledger.tokens import permit
from yett.model import Effect
from yett_audit.reader import records


def test_an_allowed_call_has_a_record_and_a_permit_over_exactly_this_call(world: World) -> None:
    decision = world.decide("read_file", {"path": "a.txt"})
    assert decision.effect is Effect.ALLOW
    assert decision.record is not None
    assert decision.permit is not None
    found = permit.verify(decision.permit, world.ledger.public_key, decision.action_digest, world.clock())
    assert found.index == decision.record.index
    assert found.call == decision.call_digest
    written = {r.index: r for r in records(world.folder / "log")}[decision.record.index]
    assert written.event == "decision"
    assert written.body["id"] == decision.decision_id
    assert written.leaf.hex() == decision.record.leaf


def test_arguments_are_not_in_the_log_in_the_clear_when_the_preview_is_off(world: World) -> None:
    proposal = world.propose("read_file", {"path": "the-unique-path-7231"})
    world.ledger.commit(msgspec.structs.replace(proposal, preview=False)).result(120)  # type: ignore[union-attr]
    lines = b"".join(p.read_bytes() for p in (world.folder / "log").glob("*.jsonl"))
    everything = b"".join(p.read_bytes() for p in (world.folder / "log").iterdir() if p.is_file())
    assert b"7231" not in lines
    assert b"7231" not in everything


def test_a_permit_that_was_signed_early_is_nobodys_until_its_record_is_durable(world: World) -> None:
    kept = world.ledger.commit(world.propose())
    assert isinstance(kept, Pending)
    kept.prepare()
    assert kept.result(5).permit
    late = world.ledger.commit(world.propose())
    assert isinstance(late, Pending)
    late.prepare()
    for segment in world.ledger.log_directory.glob("*.jsonl"):
        segment.unlink()
    decision = late.result(5)
    assert decision.effect is Effect.DENY
    assert decision.permit is None
    assert codes(decision) == {"AUDIT_UNAVAILABLE"}


def test_no_verdict_at_all_is_a_deny(world: World) -> None:
    proposal = msgspec.structs.replace(world.propose(), verdicts=())
    answer = world.ledger.commit(proposal)
    assert not isinstance(answer, Conflict)
    assert answer.result(120).effect is Effect.DENY


def test_the_strictest_stage_decides(world: World) -> None:
    for effect in Effect:
        assert world.decide(effect=effect).effect is effect


def test_a_stale_snapshot_is_a_conflict_only_if_what_it_showed_has_changed(world: World) -> None:
    first = world.propose()
    second = world.propose("other")
    assert not isinstance(world.ledger.commit(first), Conflict)
    assert not isinstance(world.ledger.commit(second), Conflict), (
        "a harmless call changes nothing that was read"
    )
    third = world.propose()
    third.snapshot.count("read_file", 3600)
    world.decide()
    assert isinstance(world.ledger.commit(third), Conflict), "the count that judging read is another now"


def test_a_deny_is_recorded_even_from_a_stale_snapshot(world: World) -> None:
    stale = world.propose(effect=Effect.DENY)
    stale.snapshot.count("read_file", 3600)
    world.decide()
    answer = world.ledger.commit(stale)
    assert not isinstance(answer, Conflict)
    assert answer.result(120).effect is Effect.DENY


def test_a_session_of_another_caller_is_refused(world: World) -> None:
    session = world.ledger.open_session(AGENT)
    with pytest.raises(LedgerError, match="SESSION_NOT_YOURS"):
        world.ledger.snapshot(OTHER, session)
    with pytest.raises(LedgerError, match="SESSION_UNKNOWN"):
        world.ledger.snapshot(AGENT, "s_invented")


def test_a_call_without_a_session_gets_the_callers_own_default_one(world: World) -> None:
    mine = world.ledger.snapshot(AGENT).session
    assert mine == world.ledger.snapshot(AGENT).session
    assert mine != world.ledger.snapshot(OTHER).session


def test_everything_remembered_survives_a_restart(world: World) -> None:
    session = world.ledger.open_session(AGENT, prompt="please pay bob@bank.example")
    decision = world.decide(session=session, does=("read",), score=400)
    world.report(decision, ("evil@mail.example", "untrusted"), labels=("read_untrusted",))
    before = world.ledger.snapshot(AGENT, session)
    for crash in (False, True):
        world.restart(crash=crash)
        after = world.ledger.snapshot(AGENT, session)
        assert after.row == before.row
        assert after.principal == before.principal
        assert after.origin("bob@bank.example").value == "prompt"
        assert after.origin("evil@mail.example").value == "untrusted"


def test_a_lost_or_corrupt_projection_is_rebuilt_from_the_log(world: World) -> None:
    decision = world.decide(score=300)
    world.report(decision, labels=("read_untrusted",))
    before = world.ledger.snapshot(AGENT)
    for damage in (Path.unlink, lambda p: p.write_bytes(b"not a database at all" * 500)):
        world.ledger.close()
        damage(world.folder / "ledger.db")
        world.ledger = world._open()
        assert world.ledger.snapshot(AGENT).row == before.row


def test_a_projection_of_another_log_is_not_believed(worlds: Callable[..., World]) -> None:
    one, two = worlds(), worlds()
    for _ in range(3):
        one.decide(score=500)
    two.decide(score=10)
    before = two.ledger.snapshot(AGENT).row
    one.ledger.close()
    two.ledger.close()
    (two.folder / "ledger.db").write_bytes((one.folder / "ledger.db").read_bytes())
    one.ledger, two.ledger = one._open(), two._open()
    assert two.ledger.snapshot(AGENT).row == before


def test_an_outcome_is_reported_once_and_by_its_owner(world: World) -> None:
    decision = world.decide()
    with pytest.raises(LedgerError, match="NOT_YOURS"):
        world.report(decision, who=OTHER)
    world.report(decision)
    with pytest.raises(LedgerError, match="UNKNOWN_DECISION"):
        world.report(decision)
    tried = world.decide(attempt="one")
    world.report(tried)
    with pytest.raises(LedgerError, match="ALREADY_REPORTED"):
        world.report(tried)
    denied = world.decide(effect=Effect.DENY)
    with pytest.raises(LedgerError, match="UNKNOWN_DECISION"):
        world.report(denied)


def test_frozen_scopes_deny_until_an_operator_thaws_them(world: World) -> None:
    for scope in ("all", "tenant:default", "principal:default/ada", "agent:default/ada/helper"):
        world.ledger.freeze(scope, WATCHER, "looks odd")
        assert "FROZEN" in codes(world.decide())
        with pytest.raises(Unauthorized):
            world.ledger.thaw(scope, WATCHER)
        world.ledger.thaw(scope, OPERATOR)
        assert world.decide().allowed
    with pytest.raises(Unauthorized):
        world.ledger.freeze("all", AGENT)


def test_a_freeze_between_judging_and_commit_denies(world: World) -> None:
    proposal = world.propose()
    world.ledger.freeze("all", WATCHER)
    assert isinstance(world.ledger.commit(proposal), Conflict)
    assert "FROZEN" in codes(world.decide())


def test_freezes_survive_a_restart(world: World) -> None:
    world.ledger.freeze("all", WATCHER)
    world.restart(crash=True)
    assert world.decide().effect is Effect.DENY


def test_a_second_process_on_the_same_state_is_refused(world: World) -> None:
    with pytest.raises(LedgerError, match="LOCKED"):
        world._open()


def test_the_clock_never_runs_backwards(world: World) -> None:
    first = world.decide()
    world.clock.pass_s(-3600)
    second = world.decide()
    assert second.issued_at >= first.issued_at
    world.restart()
    assert world.decide().issued_at >= second.issued_at


def test_a_log_that_cannot_be_written_denies_everything_without_a_record(world: World) -> None:
    assert world.decide().allowed
    for path in (world.folder / "log").iterdir():
        if path.suffix not in ("", ".lock"):
            path.unlink()
    for _ in range(3):
        decision = world.decide()
        assert decision.effect is Effect.DENY
        assert codes(decision) == {"AUDIT_UNAVAILABLE"}
        assert decision.record is None
        assert decision.permit is None


def test_the_policy_in_force_is_recorded_when_it_changes(world: World) -> None:
    world.ledger.record_policy(POLICY, (("bank.yaml", "sha256:00"),))
    world.ledger.record_policy(POLICY)
    assert [r.event for r in records(world.folder / "log")].count("policy") == 1


def test_budgets_of_a_policy_are_charged_with_the_allow_and_read_by_the_next_call(world: World) -> None:
    world.decide("pay", {"amount": 5}, charges=(("pay", 500),))
    assert world.ledger.snapshot(AGENT).spent("pay", 86400) == 500
    world.decide("pay", {"amount": 5}, charges=(("pay", 500),), effect=Effect.DENY)
    assert world.ledger.snapshot(AGENT).spent("pay", 86400) == 500
    session = world.ledger.open_session(AGENT)
    assert world.ledger.snapshot(AGENT, session).spent("pay", 86400) == 500, "a new session is no new budget"
    world.clock.pass_s(86401)
    assert world.ledger.snapshot(AGENT).spent("pay", 86400) == 0


def test_concurrent_calls_against_one_budget_never_overdraw_it(world: World) -> None:
    allowed = []

    def work() -> None:
        for _ in range(10):
            while True:
                view_spent = 0
                proposal = world.propose("pay", charges=(("pay", 10),))
                view_spent = proposal.snapshot.spent("pay", 3600)
                if view_spent + 10 > 200:
                    return
                answer = world.ledger.commit(proposal)
                if not isinstance(answer, Conflict):
                    allowed.append(answer.result(120).allowed)
                    break

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(allowed) == 20
    assert world.ledger.snapshot(AGENT).spent("pay", 3600) == 200


def test_proven_no_effect_gives_budgets_back_and_an_agents_word_does_not(world: World) -> None:
    for proven, left in ((True, 0), (False, 70)):
        decision = world.decide("pay", charges=(("pay", 70),))
        world.report(decision, status="no_effect", proven=proven)
        assert world.ledger.snapshot(AGENT).spent("pay", 3600) == left


def test_the_reason_that_decided_stands_first(world: World) -> None:
    token = world.ledger.issue_mandate(OPERATOR, principal="ada", agent="helper", tool="pay")
    assert world.decide("wire", mandate=token).reasons[0].code == "MANDATE_TOOL"
    world.ledger.freeze("all", WATCHER)
    assert world.decide(effect=Effect.HOLD).reasons[0].code == "FROZEN"


def test_rows_that_left_memory_are_fetched_again(world: World) -> None:
    state = world.ledger._core.state
    for table in (state.sessions, state.principals, state.accounts):
        table.capacity = 3
    people = [msgspec.structs.replace(AGENT, principal=f"p{number}") for number in range(12)]
    for who in people:
        decision = world.decide("send", {"n": 1}, who=who, does=("send",), score=300, charges=(("pay", 7),))
        world.report(decision, ("eve@evil.example", "untrusted"), labels=("read_untrusted",), who=who)
    before = [world.ledger.snapshot(who).row for who in people]
    world.ledger.save()
    assert len(state.sessions.rows) == 3
    assert [world.ledger.snapshot(who).row for who in people] == before
    assert all(world.ledger.snapshot(who).spent("pay", 3600) == 7 for who in people)
    world.decide(who=people[0], score=500)
    world.restart()
    assert world.ledger.snapshot(people[0]).row.version == before[0].version + 1
    assert [world.ledger.snapshot(who).row for who in people[1:]] == before[1:]


def test_sessions_that_nobody_asks_for_stay_out_of_memory(world: World) -> None:
    people = [msgspec.structs.replace(AGENT, principal=f"p{number}") for number in range(12)]
    for who in people:
        world.ledger.open_session(who, prompt="write to bob@corp.example")
    world.restart()
    state = world.ledger._core.state
    assert not state.sessions.rows
    world.ledger.snapshot(people[3])
    assert list(state.principals.rows) == ["default\0p3"]


def test_a_long_log_is_replayed_in_bounded_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [msgspec.structs.replace(AGENT, principal=f"p{number}") for number in range(30)]
    for who in people:
        world.decide("send", {"n": 1}, who=who, does=("send",), score=300)
    before = [world.ledger.snapshot(who).row for who in people]
    world.ledger.close()
    (world.folder / "ledger.db").unlink()
    monkeypatch.setattr("yett.ledger.projection.recovery.SAVE_REPLAYED", 10)
    monkeypatch.setattr("yett.ledger.projection.recovery.State", lambda: State(capacity=4))
    world.ledger = world._open()
    assert len(world.ledger._core.state.sessions.rows) <= 4
    assert [world.ledger.snapshot(who).row for who in people] == before


def test_a_damaged_row_denies(world: World) -> None:
    """prevents: a session whose memory cannot be read taken for one that remembers nothing."""
    world.decide(score=500)
    world.ledger.close()
    with sqlite3.connect(world.folder / "ledger.db") as database:
        database.execute("update row set value = x'c1' where tab = 'session'")
    world.ledger = world._open()
    with pytest.raises(LedgerError, match="STATE_UNAVAILABLE"):
        world.ledger.snapshot(AGENT)


def test_outcomes_and_decisions_are_forgotten_a_day_after_their_end(world: World) -> None:
    first = world.decide(attempt="k")
    world.report(first)
    world.clock.pass_s(86_400 + 31)
    world.decide()
    world.decide()
    with pytest.raises(LedgerError, match="UNKNOWN_DECISION"):
        world.ledger.decided(first.decision_id, AGENT)
    assert world.decide(attempt="k").allowed
