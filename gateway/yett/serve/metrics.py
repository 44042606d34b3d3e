"""What the sidecar counts, in Prometheus' exposition format.

Labels take only values from closed sets (routes, effects, stages, codes that Yett itself defines), so that no
caller can grow the series or write into them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from yett.model import Decision

if TYPE_CHECKING:
    from yett.gateway import Gateway
    from yett.ledger.proposal import Settled

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_MAX_REASONS: Final = 500
_PATIENCE: Final = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0)
_SECONDS: Final = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def observe(metrics: Metrics, gateway: Gateway) -> None:
    """Gauges of what the gateway itself knows, read when they are scraped."""
    ledger = gateway.ledger
    metrics.gauge("yett_log_writable", "1 while decisions can be recorded", lambda: ledger.failure is None)
    metrics.gauge(
        "yett_policy_current", "1 while the policy on disk is in force", lambda: gateway.policy_error is None
    )
    metrics.gauge(
        "yett_clock_behind_seconds",
        "Seconds by which the clock is behind the log",
        lambda: ledger.behind / 1000,
    )
    metrics.gauge("yett_frozen_scopes", "Scopes that are frozen", lambda: len(ledger.frozen()))
    metrics.gauge(
        "yett_mandates_in_doubt",
        "Uses of which nobody knows whether the call ran",
        lambda: len(ledger.in_doubt()),
    )


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self._known_reasons: set[tuple[str, str]] = set()
        self._decisions = Counter("yett_decisions", "Decisions given", ["effect"], registry=self.registry)
        self._reasons = Counter(
            "yett_decision_reasons", "Reasons of holds and denials", ["stage", "code"], registry=self.registry
        )
        self._seconds = Histogram(
            "yett_decision_seconds",
            "From the whole request to the durable decision",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._approval = Histogram(
            "yett_approval_seconds",
            "From a held call to a person's word on it",
            buckets=_PATIENCE,
            registry=self.registry,
        )
        self._requests = Counter(
            "yett_http_responses",
            "Responses by route and status",
            ["route", "status"],
            registry=self.registry,
        )
        self._by_answer: dict[tuple[str, int], Counter] = {}
        self._by_effect = {effect: self._decisions.labels(effect) for effect in ("allow", "hold", "deny")}

    def decided(self, decision: Decision | Settled, seconds: float) -> None:
        """Count one decision that is about to be answered."""
        self._by_effect[decision.effect.value].inc()
        self._seconds.observe(seconds)
        if not decision.allowed:
            for reason in decision.reasons[:8]:
                self._reasons.labels(*self._series(reason.stage, reason.code)).inc()

    def approved(self, took_ms: int) -> None:
        """Count one approval or refusal."""
        self._approval.observe(took_ms / 1000)

    def _series(self, stage: str, code: str) -> tuple[str, str]:
        """The labels of a reason. Codes come from Yett and from policies, which are few; should something
        ever make more of them, the rest is counted together."""
        pair = (stage[:32], code[:64])
        if pair not in self._known_reasons:
            if len(self._known_reasons) >= _MAX_REASONS:
                return ("other", "other")
            self._known_reasons.add(pair)
        return pair

    def answered(self, route: str, status: int) -> None:
        """Count one response; `route` is a template, never a path."""
        counter = self._by_answer.get((route, status))
        if counter is None:
            counter = self._by_answer[route, status] = self._requests.labels(route, str(status))
        counter.inc()

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A value that is read when it is scraped."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def render(self) -> bytes:
        """The exposition text."""
        return generate_latest(self.registry)
