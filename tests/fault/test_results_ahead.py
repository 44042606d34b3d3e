"""`kill -9` between a result and its record: prevents an agent that knows what its session does not.

A child process runs a tool behind the gateway again and again and says so as soon as it has a result. Its outcomes
are never written for their own sake, only by the next decision: at any moment one of them is not in the log. It is
killed; whatever it was shown must be on record once the ledger is open again, and the session must know of it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from yett import Gateway
from yett.sdk.adapters import Gate
from yett_audit.reader import records

SHOWN = 5
POLICY = "policy: open\ntools: {'*': {open: true}}\nrules: [{id: all, allow: '*'}]\n"
CHILD = textwrap.dedent(
    """
    import sys, threading
    from yett import Gateway
    from yett.ledger.projection import ahead
    from yett.sdk.adapters import Gate
    ahead.LINGER_S = 3600
    gate = Gate(Gateway.open(sys.argv[1], sys.argv[2]), session=sys.argv[3])
    for number in range(int(sys.argv[4])):
        result = gate.run("read_mail", {"n": number}, lambda _: f"from mallory{number}@example.com")
        print(result.rpartition(" ")[2], flush=True)
    threading.Event().wait()
    """
)


@pytest.mark.parametrize("shown", range(1, SHOWN))
def test_what_was_shown_is_known_after_a_kill(tmp_path: Path, shown: int) -> None:
    policy, state = tmp_path / "policy.yaml", tmp_path / "state"
    policy.write_text(POLICY)
    with Gateway.open(policy, state) as gateway:
        session = gateway.open_session()
    command = [sys.executable, "-c", CHILD, str(policy), str(state), session, str(shown)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        seen = [child.stdout.readline().strip() for _ in range(shown)]
        child.send_signal(signal.SIGKILL)
    assert sum(r.event == "outcome" for r in records(state / "log")) == shown - 1
    with Gateway.open(policy, state) as gateway:
        view = gateway.ledger.snapshot(gateway.identity, session)
        assert [view.origin(address) for address in seen] == ["untrusted"] * shown
        assert "state_lost" not in view.labels
    assert sum(r.event == "outcome" for r in records(state / "log")) == shown


def test_a_result_whose_outcome_the_log_refuses_is_withheld(tmp_path: Path) -> None:
    """prevents: results that go on being shown after the log has failed."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    with Gateway.open(policy, tmp_path / "state") as gateway:
        gate = Gate(gateway)
        call, decision = gate.judge("read_mail", {})
        assert decision.allowed
        for path in (tmp_path / "state" / "log").glob("*.jsonl"):
            path.unlink()
        assert not gate.judge("read_mail", {})[1].allowed
        with pytest.raises(Exception, match="withheld"):
            gate.settle(decision, "a letter")
        assert call.tool == "read_mail"
