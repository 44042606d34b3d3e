"""A small world around a ledger: identities, a clock that is told the time, calls made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from yett import canonical
from yett.extract.facts import Facts, Text
from yett.ledger import Conflict, Ledger, Pending, Proposal
from yett.model import (
    AdmittedCall,
    Decision,
    Effect,
    Finding,
    Identity,
    Level,
    Obligation,
    OutcomeFacts,
    PolicyRef,
    Reason,
    Risk,
    ToolCall,
    Verdict,
)

AGENT = Identity(principal="ada", agent="helper", credential="c-agent")
OTHER = Identity(principal="eve", agent="helper", credential="c-eve")
OPERATOR = Identity(principal="olga", agent="console", role="operator", credential="c-olga")
APPROVER = Identity(
    principal="paul", agent="console", role="approver", groups=("treasury",), credential="c-paul"
)
SECOND = Identity(
    principal="petra", agent="console", role="approver", groups=("treasury",), credential="c-petra"
)
WATCHER = Identity(principal="watch", agent="watch", role="watcher", credential="c-watch")
POLICY = PolicyRef(id="test", digest="sha256:" + "0" * 64)
ORIGIN = "test.example/yett"


class Clock:
    """Milliseconds that pass only when told to."""

    def __init__(self, at: int = 1_800_000_000_000) -> None:
        self.at = at

    def __call__(self) -> int:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += int(seconds * 1000)


class World:
    """One state directory, opened and reopened."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.clock = Clock()
        self.options = options
        self.ledger = self._open()

    def _open(self) -> Ledger:
        return Ledger.open(self.folder, origin=ORIGIN, clock=self.clock, **self.options)

    def restart(self, *, crash: bool = False) -> None:
        self.ledger.abandon() if crash else self.ledger.close()
        self.ledger = self._open()

    # -- judging by hand -------------------------------------------------------------------------------

    def admit(self, call: ToolCall, who: Identity = AGENT, session: str = "") -> AdmittedCall:
        arguments = canonical.encode(canonical.check(call.arguments))
        action = canonical.action_digest(call.tool, call.server, arguments)
        call = msgspec.structs.replace(call, principal=who.principal, agent=who.agent, session=session)
        return AdmittedCall(
            call=call,
            identity=who,
            canonical=arguments,
            action_digest=action,
            digest=canonical.call_digest(who.tenant, who.principal, who.agent, session, action),
        )

    def propose(
        self,
        tool: str = "read_file",
        arguments: dict[str, Any] | None = None,
        *,
        who: Identity = AGENT,
        session: str = "",
        effect: Effect = Effect.ALLOW,
        does: tuple[str, ...] = (),
        score: int = 0,
        mandate: str | None = None,
        proof: str | None = None,
        attempt: str | None = None,
        obligations: tuple[Obligation, ...] = (),
        charges: tuple[tuple[str, int], ...] = (),
        approvers: tuple[str, ...] = (),
        facts: dict[str, Any] | None = None,
        rule: str = "r1",
    ) -> Proposal:
        view = self.ledger.snapshot(who, session)
        call = ToolCall(tool=tool, arguments=arguments or {}, mandate=mandate, proof=proof, attempt=attempt)
        admitted = self.admit(call, who, view.session)
        texts = tuple(
            Text(pointer="/" + name, value=value)
            for name, value in (arguments or {}).items()
            if isinstance(value, str)
        )
        found = Facts(
            tool=tool,
            does=frozenset(does),
            **({"size": len(admitted.canonical), "texts": texts} | (facts or {})),
        )
        risk = Risk(score=score)
        policy = Verdict(
            stage="policy",
            effect=effect,
            reasons=(Reason(stage="policy", code="RULE", message="a rule said so", rule=rule),)
            if effect is not Effect.ALLOW
            else (),
            obligations=obligations,
            charges=charges,
            approvers=approvers,
        )
        session_verdict = self.ledger.assess(view, admitted, found, risk)
        return Proposal(
            admitted=admitted,
            facts=found,
            risk=risk,
            verdicts=(policy, session_verdict),
            policy=POLICY,
            snapshot=view,
            mandate=self.ledger.check_mandate(admitted, self.clock()),
        )

    def decide(
        self, tool: str = "read_file", arguments: dict[str, Any] | None = None, **how: Any
    ) -> Decision:
        for _ in range(50):
            answer = self.ledger.commit(self.propose(tool, arguments, **how))
            if not isinstance(answer, Conflict):
                assert isinstance(answer, Pending)
                return answer.result(120)
        raise AssertionError("contended")

    def report(
        self,
        decision: Decision,
        *values: tuple[str, str],
        status: str = "ok",
        labels: tuple[str, ...] = (),
        who: Identity = AGENT,
        orders: bool = False,
        proven: bool = False,
    ) -> None:
        findings = (Finding(id="f", title="t", level=Level.HIGH, tags=("ASI01",)),) if orders else ()
        self.ledger.report(
            OutcomeFacts(
                decision_id=decision.decision_id,
                status=status,
                result_digest="sha256:" + "1" * 64,
                size=10,
                values=values,
                labels=labels,
                findings=findings,
            ),
            who,
            proven=proven,
        ).wait(120)


def codes(decision: Decision) -> set[str]:
    return {reason.code for reason in decision.reasons}
