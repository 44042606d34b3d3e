"""The nouns of a loaded policy: layers, rules, selectors. Plain frozen data, no behaviour beyond matching."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from yett.expr import Program
from yett.model import Effect, Json, Obligation, ToolSpec

if TYPE_CHECKING:
    from yett.policy.cedar import Cedar


def glob(pattern: str, name: str) -> bool:
    """Whether `name` matches a pattern of literal text, `*` and `?`. Linear but for the last `*`; case counts."""
    if "*" not in pattern and "?" not in pattern:
        return pattern == name
    if pattern == "*":
        return True
    p = n = 0
    star, mark = -1, 0
    while n < len(name):
        if p < len(pattern) and pattern[p] == "*":
            star, mark, p = p, n, p + 1
        elif p < len(pattern) and pattern[p] in ("?", name[n]):
            p, n = p + 1, n + 1
        elif star >= 0:
            p, mark = star + 1, mark + 1
            n = mark
        else:
            return False
    return all(c == "*" for c in pattern[p:])


def is_glob(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def any_glob(patterns: tuple[str, ...], name: str) -> bool:
    """Whether any pattern matches; no patterns select everything."""
    return not patterns or any(glob(pattern, name) for pattern in patterns)


@dataclass(frozen=True)
class Selector:
    """What calls a rule looks at; every part given must match, an empty part matches all."""

    tools: tuple[str, ...] = ()
    does: frozenset[str] = frozenset()
    servers: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()

    def takes(self, tool: str, server: str | None, does: frozenset[str], effect: Effect) -> bool:
        """Whether the tool is selected.

        By capability, an `allow` takes a tool only if it covers *everything* the tool does, and a `hold` or
        `deny` takes it if it names *anything* the tool does.
        """
        if not any_glob(self.tools, tool) or not any_glob(self.servers, server or ""):
            return False
        if not self.does:
            return True
        return bool(does) and does <= self.does if effect is Effect.ALLOW else bool(does & self.does)

    def concerns(self, agent: str, principal: str) -> bool:
        """Whether the caller is selected."""
        if not self.agents and not self.principals:
            return True
        return any_glob(self.agents, agent) and any_glob(self.principals, principal)


@dataclass(frozen=True)
class Rule:
    """One rule, compiled."""

    id: str
    effect: Effect
    selector: Selector
    when: Program | None
    where: str
    because: str = ""
    approvers: tuple[str, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    free: frozenset[str] | None = frozenset()
    """Arguments an allow leaves open on purpose; None = all of them."""
    shadow: bool = False
    minds_limits: bool = False
    """The condition looks at `facts.truncated` or `facts.limits`."""
    names: frozenset[str] = frozenset()
    """Names of the environment that the condition reads."""


@dataclass(frozen=True)
class Case:
    """One test of a policy: a call, what is given of its past, and the effect it must have."""

    effect: Effect
    call: dict[str, Json]
    given: dict[str, Json]
    rule: str | None
    where: str


@dataclass(frozen=True)
class OpaConfig:
    """Where an OPA layer's decision is asked for."""

    url: str
    path: str
    timeout_ms: int = 250


@dataclass(frozen=True)
class Layer:
    """One policy document with rules of its own; evaluated alone."""

    id: str
    tier: str
    rules: tuple[Rule, ...]
    cases: tuple[Case, ...]
    data: dict[str, Any]
    where: str
    shadow: bool = False
    opa: OpaConfig | None = None
    cedar: Cedar | None = None
    stages: dict[str, dict[str, str]] = field(default_factory=dict)
    """Automaton -> tool -> the state it is in after that tool has run."""
    ensures: dict[tuple[str, str], Program] = field(default_factory=dict)
    """(automaton, tool) -> what the tool's result must say for the move to count."""
    source: Json = None
    """The document's plain value, for the digest and for `fmt`."""


@dataclass(frozen=True)
class Tool:
    """A manifest entry: the seam's `ToolSpec`, and where it stands."""

    spec: ToolSpec
    where: str
    source: Json = field(hash=False, default=None)
