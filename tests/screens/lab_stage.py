"""The demo's own wiring on a hand-moved clock: the lab, the pollers and the screen, at a moment of a scenario."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from textual.pilot import Pilot

from tests.helpers import ManualClock, settle
from tui.app import SynctopApp
from tui.demo import lab_service, start_lab
from tui.sources.http_session import Meter
from tui.sources.http_wire import Answer
from tui.widgets.feed import ViewOptions

MORNING = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
STEP_S = 0.5
LATENCY_MS = 12.0


@asynccontextmanager
async def _same_latency() -> AsyncIterator[None]:
    """Every answer takes `LATENCY_MS`: how long it really took is another time every time."""
    measured = Meter.answered

    def answered(meter: Meter, answer: Answer) -> None:
        measured(meter, answer)
        meter.latency_ms = LATENCY_MS

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Meter, "answered", answered)
        yield


@asynccontextmanager
async def lab_staged(
    scenario: str, *, size: tuple[int, int], after_s: float, objects: int | None = None, ascii: bool = False
) -> AsyncIterator[tuple[SynctopApp, Pilot[int]]]:
    """The demo `after_s` seconds of wall time into `scenario`; jitter and latency are the same every time."""
    random.seed(scenario)
    clock = ManualClock(MORNING)
    lab = start_lab(scenario, objects=objects, base_clock=clock)
    service = lab_service(lab)
    chance = random.Random(scenario).random
    for poller in (poller for monitor in service.monitors for poller in monitor.pollers):
        poller._random = chance

    async def run() -> None:
        await asyncio.gather(lab.run(), service.run())

    app = SynctopApp(service, ViewOptions(run=run, activity=lab.activity, ascii=ascii))
    app.timed = False
    app.least_between_snapshots_s = app.least_until_data_s = 0.0
    try:
        async with _same_latency(), app.run_test(size=size) as pilot:
            for _ in range(int(after_s / STEP_S)):
                await clock.advance(STEP_S)
                await settle(200)
            app.tick()
            await pilot.pause()
            yield app, pilot
            app.exit(0)
    finally:
        lab.close()
