"""The ledger over a socket pair behaves as the ledger itself, and every way in which the link can fail is a deny."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ledger_world import AGENT, APPROVER, OPERATOR, OTHER, POLICY, World, codes

from yett.admit import admit
from yett.errors import AuditUnavailable, InvalidCall, LedgerError
from yett.extract.facts import Amount, Facts
from yett.ledger import Pending, Proposal, Snapshot, assess
from yett.ledger.proposal import ATTEMPTS, Settled
from yett.ledger.tokens import jws
from yett.ledger.tokens.mandate import Limit, token_digest
from yett.ledger.workers import service
from yett.ledger.workers.link import Answer, BadFrame, DecidedOf, Frames, Hello, Question, Welcome, frame
from yett.ledger.workers.remote import TOGETHER, RemoteLedger
from yett.ledger.workers.service import Service
from yett.model import Decision, Effect, Identity, OutcomeFacts, Reason, Risk, ToolCall, Verdict


class Linked:
    """A ledger, its event loop in a thread, and as many remote ends as a test asks for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.loop = asyncio.new_event_loop()
        self.decisions: list[Settled] = []
        self.remotes: list[RemoteLedger] = []
        self.near: list[socket.socket] = []
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def remote(self, **options: Any) -> RemoteLedger:
        near, far = socket.socketpair()
        near.setblocking(False)

        async def serve() -> None:
            await self.loop.create_connection(
                lambda: Service(self.world.ledger, on_decision=lambda d, _: self.decisions.append(d)),
                sock=near,
            )

        asyncio.run_coroutine_threadsafe(serve(), self.loop).result(120)
        self.near.append(near)
        remote = RemoteLedger(far, clock=self.world.clock, **options)
        self.remotes.append(remote)
        return remote

    def close(self) -> None:
        for remote in self.remotes:
            remote.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()


@pytest.fixture
def linked(tmp_path: Path) -> Iterator[Linked]:
    made = Linked(World(tmp_path / "state"))
    yield made
    made.close()
    made.world.ledger.close()


class Judgement:
    """Judges by what a test says, and counts how often it was asked."""

    def __init__(
        self,
        tool: str = "read_file",
        *,
        who: Identity = AGENT,
        effect: Effect = Effect.ALLOW,
        does: tuple[str, ...] = (),
        arguments: dict[str, Any] | None = None,
        mandate: str | None = None,
        proof: str | None = None,
        facts: dict[str, Any] | None = None,
        score: int = 0,
    ) -> None:
        self.risk = Risk(score=score)
        self.call = ToolCall(tool=tool, arguments=arguments or {}, mandate=mandate, proof=proof)
        self.facts = facts or {}
        self.who = who
        self.effect = effect
        self.does = does
        self.asked = 0
        self.between = lambda: None

    def __call__(self, view: Snapshot, contended: bool) -> Proposal:
        self.asked += 1
        admitted = admit(self.call, self.who, view.session)
        facts = Facts(tool=self.call.tool, does=frozenset(self.does), **self.facts)
        effect = Effect.DENY if contended else self.effect
        reasons = () if effect is Effect.ALLOW else (Reason(stage="policy", code="RULE", message="said so"),)
        policy = Verdict(stage="policy", effect=effect, reasons=reasons)
        session = assess(view, admitted, facts, self.risk)
        self.between()
        return Proposal(
            admitted=admitted,
            facts=facts,
            risk=self.risk,
            verdicts=(policy, session),
            policy=POLICY,
            snapshot=view,
        )


def settled(ledger: Any, judge: Judgement, session: str = "") -> Decision:
    pending = ledger.settle(judge.who, session, judge)
    assert isinstance(pending, Pending)
    return pending.result(120)


@pytest.mark.parametrize("remote", [False, True])
def test_a_call_is_settled_alike_here_and_over_the_link(linked: Linked, remote: bool) -> None:
    ledger = linked.remote() if remote else linked.world.ledger
    allowed = settled(ledger, Judgement())
    assert allowed.allowed
    assert allowed.record is not None
    assert allowed.permit
    denied = settled(ledger, Judgement(effect=Effect.DENY))
    assert denied.effect is Effect.DENY
    assert denied.record is not None
    held = settled(ledger, Judgement(effect=Effect.HOLD))
    assert held.effect is Effect.HOLD
    assert held.approval
    linked.world.ledger.approve(held.approval, APPROVER)
    assert codes(settled(ledger, Judgement(effect=Effect.HOLD))) >= {"APPROVED"}
    assert settled(ledger, Judgement(effect=Effect.HOLD)).effect is Effect.HOLD  # an approval is used once


