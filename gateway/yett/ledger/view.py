"""`Snapshot`: the immutable view of the past that one call is judged with, and what was read of it.

A snapshot implements `history.History`. It also notes every counter it was asked for together with the
answer. When another call has been committed in between, `commit` asks the same of the present: if every
answer is the same, judging again would give the same verdict, and the proposal stands; if one differs, it
is a conflict. Harmless concurrent calls of one session therefore do not disturb each other.
"""

from __future__ import annotations

from yett.ledger.memory.bloom import Bloom
from yett.ledger.memory.budget import Account
from yett.ledger.memory.measure import Measure
from yett.ledger.memory.session import PRINCIPAL_HALF_LIFE, Clock, Session, combined_permille, with_labels
from yett.ledger.memory.taint import Hasher, Taint, mentioned, origin, pack, unpack
from yett.ledger.projection.rows import RECENT_MS, Principal
from yett.model import Identity, Origin
from yett.policy.words.intent import of_prompt


class Snapshot:
    """See the module. Made by `Ledger.snapshot`; may be read by one thread at a time."""

    def __init__(
        self,
        *,
        identity: Identity,
        row: Session,
        principal: Principal,
        hasher: Hasher,
        now: int,
        frozen: str = "",
        lost: bool = False,
    ) -> None:
        self.identity = identity
        self.row = row
        self.principal = principal
        self.hasher = hasher
        self.now = now
        """The ledger's clock when the view was taken, ms."""
        self.frozen = frozen
        """The scope that is frozen (`session:…`, `agent:…`, `principal:…`, `all`), or `""`."""
        self.lost = lost
        self._labels: frozenset[str] | None = None
        self._origins: dict[str, Origin] = {}
        """Of the values asked for so far: policy and session layer ask for the same ones."""
        self._indexes = (row.taint, principal.taint, principal.earlier)
        self.reads: dict[tuple[str, str, int], int] = {}
        self.measured: tuple[str, Measure] | None = None
        """Call digest and what `assess` measured of it, so that `commit` need not measure again."""

    @property
    def session(self) -> str:
        """Id of the session this call belongs to."""
        return self.row.id

    @property
    def labels(self) -> frozenset[str]:
        """The session's, its principal's, and those its principal set lately elsewhere."""
        if self._labels is None:
            self._labels = frozenset((*self.row.labels, *self._inherited))
        return self._labels

    @property
    def _inherited(self) -> tuple[str, ...]:
        owner = self.principal
        if not owner.recent and not self.lost:
            return owner.labels
        recent = tuple(name for name, at in owner.recent if self.now - at < RECENT_MS)
        return (*owner.labels, *recent, "state_lost") if self.lost else (*owner.labels, *recent)

    @property
    def version(self) -> int:
        return self.row.version + self.principal.account.version

    @property
    def clocks(self) -> tuple[Clock, Clock]:
        """The session's risk and the principal's long memory, aged to now."""
        return self.row.clock.aged(self.now), self.principal.long.aged(self.now, PRINCIPAL_HALF_LIFE)

    @property
    def risk(self) -> int:
        """0..1000: what remains of the past, for a call without risk of its own."""
        return combined_permille(0, *self.clocks)

    def origin(self, value: str) -> Origin:
        known = self._origins.get(value)
        if known is None:
            known = self._origins[value] = origin(self._indexes, self.hasher, value)
        return known

    def mentioned(self, value: str) -> bool:
        return mentioned(self.row.taint, self.hasher, value)

    @property
    def secrets(self) -> tuple[Bloom, ...]:
        """The filters of secret values that hold any."""
        return tuple(index.secret for index in self._indexes if index.secret.bits)

    def spent(self, what: str, window_s: int) -> int:
        """What the principal was charged under `what`, in all its sessions: a new session is no new budget."""
        return self._read("spent:" + what, window_s)

    def count(self, what: str, window_s: int) -> int:
        """How many calls of the principal matched `what`, in all its sessions."""
        return self._read("count:" + what, window_s)

    def seen(self, value: str) -> bool:
        return self.hasher.whole(value) in set(unpack(self.row.targets))

    def stage(self, name: str) -> str:
        return dict(self.row.stages).get(name, "")

    def _read(self, what: str, window_s: int) -> int:
        answer = self._answer(what, window_s)
        self.reads[("account", what, window_s)] = answer
        return answer

    def _answer(self, what: str, window_s: int) -> int:
        return self.principal.account.spent(what, self.now, window_s * 1000)

    def still_holds(self, now: Snapshot) -> bool:
        """Whether everything that judging could have read here reads the same there."""
        if self.row is now.row and self.principal is now.principal and self.frozen == now.frozen:
            return True
        mine, theirs = self.row, now.row
        return (
            mine.id == theirs.id
            and self.frozen == now.frozen
            and (mine.labels is theirs.labels or mine.labels == theirs.labels)
            and self._inherited == now._inherited
            and mine.clock == theirs.clock
            and self.principal.long == now.principal.long
            and mine.taint.digest == theirs.taint.digest
            and self.principal.taint.digest == now.principal.taint.digest
            and mine.targets == theirs.targets
            and mine.explained == theirs.explained
            and mine.stages == theirs.stages
            and (mine.plan, mine.step) == (theirs.plan, theirs.step)
            and all(now._answer(what, span) == answer for (_, what, span), answer in self.reads.items())
        )


def prompt_history(prompt: str | None) -> Snapshot:
    """An empty past that knows only the values of a prompt: what a single call is checked with."""
    hasher = Hasher(b"yett/prompt-only")
    taint = Taint()
    labels: tuple[str, ...] = ()
    if prompt:
        labels = with_labels((), {"intent:read", *of_prompt(prompt)})
        taint = taint.plus(Origin.PROMPT.value, pack(hasher.of_prompt(prompt)))
    return Snapshot(
        identity=Identity(principal="local", agent="local"),
        row=Session(
            id="", tenant="default", principal="local", agent="local", lineage="", taint=taint, labels=labels
        ),
        principal=Principal(key="", account=Account(key="")),
        hasher=hasher,
        now=0,
    )
