"""Adversarial presentations: concurrent, replayed, redirected, delayed, across restarts. Nothing runs twice.

10^4 presentations in an ordinary run, 10^5 with YETT_LONG=1 (CI), 10^6 with YETT_LONG=2 (`make torture`).
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter

from ledger_world import AGENT, OPERATOR, OTHER, World

from yett.ledger import Conflict, Pending

LONG = os.environ.get("YETT_LONG", "0")
PRESENTATIONS = {"0": 10_000, "1": 100_000}.get(LONG, 1_000_000)
ROUND = 1_000
THREADS = 4


def test_no_mandate_runs_more_often_than_it_may(world: World) -> None:
    """prevents: a second use by any mix of threads, replays, redirections, late arrivals and restarts."""
    generator = random.Random(11)
    ran: Counter[str] = Counter()
    uses: dict[str, int] = {}
    lock = threading.Lock()
    old: list[str] = []
    for turn in range(PRESENTATIONS // ROUND):
        fresh = {}
        for _ in range(40):
            count = generator.choice([1, 1, 1, 3])
            fresh[
                world.ledger.issue_mandate(
                    OPERATOR, principal="ada", agent="helper", tool="pay", uses=count, lifetime_ms=30_000
                )
            ] = count
        uses |= fresh
        pool = [*fresh, *old[-40:]]

        def present(seed: int, pool: list[str] = pool) -> None:
            mine = random.Random(seed)
            waiting: list[tuple[str, Pending]] = []
            for _ in range(ROUND // THREADS):
                token = mine.choice(pool)
                tool, who = mine.choice([("pay", AGENT)] * 8 + [("wire", AGENT), ("pay", OTHER)])
                answer = world.ledger.commit(
                    world.propose(tool, {"n": mine.randrange(3)}, who=who, mandate=token)
                )
                if not isinstance(answer, Conflict):
                    waiting.append((token, answer))
                if len(waiting) > 20:
                    settle(waiting)
            settle(waiting)

        def settle(waiting: list[tuple[str, Pending]]) -> None:
            for token, pending in waiting:
                if pending.result(120).allowed:
                    with lock:
                        ran[token] += 1
            waiting.clear()

        threads = [threading.Thread(target=present, args=(turn * THREADS + i,)) for i in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        old += fresh
        world.clock.pass_s(generator.choice([0, 10, 31]))
        if turn % 3 == 2:
            world.restart(crash=turn % 2 == 0)
    doubled = {token: count for token, count in ran.items() if count > uses[token]}
    assert doubled == {}
    assert sum(ran.values()) >= PRESENTATIONS // ROUND * 40, "the mandates were really used"
