"""What the ledger keeps besides sessions: principals, allowed decisions, mandates, approvals.

Every row is immutable; a change is a new row. What a row holds came out of the log, and can come out of it
again.
"""

from __future__ import annotations

from collections.abc import Iterable

from yett.ledger.memory.budget import Account
from yett.ledger.memory.session import KNOWN_LABELS, Clock
from yett.ledger.memory.taint import Taint
from yett.ledger.tokens.mandate import Claims
from yett.model import Struct

RECENT_MS = 24 * 3600 * 1000

RESERVED = "reserved"
"""Allowed and durable; the tool may have been called."""
COMMITTED = "committed"
"""The outcome is known: it ran, well or badly."""
RELEASED = "released"
"""Proven not to have run; the use is given back."""
IN_DOUBT = "in_doubt"
"""Nobody knows whether it ran. Only a person, or a reconciling hook, may resolve it."""

WAITING, APPROVED, REFUSED, WITHDRAWN, USED = "waiting", "approved", "refused", "withdrawn", "used"


class Principal(Struct, frozen=True, kw_only=True):
    """What is remembered of one principal over all its sessions."""

    key: str
    account: Account
    clock: Clock = Clock()
    """Fast and slow risk as in a session, over all of them: what a new session starts with."""
    long: Clock = Clock()
    """Slow risk with a half-life of two weeks."""
    labels: tuple[str, ...] = ()
    """Labels that every session has (persistent taint)."""
    recent: tuple[tuple[str, int], ...] = ()
    """(label, when) of what any of its sessions has read or done: counts in all of them for `RECENT_MS`."""
    taint: Taint = Taint()
    """Untrusted and secret values that any of its sessions has read: what one read, another may not act on."""
    earlier: Taint = Taint()
    """The generation before; `taint` becomes it when it is full or `RECENT_MS` old."""
    turned: int = 0

    def seen(self, labels: Iterable[str], at: int) -> tuple[tuple[str, int], ...]:
        """`recent` with labels that were set just now; unknown ones do not spread beyond their session."""
        spreading = KNOWN_LABELS.intersection(labels)
        if not spreading:
            return self.recent
        kept = {name: when for name, when in self.recent if at - when < RECENT_MS}
        return tuple(sorted({**kept, **dict.fromkeys(spreading, at)}.items()))


class Decided(Struct, frozen=True, kw_only=True):
    """An allowed decision, until its outcome is known; a day longer if it used a mandate or was an attempt."""

    id: str
    tenant: str
    principal: str
    agent: str
    session: str
    tool: str
    server: str | None
    call: str
    """Call digest."""
    at: int
    expires: int
    status: str = RESERVED
    charges: tuple[tuple[str, int], ...] = ()
    spent: tuple[tuple[str, int], ...] = ()
    targets: tuple[str, ...] = ()
    """Destination account keys."""
    mandates: tuple[str, ...] = ()
    """Ids of the mandate that was used and of all its ancestors, the used one first."""
    amount: int = 0
    attempt: str = ""
    sender: str = ""
    result: str = ""
    """Digest of the result, once reported."""
    ahead: bool = False
    """Its result may be shown before the outcome's record is durable."""


class Mandate(Struct, frozen=True, kw_only=True):
    """A mandate that was issued here or has been used here."""

    jti: str
    uses: int
    exp: int
    """Seconds."""
    iat: int
    used: int = 0
    amount: int | None = None
    spent: int = 0
    last: str = ""
    """Decision of its latest use."""
    digest: str = ""
    """Hash of the token; a second token under the same id is refused."""
    claims: Claims | None = None
    """Set if it was issued here and names no argument values: those never enter the log."""
    tenant: str = ""
    principal: str = ""
    agent: str = ""


class Approval(Struct, frozen=True, kw_only=True):
    """A request for a person's word on one held call."""

    id: str
    decision: str
    call: str
    """Call digest."""
    action: str
    tenant: str
    principal: str
    agent: str
    session: str
    tool: str
    server: str | None
    groups: tuple[str, ...]
    quorum: int
    causes: tuple[str, ...]
    """What held the call (`stage:rule or code`): the approval covers these and no later ones."""
    at: int
    expires: int
    risk: int = 0
    status: str = WAITING
    yes: tuple[tuple[str, str], ...] = ()
    """(credential, principal) of everyone who has approved."""
    mandate: str = ""
    """Id of the one-shot mandate that the approval is."""
    decided_at: int = 0


class Frozen(Struct, frozen=True, kw_only=True):
    """A scope in which nothing runs."""

    scope: str
    """`all`, `tenant:T`, `principal:T/P`, `agent:T/P/A`, `session:ID`."""
    by: str
    at: int
    reason: str = ""


class Credential(Struct, frozen=True, kw_only=True):
    """A token of the sidecar, as it was last seen; never its secret."""

    id: str
    role: str
    tenant: str
    principal: str
    agent: str
    groups: tuple[str, ...]
    expires: int | None
    revoked: int | None
    mark: str
    """Changes with the secret and tells nothing of it."""


class Revoked(Struct, frozen=True, kw_only=True):
    """Mandates that no longer count: those issued up to `at` under a key, for a principal or agent, or one."""

    scope: str
    """`mandate:JTI`, `key:KID`, `principal:T/P`, `agent:T/P/A`."""
    at: int
    """Seconds: a mandate with a later `iat` counts again (not for `mandate:` and `key:`)."""
    by: str
