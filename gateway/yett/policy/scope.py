"""What a condition can see: names, functions and their types, and their values for one call.

Everything here is either part of the call as it was admitted, or the gateway's own knowledge: facts, risk,
the session's history, the clock it was handed. Nothing the agent claims about itself is visible.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import re2

from yett.errors import PolicyError
from yett.expr import (
    ANY,
    BOOL,
    NUM,
    STR,
    Type,
    choice_of,
    fn_of,
    list_of,
    map_of,
    nodes,
    of_value,
    struct_of,
    types_of,
)
from yett.extract.facts import Facts
from yett.extract.views import tokens
from yett.history import History
from yett.model import CAPABILITIES, ROLES, AdmittedCall, Json, Origin, Risk, ToolSpec
from yett.policy.manifest import kind_of, values_of
from yett.policy.words.intent import ONLY_LOOKS
from yett.policy.words.lexicon import stems

LABELS = (
    "read_untrusted",
    "read_secret",
    "read_injection",
    "exec_done",
    "priv_changed",
    "persist_taint",
    "taint_saturated",
    "audit_touched",
    "state_lost",
)
"""Session labels that conditions may name without declaring them under `labels:`."""

BUDGETS = (*CAPABILITIES, "calls", "bytes", "recipients")
"""What `spent` can be asked: money for `pay`, calls for the other capabilities, and three more."""

ROLE_LISTS = {role: role + "s" for role in ROLES}
"""Role -> the name of the list of all values in that role: `targets`, `amounts`, …"""

_WINDOW = re2.compile(r"([1-9][0-9]{0,6})(s|m|h|d)")
_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_CLOCK = struct_of("clock", dict.fromkeys(("ms", "year", "month", "day", "weekday", "hour", "minute"), NUM))
_ORIGIN = choice_of(*(origin.value for origin in Origin))


@functools.lru_cache(maxsize=1024)
def window(text: str) -> int | None:
    """Seconds of `90s`, `15m`, `24h`, `7d`; None if it is not one, or longer than a year."""
    found = _WINDOW.fullmatch(text)
    if found is None:
        return None
    seconds = int(found.group(1)) * _UNIT[found.group(2)]
    return seconds if seconds <= 366 * 86400 else None


def types_for(
    tools: list[ToolSpec], opened: bool, data: Mapping[str, Any], labels: tuple[str, ...]
) -> dict[str, Type]:
    """Types of a rule's environment.

    Args:
        tools: the manifests of the tools that the rule selects.
        opened: it may also select tools whose arguments no manifest names.
        data: the tables beside the policy.
        labels: session labels that the policy declares itself.
    """
    session = {"risk": NUM, "labels": list_of(STR)} | dict.fromkeys((*LABELS, *labels), BOOL)
    types: dict[str, Type] = {
        "args": _args_type(tools, opened),
        "facts": types_of(Facts),
        "risk": types_of(Risk),
        "session": struct_of("session", session),
        "clock": _CLOCK,
        "data": struct_of("data", {name: of_value(table) for name, table in data.items()}),
        "tool": STR,
        "server": STR,
        "agent": STR,
        "principal": STR,
        "groups": list_of(STR),
        "origin": fn_of(ANY, returns=_ORIGIN),
        "seen": fn_of(ANY, returns=BOOL),
        "mentioned": fn_of(ANY, returns=BOOL),
        "spent": fn_of(choice_of(*BUDGETS), STR, returns=NUM),
        "count": fn_of(STR, STR, returns=NUM),
        "stage": fn_of(STR, returns=STR),
        "intent": fn_of(choice_of(*CAPABILITIES), returns=BOOL),
        "asked": BOOL,
    }
    for role, plural in ROLE_LISTS.items():
        types[plural] = list_of(NUM if role == "amount" else ANY)
    return types


def _args_type(tools: list[ToolSpec], opened: bool) -> Type:
    fields: dict[str, Type] = {}
    for spec in tools:
        for name, arg in spec.args.items():
            kind = kind_of(arg.type) or ANY
            fields[name] = kind if fields.get(name, kind) == kind else ANY
    return map_of(ANY) if opened else struct_of("args", fields)


def check_windows(tree: nodes.Node, where: str) -> None:
    """Windows of `spent` and `count` must be constants that mean something.

    Raises:
        PolicyError: EXPR_TYPE.
    """
    for node in nodes.walk(tree):
        if isinstance(node, nodes.Call) and not node.library and node.function in ("spent", "count"):
            what, span = node.args
            if not (isinstance(span, nodes.Const) and window(str(span.value))):
                raise PolicyError(
                    "EXPR_TYPE", f"`{node.source}`: not a window", path=where, remedy='"24h", "15m"'
                )
            if not isinstance(what, nodes.Const):
                raise PolicyError("EXPR_TYPE", f"`{node.source}`: name what is counted", path=where)


def check_stages(tree: nodes.Node, stages: Mapping[str, Mapping[str, str]], where: str) -> None:
    """Automata must be declared, and compared only with states that they can be in.

    Raises:
        PolicyError: EXPR_NAME or EXPR_TYPE.
    """
    for node in nodes.walk(tree):
        if isinstance(node, nodes.Call) and not node.library and node.function == "stage":
            name = node.args[0]
            if not (isinstance(name, nodes.Const) and name.value in stages):
                raise PolicyError(
                    "EXPR_NAME",
                    f"`{node.source}`: no such automaton",
                    path=where,
                    remedy="declare it under `stages:`",
                )
        if (
            isinstance(node, nodes.Compare)
            and isinstance(node.left, nodes.Call)
            and node.left.function == "stage"
        ):
            constants = node.right.items if isinstance(node.right, nodes.ListLit) else (node.right,)
            name = node.left.args[0]
            known = {"", *stages.get(str(name.value) if isinstance(name, nodes.Const) else "", {}).values()}
            for constant in constants:
                if isinstance(constant, nodes.Const) and constant.value not in known:
                    raise PolicyError("EXPR_TYPE", f"`{node.source}`: it is never in that state", path=where)


class Scope:
    """A call and all that is known of it; `env()` gives what a condition asks for."""

    __slots__ = ("admitted", "facts", "history", "now", "risk", "spec")

    def __init__(
        self,
        admitted: AdmittedCall,
        spec: ToolSpec | None,
        facts: Facts,
        risk: Risk,
        history: History,
        now: int,
    ) -> None:
        self.admitted = admitted
        self.spec = spec
        self.facts = facts
        self.risk = risk
        self.history = history
        self.now = now

    def env(self, names: frozenset[str], data: Mapping[str, Any]) -> dict[str, Any]:
        """Values by name, for the names given."""
        return {name: data if name == "data" else _VALUES[name](self) for name in names}

    def _session(self) -> Any:
        return _Session(self.history)

    def _role(self, role: str) -> list[Any]:
        return values_of(self.spec, self.admitted.call.arguments, role)

    def _clock(self) -> dict[str, int]:
        moment = datetime.datetime.fromtimestamp(self.now / 1000, datetime.UTC)
        return {
            "ms": self.now,
            "year": moment.year,
            "month": moment.month,
            "day": moment.day,
            "weekday": moment.isoweekday(),
            "hour": moment.hour,
            "minute": moment.minute,
        }

    def _origin(self, value: Any) -> Origin:
        return origin_of(value, self.history)

    def _seen(self, value: Any) -> bool:
        texts = texts_of(value)
        return len(texts) <= _MAX_LEAVES and all(self.history.seen(text) for text in texts)

    def _mentioned(self, value: Any) -> bool:
        texts = texts_of(value)
        return len(texts) > _MAX_LEAVES or any(
            self.history.mentioned(text) or self._numbered(text) or self._inflected(text) for text in texts
        )

    def _inflected(self, text: str) -> bool:
        """Whether a text has the verb of a state: `disarm`, of `disarmed`."""
        return text.isalpha() and any(map(self.history.mentioned, stems(text.casefold())[1:]))

    def _numbered(self, text: str) -> bool:
        """Whether a text speaks of `gallery 5` or `0 euros`: a short number says nothing without what it counts."""
        number = text.removesuffix(".0")
        if not number.isdecimal():
            return False
        call = self.admitted.call
        named = [name for name, given in call.arguments.items() if text in texts_of(given)]
        words = {word for name in (call.tool, *named) for word in tokens(name) if not word.isdecimal()}
        pairs = (pair for word in words for pair in (f"{word} {number}", f"{number} {word}"))
        return any(map(self.history.mentioned, pairs))

    def _spent(self, what: str, span: str) -> int:
        return self.history.spent(what, window(span) or 0)

    def _count(self, what: str, span: str) -> int:
        return self.history.count(what, window(span) or 0)

    def _intent(self, capability: str) -> bool:
        return f"intent:{capability}" in self.history.labels

    def _asked(self) -> bool:
        does = self.facts.does - {"read"}
        if does and not self.admitted.call.arguments:
            # Nothing it is given tells whose wish it is: `restart`, `empty_cart`.
            words = (word for part in tokens(self.admitted.call.tool) for word in stems(part))
            return any(self.history.origin(word) is Origin.PROMPT for word in words)
        if not does or any(map(self._intent, does | _MAKING if does & _MAKING else does)):
            return True
        # A change is what every other act is, too: `Refuse claim 312` asks for one by a word that no list has.
        prompted = self._intent("read") and ONLY_LOOKS not in self.history.labels
        return does == {"write"} and prompted


class _Session(Mapping[str, Any]):
    """`session.risk`, `session.labels`, and a boolean for every label."""

    def __init__(self, history: History) -> None:
        self._history = history

    def __getitem__(self, name: str) -> Any:
        if name == "risk":
            return self._history.risk
        if name == "labels":
            return self._history.labels
        return name in self._history.labels

    def __iter__(self) -> Any:
        return iter(("risk", "labels"))

    def __len__(self) -> int:
        return 2


_VALUES: dict[str, Callable[[Scope], Any]] = {
    "args": lambda scope: scope.admitted.call.arguments,
    "facts": lambda scope: scope.facts,
    "risk": lambda scope: scope.risk,
    "session": Scope._session,
    "clock": Scope._clock,
    "tool": lambda scope: scope.admitted.call.tool,
    "server": lambda scope: scope.admitted.call.server,
    "agent": lambda scope: scope.admitted.identity.agent,
    "principal": lambda scope: scope.admitted.identity.principal,
    "groups": lambda scope: scope.admitted.identity.groups,
    "origin": lambda scope: scope._origin,
    "seen": lambda scope: scope._seen,
    "mentioned": lambda scope: scope._mentioned,
    "spent": lambda scope: scope._spent,
    "count": lambda scope: scope._count,
    "stage": lambda scope: scope.history.stage,
    "intent": lambda scope: scope._intent,
    "asked": lambda scope: scope._asked(),
    "targets": lambda scope: scope._role("target"),
    "contents": lambda scope: scope._role("content"),
    "selectors": lambda scope: scope._role("selector"),
    "amounts": lambda scope: scope._role("amount"),
    "secrets": lambda scope: scope._role("secret"),
    "commands": lambda scope: scope._role("command"),
}

_MAX_LEAVES = 1000
_MAKING = frozenset({"write", "send", "share"})
"""People use one word for another here: `say so in the ticket`, `write to him`, `send her the folder`."""


def texts_of(value: Json) -> list[str]:
    """Every scalar of a value as text, keys of objects included: what has an origin."""
    found: list[str] = []
    todo: list[Any] = [value]
    while todo and len(found) <= _MAX_LEAVES:
        current = todo.pop()
        if isinstance(current, str):
            found.append(current)
        elif isinstance(current, dict):
            todo.extend(current.values())
            todo.extend(current)
        elif isinstance(current, list | tuple | frozenset):
            todo.extend(current)
        elif isinstance(current, float) and current.is_integer():
            found.append(str(int(current)))
        elif isinstance(current, int | float) and not isinstance(current, bool):
            found.append(str(current))
    return found


def origin_of(value: Json, history: History) -> Origin:
    """Where a value came from: the weakest origin of its parts.

    Nothing at all (an empty list, `null`, a boolean) was chosen by nobody but the tool's own settings:
    `config`. More parts than can be looked at: `novel`.
    """
    if type(value) is str:
        return history.origin(value)
    texts = texts_of(value)
    if len(texts) > _MAX_LEAVES:
        return Origin.NOVEL
    return max(
        (history.origin(text) for text in texts), key=lambda origin: origin.rank, default=Origin.CONFIG
    )


def charges_for(
    spec: ToolSpec, admitted: AdmittedCall, budgets: frozenset[str]
) -> tuple[tuple[str, int], ...]:
    """What a call takes from the budgets that any rule asks `spent` about.

    `pay` takes the sum of the arguments in role amount, a fraction counting as the next whole unit; every
    other capability takes 1 a call, as does `calls`; `bytes` takes the size of the canonical arguments;
    `recipients` the number of values in role target.
    """
    arguments = admitted.call.arguments
    charges: list[tuple[str, int]] = []
    for budget in sorted(budgets):
        if budget == "pay":
            taken = 0
            if "pay" in spec.does:
                for amount in values_of(spec, arguments, "amount"):
                    if isinstance(amount, int | float) and not isinstance(amount, bool) and amount > 0:
                        taken += amount if type(amount) is int else -(-Fraction(repr(amount)) // 1)
        elif budget == "bytes":
            taken = len(admitted.canonical)
        elif budget == "recipients":
            taken = len(values_of(spec, arguments, "target"))
        else:
            taken = 1 if budget == "calls" or budget in spec.does else 0
        if taken:
            charges.append((budget, int(taken)))
    return tuple(charges)
