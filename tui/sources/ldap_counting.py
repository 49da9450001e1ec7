"""When a directory is counted: rarely enough not to burden it, and soon after something was made in it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from tui.clock import Clock
from tui.model.states import Side
from tui.sources.errors import TimedOut
from tui.sources.ldap_changes import Mark
from tui.sources.ldap_counts import Counts, Layout, Tally
from tui.sources.ldap_session import DirectorySession

RECOUNT_EVERY_S = 300.0
IDLE_PER_COUNTING = 20.0


class _Begun(Struct, frozen=True):
    """`mark`: where the server stood when the count began."""

    tally: Tally
    mark: Mark


class Counting:
    """The last full count, and the one under way, which may take several polls.

    Ordinary accounts do not see deletions (facts/domain.md 6.3), so that only a full count takes notice of them: where
    anything was written since, all is counted again, after some minutes or, if new objects were seen, at once; but not
    before twenty times as long has passed as the last count took.
    """

    def __init__(self, session: DirectorySession, side: Side, clock: Clock) -> None:
        self._session = session
        self._side = side
        self._clock = clock
        self._finished: _Begun | None = None
        self._ended = 0.0
        self._running: _Begun | None = None
        self._has_news = False

    @property
    def newest_stamp(self) -> str:
        """The newest write that a count has seen, on servers that do not number writes."""
        return self._finished.tally.newest if self._finished else ""

    def forget(self) -> None:
        """Another server answers: what was counted is not its own."""
        self._finished = self._running = None

    def expect_more(self) -> None:
        """New objects were seen since the last count."""
        self._has_news = True

    def is_due(self, mark: Mark) -> bool:
        """Whether a count has to begin."""
        if self._running is not None:
            return False
        if self._finished is None:
            return True
        if mark.is_unmoved(self._finished.mark):
            return False
        patience_s = 0.0 if self._has_news else RECOUNT_EVERY_S
        idle_s = self._clock.monotonic() - self._ended
        return idle_s >= max(patience_s, IDLE_PER_COUNTING * self._finished.tally.took_s)

    def begin(self, layout: Layout, mark: Mark, now: datetime) -> None:
        self._running = _Begun(Tally(layout, self._side, now), mark)
        self._has_news = False

    async def go_on(self, until: float) -> None:
        """Count until `until` of the clock, if a count is under way.

        Raises a `SourceError`, among them `TimedOut` where not even one of its searches came to its end.
        """
        begun = self._running
        if begun is None:
            return
        if not await begun.tally.go_on(self._session, self._clock, until):
            raise TimedOut(
                f"{self._session.where}: a search for one count did not end in the time of a poll; "
                "a longer timeout under [poll] gives it more"
            )
        if begun.tally.is_complete:
            self._finished, self._running, self._ended = begun, None, self._clock.monotonic()

    def counts(self, mark: Mark, now: datetime) -> Counts:
        """What is known: all of the last full count, or as far as the first one has come.

        A count is as good as new while the server stands where it stood then.
        """
        known = self._finished or self._running
        if known is None:
            return Counts()
        return known.tally.counts(now if mark.is_unmoved(known.mark) else known.tally.began)
