"""The strain: what a session's history makes of where a call goes, what it takes along and what nobody asked for.

`evidence` names what speaks against a call, `weigh` joins the weights that `policies/session.yaml` gives to the
names as independent risks: `1 - (1-a)(1-b)…`, 0..1000. More evidence never weighs less, and there is none before
the session has read a text that anybody could have written. The strain is never a verdict by itself: it is
joined with the call's own risk.

The strongest evidence is an *order*: a sentence of an untrusted text that asks for an action (`taint`). Honest
errands take names, addresses and numbers out of such texts as well, but seldom out of their orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import islice
from typing import Final

import msgspec
import yaml

from yett import resources
from yett.errors import PolicyError
from yett.extract.decode import ESCAPES
from yett.extract.facts import Facts, UrlFact
from yett.extract.views import tokens as words_of
from yett.ledger.memory.measure import ACTING
from yett.ledger.memory.session import joined
from yett.ledger.memory.taint import Hasher, addressed, normalise, tokens, told, undivided
from yett.ledger.view import Snapshot
from yett.model import AdmittedCall, Json, Origin, ToolSpec
from yett.policy.words.intent import DELEGATED, HARMFUL, ONLY_LOOKS, UNREAD
from yett.policy.words.lexicon import DATA, of_name

OUTWARD: Final = frozenset({"send", "share", "pay"})
GRAVE: Final = frozenset({"send", "share", "pay", "exec", "persist", "delete", "admin"})
UNASKED: Final = frozenset({"send", "share", "pay", "delete", "admin"})
"""What a person asks for in words; running commands and writing files is part of other errands."""
ASKED_FOR: Final = "intent:"
"""Label prefix of what the words of the prompt ask for (`policy.intent`)."""
EDITING: Final = frozenset({"read", "write"})
UNDOING: Final = frozenset({"delete", "privilege", "persist", "kill", "config"})
"""Effects of commands that looking never has."""
TRUSTED: Final = frozenset({Origin.MANDATE, Origin.PROMPT, Origin.CONFIG, Origin.RECORDS, Origin.DIRECTORY})
ON_RECORD: Final = frozenset({Origin.RECORDS, Origin.DIRECTORY})
"""Known, but not chosen by anybody for this errand."""
SECRETS: Final = frozenset({"password", "passwd", "passphrase", "secret", "pin", "credential", "ssh"})
"""Words of an argument's name that say that it is one, when no manifest does."""
INSTRUMENTS: Final = frozenset(
    """goto navigate click tap scroll hover wait screenshot back status lookup summary monitor tracker checker finder viewer retriever
    explorer searcher fetcher calculator analyzer analyser inspector scan scanner decode parse diff ping whois classify detect
    estimate preview lint summarizer evaluator evaluate assess determine identify""".split()  # noqa: SIM905
)
"""Words of a tool's name that say that it only looks, or moves in a page, where no verb says more."""
CLICKS: Final = frozenset({"click", "tap", "press"})
"""Words of a tool's name that say that it does what stands on a button."""
ASKING: Final = frozenset({"read", "exec"})
"""What running a query is."""
PROSE: Final = 6
"""Words from which a value is a text, and no list of names and addresses."""
PLAIN: Final = ESCAPES | {"json", "xml"}
"""Readings of a text in which nothing is hidden."""
_BETWEEN: Final = str.maketrans(dict.fromkeys("+=&/", " "))
MAX_TEXTS: Final = 256
MAX_TARGETS: Final = 64
MAX_NAMES: Final = 16
MAX_NAME: Final = 80
"""Short values of a call that are looked up, and characters of one."""
MAX_LOOKED_UP: Final = 48
MAX_LOOKED_UP_TEXT: Final = 4_000
"""Words of a call's texts that are looked for among what was read, and characters of a text they are taken from."""


@cache
def weights() -> dict[str, int]:
    """Weight of each kind of evidence, 0..1000. Raises: PolicyError, if the file shipped with Yett is broken."""
    path = resources.policies() / "session.yaml"
    try:
        found: dict[str, int] = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), dict[str, int])
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as broken:
        raise PolicyError(
            "SCORE_MODEL", f"the session model does not load: {broken}", path=str(path)
        ) from broken
    if not all(0 <= weight <= 1000 for weight in found.values()):
        raise PolicyError("SCORE_MODEL", "weights lie between 0 and 1000", path=str(path))
    return found


