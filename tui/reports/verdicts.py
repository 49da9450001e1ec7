"""What a report says in one word, and what it must not pretend to know."""

from __future__ import annotations

from collections.abc import Iterable

from tui.model.snapshot import SourceStatus, TenantSnapshot
from tui.model.states import SourceId, SourceState, Verdict

_WORST_FIRST = (Verdict.CRITICAL, Verdict.WARNING, Verdict.UNKNOWN, Verdict.OK)
_EXIT_CODES = {Verdict.OK: 0, Verdict.WARNING: 1, Verdict.CRITICAL: 2, Verdict.UNKNOWN: 3}
_TELL_FAILURES = frozenset(
    {
        SourceId.FAILURES,
        SourceId.DOMAIN_SERVICES,
        SourceId.CONNECT_HEALTH,
        SourceId.CLOUD_SYNC,
        SourceId.MANAGED_DOMAIN,
        SourceId.ON_PREMISES,
    }
)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of them; unknown where there are none, for nothing was looked at."""
    return min(verdicts, key=_WORST_FIRST.index, default=Verdict.UNKNOWN)


def worst_first(snapshots: Iterable[TenantSnapshot]) -> list[TenantSnapshot]:
    return sorted(snapshots, key=lambda snapshot: _WORST_FIRST.index(snapshot.verdict))


def exit_code(verdict: Verdict) -> int:
    """The monitoring-plugin convention: 0 ok, 1 warning, 2 critical, 3 unknown."""
    return _EXIT_CODES[verdict]


def unread(snapshot: TenantSnapshot) -> tuple[SourceStatus, ...]:
    """The sources whose last poll could not tell the failing objects, so that the list may lack some."""
    return tuple(
        status
        for status in snapshot.sources
        if status.source in _TELL_FAILURES
        and not status.optional
        and status.state not in (SourceState.OK, SourceState.NOT_CONFIGURED)
    )


def failing(snapshot: TenantSnapshot) -> int | None:
    """How many objects fail; None while nobody could say, which is not zero."""
    if snapshot.failures_total or snapshot.failures:
        return max(snapshot.failures_total, len(snapshot.failures))
    asked = snapshot.source(SourceId.FAILURES)
    told = asked is not None and asked.as_of is not None
    return 0 if told and all(status.as_of is not None for status in unread(snapshot)) else None
