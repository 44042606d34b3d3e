"""Approvals, administered: list, show, approve, narrow, refuse, withdraw, and wait for the answer."""

from __future__ import annotations

import threading
from typing import Final

import msgspec

from yett.errors import LedgerError, Unauthorized
from yett.ledger.administration.mandates import issue_body
from yett.ledger.core import Core
from yett.ledger.deciding import approval
from yett.ledger.deciding.approval import ApprovalView
from yett.ledger.deciding.show import View
from yett.ledger.projection import rows
from yett.ledger.projection.rows import Approval
from yett.ledger.projection.state import Body
from yett.ledger.tokens import mandate
from yett.ledger.tokens.mandate import Claims
from yett.model import Identity, Json

_decode_view = msgspec.msgpack.Decoder(View).decode
READERS: Final = frozenset({"approver", "operator", "auditor"})


class Approvals:
    """See the module."""

    def __init__(self, core: Core, *, own: bool = False) -> None:
        self._core = core
        self._own = own
        """Principals may approve their own agents' calls: an operator's explicit choice."""
        self._changed = threading.Condition()

    def list(self, reader: Identity, *, status: str = rows.WAITING) -> tuple[ApprovalView, ...]:
        """Requests a credential may see, oldest first: an agent its own, an approver those of its tenant and groups.

        Args:
            status: waiting, approved, refused, withdrawn, expired, used, or `""` for all.
        """
        core = self._core
        now = core.now()
        with core.lock:
            found = [row for row in core.state.approvals.rows.values() if _may_see(row, reader)]
        return tuple(
            self._present(row, now)
            for row in sorted(found, key=lambda row: (row.at, row.id))
            if not status or approval.status(row, now) == status
        )

    def show(self, request: str, reader: Identity) -> ApprovalView:
        """Raises:
        LedgerError: APPROVAL_UNKNOWN, also for requests this credential may not see.
        """
        row = self._row(request)
        if not _may_see(row, reader):
            raise LedgerError("APPROVAL_UNKNOWN", "there is no such request")
        return self._present(row, self._core.now())

    def approve(
        self, request: str, approver: Identity, narrow: dict[str, Json] | None = None
    ) -> ApprovalView:
        """Says yes. With the last yes of the quorum, the one-shot mandate for the call is issued.

        Args:
            narrow: argument -> smaller value; the mandate is then for the call with these arguments.
        Raises:
            Unauthorized: NOT_APPROVER, NOT_IN_GROUP, OWN_CALL.
            LedgerError: APPROVAL_UNKNOWN, APPROVAL_<STATUS>, APPROVED_BY_YOU, APPROVER_CAPACITY, APPROVAL_UNSEEN,
                NOT_NARROWER.
            AuditUnavailable.
        """
        core = self._core
        with core.lock:
            row = self._row(request)
            now = core.now()
            account = core.state.account("a:" + approver.credential)
            approval.check_approver(row, approver, account, now, own=self._own)
            shown = self._shown(row)
            if shown is None or shown.truncated:
                raise LedgerError(
                    "APPROVAL_UNSEEN",
                    "what would run cannot be shown in full, so nobody can approve it",
                    remedy="let the agent propose the call again, or a smaller one",
                )
            complete = len(row.yes) + 1 >= row.quorum
            body: Body = {
                "op": "approve",
                "id": row.id,
                "by": approver.credential,
                "principal": approver.principal,
                "at": now,
                "took": now - row.at,
                "to": rows.APPROVED if complete else rows.WAITING,
            }
            if narrow and not complete:
                raise LedgerError("NOT_NARROWER", "only the last of several approvers can narrow a call")
            if complete:
                call = approval.narrowed(row, shown, narrow)[0] if narrow else row.call
                claims = _claims(row, call, approver, core)
                digest = mandate.token_digest(mandate.sign(claims, core.keys.ledger))
                body |= {k: v for k, v in issue_body(claims, digest, approver, now).items() if k not in body}
                if narrow:
                    body["narrowed"] = sorted(narrow)
            entry = core.write("approval", body)
        core.wait(entry)
        if complete:
            core.store.drop_views([row.id])
        self._announce()
        return self._present(self._row(request), core.now())

    def refuse(self, request: str, approver: Identity, reason: str = "") -> ApprovalView:
        """Says no: until the request would have expired, the same call is denied.

        Raises:
            Unauthorized, LedgerError: as `approve`.
        """
        core = self._core
        with core.lock:
            row = self._row(request)
            approval.check_person(row, approver, own=self._own)
            approval.check_waiting(row, core.now())
            entry = self._close(row, "refuse", rows.REFUSED, approver, reason)
        return self._closed(row, entry)

    def withdraw(self, request: str, by: Identity) -> ApprovalView:
        """The asking principal, or an operator, takes a request (or an unused approval) back.

        Raises:
            LedgerError: APPROVAL_UNKNOWN, APPROVAL_<STATUS>. Unauthorized: NOT_YOURS.
        """
        core = self._core
        with core.lock:
            row = self._row(request)
            mine = by.tenant == row.tenant and (by.role == "operator" or by.principal == row.principal)
            if not mine:
                raise Unauthorized("NOT_YOURS", "this is somebody else's request")
            found = approval.status(row, core.now())
            if found not in (rows.WAITING, rows.APPROVED):
                raise LedgerError(f"APPROVAL_{found.upper()}", f"the request is {found} already")
            entry = self._close(row, "withdraw", rows.WITHDRAWN, by, "")
            if row.mandate:
                entry = core.write(
                    "mandate",
                    {
                        "op": "revoke",
                        "scope": "mandate:" + row.mandate,
                        "by": by.credential,
                        "at": core.now(),
                    },
                )
        return self._closed(row, entry)

    def wait_for(self, request: str, reader: Identity, timeout_s: float) -> ApprovalView:
        """Long-poll: returns as soon as the request is not waiting any more, or after `timeout_s` as it is."""
        with self._changed:
            self._changed.wait_for(lambda: self.show(request, reader).status != rows.WAITING, timeout_s)
        return self.show(request, reader)

    # -- helpers ---------------------------------------------------------------------------------------

    def _row(self, request: str) -> Approval:
        with self._core.lock:
            row = self._core.state.approvals.get(request)
        if row is None:
            raise LedgerError("APPROVAL_UNKNOWN", "there is no such request")
        return row

    def _shown(self, row: Approval) -> View | None:
        data = self._core.store.view(row.id)
        return _decode_view(data) if data is not None else None

    def _present(self, row: Approval, now: int) -> ApprovalView:
        waiting = approval.status(row, now) == rows.WAITING
        return approval.present(row, now, self._shown(row) if waiting else None)

    def _close(self, row: Approval, op: str, to: str, by: Identity, reason: str) -> object:
        body: Body = {
            "op": op,
            "id": row.id,
            "by": by.credential,
            "principal": by.principal,
            "at": self._core.now(),
            "took": self._core.now() - row.at,
            "to": to,
            "reason": reason[:500],
        }
        return self._core.write("approval", body)

    def _closed(self, row: Approval, entry: object) -> ApprovalView:
        self._core.wait(entry)
        self._core.store.drop_views([row.id])
        self._announce()
        return self._present(self._row(row.id), self._core.now())

    def _announce(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _may_see(row: Approval, reader: Identity) -> bool:
    if reader.tenant != row.tenant:
        return False
    if reader.role in READERS:
        return reader.role != "approver" or not row.groups or bool(set(row.groups) & set(reader.groups))
    return (reader.principal, reader.agent) == (row.principal, row.agent)


def _claims(row: Approval, call: str, approver: Identity, core: Core) -> Claims:
    now_s = core.now() // 1000
    return Claims(
        v=1,
        iss=f"{core.origin}#{approver.principal}",
        tenant=row.tenant,
        sub=row.principal,
        agent=row.agent,
        aud=core.origin,
        jti=core.token("m_"),
        iat=now_s,
        exp=max(now_s + 1, -(-row.expires // 1000)),
        call=call,
        session=row.session,
        approval=row.id,
    )