def weigh(evidence: Iterable[str]) -> int:
    """The evidence as one risk, 0..1000."""
    table = weights()
    strain = 0
    for name in evidence:
        strain = joined(strain, table[name])
    return strain


def evidence(
    view: Snapshot,
    admitted: AdmittedCall,
    facts: Facts,
    spec: ToolSpec | None,
    targets: list[tuple[str, Origin]],
    *,
    does: set[str],
) -> Iterator[str]:
    """What speaks against a call, by the names of `policies/session.yaml`.

    Args:
        targets: where it goes, and where that came from.
    """
    labels = view.labels
    if HARMFUL in labels:
        yield "harmful"
    if "read_untrusted" not in labels:
        return
    past = _Past(view)
    prompted = ASKED_FOR + "read" in labels and UNREAD not in labels
    call = admitted.call
    short = [value for value in strings(call.arguments) if 2 <= len(value) <= MAX_NAME][:MAX_NAMES]
    numbers = list(_numbers(call.arguments))
    spoken = prompted and (past.names(call.tool) or any(map(past.spoken, (*short, *numbers))))
    if not does and _clicks(call.tool):
        does = set().union(*map(of_name, short)) & UNASKED
        short = list(filter(_telling, short))
    if _looks(call.tool, facts, does):
        # Its name or manifest says so.
        if prompted:
            tables = [table for statement in facts.statements for table in statement.reads]
            yield from _curiosity(past, [*short, *tables[:MAX_NAMES]], facts, targets, spoken=spoken)
        return
    only_looks = ONLY_LOOKS in labels
    unasked = prompted and (only_looks or _is_unasked(view, facts, does, spoken=spoken))
    past.asked = prompted and not unasked
    if prompted and not spoken:
        yield "unspoken"
    noted = written(facts)
    targets = [(value, origin) for value, origin in targets if value not in noted]
    aimed = {value for value, _ in targets}
    foreign = [(value, origin) for value, origin in targets if origin not in TRUSTED]
    where = _where(past, foreign)
    if where:
        yield where
    # A program does many things on the way to what was asked, and so do changes of files; only where it then goes tells.
    on_the_way = bool(facts.commands or facts.code) or (bool(facts.paths) and does <= EDITING)
    carried = _carried(facts, aimed) if does & OUTWARD and not (past.asked and "pay" in does) else []
    obeyed = [value for value in (*short, *numbers) if value not in aimed and past.obeys(value)]
    taken = any(map(_telling, obeyed)) or (obeyed and prompted) or any(map(past.obeys, carried))
    if past.orders_tool(call.tool) or (taken and not on_the_way):
        yield past.order("value-ordered")
    undoing = does & UNASKED or any(command.effects & UNDOING for command in facts.commands)
    if only_looks and (foreign or not on_the_way or undoing):
        yield "only-looks"
    if unasked and (foreign or not on_the_way):
        if not past.delegated:
            yield "unasked"
        elif does & UNASKED and (foreign or not targets):
            yield "unasked-excused"
    if any(past.origin(value) is Origin.UNTRUSTED for value in _secrets(call.arguments, spec)):
        yield "secret-from-text"
    given = any(past.origin(value) is Origin.UNTRUSTED for value in short)
    if (foreign or unasked or given) and injected(view, (*aimed, *short), "read_hint"):
        yield "after-injection"
    if where and where != "target-found" and any(past.origin(word) is Origin.UNTRUSTED for word in carried):
        yield past.order("carries-read")


def written(facts: Facts) -> set[str]:
    """Addresses that only stand in a longer text: something is said of them, and nothing goes there."""
    prose = {text.pointer for text in facts.texts if len(text.value.split()) >= PROSE}
    within = {contact.value for contact in facts.contacts if contact.pointer in prose}
    return within - {contact.value for contact in facts.contacts if contact.pointer not in prose}


def _looks(tool: str, facts: Facts, does: set[str]) -> bool:
    """Whether a call only looks: by what it does, or by a name without a verb."""
    if facts.commands:
        return False
    if facts.statements:
        return does <= ASKING and all(s.kind in ("select", "show", "explain") for s in facts.statements)
    if not does:
        return _is_instrument(tool) or _names_data(tool)
    return not does & ACTING


