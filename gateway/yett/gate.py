"""The gate judges: extract, score, policy, in this order, each a pure function of what came before.

It keeps no state and does no I/O. What it needs of the past it is handed as a `History`; what it concludes
is a `Judgement`, which the ledger may still tighten and must record before anyone acts on it. A stage that
fails in any way is a `deny` of that stage with a reason: there is no way around a check that broke.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from yett.extract import extract
from yett.extract.facts import Facts
from yett.extract.own import Own
from yett.history import History
from yett.model import (
    AdmittedCall,
    Effect,
    Outcome,
    OutcomeFacts,
    Reason,
    Risk,
    Struct,
    ToolSpec,
    Verdict,
)
from yett.policy import PolicySet
from yett.risk import Assessor
from yett.risk.examine import subject


class Judgement(Struct, frozen=True, kw_only=True):
    """What the gate concluded of one call."""

    facts: Facts
    risk: Risk
    verdicts: tuple[Verdict, ...]
    spec: ToolSpec | None = None
    """The tool's manifest entry, if the policy has one."""


class StageFailed(Exception):
    """A stage raised; its name is the argument. The cause is chained for the operator's log."""


T = TypeVar("T")


class Gate:
    """One loaded policy and one set of detections; any number of threads may judge with it at once."""

    def __init__(self, policy: PolicySet, assessor: Assessor, own: Own | None = None) -> None:
        self.policy = policy
        self.assessor = assessor
        self.own = own or Own()

    def judge(self, admitted: AdmittedCall, history: History, now: int) -> Judgement:
        """Judge one admitted call. Never raises for anything the call contains.

        Args:
            admitted: the call, checked and canonical.
            history: what the ledger remembers, at one version.
            now: milliseconds since the epoch; the only clock there is.
        """
        call = admitted.call
        facts = Facts(tool=call.tool, server=call.server, limits=("extract",))
        risk = Risk()
        spec: ToolSpec | None = None
        try:
            spec = _stage("policy", lambda: self.policy.spec(call.tool, call.server))
            facts = _stage("extract", lambda: self.own.marked(extract(call, spec, len(admitted.canonical))))
            risk = _stage("score", lambda: self.assessor.assess(call, facts, spec))
            verdict = _stage("policy", lambda: self.policy.evaluate(admitted, facts, risk, history, now))
        except StageFailed as failed:
            verdict = _broken(str(failed), failed.__cause__)
        return Judgement(facts=facts, risk=risk, verdicts=(verdict,), spec=spec)

    def examine(self, outcome: Outcome, tool: str, server: str | None) -> OutcomeFacts:
        """Look at what a tool returned: values with their origins, labels, findings."""
        seen = self.assessor.examine(outcome, self.policy.spec(tool, server))
        moves = self.policy.moves(tool, subject(outcome.result))
        return msgspec.structs.replace(seen, stages=moves) if moves else seen


def _stage(name: str, work: Callable[[], T]) -> T:
    try:
        return work()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a Rust extension's panic is no Exception, and must not pass either
        raise StageFailed(name) from error


def _broken(stage: str, error: BaseException | None) -> Verdict:
    kind = type(error).__name__
    reason = Reason(stage=stage, code="STAGE_FAILED", message=f"the {stage} stage failed ({kind}); denied")
    return Verdict(stage=stage, effect=Effect.DENY, reasons=(reason,))
