"""Connect Health for sync: servers, alerts, export errors with both sides of a conflict. facts/domain.md 3.2.

The error report covers the last export only and is refreshed every 30 minutes: `data_as_of` tells how old it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from tui.clock import Clock
from tui.model.facts import ConnectHealthFacts
from tui.model.states import SourceId
from tui.sources import connect_health_answers as answers
from tui.sources.best_effort import BestEffort
from tui.sources.connect_health_answers import Bucket, Service
from tui.sources.connect_health_service import ServiceAnswer, ServiceReader, kept, rows_of
from tui.sources.http import Upstream
from tui.sources.source import Exchange

NEEDS = "the Reader role on the Connect Health service"
MOST_SERVICES = 10


class ConnectHealthSource:
    """All sync services of the tenant. Only the list of services must be readable; every other call is best effort:
    its part then keeps what it told in the last poll, and `incomplete` says what is missing and why."""

    id = SourceId.CONNECT_HEALTH
    optional = False

    def __init__(self, upstream: Upstream, clock: Clock) -> None:
        self._upstream = upstream
        self._clock = clock
        self._secondary = BestEffort()

    async def fetch(self) -> ConnectHealthFacts:
        """Raises a `SourceError` where the services cannot be listed."""
        session = self._upstream.session(needs=NEEDS)
        rows = await rows_of(session, "/services", {"serviceType": answers.SERVICE_TYPE})
        services = kept(rows, answers.service)
        self._secondary.begin()
        if len(services) > MOST_SERVICES:
            self._secondary.note(f"services: the first {MOST_SERVICES} of {len(services)} are watched")
        reader = ServiceReader(session.aside(needs=NEEDS), self._secondary, self._clock)
        told = await asyncio.gather(*(reader.read(one) for one in services[:MOST_SERVICES]))
        return self._facts(services, told, session.clock_offset_s)

    def exchange(self) -> Exchange:
        return self._upstream.exchange()

    async def aclose(self) -> None:
        await self._upstream.aclose()

    def _facts(
        self, services: Sequence[Service], told: Sequence[ServiceAnswer], clock_offset_s: float | None
    ) -> ConnectHealthFacts:
        return ConnectHealthFacts(
            as_of=self._clock.now(),
            clock_offset_s=clock_offset_s,
            services=tuple(one.label for one in services[:MOST_SERVICES]),
            health=answers.worst_health(services),
            servers=tuple(server for one in told for server in one.servers),
            alerts=tuple(alert for one in told for alert in one.alerts),
            error_counts=summed(bucket for one in told for bucket in one.buckets),
            errors_truncated=any(one.truncated for one in told),
            reports=tuple(report for one in told for report in one.reports),
            data_as_of=min((one.data_as_of for one in told if one.data_as_of), default=None),
            password_sync_enabled=answers.any_true(one.password_sync for one in told),
            incomplete=self._secondary.end(),
        )


def summed(buckets: Iterable[Bucket]) -> dict[str, int]:
    """Errors by bucket over all services; a count that could not be read is left out, not taken for none."""
    counts: dict[str, int] = {}
    for one in buckets:
        if one.count is not None:
            counts[one.name] = counts.get(one.name, 0) + one.count
    return counts