def injected(view: Snapshot, values: Iterable[str], label: str = "read_injection") -> bool:
    """Whether values may be from a text that tried to give the agent orders.

    In the session that has read one, any value may. In the principal's other sessions, what stood in that very
    result: otherwise a single poisoned mail would stop a principal's work for a day.
    """
    if label in view.row.labels or label not in view.labels:
        return label in view.row.labels
    return _Past(view).beside(values)


def stands_in_order(view: Snapshot, value: str) -> bool:
    """Whether a text that speaks to the model may order something with this value; if that is not known any more, yes."""
    past = _Past(view)
    return past.ordered(value) and past.beside((value,))


def _is_unasked(view: Snapshot, facts: Facts, does: set[str], *, spoken: bool) -> bool:
    """Whether no word of the prompt asks for what the call does."""
    asked = {name.removeprefix(ASKED_FOR) for name in view.labels if name.startswith(ASKED_FOR)} - {"read"}
    if not does:
        return not (
            asked and spoken
        )  # a tool whose name says nothing: if the prompt speaks of it, and asks for more
    if "delete" in does and "delete" not in asked:
        return True
    meant = does - {"read"} | ({"pay"} if facts.amounts else set())
    return not meant & asked


class _Past:
    """What the session and its principal's others have read."""

    def __init__(self, view: Snapshot) -> None:
        self._view = view
        self._saturated = "taint_saturated" in view.labels
        self._read = [
            index.untrusted
            for index in (view.row.taint, view.principal.taint, view.principal.earlier)
            if index.untrusted.bits
        ]
        self.origin = view.origin
        self.delegated = DELEGATED in view.labels
        self.asked = False
        self._ordered: dict[str, bool] = {}

    def ordered(self, value: str) -> bool:
        known = self._ordered.get(value)
        if known is None:
            known = self._saturated or told(self._read, self._view.hasher, value)
            self._ordered[value] = known
        return known

    def order(self, name: str) -> str:
        """Obeying a text is less telling if the user asked for such an act, or said that a text is to be obeyed."""
        return f"{name}-excused" if self.delegated or self.asked else name

    def beside(self, values: Iterable[str]) -> bool:
        """Whether one of the values stood in a result that speaks to the model."""
        return self._saturated or any(addressed(self._read, self._view.hasher, value) for value in values)

    def spoken(self, text: str) -> bool:
        """Whether it stands in the prompt, word for word."""
        return self.origin(text) is Origin.PROMPT

    def names(self, tool: str) -> bool:
        """Whether a word of the tool's name stands in the prompt."""
        known = self._view.row.taint.origin_of
        return any(known(word) is Origin.PROMPT for word in _hashes(self._view.hasher, tool))

    def orders_tool(self, tool: str) -> bool:
        """Whether an order names the very tool; one of a single word is an everyday word."""
        name = _names_of(tool)[-1]
        return len(words_of(name)) > 1 and self.ordered(undivided(name))

    def obeys(self, value: str) -> bool:
        """Whether the value stands in an order and nobody trusted named it."""
        return self.ordered(value) and self.origin(value) not in TRUSTED

    def fills(self, url: UrlFact, facts: Facts) -> bool:
        """Whether an address that no text named carries something that one did, in plain or encoded."""
        if self._view.row.taint.origin_of(self._view.hasher.whole(url.raw)) is not None:
            return False
        plain = f"{url.path} {url.query}".translate(_BETWEEN)
        words = [word for word in tokens(normalise(plain[:MAX_LOOKED_UP_TEXT])) if not word.isalpha()]
        for text in facts.texts[:MAX_TEXTS]:
            if text.pointer == url.pointer and not PLAIN.issuperset(text.chain):
                words += tokens(normalise(text.value[:MAX_LOOKED_UP_TEXT]))
        return any(self.origin(word) is Origin.UNTRUSTED for word in words[:MAX_LOOKED_UP])


@lru_cache(4096)
def _hashes(hasher: Hasher, tool: str) -> tuple[int, ...]:
    """Of the words of a tool's name: the same for every call of it."""
    return tuple(map(hasher.whole, words_of(tool)))


