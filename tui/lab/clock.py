"""The lab's time: the wall's, sped up."""

from __future__ import annotations

from datetime import datetime, timedelta

from tui.clock import Clock


class LabClock:
    """Runs `speed` times as fast as `base`, from `start` on (by default the base's present)."""

    def __init__(self, base: Clock, speed: float = 1.0, start: datetime | None = None) -> None:
        if speed <= 0:
            raise ValueError(f"the lab's speed must be above zero, not {speed:g}")
        self._base = base
        self._origin = base.monotonic()
        self.speed = speed
        self.start = start or base.now()

    @property
    def base(self) -> Clock:
        return self._base

    def restart(self) -> None:
        """Let the time that has passed since the start not count."""
        self._origin = self._base.monotonic()

    def start_not_before(self, moment: datetime) -> None:
        """Begin at `moment` where that is later than the start so far."""
        self.start = max(self.start, moment)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds of lab time since the start."""
        return (self._base.monotonic() - self._origin) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of lab time."""
        await self._base.sleep(seconds / self.speed)


class EventTime:
    """What the lab's parts take for the present: the moment of the event under way, so that a late wake-up changes
    nothing that is written down."""

    def __init__(self, clock: LabClock) -> None:
        self._clock = clock
        self._moment: datetime | None = None

    def now(self) -> datetime:
        return self._moment or self._clock.now()

    def monotonic(self) -> float:
        return (self.now() - self._clock.start).total_seconds()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def set(self, moment: datetime | None) -> None:
        """Stand at `moment`; None: follow the lab's clock."""
        self._moment = moment