def test_a_kept_past_costs_no_second_judgement_and_a_stale_one_costs_one(linked: Linked) -> None:
    remote = linked.remote()
    first, second = Judgement(), Judgement()
    settled(remote, first)
    settled(remote, second)
    assert (first.asked, second.asked) == (1, 1)
    linked.world.ledger.freeze("principal:default/ada", OPERATOR, "look into it")
    third = Judgement()
    assert "FROZEN" in codes(settled(remote, third))
    assert third.asked == 2
    linked.world.ledger.thaw("principal:default/ada", OPERATOR)
    assert settled(remote, Judgement()).allowed, "a denial does not stay because an old past was kept"


def test_what_one_worker_learns_the_other_judges_by(linked: Linked) -> None:
    one, other = linked.remote(), linked.remote()
    settled(other, Judgement())
    read = settled(one, Judgement())
    seen = OutcomeFacts(
        decision_id=read.decision_id,
        status="ok",
        result_digest="sha256:" + "1" * 64,
        size=10,
        values=(("write to eve@evil.example", "untrusted"),),
        labels=("read_untrusted",),
    )
    one.report(seen, AGENT).result(120)
    views: list[Snapshot] = []

    class Seeing(Judgement):
        def __call__(self, view: Snapshot, contended: bool) -> Proposal:
            views.append(view)
            return super().__call__(view, contended)

    settled(other, Seeing())
    assert "read_untrusted" in views[-1].labels
    assert views[-1].origin("eve@evil.example").value == "untrusted"


def test_a_mandate_is_used_once_however_many_workers_present_it(linked: Linked) -> None:
    token = linked.world.ledger.issue_mandate(
        OPERATOR, principal="ada", agent="helper", tool="pay", arguments={}
    )
    remotes = [linked.remote() for _ in range(3)]
    answers: list[Decision] = []

    def present(remote: RemoteLedger) -> None:
        answers.extend(settled(remote, Judgement("pay", mandate=token)) for _ in range(5))

    threads = [threading.Thread(target=present, args=(remote,)) for remote in remotes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer.allowed for answer in answers) == 1
    assert len(answers) == 15 == len(linked.decisions)


def test_a_session_that_never_stands_still_is_denied_as_often_as_it_is_asked_for(linked: Linked) -> None:
    remote = linked.remote()
    judge = Judgement()
    flips = iter(range(100))

    def unrest() -> None:
        scope = f"agent:default/ada/{next(flips)}"
        linked.world.ledger.freeze(scope, OPERATOR)
        number = judge.asked
        who = "principal:default/ada"
        (linked.world.ledger.freeze if number % 2 else linked.world.ledger.thaw)(who, OPERATOR)

    judge.between = unrest
    decision = settled(remote, judge)
    assert decision.effect is Effect.DENY
    assert decision.record is not None
    assert judge.asked == ATTEMPTS + 1


def test_errors_of_the_caller_come_through(linked: Linked) -> None:
    remote = linked.remote()
    with pytest.raises(LedgerError, match="SESSION_UNKNOWN"):
        settled(remote, Judgement(), session="s_of_nobody")
    theirs = linked.world.ledger.open_session(OTHER)
    with pytest.raises(LedgerError, match="SESSION_NOT_YOURS"):
        settled(remote, Judgement(), session=theirs)
    with pytest.raises(InvalidCall):
        settled(remote, Judgement(tool=""))
    with pytest.raises(LedgerError, match="UNKNOWN_DECISION"):
        remote.decided("d_none", AGENT)
    unknown = OutcomeFacts(decision_id="d_none", status="ok", result_digest="sha256:" + "1" * 64, size=1)
    with pytest.raises(LedgerError, match="UNKNOWN_DECISION"):
        remote.report(unknown, AGENT).result(120)