@lru_cache(4096)
def _names_of(tool: str) -> tuple[str, str]:
    """A tool's name with and without its server's."""
    return tool, tool.replace("__", ".").replace("/", ".").replace(":", ".").rpartition(".")[2]


@lru_cache(4096)
def _is_instrument(tool: str) -> bool:
    """Whether a name without a verb is that of a thing to look with: `inventory_tracker`, `goto`; no `mute_tracker`."""
    return not INSTRUMENTS.isdisjoint(words_of(tool)) and not of_name(_names_of(tool)[-1]) - {"read"}


@lru_cache(4096)
def _clicks(tool: str) -> bool:
    return not CLICKS.isdisjoint(words_of(tool))


@lru_cache(4096)
def _names_data(tool: str) -> bool:
    """Whether a name's last word says what comes back, and no other one that it does anything: `task_log`."""
    name = _names_of(tool)[-1]
    return not DATA.isdisjoint(words_of(name)[-1:]) and of_name(name) == {"read"}


def _telling(value: str) -> bool:
    """No everyday words: a number, an address, a name of several words."""
    plain = "".join(char for char in value if char.isalnum())
    return len(plain) > 3 and (
        not value.replace(" ", "").isalpha() or (" " in value and value[1:] != value[1:].lower())
    )


def _where(past: _Past, foreign: list[tuple[str, Origin]]) -> str:
    """The evidence of targets that nobody trusted named: the weightiest kind of them."""
    if not foreign:
        return ""
    if not any(past.ordered(value) for value, _ in foreign):
        found = any(origin is Origin.UNTRUSTED for _, origin in foreign)
        return "target-found" if found else "target-novel"
    whose = any(past.spoken(part) for value, _ in foreign for part in _parts(value))
    told = past.order("target-ordered")
    if whose:
        return "target-ordered-excused-twice" if told.endswith("excused") else "target-ordered-excused"
    return told


def _parts(value: str) -> Iterator[str]:
    """The words of an address: `dora` of `dora@shop.example`."""
    spaced = "".join(char if char.isalnum() else " " for char in value[:MAX_NAME])
    return (part for part in spaced.split() if len(part) > 2)


def _secrets(arguments: dict[str, Json], spec: ToolSpec | None) -> Iterator[str]:
    for name, value in arguments.items():
        declared = spec.args.get(name) if spec is not None else None
        if declared.role == "secret" if declared is not None else SECRETS & set(words_of(name)):
            yield from strings(value)


def _curiosity(
    past: _Past, named: list[str], facts: Facts, targets: list[tuple[str, Origin]], *, spoken: bool
) -> Iterator[str]:
    """Of a call that only looks: that nobody spoke of it, that a text sends it there, that it takes something along."""
    yield "looks" if spoken else "looks-unasked"
    if any(origin is Origin.UNTRUSTED for _, origin in targets):
        yield "looks-where-found"
    if any(map(past.obeys, named)):
        yield "looks-where-told"
    foreign = {value for value, origin in targets if origin not in TRUSTED}
    if any(past.fills(url, facts) for url in facts.urls if url.host in foreign):
        yield "looks-taking-along"


def _carried(facts: Facts, aimed: set[str]) -> list[str]:
    """Numbers, names and addresses in the texts of a call, other than where it goes."""
    contacts = {value.casefold() for value in aimed}
    words = (
        word
        for text in facts.texts[:MAX_TEXTS]
        if text.value not in aimed
        for word in tokens(normalise(text.value[:MAX_LOOKED_UP_TEXT]))
        if len(word) >= 5 and not word.isalpha() and "://" not in word and word not in contacts
    )
    return list(islice(words, MAX_LOOKED_UP))


def _numbers(arguments: dict[str, Json]) -> Iterator[str]:
    """Whole numbers of two digits and more: what a call acts on is often one."""
    for value in arguments.values():
        if isinstance(value, int) and value > 9:
            yield str(value)


def strings(value: Json, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < 4 and isinstance(value, list):
        for item in value[: MAX_TARGETS + 1]:
            yield from strings(item, depth + 1)
    elif depth < 4 and isinstance(value, dict):
        for item in value.values():
            yield from strings(item, depth + 1)
