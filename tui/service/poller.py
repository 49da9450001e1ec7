"""When one source is asked: its interval, jitter, back-off and the upstream's own word on when to come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from msgspec import Struct

from tui.clock import Clock
from tui.model.facts import AnyFacts, CloudSyncFacts
from tui.sources.errors import Denied, SourceError, Throttled, TimedOut
from tui.sources.source import Exchange, Resumable, Source

log = logging.getLogger(__name__)

LONGEST_BACK_OFF_S = 300.0
UNUSED_INTERVAL_S = 6 * 3600.0
JITTER = 0.1


class Outcome(Struct, frozen=True):
    """One poll: exactly one of `facts` and `error`. `next_poll` is when the source is asked again."""

    facts: AnyFacts | None
    error: SourceError | None
    exchange: Exchange
    started: datetime
    failed_in_a_row: int
    next_poll: datetime | None = None


def delay_after(interval_s: float, failed_in_a_row: int) -> float:
    """Seconds to the next poll, before jitter: the interval, or after failures a back-off that starts short
    (a sixth of the interval), doubles, and never exceeds twice the interval nor, for short intervals, 5 minutes."""
    if failed_in_a_row == 0:
        return interval_s
    longest = min(2 * interval_s, max(interval_s, LONGEST_BACK_OFF_S))
    return min(longest, interval_s / 6 * 2.0 ** min(failed_in_a_row - 1, 10))


class Poller:
    """Polls one source for ever; polls never overlap; nothing a source does ends it."""

    def __init__(
        self,
        source: Source,
        *,
        interval_s: float,
        limit_s: float,
        clock: Clock,
        random: Callable[[], float],
        tell: Callable[[Poller, Outcome], Awaitable[None]],
    ) -> None:
        self.source = source
        self.interval_s = interval_s
        self.limit_s = limit_s
        self.round_started: datetime | None = None
        self.due: datetime | None = None
        self._clock = clock
        self._random = random
        self._tell = tell
        self._failed_in_a_row = 0
        self._not_before: datetime | None = None
        self._poked = asyncio.Event()

    async def run(self) -> None:
        """Poll, tell, wait, for ever."""
        while True:
            outcome = await self.poll()
            await self._tell(self, outcome)
            await self._wait_until(outcome.next_poll)

    def poke(self) -> None:
        """The operator asks: poll now, unless the upstream has said when to come back."""
        if isinstance(self.source, Resumable):
            self.source.resume()
        if self._not_before is None or self._not_before <= self._clock.now():
            self._poked.set()

    async def poll(self) -> Outcome:
        """Ask the source once. Never raises but for cancellation."""
        self.round_started = started = self._clock.now()
        facts, error = await self._ask()
        self._failed_in_a_row = 0 if error is None else self._failed_in_a_row + 1
        self._not_before = error.retry_at if isinstance(error, Throttled) else None
        self.due = self._next_poll(UNUSED_INTERVAL_S if self._is_unused(facts, error) else None)
        return Outcome(facts, error, self._exchange(), started, self._failed_in_a_row, self.due)

    def is_late(self, now: datetime) -> bool:
        """True when the poller has not come round though it should have, whatever the reason."""
        expected = self.due or self.round_started
        slack = self.limit_s + 2 * self.interval_s
        return expected is not None and (now - expected).total_seconds() > slack

    async def _ask(self) -> tuple[AnyFacts | None, SourceError | None]:
        try:
            return await self._within_limit(), None
        except SourceError as error:
            return None, error
        except Exception as error:
            log.exception("reading %s failed in an unforeseen way", self.source.id)
            return None, SourceError(f"synctop could not read the answer ({type(error).__name__}); see the log file")

    async def _within_limit(self) -> AnyFacts:
        """The limit runs on the injected clock, so that an accelerated lab and a hand-moved test clock keep it."""
        fetching = asyncio.ensure_future(self.source.fetch())
        limit = asyncio.ensure_future(self._clock.sleep(self.limit_s))
        try:
            await asyncio.wait({fetching, limit}, return_when=asyncio.FIRST_COMPLETED)
            if not fetching.done():
                raise TimedOut(f"no complete answer within {self.limit_s:.0f} s")
            return fetching.result()
        finally:
            fetching.cancel()
            limit.cancel()
            await asyncio.gather(fetching, limit, return_exceptions=True)

    def _exchange(self) -> Exchange:
        try:
            return self.source.exchange()
        except Exception:
            log.exception("%s could not tell how its poll went", self.source.id)
            return Exchange()

    def _is_unused(self, facts: AnyFacts | None, error: SourceError | None) -> bool:
        """An optional source that the tenant does not have, or that refuses, is not worth asking every minute."""
        absent = isinstance(facts, CloudSyncFacts) and not facts.configured
        return self.source.optional and (absent or isinstance(error, Denied))

    def _next_poll(self, unused_s: float | None) -> datetime:
        jitter = 1 + JITTER * (2 * self._random() - 1)
        seconds = unused_s or delay_after(self.interval_s, self._failed_in_a_row)
        due = self._clock.now() + timedelta(seconds=seconds * jitter)
        return max(due, self._not_before) if self._not_before else due

    async def _wait_until(self, due: datetime | None) -> None:
        self._poked.clear()
        seconds = (due - self._clock.now()).total_seconds() if due else self.interval_s
        sleeping = asyncio.ensure_future(self._clock.sleep(max(0.0, seconds)))
        poked = asyncio.ensure_future(self._poked.wait())
        try:
            await asyncio.wait({sleeping, poked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            poked.cancel()
            await asyncio.gather(sleeping, poked, return_exceptions=True)
