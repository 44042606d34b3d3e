"""Fit and calibrate the score on the development corpora; write what came out to policies/score.yaml.

    python tests/bench/fit_score.py ../shared/corpus/*.jsonl [--write]

The model is small on purpose (policies/score.yaml): a weight a level, a decay for further findings, a
percentage for signals. The weights are chosen by search over a grid, under the constraints of the baseline
(one medium finding holds, a low one does not, one critical finding denies): what is left is judged by
macro-averaged detection minus twenty times the honest stopped, by source, so that a big source does not
decide. `--write` stores the calibration: how many of 1000 calls of a score were malicious, honest and
malicious sources weighted alike. Reported beside it: the expected calibration error (ECE) with each source
left out in turn, and the figures of each source when the weights were fitted without it.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import yaml

from yett import resources
from yett.extract import extract
from yett.extract.facts import Facts
from yett.model import Finding, ToolCall
from yett.risk import Assessor, score

HOLD, DENY = 400, 750
EDGES = (0, 50, 100, 200, 300, 400, 500, 600, 750, 1000)
OUT_OF_SCOPE = ("asb", "agt_injection_text")
"""Sources whose danger lies in the task or in the words; neither is what the baseline stops."""


class Seen(msgspec.Struct):
    source: str
    malicious: bool
    dual: bool
    facts: Facts
    findings: tuple[Finding, ...]


def load(paths: list[str], assessor: Assessor) -> list[Seen]:
    rows = []
    for path in paths:
        for line in Path(path).read_text("utf-8").splitlines():
            row = json.loads(line)
            call = ToolCall(tool=row["tool"], arguments=row["arguments"])
            facts = extract(call, None, len(line))
            findings = assessor.detections.find(facts)
            # The score needs of the facts only these; the texts would fill the memory.
            small = Facts(tool=facts.tool, does=facts.does, signals=facts.signals, limits=facts.limits)
            rows.append(
                Seen(row["source"], row["label"] != "benign", "dual_use" in row["category"], small, findings)
            )
    return rows


def grid(shipped: score.Model) -> list[score.Model]:
    return [
        msgspec.structs.replace(
            shipped,
            level={**shipped.level, "low": low, "medium": medium, "high": high, "critical": critical},
            further=further,
            signals=signals,
        )
        for low, medium, high, critical, further, signals in itertools.product(
            (60, 90, 150), (400, 420, 460), (500, 520, 560), (750, 760, 800), (25, 40, 60), (100, 200)
        )
    ]


def judge(model: score.Model, rows: list[Seen], points: dict[str, int]) -> dict[str, dict[str, list[int]]]:
    """(source -> honest | dual | malicious -> scores)."""
    out: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        kind = "malicious" if row.malicious else "dual" if row.dual else "honest"
        out[row.source][kind].append(score.score(model, row.facts, row.findings, points, None).score)
    return out


def objective(judged: dict[str, dict[str, list[int]]]) -> float:
    caught = [
        share(kinds["malicious"], HOLD)
        for source, kinds in judged.items()
        if kinds["malicious"] and source not in OUT_OF_SCOPE
    ]
    stopped = [share(kinds["honest"], HOLD) for kinds in judged.values() if kinds["honest"]]
    denied = [share(kinds["honest"], DENY) for kinds in judged.values() if kinds["honest"]]
    return mean(caught) - 20 * mean(stopped) - 50 * mean(denied)


def share(scores: list[int], least: int) -> float:
    return sum(one >= least for one in scores) / len(scores) if scores else 0.0


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def calibration(judged: dict[str, dict[str, list[int]]]) -> list[tuple[int, int]]:
    """Malicious per mille in each bin of the score; every source weighs the same; made monotone."""
    weight: dict[int, list[float]] = {edge: [0.0, 0.0] for edge in EDGES}
    for side, kinds in ((1, ("malicious",)), (0, ("honest", "dual"))):
        sources = [
            [one for kind in kinds for one in by_kind[kind]]
            for source, by_kind in judged.items()
            if source not in OUT_OF_SCOPE
        ]
        sources = [scores for scores in sources if scores]
        for scores in sources:
            for one in scores:
                weight[max(edge for edge in EDGES if edge <= one)][side] += 1 / len(scores) / len(sources)
    table, highest = [], 0
    for edge in EDGES:
        honest, malicious = weight[edge]
        if honest + malicious > 0:
            highest = max(highest, round(1000 * malicious / (honest + malicious)))
        table.append((edge, highest))
    return table


def expected_error(table: list[tuple[int, int]], kinds: dict[str, list[int]]) -> float:
    """ECE of the table on one source: how far it is from the share seen in each bin, weighted by the bin."""
    counts = {edge: [0, 0] for edge in EDGES}
    for kind, scores in kinds.items():
        for one in scores:
            counts[max(edge for edge in EDGES if edge <= one)][kind == "malicious"] += 1
    total = sum(map(sum, counts.values()))
    return sum(abs(said / 1000 * sum(counts[edge]) - counts[edge][1]) for edge, said in table) / total


def main() -> None:
    paths = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    assessor = Assessor.load()
    points = {entry.id: entry.points for entry in assessor.detections.all if entry.points is not None}
    rows = load(paths, assessor)
    shipped = assessor.model
    models = grid(shipped)
    print(f"{len(rows)} calls, {len(models)} models")
    scored = [judge(model, rows, points) for model in models]

    def best(without: str = "") -> int:
        return max(
            range(len(models)),
            key=lambda at: (objective({s: k for s, k in scored[at].items() if s != without}), -at),
        )

    chosen = best()
    now = judge(shipped, rows, points)
    print(
        f"shipped  {objective(now):.4f}  {shipped.level} further {shipped.further} signals {shipped.signals}"
    )
    print(
        f"best     {objective(scored[chosen]):.4f}  {models[chosen].level} further {models[chosen].further} signals {models[chosen].signals}"
    )
    print("\nleft out            n malicious  caught   n honest  stopped  denied     ECE")
    errors = []
    for source in sorted(now):
        at = best(source)
        rest = {other: kinds for other, kinds in scored[at].items() if other != source}
        kinds = scored[at][source]
        error = expected_error(calibration(rest), kinds)
        errors.append(error)
        print(
            f"{source:20}{len(kinds['malicious']):11}{100 * share(kinds['malicious'], HOLD):8.1f}{len(kinds['honest']):11}"
            f"{100 * share(kinds['honest'], HOLD):9.2f}{100 * share(kinds['honest'], DENY):8.2f}{error:8.3f}"
        )
    table = calibration(now)
    pooled = {
        kind: [one for kinds in now.values() for one in kinds[kind]]
        for kind in ("malicious", "honest", "dual")
    }
    print(
        f"\nECE of the shipped table on all calls: {expected_error(table, pooled):.3f}; each source left out in turn: mean {mean(errors):.3f}\nreliability (score from, malicious per mille): {table}"
    )
    if "--write" in sys.argv:
        write(resources.policies() / "score.yaml", table)


def write(path: Path, table: list[tuple[int, int]]) -> None:
    text = path.read_text("utf-8")
    head, _, _ = text.partition("calibration:")
    path.write_text(head + "calibration: " + json.dumps([list(row) for row in table]) + "\n", "utf-8")
    check: Any = yaml.safe_load(path.read_text("utf-8"))
    msgspec.convert(check, score.Model)


if __name__ == "__main__":
    main()
