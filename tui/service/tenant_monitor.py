"""One tenant: its pollers, and the one place where what they tell becomes the tenant's newest snapshot."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from tui.clock import Clock
from tui.model.facts import (
    ChangesFacts,
    CloudSyncFacts,
    ConnectHealthFacts,
    DirectoryFacts,
    DomainServicesFacts,
    FailureReport,
    FailuresFacts,
)
from tui.model.failures import Merged, merging
from tui.model.judge import judge
from tui.model.reading import Reading
from tui.model.snapshot import CountRow, Failure, SourceStatus, TenantSnapshot, Thresholds
from tui.model.states import HOP_SOURCE, HopName, HopState, ObjectType, SourceId
from tui.service.differences import ROW_OF_OBJECT, Known, connect_gap, domain_gap, explained, in_scope
from tui.service.events import with_events
from tui.service.first_sync import FirstSync
from tui.service.fold import (
    first_snapshot,
    fold,
    fold_directory,
    status_after,
    with_lag_sample,
    with_progress,
    with_refusal,
    with_status,
)
from tui.service.history import Samples
from tui.service.lag_hops import MeasuredLag
from tui.service.lag_keys import keys_of
from tui.service.poller import Outcome, Poller
from tui.settings import PollSettings
from tui.sources.errors import Denied, SourceError
from tui.sources.source import Exchange, Source

T = TypeVar("T")
MINUTE = timedelta(minutes=1)
# A count is compared that is no older than so many polls, a quarter of an hour at least.
FRESH_POLLS = 3
FRESH_S = 900.0


class _Batch(Struct, frozen=True):
    """The failures that one source told last."""

    as_of: datetime
    reports: tuple[FailureReport, ...]
    truncated: bool


class _Failing(Struct, frozen=True):
    """Failing objects that the next side lacks: how many by hop and type, and by what each hop's may be known."""

    counts: Mapping[tuple[HopName, ObjectType], int] = field(default_factory=dict)
    keys: Mapping[HopName, Collection[str]] = field(default_factory=dict)