@pytest.mark.parametrize("remote", [False, True])
def test_what_a_mandate_permits_is_the_same_wherever_it_was_checked(linked: Linked, remote: bool) -> None:
    world = linked.world
    ledger = linked.remote() if remote else world.ledger
    key = jws.SigningKey(bytes(31) + b"k")
    terms: dict[str, Any] = {"principal": "ada", "agent": "helper", "tool": "pay", "uses": 3}
    limits = {"amount": Limit(most=900), "to": Limit(eq="bob")}
    token = world.ledger.issue_mandate(OPERATOR, **terms, limits=limits, amount=1000, amount_of="amount")
    known = world.ledger.issue_mandate(OPERATOR, **terms, arguments={"to": "bob"})
    bound = world.ledger.issue_mandate(OPERATOR, **terms, cnf=jws.encode(key.public))

    def answer(mandate: str, proof: str | None = None, **arguments: Any) -> str:
        told = settled(ledger, Judgement("pay", arguments=arguments, mandate=mandate, proof=proof))
        return "ALLOWED" if told.allowed else " ".join(sorted(codes(told)))

    assert answer(token, to="bob", amount=600) == "ALLOWED"
    assert answer(token, to="bob", amount=600) == "MANDATE_BUDGET"
    assert answer(token, to="bob", amount=901) == "MANDATE_ARGUMENTS"
    assert answer(token, to="eve", amount=1) == "MANDATE_ARGUMENTS"
    assert answer(token[:-9] + "AAAAAAAAA", to="bob", amount=1) in ("BAD_SIGNATURE", "BAD_TOKEN")
    assert answer(_id(known), to="bob") == "ALLOWED"
    assert answer(_id(known), to="eve") == "MANDATE_ARGUMENTS"
    assert answer("m_nobody", to="bob") == "MANDATE_UNKNOWN"
    admitted = admit(ToolCall(tool="pay", arguments={}), AGENT, world.ledger.default_session(AGENT))
    claims = {
        "mandate": token_digest(bound),
        "call": admitted.digest,
        "attempt": "",
        "aud": world.ledger.origin,
        "challenge": world.ledger.challenge(_id(bound)),
    }
    proof = jws.sign(jws.PROOF, claims, key)
    assert answer(bound) == "PROOF_REQUIRED"
    assert answer(bound, proof) == "ALLOWED"
    assert answer(bound, proof) == "CHALLENGE_USED"
    foreign = jws.sign(jws.PROOF, {**claims, "challenge": world.ledger.challenge("another")}, key)
    assert answer(bound, foreign) == "CHALLENGE_FORGED"


def _id(token: str) -> str:
    return str(msgspec.json.decode(jws.decode(token.split(".")[1]))["jti"])


def test_what_only_the_ledger_holds_is_shown_to_the_approver_like_any_other(linked: Linked) -> None:
    remote = linked.remote()
    pay = {"does": ("pay",), "facts": {"amounts": (Amount(pointer="/amount", minor=6_000_000),)}}
    assert settled(remote, Judgement("pay", arguments={"to": "bob", "amount": 60_000}, **pay)).allowed
    held = settled(remote, Judgement("pay", arguments={"to": "bob", "amount": 60_000}, **pay))
    assert codes(held) == {"BUDGET_MONEY"}
    (request,) = linked.world.ledger.approvals(APPROVER)
    assert request.id == held.approval
    assert request.shown is not None
    assert request.shown.arguments == '{"amount":60000,"to":"bob"}'


def test_a_past_that_the_ledger_has_forgotten_is_asked_for_again(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "KEPT", 1)
    remote = linked.remote()
    settled(remote, Judgement())
    settled(remote, Judgement(who=OTHER))
    again = Judgement()
    assert settled(remote, again).allowed
    assert again.asked == 2


# -- a link that fails -----------------------------------------------------------------------------------


