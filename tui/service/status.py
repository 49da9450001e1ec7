"""The status service: polls every source of every tenant for ever and publishes what is known.

It survives everything: a source's failure is a value in the snapshot, a task that dies is started again, and a
watchdog marks a poller that has not come round.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence

from msgspec import Struct

from tui.clock import Clock
from tui.model.comparison import Comparison
from tui.model.snapshot import TenantSnapshot, Thresholds
from tui.model.states import HopName, ObjectType
from tui.model.trace import Trace
from tui.service.comparing import Comparer
from tui.service.publisher import Published, Publisher, Subscription
from tui.service.tenant_monitor import TenantMonitor
from tui.service.tracing import trace
from tui.settings import PollSettings, Settings
from tui.sources.side import SideReader
from tui.sources.source import Source

log = logging.getLogger(__name__)

LOOK_AT_THE_CLOCK_S = 5.0
RESTART_AFTER_S = 5.0


class MonitoredTenant(Struct, frozen=True):
    """A tenant's label and id, and where its facts come from. `sides`: what can be asked for single objects."""

    name: str
    tenant_id: str
    sources: tuple[Source, ...]
    sides: tuple[SideReader, ...] = ()


class StatusService:
    """`limit_s` bounds one poll; None: a minute or the source's interval, whichever is longer."""

    def __init__(
        self,
        tenants: Sequence[MonitoredTenant],
        *,
        settings: Settings,
        clock: Clock,
        limit_s: float | None = None,
        look_every_s: float = LOOK_AT_THE_CLOCK_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.clock = clock
        self.thresholds: Thresholds = settings.thresholds
        self._look_every_s = look_every_s
        self.monitors = tuple(
            _monitor(tenant, settings.poll, settings.thresholds, clock, chance, self._publish, limit_s)
            for tenant in tenants
        )
        self._sides = {tenant.name: tenant.sides for tenant in tenants}
        self._comparers = {tenant.name: Comparer(clock) for tenant in tenants}
        self._publisher = Publisher(self._newest())

    @property
    def latest(self) -> Published:
        return self._publisher.latest

    def subscribe(self) -> Subscription:
        """The newest snapshot at once, then each newer one; any number of subscribers."""
        return self._publisher.subscribe()

    def poll_now(self, tenant_name: str | None = None) -> None:
        """Ask every source of one tenant (None: of all) now, but those that said when to come back."""
        for monitor in self.monitors:
            if tenant_name in (None, monitor.name):
                for poller in monitor.pollers:
                    poller.poke()

    async def run(self) -> None:
        """Poll until cancelled."""
        tasks = [poller.run for monitor in self.monitors for poller in monitor.pollers]
        async with asyncio.TaskGroup() as group:
            for task in (*tasks, self._watch):
                group.create_task(self._keep_alive(task))

    async def poll_once(self) -> Published:
        """Ask every source once, all at the same time."""

        async def once(monitor: TenantMonitor, number: int) -> None:
            poller = monitor.pollers[number]
            await monitor.take(poller, await poller.poll())

        async with asyncio.TaskGroup() as group:
            for monitor in self.monitors:
                for number in range(len(monitor.pollers)):
                    group.create_task(once(monitor, number))
        return self.latest

    async def trace(self, tenant_name: str, name: str) -> Trace:
        """One user or group on every side of the tenant. Raises `KeyError` for a tenant that is not monitored."""
        snapshot = self._snapshot(tenant_name)
        return await trace(name, self._sides[tenant_name], snapshot, self.thresholds, self.clock)

    async def compare(
        self, tenant_name: str, hop: HopName, kind: ObjectType, tell: Callable[[str], None] = lambda _: None
    ) -> Comparison:
        """Both sides of a hop, object by object; `tell` hears what is being read. Raises `KeyError` as `trace`."""
        snapshot, sides = self._snapshot(tenant_name), self._sides[tenant_name]
        return await self._comparers[tenant_name].compare(hop, kind, sides, snapshot, self.thresholds, tell)

    async def aclose(self) -> None:
        for monitor in self.monitors:
            await monitor.aclose()

    async def _watch(self) -> None:
        while True:
            await self.clock.sleep(self._look_every_s)
            for monitor in self.monitors:
                monitor.look_at_the_clock()

    async def _keep_alive(self, task: Callable[[], Coroutine[None, None, None]]) -> None:
        while True:
            try:
                await task()
            except Exception:
                log.exception("a task of the status service died and is started again")
            await self.clock.sleep(RESTART_AFTER_S)

    def _snapshot(self, tenant_name: str) -> TenantSnapshot:
        snapshots = {monitor.name: monitor.snapshot for monitor in self.monitors}
        return snapshots[tenant_name]

    def _publish(self) -> None:
        self._publisher.publish(self._newest())

    def _newest(self) -> Published:
        return Published(self.clock.now(), tuple(monitor.snapshot for monitor in self.monitors))


def _monitor(
    tenant: MonitoredTenant,
    poll: PollSettings,
    thresholds: Thresholds,
    clock: Clock,
    chance: Callable[[], float],
    publish: Callable[[], None],
    limit_s: float | None,
) -> TenantMonitor:
    return TenantMonitor(
        tenant.name,
        tenant.tenant_id,
        tenant.sources,
        poll=poll,
        thresholds=thresholds,
        clock=clock,
        random=chance,
        publish=publish,
        limit_s=limit_s,
    )