class TenantMonitor:
    """`publish` is called after each change of `snapshot`."""

    def __init__(
        self,
        name: str,
        tenant_id: str,
        sources: Sequence[Source],
        *,
        poll: PollSettings,
        thresholds: Thresholds,
        clock: Clock,
        random: Callable[[], float],
        publish: Callable[[], None],
        limit_s: float | None = None,
    ) -> None:
        self.name = name
        self.thresholds = thresholds
        self.snapshot = first_snapshot(name, tenant_id, clock.now(), {one.id: one.optional for one in sources})
        self.pollers = tuple(
            Poller(
                source,
                interval_s=poll.interval(source.id),
                limit_s=limit_s or max(poll.interval(source.id), 6 * poll.timeout),
                clock=clock,
                random=random,
                tell=self.take,
            )
            for source in sources
        )
        self._clock = clock
        self._publish = publish
        self._one_at_a_time = asyncio.Lock()
        self._batches: dict[SourceId, _Batch] = {}
        self._merged = Merged()
        self._failing = _Failing()
        self._poll = poll
        self._lag = MeasuredLag({one.id for one in sources}, poll, thresholds, random)
        self._left_out: dict[ObjectType, int] = {}
        self._entra = {kind: Samples() for kind in ObjectType}
        self._gaps = {(hop, kind): Samples() for hop in HopName for kind in ObjectType}
        self._first_sync = FirstSync()
        self._tells_progress = False
        self._requests: dict[SourceId, tuple[datetime, int]] = {}

    async def take(self, poller: Poller, outcome: Outcome) -> None:
        """Fold one poll's outcome into the snapshot and publish it."""
        async with self._one_at_a_time:
            source = poller.source.id
            merged = await self._merge(source, outcome)
            await _in_slices(self._lag.taking(source, outcome.facts))
            # From here on nothing gives way: the snapshot cannot change under the feet of what is made of it.
            new = self._lag.shown(self._with_facts(source, outcome), self._clock.now())
            new = self._with_differences(self._with_failures(new) if merged else new)
            before = new.source(source) or SourceStatus(source=source)
            rate = self._requests_per_minute(source, outcome.exchange)
            new = with_status(new, status_after(before, _graded(outcome), poller.interval_s, rate))
            self._replace(new)

    def look_at_the_clock(self) -> bool:
        """Judge again as time passes, and mark pollers that have not come round; True when that changed anything."""
        new = self.snapshot
        now = self._clock.now()
        for poller in self.pollers:
            status = new.source(poller.source.id)
            if status is not None and poller.is_late(now) and not status.late:
                new = with_status(new, replace(status, late=True))
        judged = judge(new, self.thresholds, now)
        old = self.snapshot
        if (judged.verdict, judged.reasons, judged.hops, judged.sources) == (
            old.verdict,
            old.reasons,
            old.hops,
            old.sources,
        ):
            return False
        self._replace(new)
        return True

    async def aclose(self) -> None:
        for poller in self.pollers:
            await poller.source.aclose()

    def _replace(self, new: TenantSnapshot) -> None:
        now = self._clock.now()
        judged = judge(replace(new, at=now), self.thresholds, now)
        self.snapshot = replace(judged, events=with_events(self.snapshot, judged))
        self._publish()

    def _with_facts(self, source: SourceId, outcome: Outcome) -> TenantSnapshot:
        facts = outcome.facts
        if isinstance(facts, DirectoryFacts):
            if source is SourceId.ON_PREMISES:
                self._left_out = {kind: one.value for kind, one in facts.excluded.items() if one.value is not None}
            return fold_directory(self.snapshot, source, facts)
        if outcome.error is not None:
            return with_refusal(self.snapshot, source, outcome.error)
        new = fold(self.snapshot, outcome)
        if facts is not None:
            for hop in (hop for hop, feeding in HOP_SOURCE.items() if feeding == source):
                new = with_lag_sample(new, hop)
        return new

    async def _merge(self, source: SourceId, outcome: Outcome) -> bool:
        """Merge all sources' failures anew if this one told other failures than last time, in slices short enough
        for keys to be answered in between. True when the merge ran."""
        facts = outcome.facts
        if not isinstance(
            facts, FailuresFacts | ConnectHealthFacts | CloudSyncFacts | DirectoryFacts | DomainServicesFacts
        ):
            return False
        truncated = facts.truncated if isinstance(facts, FailuresFacts) else False
        if isinstance(facts, ConnectHealthFacts):
            truncated = facts.errors_truncated
        if isinstance(facts, DomainServicesFacts):
            truncated, self._tells_progress = facts.reports_truncated, facts.progress is not None
        before = self._batches.get(source)
        self._batches[source] = _Batch(facts.as_of, facts.reports, truncated)
        if before is not None and not before.reports and not facts.reports and before.truncated == truncated:
            return False
        self._merged = await _in_slices(
            merging([(batch.as_of, batch.reports) for batch in self._batches.values()], self._merged)
        )
        self._failing = await _failing(self._merged.failures, self._lag.hops)
        self._lag.failing(self._failing.keys)
        return True

    def _with_failures(self, new: TenantSnapshot) -> TenantSnapshot:
        return replace(
            new,
            failures=self._merged.failures,
            failures_total=len(self._merged.failures),
            failures_truncated=any(batch.truncated for batch in self._batches.values()),
        )

    def _with_differences(self, new: TenantSnapshot) -> TenantSnapshot:
        known = Known(
            failed=self._failing.counts,
            gaps=self._gaps,
            normal_lag={hop: timedelta(seconds=self.thresholds.of(hop)[0]) for hop in HopName},
            creations=self._lag.creations(self._clock.now()),
            left_out=self._left_out,
        )
        rows = []
        for row in new.counts:
            self._sample(row, new.sync_scope)
            rows.append(replace(explained(row, new, known), change_1h=self._entra[row.type].change()))
        return self._with_first_sync(replace(new, counts=tuple(rows)))

    def _sample(self, row: CountRow, sync_scope: str) -> None:
        if row.entra.value is not None and row.entra.as_of is not None:
            self._entra[row.type].add(row.entra.as_of, row.entra.value)
        for hop, gap, side, directory in (
            (HopName.CONNECT, connect_gap(row), row.on_premises, SourceId.ON_PREMISES),
            (HopName.DOMAIN_SERVICES, domain_gap(row, sync_scope), row.managed_domain, SourceId.MANAGED_DOMAIN),
        ):
            if not (self._is_fresh(row.entra, SourceId.COUNTS) and self._is_fresh(side, directory)):
                self._gaps[hop, row.type].clear()
            elif gap is not None and side.as_of is not None:
                self._gaps[hop, row.type].add(side.as_of, abs(gap))

    def _is_fresh(self, reading: Reading[int], source: SourceId) -> bool:
        """What lasts cannot be told over a time in which one side was not read."""
        if reading.as_of is None:
            return False
        age_s = (self._clock.now() - reading.as_of).total_seconds()
        return age_s <= max(FRESH_S, FRESH_POLLS * self._poll.interval(source))

    def _with_first_sync(self, new: TenantSnapshot) -> TenantSnapshot:
        hop = new.hop(HopName.DOMAIN_SERVICES)
        if hop.reported != HopState.NEVER or self._tells_progress:
            return new
        rows = [row for row in new.counts if row.type in (ObjectType.USERS, ObjectType.GROUPS)]
        total = [in_scope(row, new.sync_scope) for row in rows]
        progress = self._first_sync.progress([row.managed_domain for row in rows], total)
        return with_progress(new, hop.name, progress) if progress else new

    def _requests_per_minute(self, source: SourceId, exchange: Exchange) -> float:
        now = self._clock.now()
        since, count = self._requests.get(source, (now, 0))
        if (now - since) < MINUTE and source in self._requests:
            return (exchange.requests - count) * 60 / max(60.0, (now - since).total_seconds())
        self._requests[source] = (now, exchange.requests)
        elapsed = (now - since).total_seconds()
        return (exchange.requests - count) * 60 / elapsed if elapsed > 0 else float(exchange.requests)


