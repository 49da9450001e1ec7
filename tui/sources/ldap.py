"""A directory itself, over LDAP: how much it holds of each type, and what changed since the last poll."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from tui.clock import Clock
from tui.model.facts import DirectoryFacts
from tui.model.states import Side, SourceId
from tui.sources.errors import Unreachable, UpstreamFailed
from tui.sources.ldap_changes import Changes, Mark, changes_since, last_change, mark_of
from tui.sources.ldap_counting import Counting
from tui.sources.ldap_counts import Layout
from tui.sources.ldap_layout import layout_of, outline_of
from tui.sources.ldap_root import RootDse
from tui.sources.ldap_session import DirectorySession
from tui.sources.source import Exchange

SOURCE_OF = {Side.MANAGED_DOMAIN: SourceId.MANAGED_DOMAIN, Side.ON_PREMISES: SourceId.ON_PREMISES}
DEADLINE_S = 60.0
COUNTING_SHARE = 0.7


class LdapSource:
    """Reads changes at each poll and counts now and then (`Counting`).

    `deadline_s` is how long a poll may take; each single answer within it is bounded by the session's timeout.
    """

    optional = False

    def __init__(self, session: DirectorySession, side: Side, clock: Clock, *, deadline_s: float = DEADLINE_S) -> None:
        self.id = SOURCE_OF[side]
        self._session = session
        self._side = side
        self._clock = clock
        self._deadline_s = deadline_s
        self._counting = Counting(session, side, clock)
        self._server: Mark | None = None
        self._read_to: Mark | None = None
        self._layout: Layout | None = None
        self._untold = Changes()
        self._last_change: datetime | None = None
        self._exchange = Exchange()

    async def fetch(self) -> DirectoryFacts:
        """Raises what the session and the count raise, `UpstreamFailed` while the server is not whole yet, and
        `Unreachable` where the connection was replaced meanwhile: a name may lead to several servers."""
        until = self._clock.monotonic() + COUNTING_SHARE * self._deadline_s
        root = await self._who_answers()
        connects = self._session.connects
        now = self._clock.now()
        mark = await mark_of(self._session, root)
        if self._server is None or not mark.continues(self._server):
            self._start_over()
        self._server = mark
        await self._look_for_changes(mark, root, now)
        await self._count(mark, root, now, until)
        if self._session.connects != connects:
            self._server = None
            raise Unreachable(f"{self._session.where} was lost during the poll: all is read again from one connection")
        return self._facts(mark, root, now)

    def exchange(self) -> Exchange:
        return replace(self._exchange, requests=self._session.requests)

    def resume(self) -> None:
        """The operator asks again after a refused sign-in."""
        self._session.resume()

    async def aclose(self) -> None:
        await self._session.aclose()

    async def _who_answers(self) -> RootDse:
        self._exchange = replace(self._exchange, latency_ms=None, clock_offset_s=None)
        await self._session.connection()
        asked = self._clock.monotonic()
        root = await self._session.root()
        latency_ms = (self._clock.monotonic() - asked) * 1000
        self._exchange = replace(self._exchange, latency_ms=latency_ms, clock_offset_s=root.clock_offset_s)
        if root.is_synchronized is False:
            raise UpstreamFailed(
                f"{self._session.where} ({root.host}) has not caught up with its partners since it started: "
                "what it holds is not complete yet"
            )
        return root

    def _start_over(self) -> None:
        self._counting.forget()
        self._read_to = self._layout = self._last_change = None
        self._untold = Changes()

    async def _look_for_changes(self, mark: Mark, root: RootDse, now: datetime) -> None:
        """What was found is kept until a poll succeeds as a whole."""
        if self._layout is None:
            self._layout = await outline_of(self._session, root, self._side)
        if self._read_to is None:
            await self._read_from(mark.beginning(), root, now)
        elif not mark.is_unmoved(self._read_to):
            found = await changes_since(self._read_to, self._session, self._layout, self._side, root, now)
            self._read_to = replace(mark, stamp=found.stamp)
            self._take(found)

    def _take(self, found: Changes) -> None:
        self._untold = self._untold.followed_by(found)
        self._last_change = max(filter(None, (self._last_change, found.newest)), default=None)
        if found.truncated or any(change.created for change in found.changes):
            self._counting.expect_more()

    async def _count(self, mark: Mark, root: RootDse, now: datetime, until: float) -> None:
        if self._counting.is_due(mark):
            self._layout = await layout_of(self._session, root, self._side)
            self._counting.begin(self._layout, mark, now)
        await self._counting.go_on(until)
        if self._read_to is None:
            await self._read_from(mark.after_count(self._counting.newest_stamp), root, now)

    async def _read_from(self, mark: Mark | None, root: RootDse, now: datetime) -> None:
        """Changes after `mark` are told from the next poll on."""
        self._read_to = mark
        if mark is not None and self._layout is not None:
            self._last_change = await last_change(self._session, self._layout, mark, root.clock_offset_s, now)

    def _facts(self, mark: Mark, root: RootDse, now: datetime) -> DirectoryFacts:
        counts = self._counting.counts(mark, now)
        told, self._untold = self._untold, Changes()
        return DirectoryFacts(
            as_of=now,
            clock_offset_s=root.clock_offset_s,
            synced=counts.synced,
            local=counts.local,
            disabled=counts.disabled,
            excluded=counts.excluded,
            last_change=self._last_change,
            changes=told.changes,
            changes_truncated=told.truncated,
            server=root.host,
        )
