"""The real ledger on a real disk that fails, driven by chance: what was answered holds, and nothing runs twice.

The machine presents mandates, reports or loses outcomes, crashes with and without losing what was not
synced, fails writes and syncs, steps the clock back and sweeps. It keeps its own, much simpler account of
what really ran. Mutants of the ledger (the broken designs of `lifecycle_model`, made in the real code) have
to be found by the very same machine.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faulty_disk import FaultyDisk
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from ledger_world import OPERATOR, World

from yett.errors import YettError
from yett.ledger import Conflict, Pending, Proposal, core
from yett.ledger import outcome as outcomes
from yett.ledger.deciding import consume, record, verdict
from yett.ledger.projection import changes as plan
from yett.ledger.projection import rows
from yett.ledger.projection.sweep import Over, Sweeper
from yett.model import Decision
from yett_audit.reader import records


class Machine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="yett-machine-"))
        self.disk = FaultyDisk()
        self.world = World(self.folder / "state", writer_options={"real": self.disk})
        self.tokens: list[tuple[str, int]] = []
        self.ends = 0
        self.ran: dict[int, int] = {}
        """Mandate -> how often the tool has run with it."""
        self.answered: list[str] = []
        self.waiting: list[tuple[int, Decision]] = []
        """Allowed, and the tool has run; the outcome is not reported."""
        self.under_way: list[tuple[int, Proposal]] = []
        self.unanswered: list[tuple[int, Pending]] = []

    def teardown(self) -> None:
        self.world.ledger.abandon()
        shutil.rmtree(self.folder, ignore_errors=True)

    @initialize()
    def begin(self) -> None:
        self.issue(uses=1)

    @rule(uses=st.sampled_from([1, 2]))
    def issue(self, uses: int) -> None:
        """A new mandate when there is none that could still be used."""
        if self.tokens and self.ends > self.world.clock.at:
            return
        with suppress(YettError):
            token = self.world.ledger.issue_mandate(
                OPERATOR, principal="ada", agent="helper", tool="pay", uses=uses, lifetime_ms=40_000
            )
            self.tokens.append((token, uses))
            self.ends = self.world.ledger.now() + 40_000

    def _run(self, which: int, decision: Decision) -> None:
        if not decision.record:
            assert not decision.allowed
            return
        self.answered.append(decision.decision_id)
        if decision.allowed:
            self.ran[which] = self.ran.get(which, 0) + 1
            self.waiting.append((which, decision))

    @rule()
    def use(self) -> None:
        """The whole way at once."""
        self.propose()
        while self.under_way:
            self.commit()
        self.answer()

    @rule()
    def propose(self) -> None:
        """Judge, but do not commit yet."""
        which = len(self.tokens) - 1
        self.under_way.append((which, self.world.propose("pay", {"n": 1}, mandate=self.tokens[which][0])))

    @rule()
    def commit(self) -> None:
        """Commit what was judged earlier; the answer is not waited for."""
        if self.under_way:
            which, proposal = self.under_way.pop(0)
            answer = self.world.ledger.commit(proposal)
            if not isinstance(answer, Conflict):
                self.unanswered.append((which, answer))

    @rule()
    def answer(self) -> None:
        while self.unanswered:
            which, pending = self.unanswered.pop(0)
            self._run(which, pending.result(120))

    @rule(status=st.sampled_from(["ok", "error", "unknown", "no_effect"]))
    def report(self, status: str) -> None:
        if self.waiting:
            _, decision = self.waiting.pop(0)
            with suppress(YettError):
                self.world.report(decision, status=status)

    @rule()
    def lose_an_outcome(self) -> None:
        if self.waiting:
            self.waiting.pop(0)

    @rule(keep=st.sampled_from([0.0, 0.3, 1.0]), save=st.booleans())
    def crash(self, keep: float, save: bool) -> None:
        if save and self.world.ledger.failure is None:
            with suppress(YettError):
                self.world.ledger.save()
        self.world.ledger.abandon()
        self.disk.lose(self.world.folder / "log", keep)
        self.under_way.clear()
        self.unanswered.clear()
        self.world.ledger = self.world._open()

    @rule(soon=st.integers(1, 4), short=st.booleans())
    def the_disk_fails(self, soon: int, short: bool) -> None:
        """One of the next writes and syncs fails; then the process is restarted."""
        self.disk.fail_at, self.disk.short = self.disk.operations + soon, short
        for _ in range(3):
            self.use()
        if self.world.ledger.failure is not None:
            assert not self.world.decide("read").allowed, "a log that failed stays failed"
        self.crash(0.0, False)

    @rule(seconds=st.sampled_from([1, 12, 30]))
    def time_passes(self, seconds: int) -> None:
        """And somebody tries again."""
        self.world.clock.pass_s(seconds)
        self.use()

    @rule(back=st.booleans())
    def days_pass(self, back: bool) -> None:
        """The outcomes come in; what has ended is swept; afterwards the clock may be set back."""
        while self.waiting:
            self.report("ok")
        self.world.clock.pass_s(2 * 86400)
        with suppress(YettError):
            self.world.ledger.sweep()
        if back:
            self.world.clock.pass_s(-2 * 86400)
        self.use()

    @invariant()
    def nothing_runs_more_often_than_it_may(self) -> None:
        for which, times in self.ran.items():
            assert times <= self.tokens[which][1], "a mandate was used once more than it allows"

    @invariant()
    def what_was_answered_is_in_the_log(self) -> None:
        if len(self.answered) % 4 == 3:
            found = {
                record.body.get("id")
                for record in records(self.world.folder / "log")
                if record.event == "decision"
            }
            assert set(self.answered) <= found, "an answered decision is missing from the log"


SETTINGS = settings(
    max_examples=60,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_what_was_answered_holds_and_nothing_runs_twice() -> None:
    run_state_machine_as_test(Machine, settings=SETTINGS)


# -- mutants -------------------------------------------------------------------------------------------


@contextmanager
def recovery_releases() -> Iterator[None]:
    original = plan._PLANNERS["epoch"]

    def mutant(state: Any, body: Any) -> Any:
        changes = original(state, body)
        for decision in body.get("in_doubt", []):
            row = state.decided.get(decision)
            if row is not None:
                changes.append(("decided", decision, msgspec.structs.replace(row, status=rows.RELEASED)))
                changes += plan._release(state, row)
        return changes

    with _patched((plan._PLANNERS, "epoch", mutant)):
        yield


@contextmanager
def a_lease_releases() -> Iterator[None]:
    original = consume.use

    def mutant(state: Any, check: Any, draft: Any, who: Any, now: int) -> Any:
        for key in list(state.open):
            row = state.decided.get(key)
            if row.at + 10_000 < now:
                state.install(plan._release(state, row), now)
                state.install([("decided", key, msgspec.structs.replace(row, status=rows.RELEASED))], now)
        return original(state, check, draft, who, now)

    with _patched((verdict, "use", mutant)):
        yield


@contextmanager
def get_then_set() -> Iterator[None]:
    original = consume.use
    looked: dict[int, Any] = {}
    check = World.propose

    def propose(self: World, *args: Any, **how: Any) -> Any:
        proposal = check(self, *args, **how)
        if proposal.mandate is not None and proposal.mandate.ok:
            state = self.ledger._core.state
            looked[id(proposal.mandate)] = (
                proposal.mandate,
                original(
                    state,
                    proposal.mandate,
                    record.draft(proposal),
                    proposal.admitted.identity,
                    self.ledger.now(),
                ),
            )
        return proposal

    def use(state: Any, presented: Any, *others: Any) -> Any:
        return looked[id(presented)][1] if id(presented) in looked else original(state, presented, *others)

    with _patched((World, "propose", propose), (verdict, "use", use)):
        yield


@contextmanager
def answered_before_it_is_durable() -> Iterator[None]:
    with _patched((core.Core, "wait", lambda *_: None)):
        yield


@contextmanager
def the_agents_word_releases() -> Iterator[None]:
    original = outcomes._status

    with _patched((outcomes, "_status", lambda status, row, proven: original(status, row, True))):
        yield


@contextmanager
def no_watermark_and_a_clock_that_may_step_back() -> Iterator[None]:
    original = consume._alive

    def alive(state: Any, *args: Any) -> Any:
        meta, state.meta = state.meta, msgspec.structs.replace(state.meta, watermark=0)
        try:
            return original(state, *args)
        finally:
            state.meta = meta

    with _patched((consume, "_alive", alive), (core.Core, "now", lambda self: self._clock())):
        yield


@contextmanager
def unsettled_uses_are_swept_and_the_end_is_checked_early() -> Iterator[None]:
    original = Sweeper.over

    def over(self: Sweeper, state: Any, now: int) -> Over:
        kept, state.open, doubt, state.in_doubt = state.open, set(), state.in_doubt, set()
        try:
            return original(self, state, now)
        finally:
            state.open, state.in_doubt = kept, doubt

    with _patched((Sweeper, "over", over), (consume, "_alive", lambda *_: None)):
        yield


@contextmanager
def _patched(*places: tuple[Any, str, Any]) -> Iterator[None]:
    before = []
    for where, name, value in places:
        if isinstance(where, dict):
            before.append((where, name, where[name]))
            where[name] = value
        else:
            before.append((where, name, getattr(where, name)))
            setattr(where, name, value)
    try:
        yield
    finally:
        for where, name, value in before:
            if isinstance(where, dict):
                where[name] = value
            else:
                setattr(where, name, value)


MUTANTS: tuple[Callable[[], Any], ...] = (
    recovery_releases,
    a_lease_releases,
    get_then_set,
    answered_before_it_is_durable,
    the_agents_word_releases,
    no_watermark_and_a_clock_that_may_step_back,
    unsettled_uses_are_swept_and_the_end_is_checked_early,
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_machine_finds_the_mutant(mutant: Callable[[], Any]) -> None:
    found = settings(SETTINGS, max_examples=400, phases=[Phase.generate], report_multiple_bugs=False)
    with mutant(), pytest.raises(AssertionError, match=r"more than it allows|missing from the log"):
        run_state_machine_as_test(Machine, settings=found)