class Scripted:
    """The other end of a link, saying what a test wants."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.questions: list[Question] = []
        self._thread = threading.Thread(target=self._greet, daemon=True)
        self._thread.start()

    def _greet(self) -> None:
        frames = Frames(Question)
        while not self.questions:
            for question in frames.feed(self.near.recv(65536)):
                assert isinstance(question, Question)
                assert isinstance(question.ask, Hello)
                self.questions.append(question)
        self.near.sendall(frame(Answer(number=self.questions[0].number, reply=Welcome(hasher=b"k" * 32))))

    def remote(self, world: World, **options: Any) -> RemoteLedger:
        return RemoteLedger(self.far, clock=world.clock, silence_s=1, **options)


BROKEN = {
    "ends": lambda end: end.close(),
    "resets": lambda end: (
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
        end.close(),
    ),
    "talks nonsense": lambda end: end.sendall(b"\x00\x00\x00\x05hello"),
    "announces a huge frame": lambda end: end.sendall(b"\xff\xff\xff\xff"),
    "sends half a frame and ends": lambda end: (end.sendall(b"\x00\x00\x01\x00abc"), end.close()),
    "says nothing": lambda end: None,
    "answers a question nobody asked": lambda end: end.sendall(
        frame(Answer(number=99, reply=Welcome(hasher=b"")))
    ),
    "answers another question": lambda end: end.sendall(frame(Answer(number=2, reply=Welcome(hasher=b"")))),
}


@pytest.mark.parametrize("in_a_loop", [False, True])
@pytest.mark.parametrize("way", BROKEN)
def test_a_ledger_that_breaks_off_answers_nobody(tmp_path: Path, way: str, in_a_loop: bool) -> None:
    world = World(tmp_path / "state")
    script = Scripted()
    broken = threading.Event()
    loop = asyncio.new_event_loop() if in_a_loop else None
    remote = script.remote(world, on_broken=broken.set, loop=loop)
    threading.Timer(0.1, lambda: BROKEN[way](script.near)).start()
    with pytest.raises(LedgerError) as refused:
        settled(remote, Judgement())
    assert refused.value.code in ("AUDIT_UNAVAILABLE", "INTERNAL")
    if way != "answers another question":
        assert broken.wait(120)
        with pytest.raises(AuditUnavailable):
            settled(remote, Judgement())
    remote.close()
    if loop is not None:
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        assert script.far.fileno() == -1, "the loop lets go of the link"
    world.ledger.close()


async def _answered(pending: Pending) -> Decision:
    there, told_by = asyncio.Event(), []
    pending.add_done_callback(lambda _: (told_by.append(threading.get_ident()), there.set()))
    await there.wait()
    assert told_by == [threading.get_ident()], "nothing is handed from thread to thread"
    return pending.result(0)


def test_a_loop_reads_the_link_in_its_own_thread(linked: Linked) -> None:
    async def ask() -> None:
        remote = linked.remote(loop=asyncio.get_running_loop())
        opened = linked.world.ledger.open_session(AGENT)
        # The first of a session asks for its past, and reads the others' answers while it waits.
        pending = [remote.settle(AGENT, session, Judgement()) for session in ("", "", opened, opened)]
        decisions = [await _answered(each) for each in pending]
        assert all(decision.allowed and decision.permit for decision in decisions)
        report = OutcomeFacts(
            decision_id=decisions[0].decision_id, status="ok", result_digest="sha256:" + "0" * 64, size=10
        )
        assert remote.decided(decisions[0].decision_id, AGENT).status == "reserved"
        assert (await _answered(remote.report(report, AGENT))).record is not None
        stale = Judgement()
        linked.world.ledger.freeze("all", OPERATOR)
        refused = await _answered(remote.settle(AGENT, "", stale))
        assert "FROZEN" in codes(refused)
        assert stale.asked == 2, "it was judged again by the past as it is"
        waiting = remote.settle(AGENT, opened, Judgement())
        await asyncio.to_thread(remote.record_policy, linked.world.ledger.policy)
        await _answered(waiting)
        remote.close()
        with pytest.raises(AuditUnavailable):
            remote.settle(AGENT, "", Judgement())

    asyncio.run(ask())


def test_what_is_asked_in_one_turn_of_the_loop_is_sent_together_and_not_kept_for_long(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    script = Scripted()

    async def ask() -> list[int]:
        remote = script.remote(world, loop=asyncio.get_running_loop())
        script.near.setblocking(False)
        frames, sent = Frames(Question), []

        def come() -> int:
            try:
                return len(list(frames.feed(script.near.recv(1 << 20))))
            except BlockingIOError:
                return 0

        for count in (2, TOGETHER + 2):
            for _ in range(count):
                remote.ask(DecidedOf(decision_id="d", identity=AGENT), lambda _: None)
            sent.append(come())
            await asyncio.sleep(0)
            sent.append(come())
        remote.close()
        return sent

    assert asyncio.run(ask()) == [0, 2, TOGETHER, 2]
    world.ledger.close()


def test_what_two_workers_ask_in_one_turn_of_the_loop_is_flushed_together(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = linked.world.ledger
    remotes = [linked.remote(), linked.remote()]
    for remote in remotes:
        settled(remote, Judgement())
    entered: list[int] = []
    subscribe = ledger.subscribe
    monkeypatch.setattr(
        ledger, "subscribe", lambda *told: (entered.append(ledger._core.state.applied), subscribe(*told))
    )
    busy, go = threading.Event(), threading.Event()
    linked.loop.call_soon_threadsafe(lambda: (busy.set(), go.wait(120)))
    assert busy.wait(120)
    pending = [remote.settle(AGENT, "", Judgement()) for remote in remotes for _ in range(2)]
    go.set()
    records = [each.result(120).record for each in pending]
    last = max(record.index for record in records if record is not None)
    assert entered == [last + 1, last + 1], "when the log's thread is told, all four are in the log"


def test_whatever_is_answered_together_tells_what_has_changed_since(linked: Linked) -> None:
    remote = linked.remote()
    settled(remote, Judgement())
    busy, go = threading.Event(), threading.Event()
    linked.loop.call_soon_threadsafe(lambda: (busy.set(), go.wait(120)))
    assert busy.wait(120)
    # A risky call, and a harmless one on either side: three commits of one turn, judged by one past.
    pending = [remote.settle(AGENT, "", judge) for judge in (Judgement(), Judgement(score=900), Judgement())]
    go.set()
    assert all(each.result(120).record is not None for each in pending)
    following = Judgement()
    settled(remote, following)
    assert following.asked == 1, "it was judged by the past that the answers told of"


def test_whoever_waits_when_the_link_breaks_gets_a_deny(linked: Linked) -> None:
    remote = linked.remote()
    settled(remote, Judgement())
    core = linked.world.ledger._core
    with core.lock:  # the ledger is busy: the answer cannot come
        pending = remote.settle(AGENT, "", Judgement())
        told: list[bool] = []
        pending.add_done_callback(lambda _: told.append(True))
        remote.give_up("drill")
    decision = pending.result(120)
    assert decision.effect is Effect.DENY
    assert decision.record is None
    assert codes(decision) == {"AUDIT_UNAVAILABLE"}
    assert told == [True]


def test_a_log_that_fails_is_a_deny_over_the_link(linked: Linked) -> None:
    remote = linked.remote()
    settled(remote, Judgement())
    (linked.world.ledger.log_directory / "HEAD").unlink(missing_ok=True)
    for segment in linked.world.ledger.log_directory.glob("*.jsonl"):
        segment.unlink()
    decision = settled(remote, Judgement())
    assert decision.effect is Effect.DENY
    assert codes(decision) == {"AUDIT_UNAVAILABLE"}


def test_the_ledger_closes_a_link_on_which_it_is_told_nonsense(linked: Linked) -> None:
    ended = threading.Event()
    remote = linked.remote(on_broken=ended.set)
    remote._link.sendall(b"\x00\x00\x00\x03abc")
    assert ended.wait(120)
    assert settled(linked.remote(), Judgement()).allowed, "the others are served on"


def test_frames_come_out_as_they_went_in_however_they_are_cut() -> None:
    data = b"".join(frame(Question(number=n, ask=Hello())) for n in range(5))
    for step in (1, 2, 3, 7, len(data)):
        frames = Frames(Question)
        found = [q for i in range(0, len(data), step) for q in frames.feed(data[i : i + step])]
        assert [question.number for question in found] == [0, 1, 2, 3, 4]
    with pytest.raises(BadFrame):
        list(Frames(Question).feed(b"\x7f\xff\xff\xff"))
