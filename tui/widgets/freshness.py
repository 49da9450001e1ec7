"""How old the shown data is, and whether its poller still comes round."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from tui.model.snapshot import SourceStatus, TenantSnapshot
from tui.model.states import SourceId, SourceState

# A poll may fail twice before what it told is called old.
MISSED_INTERVALS = 3
# Whose answers make up the feed of failures and alerts.
TELLING = (SourceId.FAILURES, SourceId.CONNECT_HEALTH, SourceId.CLOUD_SYNC, SourceId.DOMAIN_SERVICES)


class Freshness(Struct, frozen=True):
    """`newest` is the last good answer of any source; `old` are the sources whose data is too old to trust."""

    newest: datetime | None
    old: tuple[SourceStatus, ...]
    asked: int
    retry: datetime | None
    overdue: bool

    @property
    def all_old(self) -> bool:
        return bool(self.old) and len(self.old) == self.asked


def freshness(snapshot: TenantSnapshot, now: datetime) -> Freshness:
    asked = [status for status in snapshot.sources if _matters(status)]
    answers = [status.as_of for status in snapshot.sources if status.as_of is not None]
    old = tuple(status for status in asked if is_old(status, now))
    retries = [when for status in old if (when := status.retry_at or status.next_poll) is not None and when > now]
    return Freshness(
        newest=max(answers, default=None),
        old=old,
        asked=len(asked),
        retry=min(retries, default=None),
        overdue=any(status.late for status in asked),
    )


def is_old(status: SourceStatus, now: datetime) -> bool:
    """True where the last good answer is more than three intervals old, or its poller has not come round."""
    if status.as_of is None:
        return False
    if status.interval_s is None:
        return status.late or status.failed_in_a_row >= MISSED_INTERVALS
    return status.late or now - status.as_of > timedelta(seconds=MISSED_INTERVALS * status.interval_s)


def next_poll(snapshot: TenantSnapshot) -> datetime | None:
    """When the next source is asked."""
    return min((status.next_poll for status in snapshot.sources if status.next_poll is not None), default=None)


def last_asked(snapshot: TenantSnapshot) -> SourceStatus | None:
    """The source whose poll is the most recent, of those that the monitor cannot do without."""
    needed = [status for status in snapshot.sources if not status.optional]
    asked = [(status.attempted_at, status) for status in needed if status.attempted_at is not None]
    return max(asked, key=lambda pair: pair[0])[1] if asked else None


def failing(snapshot: TenantSnapshot) -> int | None:
    """How many objects fail; None where that is not known: none is said only when the directory itself was read."""
    told = snapshot.source(SourceId.FAILURES)
    known = told is not None and told.as_of is not None
    return snapshot.failures_total if known or snapshot.failures_total else None


def _matters(status: SourceStatus) -> bool:
    return not status.optional and status.state is not SourceState.NOT_CONFIGURED
