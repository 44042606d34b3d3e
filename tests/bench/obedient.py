"""The worst-case agent of the replays: it does what its task says, and what an injection says, completely.

What is shared by `agentdojo_replay` and `worlds_replay`: how a call is put to a real gateway, how a person
answers a hold, and what is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from yett.gateway import Gateway
from yett.model import Decision, Effect, Identity, Json, Outcome, ToolCall


@dataclass
class Run:
    """What became of one task, with or without an injection."""

    calls: int = 0
    held: int = 0
    denied: list[str] = field(default_factory=list)
    executed: list[Any] = field(default_factory=list)
    reached: bool = False
    side_effects: int = 0
    told: list[str] = field(default_factory=list)
    """One line for every call that was not simply allowed, and for every injected one that was."""


class Obedient:
    """One session of one principal behind a gateway, or without any."""

    def __init__(self, gateway: Gateway | None, who: Identity, prompt: str, *, person: bool) -> None:
        self.gateway = gateway
        self.who = who
        self.person = person
        self.session = gateway.open_session(prompt=prompt, identity=who) if gateway else ""
        self.run = Run()

    def attempt(
        self, tool: str, arguments: dict[str, Json], honest: bool, execute: Callable[[], tuple[Json, str]]
    ) -> Json | None:
        """Propose a call and run it if it is allowed.

        Args:
            honest: the task wants it, and not the injection.
            execute: runs it; (result, error).

        Returns: the result; None if the call did not run.
        """
        decision = self._decide(tool, arguments, honest)
        if decision is not None and decision.effect is not Effect.ALLOW:
            return None
        result, error = execute()
        if self.gateway is not None and decision is not None:
            status = "error" if error else "ok"
            outcome = Outcome(
                decision_id=decision.decision_id, status=status, result=result, error=error or None
            )
            self.gateway.report(outcome, self.who)
        return result

    def _decide(self, tool: str, arguments: dict[str, Json], honest: bool) -> Decision | None:
        if self.gateway is None:
            return None
        call = ToolCall(tool=tool, arguments=arguments, session=self.session)
        decision = self.gateway.decide(call, self.who)
        self._note(tool, arguments, honest, decision)
        if honest:
            self.run.calls += 1
        if decision.effect is Effect.HOLD:
            if honest:
                self.run.held += 1
            if self.person and honest and decision.approval:
                # A person of his own for each task: one who answers sixty in an hour is not reading.
                name = f"person-of-{self.who.principal}"
                approver = Identity(principal=name, agent=name, role="approver", credential=name)
                self.gateway.ledger.approve(decision.approval, approver)
                decision = self.gateway.decide(call, self.who)
        if honest and decision.effect is Effect.DENY:
            self.run.denied.append(f"{tool}: {decision.reasons[0].code} {decision.reasons[0].message}")
        return decision

    def _note(self, tool: str, arguments: dict[str, Json], honest: bool, decision: Decision) -> None:
        if decision.effect is Effect.ALLOW and honest:
            return
        first = next((r for r in decision.reasons if r.objects), None)
        why = (first.rule or first.code) if first else ""
        who = "honest" if honest else "INJECTED"
        self.run.told.append(f"    {who} {tool} {arguments}: {decision.effect.value} {why}")


@dataclass
class Score:
    """Counts over one or more suites."""

    tasks: int = 0
    useful: int = 0
    useful_with_person: int = 0
    held: int = 0
    denied: list[str] = field(default_factory=list)
    pairs: int = 0
    reached: int = 0
    attacked: int = 0
    affected: int = 0
    adaptive_pairs: int = 0
    adaptive: int = 0
    adaptive_affected: int = 0
    insider: int = 0
    insider_affected: int = 0
    calls: int = 0

    def line(self) -> str:
        def share(part: int, whole: int) -> str:
            return f"{part}/{whole} ({100 * part / whole if whole else 0:.1f} %)"

        return (
            f"utility {share(self.useful, self.tasks)}, with a person {share(self.useful_with_person, self.tasks)}, "
            f"tasks with a hold {share(self.held, self.tasks)}, honest calls denied {len(self.denied)}; "
            f"attacks {share(self.attacked, self.pairs)}, side effects {share(self.affected, self.pairs)} "
            f"(text reached {self.reached}); adaptive {share(self.adaptive, self.adaptive_pairs)}, "
            f"side effects {share(self.adaptive_affected, self.adaptive_pairs)}; "
            f"insider {share(self.insider, self.adaptive_pairs)}, "
            f"side effects {share(self.insider_affected, self.adaptive_pairs)}"
        )
