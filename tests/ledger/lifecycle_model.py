"""A model of one mandate's use slot, small enough to be explored completely.

Three byte-identical presentations of one one-shot mandate meet two crashes, one backward step of the clock
and a sweeper that may run at any time. `explore` walks every interleaving breadth first and returns the
shortest trace that executes twice, or None. `Design()` is what the ledger does; each other design drops one
rule, and must be found out. (Rules and mutants: RFC 6479 windows, PyPI's jti bug, leases in job queues …)

Times are small integers: the mandate ends at `END`; it is verified and reserved before, swept at or after.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

END = 2
LAST = 4
PRESENTATIONS = 3

IDLE, VERIFIED, CHECKED, QUEUED, ANSWERED, EXECUTED, SETTLED, REFUSED = range(8)
ABSENT, RESERVED, COMMITTED = range(3)


@dataclass(frozen=True)
class Design:
    """The rules. All as they are in the ledger, unless a mutant says otherwise."""

    atomic: bool = True
    """Looking whether the slot is free and taking it are one step."""
    reserve_first: bool = True
    """The slot is taken before the call runs."""
    durable_first: bool = True
    """Nothing is answered before its record is on disk."""
    durable: bool = True
    """Slots are on disk at all; if not, `fenced` must hold."""
    fenced: bool = False
    """What was minted before a restart is refused after it."""
    recovery_releases: bool = False
    lease_releases: bool = False
    agent_releases: bool = False
    """The agent's own `no_effect` is believed."""
    watermark: bool = True
    time_at_reserve: bool = True
    """The end is checked again in the step that takes the slot."""
    high_water: bool = True
    """The clock used never goes below the highest time seen."""
    retention: int = 0
    """Time after the end at which a settled slot may be forgotten."""
    expiring_insert: bool = False
    """The slot vanishes by itself at the mandate's end (SET NX PX)."""
    sweeps_unsettled: bool = False


class Presentation(NamedTuple):
    phase: int = IDLE
    epoch: int = 0


class World(NamedTuple):
    now: int = 0
    top: int = 0
    """Highest time seen in this process, or recorded."""
    slot: int = ABSENT
    disk: int = ABSENT
    swept: int = -1
    """Watermark in memory and, below, on disk."""
    swept_disk: int = -1
    epoch: int = 0
    crashes: int = 2
    steps_back: int = 1
    executed: int = 0
    who: tuple[Presentation, ...] = (Presentation(),) * PRESENTATIONS


Step = tuple[str, World]


def explore(design: Design, *, limit: int = 2_000_000) -> tuple[tuple[str, ...] | None, int]:
    """The shortest trace to a double execution (None if there is none), and how many states were seen."""
    start = World()
    seen: dict[World, tuple[World, str] | None] = {start: None}
    queue = deque([start])
    while queue:
        world = queue.popleft()
        for name, after in steps(design, world):
            after = _symmetric(after)
            if after in seen:
                continue
            seen[after] = (world, name)
            if after.executed > 1:
                return _trace(seen, after), len(seen)
            if len(seen) > limit:
                raise AssertionError("the model is larger than thought")
            queue.append(after)
    return None, len(seen)


def _symmetric(world: World) -> World:
    # Identical presentations are interchangeable: one order stands for all.
    return world._replace(who=tuple(sorted(world.who)))


