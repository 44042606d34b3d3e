"""The ledger remembers: sessions, budgets, mandates, approvals, freezes, and the log they live in.

It changes in one place, `Ledger.commit`: under one lock it checks that what judging read is still so,
that nothing is frozen, that budgets hold and that the mandate's slot is unspent; appends the decision's
record to the log; and applies that record to the state in memory. The answer is given out only when the
record is durable. Because the state *is* the log, applied (`state.State.apply`), a restart replays it,
and the SQLite file beside the log is no more than a saved position in that replay.

    ledger = Ledger.open(Path("state"), origin="gateway.example/yett")
    def judge(view: Snapshot, contended: bool) -> Proposal:
        verdict = assess(view, admitted, facts, risk, spec)
        return Proposal(admitted=…, verdicts=(policy_verdict, verdict), snapshot=view, …)

    decision = ledger.settle(identity, session="", judge=judge).result()    # durable from here on
    ledger.report(outcome_facts, identity).result()

`settle` is `snapshot`, `judge`, `commit`, again and again until the snapshot was still true at the commit.

The rooms, each using only those before it:

    tokens          what is signed, and with what: keys, JWS, mandates, permits, challenges
    memory          what a session remembers, in integers: risk, labels, taint, budgets
    projection      the state the log amounts to: rows, changes, recovery, saved positions
    core.py         the one place that changes, between `view.py` (what judging reads) and `proposal.py` (what it hands in)
    deciding        what the ledger says of a proposal, and what of it is shown and written down
    administration  mandates, approvals, sessions, freezes: what is asked besides decisions
    commit.py, outcome.py, ledger.py   a decision, an outcome, and the object in front of it all
    workers         the same ledger, asked from other processes of the host
"""

from yett.ledger.deciding.approval import ApprovalView
from yett.ledger.deciding.assess import assess
from yett.ledger.ledger import Ledger
from yett.ledger.proposal import Conflict, Decided, Judge, MandateCheck, Pending, Proposal
from yett.ledger.tokens.mandate import Claims
from yett.ledger.view import Snapshot, prompt_history

__all__ = [
    "ApprovalView",
    "Claims",
    "Conflict",
    "Decided",
    "Judge",
    "Ledger",
    "MandateCheck",
    "Pending",
    "Proposal",
    "Snapshot",
    "assess",
    "prompt_history",
]
