"""The two hops whose lag can be measured, fed by what the three directories tell of their changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from tui.model.facts import AnyFacts, ChangesFacts, DirectoryFacts
from tui.model.snapshot import Hop, TenantSnapshot, Thresholds
from tui.model.states import HopName, ObjectType, SourceId
from tui.service.lag_keys import by_object_id, by_origin
from tui.service.lag_meter import LagMeter, Slices
from tui.settings import PollSettings

# The directory that each hop is measured by, beside Entra's own changes.
OTHER_SIDE = {HopName.CONNECT: SourceId.ON_PREMISES, HopName.DOMAIN_SERVICES: SourceId.MANAGED_DOMAIN}
POLLS_OF_SLACK = 2


class MeasuredLag:
    """`sources`: those that the tenant has. A hop without a source on each of its sides is not measured."""

    def __init__(
        self, sources: Collection[SourceId], poll: PollSettings, thresholds: Thresholds, random: Callable[[], float]
    ) -> None:
        slack = timedelta(seconds=POLLS_OF_SLACK * poll.interval(SourceId.CHANGES))
        self._meters = {
            hop: LagMeter(
                by_origin if hop is HopName.CONNECT else by_object_id,
                slack=slack,
                grace=timedelta(seconds=thresholds.of(hop)[0]),
                random=random,
                by_sync_time=hop is HopName.CONNECT,
            )
            for hop, side in OTHER_SIDE.items()
            if side in sources and SourceId.CHANGES in sources
        }

    @property
    def hops(self) -> Collection[HopName]:
        return self._meters.keys()

    def taking(self, source: SourceId, facts: AnyFacts | None) -> Slices:
        """Take what one good poll told of changes, in slices; other facts tell none."""
        connect, domain = (self._meters.get(hop) for hop in OTHER_SIDE)
        if isinstance(facts, ChangesFacts):
            if connect is not None:
                yield from connect.arriving(facts.changes, facts.as_of, truncated=facts.truncated)
            if domain is not None:
                domain.removed(id.casefold() for id in facts.removed)
                yield from domain.departing(facts.changes, facts.as_of, truncated=facts.truncated)
        elif isinstance(facts, DirectoryFacts):
            if source is SourceId.ON_PREMISES and connect is not None:
                yield from connect.departing(facts.changes, facts.as_of, truncated=facts.changes_truncated)
            elif source is SourceId.MANAGED_DOMAIN and domain is not None:
                yield from domain.arriving(facts.changes, facts.as_of, truncated=facts.changes_truncated)

    def failing(self, keys: Mapping[HopName, Collection[str]]) -> None:
        """Objects that each hop refuses, by what they may be known by."""
        for hop, meter in self._meters.items():
            meter.failing(keys.get(hop, frozenset()))

    def shown(self, snapshot: TenantSnapshot, now: datetime) -> TenantSnapshot:
        """`snapshot` with the lag of the hops that are measured."""
        hops = tuple(self._with_lag(hop, now) for hop in snapshot.hops)
        return snapshot if hops == snapshot.hops else replace(snapshot, hops=hops)

    def creations(self, now: datetime) -> dict[tuple[HopName, ObjectType], int]:
        """New objects that are on their way."""
        return {
            (hop, kind): number
            for hop, meter in self._meters.items()
            for kind, number in (meter.creations(now) or Counter()).items()
        }

    def _with_lag(self, hop: Hop, now: datetime) -> Hop:
        meter = self._meters.get(hop.name)
        if meter is None:
            return hop
        if hop.last_success is not None:
            meter.passed(min(now, hop.last_success - timedelta(seconds=hop.clock_offset_s)))
        return replace(hop, lag=meter.lag(now))
