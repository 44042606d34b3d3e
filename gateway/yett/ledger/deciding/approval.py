"""Approvals: a person's yes to one held call, which is a one-shot mandate bound to exactly that call.

Who may say yes: a credential with the role `approver` or `operator`, in one of the groups the rule names,
that is not the agent's own principal. How often: no more than `HOURLY` a person and hour; beyond it requests
are refused, because a person who clicks a hundred times an hour approves nothing. This module holds the
rules; `Ledger.approve` applies and records them.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from yett import canonical
from yett.errors import LedgerError, Unauthorized
from yett.ledger.deciding.show import View
from yett.ledger.memory.budget import HOUR, Account
from yett.ledger.projection.rows import APPROVED, WAITING, Approval
from yett.model import Identity, Json, Struct, Verdict

LIFE_MS: Final = 15 * 60 * 1000
"""How long a request waits for its answer, and an approval for its use."""
HOURLY: Final = 60
"""Approvals one person can give within an hour."""
MAX_WAITING: Final = 200
"""Requests of one principal that may wait at once."""
APPROVERS: Final = frozenset({"approver", "operator"})


class ApprovalView(Struct, frozen=True, kw_only=True):
    """One request as an approver, or the agent that waits for it, sees it."""

    id: str
    status: str
    """waiting, approved, refused, withdrawn, expired, used."""
    decision: str
    tool: str
    server: str | None
    principal: str
    agent: str
    session: str
    groups: tuple[str, ...]
    quorum: int
    approved_by: tuple[str, ...]
    risk: int
    at: int
    expires: int
    decided_at: int = 0
    """When the last word on it was said, ms; 0 while it waits."""
    shown: View | None = None
    """What will run; None once decided, or if it was lost: then the call must be proposed again."""


def present(row: Approval, now: int, shown: View | None) -> ApprovalView:
    return ApprovalView(
        id=row.id,
        status=status(row, now),
        decision=row.decision,
        tool=row.tool,
        server=row.server,
        principal=row.principal,
        agent=row.agent,
        session=row.session,
        groups=row.groups,
        quorum=row.quorum,
        approved_by=tuple(credential for credential, _ in row.yes),
        risk=row.risk,
        at=row.at,
        expires=row.expires,
        decided_at=0 if row.status == WAITING else row.decided_at,
        shown=shown,
    )


def status(row: Approval, now: int) -> str:
    return "expired" if row.status in (WAITING, APPROVED) and now >= row.expires else row.status


def terms(verdicts: tuple[Verdict, ...]) -> tuple[tuple[str, ...], int, tuple[str, ...]]:
    """Groups, quorum and causes of a hold. `2 of treasury` in a rule's approvers asks for two people."""
    groups: list[str] = []
    quorum = 1
    causes: list[str] = []
    for verdict in verdicts:
        if verdict.effect.rank != 1:
            continue
        for name in verdict.approvers:
            number, of, group = name.partition(" of ")
            if of and number.isdigit():
                quorum = max(quorum, int(number))
                groups.append(group.strip())
            else:
                groups.append(name)
        causes += [f"{reason.stage}:{reason.rule or reason.code}" for reason in verdict.reasons]
    return tuple(sorted(set(groups))), min(quorum, 9), tuple(sorted(set(causes)))


def check_approver(
    row: Approval, approver: Identity, account: Account, now: int, *, own: bool = False
) -> None:
    """Whether this person may approve this request, now.

    Args:
        own: the policy lets principals approve their own agents' calls.
    Raises:
        Unauthorized: NOT_APPROVER, NOT_IN_GROUP, OWN_CALL.
        LedgerError: APPROVAL_<STATUS>, APPROVED_BY_YOU, APPROVER_CAPACITY.
    """
    check_person(row, approver, own=own)
    check_waiting(row, now)
    if any(approver.credential == c or approver.principal == p for c, p in row.yes):
        raise LedgerError("APPROVED_BY_YOU", "you have approved this already; another person is needed")
    if account.spent("approvals", now, HOUR) >= HOURLY:
        raise LedgerError(
            "APPROVER_CAPACITY",
            f"you have approved {HOURLY} calls within an hour; that is more than anybody reads",
            remedy="let another approver decide, or write a rule for what is approved this often",
        )


def check_person(row: Approval, approver: Identity, *, own: bool = False) -> None:
    """Role, tenant, group and not the agent's own principal.

    Raises:
        Unauthorized: NOT_APPROVER, NOT_IN_GROUP, OWN_CALL.
    """
    if approver.role not in APPROVERS or approver.tenant != row.tenant:
        raise Unauthorized("NOT_APPROVER", "this credential may not decide on held calls")
    if row.groups and not set(row.groups) & set(approver.groups):
        raise Unauthorized("NOT_IN_GROUP", f"the rule asks for a person of {', '.join(row.groups)}")
    if not own and approver.principal == row.principal:
        raise Unauthorized("OWN_CALL", "nobody approves the calls of their own agent")


def check_waiting(row: Approval, now: int) -> None:
    """Raises:
    LedgerError: APPROVAL_APPROVED, APPROVAL_REFUSED, APPROVAL_WITHDRAWN, APPROVAL_EXPIRED, APPROVAL_USED.
    """
    found = status(row, now)
    if found != WAITING:
        raise LedgerError(f"APPROVAL_{found.upper()}", f"the request is not waiting any more: it is {found}")


def narrowed(row: Approval, shown: View, change: dict[str, Json]) -> tuple[str, str]:
    """Call digest and action digest of the held call with some arguments made smaller.

    Args:
        change: argument name -> its new value: a smaller positive integer, or a shorter list of the same items.
    Raises:
        LedgerError: NOT_NARROWER.
    """
    arguments = canonical.parse(shown.canonical)
    assert isinstance(arguments, dict)
    for name, value in change.items():
        if not _narrower(arguments.get(name), value):
            raise LedgerError(
                "NOT_NARROWER", "a narrowed argument must be a part of what was asked", path="/" + name
            )
        arguments[name] = value
    action = canonical.action_digest(row.tool, row.server, canonical.encode(canonical.check(arguments)))
    return canonical.call_digest(row.tenant, row.principal, row.agent, row.session, action), action


def _narrower(old: Json, new: Json) -> bool:
    if type(old) is int and type(new) is int:
        return 0 < new <= old
    if isinstance(old, list) and isinstance(new, list):
        asked, left = (Counter(map(canonical.encode, items)) for items in (old, new))
        return left.total() > 0 and left <= asked
    return False


def covers(row: Approval, causes: tuple[str, ...]) -> bool:
    """A yes covers what the person was shown; a hold for a new reason asks again."""
    return set(causes) <= set(row.causes)
