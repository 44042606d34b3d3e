"""A ledger without a log: for judging recorded sessions as if every call before had run.

`Rehearsal` keeps the same state, plans the same records and combines the same verdicts as a `Ledger`, in
memory alone. Nothing it says permits anything: there is no record, no permit, and no mandate is used.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from yett.ledger.administration.freeze import frozen_scope
from yett.ledger.deciding import record
from yett.ledger.deciding.assess import session_risk
from yett.ledger.deciding.verdict import Finding, conclude, destinations
from yett.ledger.memory.budget import DEFAULT_CAPS, Cap
from yett.ledger.memory.session import remembered
from yett.ledger.memory.taint import Hasher
from yett.ledger.outcome import body_of
from yett.ledger.projection.changes import plan
from yett.ledger.projection.state import Body, State
from yett.ledger.proposal import Proposal
from yett.ledger.view import Snapshot
from yett.model import Effect, Identity, OutcomeFacts

_KEY: Final = sha256(b"yett/rehearsal").digest()


class Rehearsal:
    """See the module. Not thread-safe. All times in milliseconds and given by the caller."""

    def __init__(self, *, caps: tuple[Cap, ...] = DEFAULT_CAPS) -> None:
        self.state = State()
        self._caps = caps
        self._hasher = Hasher(_KEY)
        self._count = 0
        self._began: Snapshot | None = None

    @classmethod
    def after(cls, view: Snapshot) -> Rehearsal:
        """Goes on from where a session stands; what happens then stays here."""
        found = cls()
        found._hasher, found._began = view.hasher, view
        found.state.sessions.put(view.row.id, view.row)
        found.state.principals.put(view.principal.key, view.principal)
        return found

    def open_session(
        self, identity: Identity, *, at: int, prompt: str | None = None, parent: str | None = None
    ) -> str:
        """Begins a session; the prompt's values become known with that origin."""
        self._count += 1
        body: Body = {
            "id": f"s_{self._count}",
            "at": at,
            "tenant": identity.tenant,
            "principal": identity.principal,
            "agent": identity.agent,
        }
        if parent:
            body["parent"] = parent
        self._install("session", {**body, **record.prompted(self._hasher, prompt)})
        return str(body["id"])

    def snapshot(self, identity: Identity, session: str, *, now: int) -> Snapshot:
        """The view to judge the next call of a session with."""
        row = self.state.sessions.get(session)
        if row is None:
            row = self.state.blank_session(session, identity.tenant, identity.principal, identity.agent)
        return Snapshot(
            identity=identity,
            row=row,
            principal=self.state.principal(identity.tenant, identity.principal),
            hasher=self._hasher,
            now=now,
            frozen=self._began.frozen if self._began else frozen_scope(self.state, identity, session),
            lost=self._began is not None and "state_lost" in self._began.labels,
        )

    def conclude(self, proposal: Proposal, *, now: int) -> tuple[Finding, int]:
        """What a ledger would decide, and the session's combined risk with this call (0..1000)."""
        snapshot, draft = proposal.snapshot, record.draft(proposal)
        found = conclude(self.state, draft, snapshot, self._caps, now)
        return found, session_risk(snapshot, draft.measured, draft.risk, draft.verdicts)

    def decide(self, proposal: Proposal, found: Finding, *, at: int) -> str:
        """Enters a decision as it was concluded; returns its id."""
        return self._enter(proposal, found, at)

    def run(self, proposal: Proposal, found: Finding, *, at: int) -> str:
        """Enters a call as if it had been allowed and had run, whatever was concluded; returns its decision's id."""
        return self._enter(proposal, Finding(effect=Effect.ALLOW, reasons=found.reasons), at)

    def report(self, decision: str, outcome: OutcomeFacts, *, at: int) -> None:
        """Enters what a call returned."""
        row = self.state.decided.get(decision)
        if row is not None:
            self._install("outcome", {**body_of(self._hasher, row, outcome, proven=True), "at": at})

    def _enter(self, proposal: Proposal, found: Finding, at: int) -> str:
        self._count += 1
        draft = record.draft(proposal)
        measured = draft.measured
        body = record.decision(
            f"d_{self._count}",
            draft,
            proposal.snapshot,
            found,
            at=at,
            expires=at,
            strike=remembered(proposal.risk.score, measured.explained),
            before="",
            session_risk=0,
            accounts=destinations(proposal.admitted.identity.tenant, measured),
            explained=b"",
            args=[],
        )
        self._install("decision", body)
        return str(body["id"])

    def _install(self, event: str, body: Body) -> None:
        self.state.install(plan(self.state, event, body), body["at"])
        self.state.dirty.clear()