def _graded(outcome: Outcome) -> Outcome:
    """A reading that lacks a part it was asked for is not ok: its source says what is missing."""
    facts = outcome.facts
    if not isinstance(facts, FailuresFacts | ConnectHealthFacts | CloudSyncFacts | ChangesFacts):
        return outcome
    if not facts.incomplete:
        return outcome
    text = "partly read; missing: " + "; ".join(facts.incomplete)
    error = Denied(text) if any("not permitted" in part for part in facts.incomplete) else SourceError(text)
    return replace(outcome, error=error)


async def _in_slices(work: Generator[None, None, T]) -> T:
    """What `work` returns, letting the event loop do other work between its slices."""
    while True:
        try:
            next(work)
        except StopIteration as finished:
            result: T = finished.value
            return result
        await asyncio.sleep(0)


async def _failing(failures: Sequence[Failure], measured: Collection[HopName]) -> _Failing:
    """A quarantined attribute does not keep its object back. Keys of the hops that are `measured` only."""
    counts: Counter[tuple[HopName, ObjectType]] = Counter()
    keys: defaultdict[HopName, set[str]] = defaultdict(set)
    for number, failure in enumerate(failures):
        if failure.code != "PropertyConflict":
            kind = ROW_OF_OBJECT.get((failure.object.type or "").casefold())
            if kind is not None:
                counts[failure.hop, kind] += 1
            if failure.hop in measured:
                keys[failure.hop].update(keys_of(failure.object))
        if number % 2000 == 1999:
            await asyncio.sleep(0)
    return _Failing(counts, keys)
