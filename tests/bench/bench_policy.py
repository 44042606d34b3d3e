"""Policy evaluation and loading: 1,000 rules over 200 tools, against 10 rules for the same tool.

python tests/bench/bench_policy.py
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from yett import policy
from yett.extract.facts import Facts
from yett.model import Risk
from yett.policy import PolicySet, testing

CALLS = 20_000


def document(tools: int, rules_per_tool: int) -> str:
    """A policy of so many tools and rules, with a test for every tenth tool."""
    lines = ["policy: large", "tools:"]
    for i in range(tools):
        lines += [
            f"  tool_{i}:",
            "    does: [pay]",
            "    args:",
            "      recipient: {role: target, type: iban}",
            "      amount: {role: amount, type: money}",
            "      subject: {role: content}",
        ]
    lines.append("rules:")
    for i in range(tools):
        for k in range(rules_per_tool):
            kind = ("deny", "hold", "allow")[k % 3]
            when = {
                "deny": f"args.amount > {100_000 + k} and session.read_untrusted",
                "hold": f"args.amount > {5_000 + k}",
                "allow": f'origin(args.recipient) in ("prompt", "records") and args.amount <= {500 + k} '
                'and spent("pay", "24h") + args.amount <= 2000',
            }[kind]
            lines += [f"  - id: r{i}_{k}", f"    {kind}: tool_{i}", f"    when: {when}"]
    lines.append("tests:")
    for i in range(0, tools, 10):
        lines.append(f"  - deny: {{tool: tool_{i}, args: {{recipient: A, amount: 10, subject: x}}}}")
    return "\n".join(lines) + "\n"


def load(text: str) -> tuple[PolicySet, float]:
    """The policy, and the seconds that loading took."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "p.yaml"
        file.write_text(text)
        began = time.perf_counter()
        return policy.load([file]), time.perf_counter() - began


def measure(loaded: PolicySet) -> list[float]:
    """Microseconds of each evaluation, sorted."""
    call = {"tool": "tool_0", "args": {"recipient": "A", "amount": 100, "subject": "hello"}}
    admitted = testing.admitted_of(call)
    facts = Facts(tool="tool_0", does=frozenset({"pay"}))
    past = testing.past_of({"origins": {"A": "prompt"}})
    risk = Risk()
    taken = []
    for _ in range(CALLS):
        began = time.perf_counter_ns()
        loaded.evaluate(admitted, facts, risk, past, 0)
        taken.append((time.perf_counter_ns() - began) / 1000)
    assert loaded.evaluate(admitted, facts, risk, past, 0).effect.value == "allow"
    return sorted(taken)


def main() -> None:
    """Print the figures."""
    for name, tools, each in (
        ("1,000 rules, 200 tools", 200, 5),
        ("5 rules, 1 tool", 1, 5),
        ("10 rules, 2 tools", 2, 5),
    ):
        loaded, seconds = load(document(tools, each))
        taken = measure(loaded)
        print(
            f"{name}: load {seconds:.2f} s; evaluate p50 {statistics.median(taken):.1f} µs, "
            f"p99 {taken[int(len(taken) * 0.99)]:.1f} µs"
        )


if __name__ == "__main__":
    main()
