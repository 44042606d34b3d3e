"""How long the analysis of SQL, program text and Windows command lines takes; run as a script.

Prints p50 and p99 for honest input, and the worst of a set of adversarial texts at 64 kB and just below the limit
up to which each is parsed at all.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable

from yett.extract import code, sql, windows
from yett.extract.budget import Budget, OverBudget

QUERY = (
    "SELECT c.name, c.email, sum(o.total) AS total FROM customers c JOIN orders o ON o.customer_id = c.id "
    "WHERE o.created_at > '2024-01-01' AND c.region IN ('EU', 'US') GROUP BY c.name, c.email ORDER BY total DESC"
)
PROGRAM = "import json\n\ndef total(rows):\n    return sum(row['a'] * 2 for row in rows)\n\nprint(json.dumps(total([{'a': 1}, {'a': 2}])))\n"
SCRIPT = "const fs = require('fs');\nconst rows = JSON.parse(fs.readFileSync('a.json', 'utf8'));\nconsole.log(rows.map(r => r.a * 2));\n"
POWERSHELL = "Get-ChildItem -Path C:\\work -Recurse -Filter *.cs | Where-Object { $_.Length -gt 10kb } | Select-Object -First 5"
CMD = 'for %f in (*.txt) do @echo %f & if exist "C:\\work\\out" rd /s /q "C:\\work\\out"'
PROSE = (
    "The customer's order (no. 4711) hasn't arrived; please select another carrier and update the file. " * 20
)

PIECES = (
    "(", "SELECT (", "'", '"', "/*", "--", "a,", "1 AND ", "1=1 OR ", "NOT ", "CASE WHEN 1 THEN ", "f(", "a.b.", "[", "{", "`", "$$", "\\", "union select ", "UNION ALL SELECT 1 ", "x'y", "' or ",
    "-", "- ", "SELECT 1;", "WITH a AS (", "a::b::", "INTERVAL ", "%", "%41", "$(", "^", "&", "@'", "if x:\n ", "a=", "lambda:", "[x for ", "x\n", "!x\n", "${", "=>", "a?.", "\t", "\n", "é", "'' ", "JOIN a ", ", a JOIN b ", "UNION (", "STRUCT(", "LEFT JOIN a ON 1=1 ", "JOIN a JOIN b ON 1=1 ",
)  # fmt: skip


def measure(run: Callable[[], object], seconds: float = 0.5) -> tuple[float, float]:
    """p50 and p99 in microseconds."""
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken) < 20:
        start = time.perf_counter()
        run()
        taken.append((time.perf_counter() - start) * 1e6)
    taken.sort()
    return statistics.median(taken), taken[int(len(taken) * 0.99)]


def once(run: Callable[[str], object], text: str) -> float:
    """Milliseconds; the best of two, for machines that do other things as well."""
    best = float("inf")
    for _ in range(2):
        start = time.perf_counter()
        with contextlib.suppress(OverBudget):
            run(text)
        best = min(best, (time.perf_counter() - start) * 1e3)
    return best


RUNS: dict[str, tuple[Callable[[str], object], str, int]] = {
    "sql": (lambda text: sql.analyse(text, "/a", budget=Budget()), QUERY, 16_384),
    "sql fragment": (lambda text: sql.looks_like(text) or sql.analyse(text, "/a", declared=False, budget=Budget()), "' or 1=1 --", 16_384),
    "prose as fragment": (lambda text: sql.looks_like(text) or sql.analyse(text, "/a", declared=False, budget=Budget()), PROSE, 16_384),
    "python": (lambda text: code.analyse(text, "/a", language="python", budget=Budget()), PROGRAM, 32_768),
    "javascript": (lambda text: code.analyse(text, "/a", language="javascript", budget=Budget()), SCRIPT, 16_384),
    "powershell": (lambda text: windows.analyse(text, "/a", dialect="powershell", budget=Budget()), POWERSHELL, 16_384),
    "cmd": (lambda text: windows.analyse(text, "/a", dialect="cmd", budget=Budget()), CMD, 16_384),
    "windows.looks_like": (windows.looks_like, POWERSHELL, 16_384),
    "code.looks_like": (code.looks_like, PROGRAM, 8_192),
}  # fmt: skip


def main() -> None:
    for name, (run, sample, limit) in RUNS.items():
        p50, p99 = measure(lambda run=run, sample=sample: run(sample))  # type: ignore[misc]
        worst: dict[int, tuple[float, str]] = {}
        for size in (65_536, limit, limit // 2, limit // 4):
            worst[size] = max((once(run, (piece * size)[:size]), piece) for piece in PIECES)
        shown = "  ".join(f"{size // 1024}k {ms:.1f} ms {piece!r}" for size, (ms, piece) in worst.items())
        print(f"{name:18} {len(sample):5} B p50 {p50:7.0f} µs p99 {p99:7.0f} µs | worst: {shown}")


if __name__ == "__main__":
    main()
