"""What reading a shell program costs: honest lines, scripts of growing size, and the worst we know.

    python tests/bench/bench_shell.py

Targets: a 100-byte line at most 300 µs (p50), cost linear in the size, 64 kB of anything at most 2 ms or
refused.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable

from yett.extract import shell
from yett.extract.budget import Budget

LINES = {
    "plain 20 B": "git status --short -b",
    "plain 100 B": "rsync -av --exclude .git --exclude node_modules src/ deploy@host.example.com:/srv/app/current/ --delete",
    "quoted 100 B": 'cd "$WORK" && for f in *.txt; do grep -n \'TODO: fix\' "$f" | sort -u >> report.log; done; echo "$(date)"',
    "wrapped 100 B": "sudo env LC_ALL=C nice -n 10 timeout 60 bash -c 'find . -name \"*.log\" -print0 | xargs -0 gzip -9' && echo ok",
}

SCRIPT = """set -euo pipefail
VERSION="${1:-1.0}"
for pkg in core cli server; do
  if [ -f "packages/$pkg/package.json" ]; then
    (cd "packages/$pkg" && npm ci --ignore-scripts && npm run build) || exit 1
    echo "built $pkg at $(date -u +%FT%TZ)" >> "$LOG"
  fi
done
cat > manifest.json <<EOF
{"version": "$VERSION", "commit": "$(git rev-parse HEAD)"}
EOF
tar czf "app-$VERSION.tgz" packages/*/dist manifest.json
"""


def adversarial(size: int) -> dict[str, str]:
    """Texts of `size` characters that make parsers slow."""
    rng = random.Random(7)
    pieces = [
        "$(",
        "`",
        "<<A ",
        '"',
        "'",
        "${x:-",
        "{a,",
        "$((",
        "\\\n",
        "|",
        "&&",
        "(",
        ")",
        "}",
        "x=",
        "\n",
        " if ",
        "fi",
    ]
    soup = ""
    while len(soup) < size:
        soup += rng.choice(pieces)
    return {
        "<<": "<<" * (size // 2),
        "<<A ": "<<A " * (size // 4),
        "$(": "$(" * (size // 2),
        "$((": "$((" * (size // 3),
        "(((": "(" * size,
        "{": "{" * size,
        "{a,b}": "echo " + "{a,b}" * (size // 5),
        "`": "`" * size,
        "\\`": "`" + "\\`" * (size // 2 - 1),
        "${x": "${x:-" * (size // 5),
        "a b": "a " * (size // 2),
        "a;": "a;" * (size // 2),
        "a|": "a|" * (size // 2) + "a",
        "a=b ": "a=b " * (size // 4),
        "$x": "$x" * (size // 2),
        "' '": "'a' " * (size // 4),
        "\\ nl": "\\\n" * (size // 2),
        "functions": "f(){ f;};" * (size // 9),
        "doubling": "x=aaaaaaaa;" + "x=$x$x;" * (size // 7),
        "sh -c": "sh -c '" * (size // 7),
        "if": "if a; then " * (size // 11),
        "unclosed": "echo (\n" * (size // 7),
        "for": "for i in {1..9}; do " * (size // 20),
        "plain": "x" * size,
        "soup": soup,
    }


def p50(work: Callable[[], object], times: int) -> float:
    samples = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples) * 1e6


def read(source: str) -> shell.ShellResult:
    return shell.analyse(source, "/command", budget=Budget(milliseconds=60_000))


def main() -> None:
    for name, line in LINES.items():
        read(line)
        print(f"{name:28} {len(line):6} B {p50(lambda text=line: read(text), 300):9.0f} µs")
    print()
    for factor in (1, 2, 4, 8, 16):
        source = SCRIPT * factor
        result = read(source)
        print(
            f"script x{factor:<20} {len(source):6} B {p50(lambda text=source: read(text), 10):9.0f} µs {result.program.opaque}"
        )
    print()
    for size in (1_000, 4_000, 16_000, 32_000, 64_000):
        worst: list[tuple[float, str, tuple[str, ...]]] = []
        for name, source in adversarial(size).items():
            result = read(source)
            worst.append((p50(lambda text=source: read(text), 3), name, result.program.opaque))
        worst.sort(reverse=True)
        for cost, name, opaque in worst[:6]:
            print(f"adversarial {size:6} B {name:12} {cost:9.0f} µs {', '.join(opaque)}")


if __name__ == "__main__":
    main()
