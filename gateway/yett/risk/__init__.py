"""Risk: what is worth noticing in the facts of a call, and one number for it.

    Assessor.load() -> Assessor
    assessor.assess(call, facts, spec) -> Risk         every finding, the score, and what made it
    assessor.examine(outcome, spec) -> OutcomeFacts    the same for what a tool returned

`detections` reads `policies/detections/*.yaml`, `score` adds up by the coefficients of `policies/score.yaml`.
Adding a detection needs no code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from yett import extract, resources
from yett.extract.facts import Facts
from yett.model import Outcome, OutcomeFacts, Risk, ToolCall, ToolSpec
from yett.risk import detections, examine, score
from yett.risk.detections import Detection, Detections

__all__ = ["Assessor", "Detection", "Detections"]


class Assessor:
    """Loaded detections and score model. Immutable; any number of threads may ask it."""

    def __init__(self, found: Detections, model: score.Model, digest: str) -> None:
        self.detections = found
        self.model = model
        self.digest = digest
        self._points = {entry.id: entry.points for entry in found.all if entry.points is not None}

    @classmethod
    def load(cls, dirs: Sequence[Path] | None = None, *, model: Path | None = None) -> Assessor:
        """Load detections and coefficients.

        Args:
            dirs: folders of detection files; the shipped ones if None.
            model: the score's coefficients; the shipped ones if None.

        Raises:
            PolicyError: anything that does not load; nothing is skipped.
        """
        folders = list(dirs) if dirs is not None else [resources.policies() / "detections"]
        coefficients = model or resources.policies() / "score.yaml"
        loaded = cls(detections.load(folders), score.load(coefficients), "")
        hasher = hashlib.sha256(b"yett/assessor/v1\0")
        for path in [
            *sorted(path for folder in folders for path in folder.glob("*.yaml")),
            coefficients,
            *_tables(),
        ]:
            data = path.read_bytes()
            hasher.update(len(data).to_bytes(8, "big") + data)
        loaded.digest = "sha256:" + hasher.hexdigest()
        extract.warm()
        return loaded

    def assess(self, call: ToolCall, facts: Facts, spec: ToolSpec | None) -> Risk:
        """Risk of one call."""
        found = self.detections.find(facts)
        later = [finding for program in facts.later for finding in self.detections.find_later(facts, program)]
        return score.score(self.model, facts, found, self._points, call.context.prompt, later)

    def examine(self, outcome: Outcome, spec: ToolSpec | None) -> OutcomeFacts:
        """Facts of one result."""
        return examine.examine(outcome, spec, self.detections)


def _tables() -> list[Path]:
    """The data files extraction reads: what they say decides too, so they belong to the digest."""
    root = resources.policies()
    return [
        root / name for name in ("files.yaml", "hosts.yaml", "locations.yaml", "secrets.yaml", "signals.yaml")
    ]
