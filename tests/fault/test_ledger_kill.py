"""`kill -9` under load: prevents lost answers and mandates that can be used twice.

A child process decides as fast as it can, writes each answer it was given to a pipe, and is killed at a
random moment. Whatever it was told must be in the log; a mandate it used cannot be used again; and the
ledger opens by itself.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest
from ledger_world import AGENT, OPERATOR, World, codes

from yett import canonical
from yett.ledger.tokens import jws
from yett_audit.reader import records

LEDGER_TESTS = Path(__file__).parents[1] / "ledger"
ROUNDS = 200 if os.environ.get("YETT_LONG") else 12

CHILD = textwrap.dedent(
    """
    import sys, threading
    from pathlib import Path
    sys.path.insert(0, sys.argv[3])
    from ledger_world import World
    world = World(Path(sys.argv[1]))
    tokens = sys.argv[2].split(",")
    def work(me):
        while True:
            for token in tokens[me::3]:
                decision = world.decide("pay", {"n": 1}, mandate=token)
                if decision.record is not None:
                    line = f"{decision.decision_id} {decision.effect.value} {token[-12:]}\\n"
                    sys.stdout.write(line); sys.stdout.flush()
            decision = world.decide("read", {"n": me})
            sys.stdout.write(f"{decision.decision_id} {decision.effect.value} -\\n"); sys.stdout.flush()
    for me in range(3):
        threading.Thread(target=work, args=(me,), daemon=True).start()
    threading.Event().wait()
    """
)


@pytest.mark.torture
def test_no_answer_is_lost_and_no_mandate_is_used_twice(tmp_path: Path) -> None:
    """prevents: a decision that was answered but not recorded; a second use after a crash."""
    generator = random.Random(5)
    told: dict[str, str] = {}
    used: dict[str, set[str]] = {}
    world = World(tmp_path / "state")
    for _ in range(ROUNDS):
        tokens = [
            world.ledger.issue_mandate(OPERATOR, principal=AGENT.principal, agent=AGENT.agent, tool="pay")
            for _ in range(30)
        ]
        world.ledger.close()
        command = [sys.executable, "-c", CHILD, str(world.folder), ",".join(tokens), str(LEDGER_TESTS)]
        # Unbuffered: what a buffer holds after the first line is not among what `communicate` returns.
        child = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
        assert child.stdout is not None
        lines = [child.stdout.readline()]
        # What was printed before the timeout comes again with the second `communicate`.
        with suppress(subprocess.TimeoutExpired):
            child.communicate(timeout=generator.uniform(0.0, 0.25))
        child.send_signal(signal.SIGKILL)
        lines.append(child.communicate()[0])
        for line in b"".join(lines).decode().splitlines():
            parts = line.split()
            if len(parts) == 3 and parts[1] in ("allow", "deny", "hold"):
                told[parts[0]] = parts[1]
                if parts[1] == "allow" and parts[2] != "-":
                    used.setdefault(parts[2], set()).add(parts[0])
        world.ledger = world._open()
        for token in tokens:
            before = world.ledger.show_mandate(_jti(token)).used
            again = world.decide("pay", {"n": 1}, mandate=token)
            if token[-12:] in used:
                assert before == 1
            assert again.allowed == (before == 0)
            if before:
                assert codes(again) <= {"MANDATE_IN_DOUBT"}
    world.ledger.close()
    assert max(map(len, used.values()), default=0) <= 1
    recorded = {
        r.body["id"]: r.body["effect"] for r in records(world.folder / "log") if r.event == "decision"
    }
    assert told.items() <= recorded.items()
    assert len(told) >= ROUNDS


def _jti(token: str) -> str:
    return str(canonical.parse(jws.decode(token.split(".")[1]))["jti"])
