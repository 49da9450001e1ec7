"""What only the monitor's own process can tell: CPU without the lab's, and how long the event loop is held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Generator
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from tui.demo import lab_service, start_lab
from tui.lab.lab import Lab
from tui.service.status import StatusService

MANY = "big"


class Meter:
    """CPU seconds spent inside the lab, whoever else runs in between."""

    def __init__(self, app: ASGIApp) -> None:
        self.cpu_s = 0.0
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _Metered(self._app(scope, receive, send), self)  # type: ignore[arg-type]


class _Metered:
    def __init__(self, work: Coroutine[Any, Any, None], meter: Meter) -> None:
        self._work = work
        self._meter = meter

    def __await__(self) -> Generator[Any, None, None]:
        while True:
            began = time.process_time()
            try:
                waits_for = self._work.send(None)
            except StopIteration:
                return
            finally:
                self._meter.cpu_s += time.process_time() - began
            yield waits_for


def many_failures() -> tuple[float, float, float, int]:
    """(CPU seconds to read, merge and judge the failures of the largest scenario, those of the same read again,
    longest hold of the loop in ms, failures)."""
    lab = start_lab(MANY)
    lab.truth()
    meter = Meter(lab.app)
    lab.world.__dict__["app"] = meter
    try:
        return asyncio.run(_many_failures(lab, lab_service(lab), meter))
    finally:
        lab.close()


async def _many_failures(lab: Lab, service: StatusService, meter: Meter) -> tuple[float, float, float, int]:
    holds: list[float] = []
    watching = asyncio.create_task(_watch(holds))
    first = await _cpu_of_a_poll(service, meter)
    again = await _cpu_of_a_poll(service, meter)
    watching.cancel()
    failures = service.latest.tenants[0].failures_total or 0
    await service.aclose()
    return first, again, max(holds) * 1e3, failures


async def _cpu_of_a_poll(service: StatusService, meter: Meter) -> float:
    before = time.process_time() - meter.cpu_s
    await service.poll_once()
    return time.process_time() - meter.cpu_s - before


async def _watch(holds: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0)
        holds.append(time.perf_counter() - began)
