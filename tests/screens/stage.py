"""A screen on a stage: fed by hand, timed by hand, read as text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot
from textual.worker import Worker, WorkerState

from tests.helpers import ManualClock
from tui.app import SynctopApp
from tui.clock import Clock
from tui.model.comparison import Comparison
from tui.model.snapshot import TenantSnapshot, Thresholds
from tui.model.states import HopName, ObjectType
from tui.model.trace import Outcome, Trace
from tui.service.publisher import Published, Publisher, Subscription
from tui.widgets.feed import ViewOptions


class StagedFeed:
    """The real publisher, with a hand in place of the pollers."""

    def __init__(self, clock: Clock, *tenants: TenantSnapshot) -> None:
        self.clock = clock
        self.thresholds = Thresholds()
        self.asked: list[str | None] = []
        self.traced: list[tuple[str, str]] = []
        self.compared: list[tuple[str, HopName, ObjectType]] = []
        # What the sides answer: a trace by name, a comparison by hop; with `held`, not before it is set.
        self.traces: dict[str, Trace] = {}
        self.comparisons: dict[HopName, Comparison] = {}
        self.held: asyncio.Event | None = None
        self._publisher = Publisher(Published(clock.now(), tenants))

    def subscribe(self) -> Subscription:
        return self._publisher.subscribe()

    def publish(self, *tenants: TenantSnapshot) -> None:
        self._publisher.publish(Published(self.clock.now(), tenants))

    def poll_now(self, tenant_name: str | None) -> None:
        self.asked.append(tenant_name)

    async def trace(self, tenant_name: str, name: str) -> Trace:
        self.traced.append((tenant_name, name))
        await self._released()
        nothing = Trace(name=name, at=self.clock.now(), sightings=(), outcome=Outcome.NOT_FOUND)
        return self.traces.get(name, nothing)

    async def compare(
        self, tenant_name: str, hop: HopName, kind: ObjectType, tell: Callable[[str], None]
    ) -> Comparison:
        self.compared.append((tenant_name, hop, kind))
        if self.held:
            tell("reading 12,000 users of on-premises and 9,000 users of Entra")
        await self._released()
        return self.comparisons.get(hop, Comparison(hop=hop, type=kind, at=self.clock.now()))

    async def _released(self) -> None:
        if self.held:
            await self.held.wait()


class Stage:
    """One running app; leaving fails where any worker failed."""

    def __init__(self, app: SynctopApp, pilot: Pilot[int], feed: StagedFeed, clock: ManualClock) -> None:
        self.app, self.pilot, self.feed, self.clock = app, pilot, feed, clock

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def publish(self, *tenants: TenantSnapshot) -> None:
        self.feed.publish(*tenants)
        await self.settle()

    async def tick(self, seconds: float = 1, times: int = 1) -> None:
        """Let time pass: the clock moves on, then the screen's own timer comes round."""
        for _ in range(times):
            self.clock.jump(seconds)
            self.app.tick()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(3):
            await self.pilot.pause()
        while any(worker.group == "index" and not worker.is_finished for worker in self.app.workers):
            await self.pilot.pause()
        await self.pilot.pause()

    def text(self) -> str:
        return screen_text(self.app)

    def line(self, number: int) -> str:
        return self.text().split("\n")[number]


def screen_text(app: SynctopApp) -> str:
    """The whole screen as text, without blanks at the ends of lines."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


def screenshot(app: SynctopApp) -> str:
    """The whole screen as an SVG."""
    return app.export_screenshot(title="synctop")


@asynccontextmanager
async def staged(
    *tenants: TenantSnapshot, size: tuple[int, int] = (80, 24), options: ViewOptions | None = None
) -> AsyncIterator[Stage]:
    clock = ManualClock()
    feed = StagedFeed(clock, *tenants)
    app = SynctopApp(feed, options or ViewOptions(ascii=True))
    app.least_between_snapshots_s = 0
    app.timed = False
    failed: list[Worker[object]] = []
    async with app.run_test(size=size) as pilot:
        stage = Stage(app, pilot, feed, clock)
        await stage.settle()
        yield stage
        failed += [worker for worker in app.workers if worker.state is WorkerState.ERROR and worker.group != "service"]
    assert not failed, f"workers failed: {[worker.error for worker in failed]}"
