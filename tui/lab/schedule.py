"""What happens in the lab and when: Connect's cycles, replication, health, everyday changes, the scenario's steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from tui.lab.events import EventQueue, Pieces
from tui.lab.scenario import Action, Scenario, Step
from tui.lab.world import World

LIFT_EVERY = timedelta(hours=1)
SHORTEST_PAUSE_S = 0.25  # of wall time
FIRST_LIFT = timedelta(minutes=35)


class Schedule:
    """Fills a queue for a world; `elapsed` is how much of the scenario is already past."""

    def __init__(self, world: World, scenario: Scenario, queue: EventQueue, elapsed: timedelta) -> None:
        self._world = world
        self._scenario = scenario
        self._queue = queue
        self._begin = world.clock.start - elapsed
        self.said_at, self.said = world.clock.start, scenario.says

    def plan(self) -> None:
        """Queue everything that is to come."""
        world, scenario = self._world, self._scenario
        self._every(scenario.connect_every, scenario.start.connect_age, world.connect.cycle)
        self._every(scenario.password_every, scenario.start.password_age, _at_once(world.connect.password_cycle))
        self._queue.add(world.clock.start + FIRST_LIFT, world.connect.lift_quarantines, LIFT_EVERY)
        self._every(scenario.evaluate_every, 0, self._evaluate)
        if scenario.changes_per_hour > 0:
            self._every(3600 / scenario.changes_per_hour, 0, _at_once(world.everyday.one_change))
        self._plan_replication()
        for step in scenario.steps:
            self._plan_step(step)

    def _every(self, seconds: float, age: float, work: Callable[[], Pieces]) -> None:
        """Queue what repeats, going on from the time it last happened before the start."""
        first = seconds - math.fmod(age, seconds)
        self._queue.add(self._world.clock.start + timedelta(seconds=first), work, timedelta(seconds=seconds))

    def _plan_replication(self) -> None:
        every = self._scenario.replicate_every
        if every is None:
            return
        if self._world.domain.last_sync is None:
            self._queue.add(self._world.clock.start, partial(self._first_sync_piece, timedelta(seconds=every)))
        else:
            self._every(every, self._scenario.start.domain_age or 0, self._replicate)

    def _plan_step(self, step: Step) -> None:
        repeat = self._scenario.repeat
        every = None if repeat is None else timedelta(seconds=repeat)
        at = self._begin + timedelta(seconds=step.at)
        while every is not None and at < self._world.clock.start:
            at += every
        if at >= self._world.clock.start:
            self._queue.add(at, partial(self._take, step), every)

    # Hop 2

    def _first_sync_piece(self, every: timedelta) -> None:
        """One piece of the first synchronization, and then a pause as long as its objects' share of the whole.

        `every`: between the rounds that follow.
        """
        world, held = self._world, self._held()
        if world.domain.blocked_since is not None or world.replication.step():
            share = (self._held() - held) / max(1, world.tenant.count("user") + world.tenant.count("group"))
            pause = world.clock.speed * max(SHORTEST_PAUSE_S, share * self._scenario.first_sync_for)
            self._queue.add(world.present.now() + timedelta(seconds=pause), partial(self._first_sync_piece, every))
            return
        world.domain.last_sync = world.present.now()
        self._queue.add(world.present.now() + every, self._replicate, every)

    def _held(self) -> int:
        return sum(self._world.replication.store.counts(synced=True).values())

    def _replicate(self) -> Iterator[None]:
        world = self._world
        if world.domain.blocked_since is not None:
            return
        at = world.present.now()
        yield from world.replication.round()
        world.domain.last_sync = at

    def _evaluate(self) -> None:
        self._world.domain.evaluate(self._world.present.now())

    # The scenario's steps

    def _take(self, step: Step) -> Pieces:
        if step.say:
            self.said_at, self.said = self._world.present.now(), step.say
        return self._actions()[step.do](step)

    def _actions(self) -> dict[Action, Callable[[Step], Pieces]]:
        world = self._world
        return {
            Action.SAY: lambda step: None,
            Action.BREAK_CONNECT: self._break_connect,
            Action.REPAIR_CONNECT: lambda step: world.connect.repair(),
            Action.RUN_CYCLE: lambda step: world.connect.cycle(),
            Action.CHANGE: self._change,
            Action.DUPLICATE_ADDRESSES: lambda step: world.mishaps.duplicate_addresses(step.count),
            Action.DUPLICATE_NAMES: lambda step: world.mishaps.duplicate_names(step.count),
            Action.FREE_DUPLICATES: lambda step: world.mishaps.free_duplicates(),
            Action.SPOIL_OBJECTS: lambda step: world.mishaps.spoil(step.code, step.count),
            Action.MEND_OBJECTS: lambda step: world.mishaps.mend(),
            Action.BLOCK_NETWORK: lambda step: world.domain.block_network(world.present.now()),
            Action.UNBLOCK_NETWORK: self._unblock,
            Action.QUARANTINE: lambda step: world.cloud.quarantine(world.present.now()),
            Action.RELEASE: lambda step: world.cloud.release(),
        }

    def _break_connect(self, step: Step) -> None:
        if step.fault is not None:
            self._world.connect.break_down(step.fault)

    def _change(self, step: Step) -> None:
        for _ in range(step.count):
            self._world.everyday.one_change()

    def _unblock(self, step: Step) -> Iterator[None]:
        """The sync goes on at once, from where it stood."""
        self._world.domain.unblock_network()
        if self._world.domain.last_sync is not None:
            yield from self._replicate()


def _at_once(work: Callable[[], object]) -> Callable[[], None]:
    def done() -> None:
        work()

    return done


def due_in_words(at: datetime, say: str) -> str:
    """The line that tells what the lab is doing."""
    return f"Lab: {at:%H:%M} {say}"
