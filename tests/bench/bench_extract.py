"""Extraction and score of one call: p50 on honest calls, and the worst 64 kB that could be found."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Callable
from typing import Any

from yett.extract import extract
from yett.model import ToolCall
from yett.risk import Assessor

SIZE = 64_000

HONEST: dict[str, tuple[str, dict[str, Any]]] = {
    "one id": ("get_order", {"order_id": "W2890441"}),
    "six short fields": (
        "book_flight",
        {"from": "ZRH", "to": "JFK", "date": "2024-05-01", "name": "Ann Example", "seat": "window", "notes": "vegetarian please"},
    ),
    "2 kB text": ("notes.create", {"content": ("The quick brown fox jumps over the lazy dog. " * 50)[:2000]}),
    "100 B shell": ("bash", {"command": "git log --oneline --since='2 weeks ago' -- src docs | head -20 && pytest -q tests/unit | tail -5"}),
    "200 B SQL": (
        "db.query",
        {"sql": "SELECT o.id, c.name, sum(l.qty * l.price) AS total FROM orders o JOIN customers c ON c.id = o.customer_id JOIN lines l ON l.order_id = o.id WHERE o.status = 'open' GROUP BY o.id, c.name ORDER BY total"},
    ),
    "URL": ("fetch", {"url": "https://docs.example.com/a?b=1&c=2"}),
    "64 kB file": ("write_file", {"path": "a.py", "content": ("def f(x):\n    return x + 1  # comment\n" * 2000)[:SIZE]}),
}  # fmt: skip


def hostile() -> dict[str, tuple[str, dict[str, Any]]]:
    """What was found to cost most, by what it is aimed at."""
    dice = random.Random(1)
    noise = "".join(chr(dice.randrange(32, 127)) for _ in range(SIZE))
    nested = "rm -rf /"
    for _ in range(20):
        nested = base64.b64encode(nested.encode()).decode()
    quoted = "x"
    for _ in range(12):
        quoted = json.dumps({"a": quoted})
    return {
        "noise": ("t", {"x": noise}),
        "one letter": ("bash", {"command": "a" * SIZE}),
        "substitutions": ("bash", {"command": "$(" * (SIZE // 2)}),
        "here-documents": ("bash", {"command": "<<a\n" * (SIZE // 4)}),
        "percent of percent": ("t", {"x": "%" + "25" * (SIZE // 2)}),
        "base64 of base64": ("t", {"x": nested[:SIZE]}),
        "base64 of text": ("t", {"x": base64.b64encode(b"A" * (SIZE * 3 // 4)).decode()}),
        "escapes of two kinds": ("notes.create", {"content": "&#x41;\\x41" * (SIZE // 10)}),
        "octets in hex": ("t", {"x": "0x41" * (SIZE // 4)}),
        "JSON in JSON": ("t", {"x": quoted[:SIZE]}),
        "URLs in URLs": ("fetch", {"url": "http://a.b/?u=http%3A" * (SIZE // 21)}),
        "climbing path": ("read_file", {"path": "../" * (SIZE // 3)}),
        "brackets in SQL": ("db.query", {"sql": "SELECT " + "(" * (SIZE // 2) + "1" + ")" * (SIZE // 2)}),
        "PowerShell": ("powershell", {"command": "powershell -enc " + "QQ" * (SIZE // 2)}),
        "invisible letters": ("t", {"x": "e\u200b\u0430" * (SIZE // 6)}),
        "key prefixes": ("t", {"x": "AKIA sk-ant- ghp_ " * (SIZE // 18)}),
        "values like programs": (
            "form.submit",
            {
                "data": {
                    f"k{number}": f"{number} function(){{ ${{( a => C:\\\\ %2e%2e/ " * 10
                    for number in range(160)
                }
            },
        ),
        "values like commands": (
            "form.submit",
            {
                "data": {
                    f"k{number}": f"IEX {number} & x=@ while 1: curl 127.0.0.1 token= " * 8
                    for number in range(160)
                }
            },
        ),
        "values like SQL": ("form.submit", _values("or 1=1 ", 60)),
        "values like addresses": ("form.submit", _values("http://[::1]/ ", 60)),
        "PowerShell in PowerShell": ("powershell", {"command": "IEX " * 4_000}),
        "names in PowerShell": ("powershell", {"command": "$a=" * 5_300}),
        "JavaScript of beginnings": ("run_javascript", {"code": "lambda x:" * 1_800}),
        "JavaScript to be mended": ("run_javascript", {"code": "x<y>(z)" * 2_300}),
        "values like JavaScript": ("run_javascript", _values("`id`C:\\Windows\\puts,", 200)),
        "Ruby of one chain": ("run_code", {"language": "ruby", "code": "a." * 8_000}),
        "Python of names": ("run_python", {"code": "b;" * 8_000}),
        "redirections": ("bash", {"command": "<a>/b" * 1_600}),
        "commands one by one": ("bash", {"command": "as;" * 5_300}),
        "values of comments": ("form.submit", _values("#\n,do", 80)),
        "values in other scripts": ("search", _values('\u2028http://a@b/\n%}\n#>\nf" curl', 100)),
        "values with names": (
            "login",
            {"password": list(_values('if *.txt "" /a like ', 100)["data"].values())},
        ),
        "values of noise": (
            "form.submit",
            {"data": {f"k{n}": noise[start : start + 60] for n, start in enumerate(range(0, SIZE, 60))}},
        ),
        "values of paths": (
            "form.submit",
            {"data": {f"k{n}": "see " + "".join(f"/w{n}{m} " for m in range(500)) for n in range(16)}},
        ),
        "many members": ("t", {f"k{number}": "ls -la /tmp" for number in range(4_000)}),
    }


def _values(unit: str, size: int) -> dict[str, Any]:
    """Members that differ, each of so many characters."""
    return {"data": {f"k{n}": f"{n} {(unit * size)[:size]}" for n in range(SIZE // (size + 10))}}


def median(work: Callable[[], object], runs: int) -> float:
    """Microseconds."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[runs // 2] * 1e6


def main() -> None:
    assessor = Assessor.load()
    print(f"{'honest':22}{'extract µs':>12}{'score µs':>12}")
    for name, (tool, arguments) in HONEST.items():
        _line(assessor, name, ToolCall(tool=tool, arguments=arguments), 20 if "64" in name else 200, 1)
    print(f"{'hostile, 64 kB':22}{'extract ms':>12}{'score ms':>12}  refused as")
    for name, (tool, arguments) in hostile().items():
        _line(assessor, name, ToolCall(tool=tool, arguments=arguments), 3, 1000)


def _line(assessor: Assessor, name: str, call: ToolCall, runs: int, unit: int) -> None:
    facts = extract(call, None, SIZE)
    first = median(lambda: extract(call, None, SIZE), runs) / unit
    second = median(lambda: assessor.assess(call, facts, None), runs) / unit
    said = " ".join(facts.limits) or " ".join(
        sorted({word for program in facts.programs for word in program.opaque})
    )
    print(f"{name:22}{first:12.1f}{second:12.1f}  {said}")


if __name__ == "__main__":
    main()
