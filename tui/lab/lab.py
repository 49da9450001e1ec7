"""The embedded lab: a small tenant from the on-premises directory to the managed domain, living through a scenario."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from tui.clock import Clock, SystemClock
from tui.lab import scenario as scenarios
from tui.lab.clock import LabClock
from tui.lab.directories import PatientSource, directory_sources, managed_domain_facts, on_premises_facts
from tui.lab.events import EventQueue
from tui.lab.opening import open_world
from tui.lab.scenario import Scenario
from tui.lab.schedule import Schedule, due_in_words
from tui.lab.world import SAVED, OpenImport, World, build, prepare
from tui.model.states import ObjectType
from tui.sources.source import Source

if TYPE_CHECKING:
    from starlette.types import ASGIApp

SHORTEST_NAP_S = 0.5
LONGEST_NAP_S = 30.0
TURNS_BETWEEN_PIECES = 8


class LabError(ValueError):
    """The lab cannot start; the message is for people."""


class Truth(Struct, frozen=True, kw_only=True):
    """How things really stand, for tests: counts on each side, and when each hop last succeeded."""

    on_premises: Mapping[ObjectType, int]
    entra: Mapping[ObjectType, int]
    entra_synced: Mapping[ObjectType, int]
    managed_domain: Mapping[ObjectType, int | None]
    connect: datetime | None
    password: datetime | None
    domain_services: datetime | None


class Lab:
    """Made by `start`. `run` keeps it going; or call `tick` from time to time."""

    def __init__(
        self,
        world: World,
        scenario: Scenario,
        seed: int,
        elapsed: timedelta,
        rest_of_opening: Iterator[None],
        *,
        keeps_state: bool,
    ) -> None:
        self._world = world
        self._scenario = scenario
        self._seed = seed
        self._elapsed = elapsed
        self._keeps_state = keeps_state
        self._is_open = False
        self._is_closed = False
        self._queue = EventQueue(world.present.set)
        self._queue.add(world.clock.start, lambda: self._opening(rest_of_opening))
        self._schedule = Schedule(world, scenario, self._queue, elapsed)
        self._schedule.plan()

    @staticmethod
    def start(
        scenario: str | Scenario = scenarios.DEFAULT,
        *,
        seed: int = 1,
        objects: int | None = None,
        speed: float | None = None,
        state_dir: Path | None = None,
        base_clock: Clock | None = None,
        open_import: OpenImport | None = None,
    ) -> Lab:
        """A lab at the start of `scenario`, or where it was when `state_dir` was last used.

        `open_import`: its on-premises directory is a copy of a real one, which only `run` keeps up to date.
        Raises `ScenarioError` for an unknown scenario, and `LabError` for a `state_dir` that cannot be used or that
        holds another scenario's state.
        """
        chosen = scenarios.load(scenario) if isinstance(scenario, str) else scenario
        chosen = replace(chosen, objects=objects or chosen.objects, speed=speed or chosen.speed)
        return _opened(chosen, seed, base_clock or SystemClock(), state_dir, open_import)

    @property
    def clock(self) -> LabClock:
        return self._world.clock

    @property
    def scenario(self) -> Scenario:
        return self._scenario

    @property
    def world(self) -> World:
        return self._world

    @property
    def tenant_id(self) -> str:
        return self._world.who.tenant_id

    @property
    def subscription_id(self) -> str:
        return self._world.who.subscription_id

    @property
    def resource_id(self) -> str:
        return self._world.who.resource_id

    @property
    def app(self) -> ASGIApp:
        """Graph, ARM, Connect Health and Cloud Sync over HTTP; any bearer token is let in."""
        return self._world.app

    def activity(self) -> str:
        """What the lab is doing now, in plain words, with the lab's time at which it began."""
        return due_in_words(self._schedule.said_at, self._schedule.said)

    def directory_sources(self) -> list[Source]:
        """The on-premises directory and the managed domain, for the monitor."""
        return [*directory_sources(self._world, self.clock, filled=self._filled, opened=self._opened)]

    def once_open(self, source: Source) -> Source:
        """`source`, asked only when the lab has opened."""
        return PatientSource(source, self._opened)

    def tick(self, most: int | None = None) -> bool:
        """Do what is due by now, in order, `most` pieces of it; True where more is due."""
        now = self.clock.now()
        done = 0
        while (most is None or done < most) and self._queue.run_piece(now):
            done += 1
        if done:
            self._save()
        due = self._queue.next_due()
        return due is not None and due <= now

    async def run(self) -> None:
        """Keep going until cancelled. Wakes for what is due, at most about twice in a second of wall time."""
        if self._world.directory_import is None:
            await self._live()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._world.directory_import.run())
            group.create_task(self._live())

    async def _live(self) -> None:
        while True:
            while self.tick(most=1):
                await _give_way()
            await self.clock.base.sleep(self._nap_s())

    def truth(self) -> Truth:
        while not self._is_open:
            self.tick(most=1)
        world = self._world
        domain = managed_domain_facts(world, self.clock).synced
        counted = on_premises_facts(world, self.clock).synced
        kinds = {kind: kind.value.removesuffix("s") for kind in ObjectType}
        return Truth(
            on_premises={kind: reading.value or 0 for kind, reading in counted.items()},
            entra={kind: world.tenant.count(name) for kind, name in kinds.items()},
            entra_synced={kind: world.tenant.count(name, synced=True) for kind, name in kinds.items()},
            managed_domain={kind: reading.value for kind, reading in domain.items()},
            connect=world.connect.last_success,
            password=world.connect.last_password_success,
            domain_services=world.domain.last_sync,
        )

    def close(self) -> None:
        """Keep the state, where there is a place for it, and let go of the stores; once is enough."""
        if not self._is_closed:
            self._is_closed = True
            self._save()
            self._world.close()

    def _opening(self, pieces: Iterator[None]) -> Iterator[None]:
        """What `start` left to do, so that it could return at once."""
        yield from pieces
        self._is_open = True

    async def _filled(self) -> None:
        """Return once the on-premises directory is what it should be: only a very large one is filled in pieces."""
        if self._scenario.start.mass:
            await self._opened()

    async def _opened(self) -> None:
        """Return once both directories are what they should be at the start, giving way meanwhile."""
        while not self._is_open:
            self.tick(most=1)
            await _give_way()

    def _nap_s(self) -> float:
        """Wall seconds until something is due, within bounds."""
        due = self._queue.next_due()
        if due is None:
            return LONGEST_NAP_S
        wait = (due - self.clock.now()).total_seconds() / self.clock.speed
        return min(LONGEST_NAP_S, max(SHORTEST_NAP_S, wait))

    def _save(self) -> None:
        if self._keeps_state and self._is_open:
            self._world.space.keep(SAVED, self._state())

    def _state(self) -> dict[str, Any]:
        cloud = self._world.cloud.quarantined_since
        return {
            "scenario": self._scenario.name,
            "seed": self._seed,
            "now": self.clock.now().isoformat(),
            "elapsed": self._elapsed.total_seconds() + self.clock.monotonic(),
            "domain": self._world.domain.saved(),
            "quarantined_since": cloud.isoformat() if cloud else None,
        }


