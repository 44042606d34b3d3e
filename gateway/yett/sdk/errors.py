"""What the SDK raises, each with a code and with what the caller can do about it.

`Denied` and `Held` carry the decision they come from, so that a caller (or a model) can be told why.
`TransportError` never leaves `Client.decide`: there it becomes a `deny` decision. It is raised by the
operations that have no decision to return (reports, sessions, approvals).
"""

from __future__ import annotations

from typing import Any

from yett.errors import YettError
from yett.model import Decision, Effect, Reason


class TransportError(YettError):
    """The gateway could not be asked, or what came back is not an answer to the question."""


class Refused(YettError):
    """A tool did not run. `decision` says why; `reasons` is a shorthand for its reasons."""

    def __init__(self, decision: Decision, headline: str, remedy: str | None) -> None:
        first = _first_reason(decision)
        super().__init__(first.code, f"{headline}: {first.message}", path=first.path, remedy=remedy)
        self.decision = decision

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.decision.reasons


class Denied(Refused):
    """The call was refused, or nobody could be asked. It did not run and will not."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision, "denied", None)


class Held(Refused):
    """A person must say yes first. `approval` is the id of the request that waits for them."""

    def __init__(self, decision: Decision) -> None:
        remedy = "ask an approver, then repeat the very same call"
        super().__init__(decision, "held for approval", remedy)
        self.approval = decision.approval


class Unreported(YettError):
    """The tool ran, but its outcome could not be recorded, so its result was not looked at.

    The result is withheld from the normal return path, because a result that was never labelled can carry
    somebody else's instructions into the session. A caller who accepts that finds it in `result`.
    """

    def __init__(self, decision_id: str, result: Any, cause: str) -> None:
        super().__init__(
            "OUTCOME_UNREPORTED",
            f"the tool ran under {decision_id}, but its outcome could not be reported ({cause})",
            remedy="report the outcome again before the result is used",
        )
        self.decision_id = decision_id
        self.result = result


def _first_reason(decision: Decision) -> Reason:
    """The reason that decided: stages speak in order, and one may have allowed what a later one refused."""
    objections = [reason for reason in decision.reasons if reason.objects]
    held = decision.effect is Effect.HOLD
    telling = [reason for reason in objections if held or reason.code != "RULE_HOLDS"]
    for reason in telling or objections or decision.reasons:
        return reason
    return Reason(stage="client", code="NO_REASON", message="the gateway gave no reason")
