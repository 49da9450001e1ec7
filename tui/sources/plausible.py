"""Times that an upstream claims, held against its own clock: what lies ahead of it is not a success."""

from __future__ import annotations

from datetime import datetime, timedelta

FURTHEST_AHEAD = timedelta(minutes=5)


def upstream_now(now: datetime, clock_offset_s: float | None) -> datetime:
    """The upstream's present: ours, moved by what its `Date` header differs. An absurd offset counts for nothing."""
    try:
        return now + timedelta(seconds=clock_offset_s or 0.0)
    except (OverflowError, ValueError):
        return now


def is_ahead(moment: datetime | None, now: datetime) -> bool:
    """True when `moment` lies so far after `now` that no clock skew explains it."""
    return moment is not None and moment - now > FURTHEST_AHEAD


def past(moment: datetime | None, now: datetime) -> datetime | None:
    """`moment`, or None when it is ahead of `now`: a time to come never makes anything look fresh."""
    return None if is_ahead(moment, now) else moment