async def _give_way() -> None:
    """Let everything else that is ready get well ahead: a piece of the lab's work is long beside a screen's."""
    for _ in range(TURNS_BETWEEN_PIECES):
        await asyncio.sleep(0)


def _opened(scenario: Scenario, seed: int, base: Clock, state_dir: Path | None, open_import: OpenImport | None) -> Lab:
    clock = LabClock(base, scenario.speed)
    world = _built(scenario, seed, clock, state_dir, open_import)
    saved = world.space.setting(SAVED)
    if saved is None:
        rest = open_world(world, scenario, seed)
        clock.restart()
        return Lab(world, scenario, seed, timedelta(0), rest, keeps_state=state_dir is not None)
    if (saved["scenario"], saved["seed"]) != (scenario.name, seed):
        world.close()
        raise LabError(f"{state_dir} holds the lab of scenario {saved['scenario']}: choose another directory")
    return _reopened(world, scenario, seed, saved)


def _built(
    scenario: Scenario, seed: int, clock: LabClock, state_dir: Path | None, open_import: OpenImport | None
) -> World:
    try:
        if state_dir is not None:
            prepare(state_dir)
        return build(scenario, seed, clock, state_dir, open_import)
    except (OSError, sqlite3.Error) as error:
        raise LabError(f"{state_dir} cannot hold a lab's state: {error}") from error


def _reopened(world: World, scenario: Scenario, seed: int, saved: Mapping[str, Any]) -> Lab:
    """The lab as it was; its time goes on from where it stopped, or from now where that is later."""
    world.clock.start_not_before(datetime.fromisoformat(saved["now"]))
    world.domain.restore(saved["domain"], world.clock.now())
    if saved["quarantined_since"]:
        world.cloud.quarantine(datetime.fromisoformat(saved["quarantined_since"]))
    return Lab(world, scenario, seed, timedelta(seconds=saved["elapsed"]), iter(()), keeps_state=True)
