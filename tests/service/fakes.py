"""Sources that answer as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from tests.helpers import START, ManualClock
from tui.model.facts import AnyFacts, HopFacts, OrganizationFacts
from tui.model.states import HopState, SourceId
from tui.service.status import MonitoredTenant, StatusService
from tui.settings import Settings
from tui.sources.source import Exchange

Answer = AnyFacts | Exception | Callable[[], AnyFacts]


class ScriptedSource:
    """Gives the next answer of its script at each poll, the last one for ever; counts polls and overlaps."""

    def __init__(self, source: SourceId, clock: ManualClock, *script: Answer, takes_s: float = 0.0) -> None:
        self.id = source
        self.optional = False
        self.polls: list[float] = []
        self.overlapped = False
        self._script = list(script)
        self._clock = clock
        self._takes_s = takes_s
        self._busy = False

    async def fetch(self) -> AnyFacts:
        self.overlapped |= self._busy
        self._busy = True
        self.polls.append(self._clock.monotonic())
        try:
            await self._clock.sleep(self._takes_s)
            answer = self._script.pop(0) if len(self._script) > 1 else self._script[0]
            if isinstance(answer, Exception):
                raise answer
            return answer() if callable(answer) else answer
        finally:
            self._busy = False

    def exchange(self) -> Exchange:
        return Exchange(http_status=200, latency_ms=12.0, clock_offset_s=0.0, requests=len(self.polls))

    async def aclose(self) -> None:
        return None


def organization(clock: ManualClock, synced_ago_s: float = 600.0) -> OrganizationFacts:
    """A tenant whose last synchronization ended `synced_ago_s` before now."""
    return OrganizationFacts(
        as_of=clock.now(),
        connect=HopFacts(reported=HopState.OK, last_success=clock.now() - timedelta(seconds=synced_ago_s)),
        password=HopFacts(reported=HopState.OFF),
    )


def service(clock: ManualClock, *sources: ScriptedSource, name: str = "contoso") -> StatusService:
    return StatusService(
        [MonitoredTenant(name, "00000000-0000-0000-0000-000000000001", tuple(sources))],
        settings=Settings(),
        clock=clock,
        chance=lambda: 0.5,
    )


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


__all__ = ["START", "ScriptedSource", "organization", "service", "stop"]