def _trace(seen: dict[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    names: list[str] = []
    while (step := seen[world]) is not None:
        world, name = step
        names.append(name)
    return tuple(reversed(names))


def steps(design: Design, world: World) -> Iterator[Step]:
    """Everything that can happen next."""
    yield from _clock(design, world)
    if world.crashes:
        yield "crash", _crashed(design, world)
    if design.durable and (world.disk, world.swept_disk) != (world.slot, world.swept):
        yield "fsync", _synced(world)
    yield from _sweeper(design, world)
    for place, one in enumerate(world.who):
        for name, after, moved in _moves(design, world, one):
            who = (*after.who[:place], moved, *after.who[place + 1 :])
            yield f"{name}({place})", after._replace(who=who)
    if design.lease_releases and world.slot == RESERVED:
        yield "lease ends", world._replace(slot=ABSENT)


def _clock(design: Design, world: World) -> Iterator[Step]:
    if world.now < LAST:
        yield "tick", _aged(design, world._replace(now=world.now + 1, top=max(world.top, world.now + 1)))
    if world.steps_back and world.now >= 2:
        yield "clock steps back", world._replace(now=world.now - 2, steps_back=0)


def _aged(design: Design, world: World) -> World:
    if design.expiring_insert and world.now >= END:
        return world._replace(slot=ABSENT, disk=ABSENT)
    return world


def _time(design: Design, world: World) -> int:
    return max(world.now, world.top) if design.high_water else world.now


def _crashed(design: Design, world: World) -> World:
    slot = world.disk if design.durable else ABSENT
    if design.recovery_releases and slot == RESERVED:
        slot = ABSENT
    # What was answered is out in the world and will run; what was only on its way in is lost.
    alive = {ANSWERED, EXECUTED, SETTLED, REFUSED, IDLE}
    who = tuple(one if one.phase in alive else one._replace(phase=REFUSED) for one in world.who)
    return world._replace(
        slot=slot,
        disk=slot if design.durable else ABSENT,
        swept=world.swept_disk,
        epoch=world.epoch + 1,
        crashes=world.crashes - 1,
        who=who,
    )


def _synced(world: World) -> World:
    who = tuple(one._replace(phase=ANSWERED) if one.phase == QUEUED else one for one in world.who)
    return world._replace(disk=world.slot, swept_disk=world.swept, who=who)


def _sweeper(design: Design, world: World) -> Iterator[Step]:
    settled = world.slot == COMMITTED or (design.sweeps_unsettled and world.slot == RESERVED)
    if settled and _time(design, world) >= END + design.retention:
        swept = max(world.swept, END) if design.watermark else world.swept
        yield "sweep", world._replace(slot=ABSENT, swept=swept)


def _moves(design: Design, world: World, one: Presentation) -> Iterator[tuple[str, World, Presentation]]:
    if one.phase == IDLE:
        ok = _time(design, world) < END
        yield "verify", world, one._replace(phase=VERIFIED if ok else REFUSED)
    elif one.phase == VERIFIED and not design.reserve_first:
        # Runs first and writes down afterwards that it did.
        free = _free(design, world, one)
        yield (
            "execute",
            world._replace(executed=world.executed + free),
            one._replace(phase=CHECKED if free else REFUSED),
        )
    elif one.phase == VERIFIED and not design.atomic:
        yield "look", world, one._replace(phase=CHECKED if _free(design, world, one) else REFUSED)
    elif one.phase == CHECKED or (one.phase == VERIFIED and _free(design, world, one)):
        if not design.reserve_first:
            yield "consume", world._replace(slot=COMMITTED), one._replace(phase=SETTLED)
        else:
            waits = design.durable and design.durable_first
            yield "reserve", world._replace(slot=RESERVED), one._replace(phase=QUEUED if waits else ANSWERED)
    elif one.phase == VERIFIED:
        yield "refuse", world, one._replace(phase=REFUSED)
    elif one.phase == ANSWERED:
        yield "execute", world._replace(executed=world.executed + 1), one._replace(phase=EXECUTED)
    elif one.phase == EXECUTED:
        yield "commit", world._replace(slot=COMMITTED), one._replace(phase=SETTLED)
        if design.agent_releases:
            yield "agent says it did not run", world._replace(slot=ABSENT), one._replace(phase=SETTLED)


def _free(design: Design, world: World, one: Presentation) -> bool:
    if world.slot != ABSENT or (design.watermark and world.swept >= END):
        return False
    if design.fenced and one.epoch != world.epoch:
        return False
    return not design.time_at_reserve or _time(design, world) < END


SAFE = {
    "the ledger": Design(),
    "the ledger with a clock that may step back": Design(high_water=False),
    "volatile slots behind an epoch fence": Design(durable=False, fenced=True),
}
"""Designs that must hold. The second shows that the watermark alone is enough, whatever the clock does."""

BROKEN = {
    "get, then set": Design(atomic=False),
    "execute, then consume": Design(reserve_first=False),
    "volatile slots without a fence": Design(durable=False),
    "answered before it is durable": Design(durable_first=False),
    "recovery releases": Design(recovery_releases=True),
    "a lease releases": Design(lease_releases=True),
    "the agent's word releases": Design(agent_releases=True),
    "no watermark": Design(watermark=False, high_water=False),
    "high-water clock alone": Design(watermark=False, time_at_reserve=False),
    "short retention": Design(watermark=False, retention=-1),
    "plain insert with expiry": Design(expiring_insert=True, watermark=False, time_at_reserve=False),
    "unsettled slots are swept and time is checked early": Design(
        sweeps_unsettled=True, watermark=False, time_at_reserve=False
    ),
}
"""Designs with one rule less. Each must yield its counterexample."""
