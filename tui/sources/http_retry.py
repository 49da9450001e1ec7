"""How long to wait before asking again. facts/domain.md 2.9: `Retry-After` may be a fraction, a date or absent."""

from __future__ import annotations

import re
from datetime import datetime

from tui.sources.moments import moment

RETRIES = 2
THROTTLE_WAITS = 3
LONGEST_WAIT_S = 5.0
LONGEST_TOTAL_WAIT_S = 10.0
FURTHEST_RETRY_S = 3600.0
UNTOLD_RETRY_S = 30.0
_SHORTEST_WAIT_S = 0.1
_SECONDS = re.compile(r"\s*([0-9]{1,100})(\.[0-9]{0,20})?\s*\Z")


def retry_after(header: object, upstream_now: datetime) -> float | None:
    """Seconds to wait, at most an hour; None where the header is absent, negative or unreadable."""
    if not isinstance(header, str):
        return None
    if _SECONDS.match(header):
        return min(float(header), FURTHEST_RETRY_S)
    until = moment(header.strip())
    if until is None:
        return None
    return min(max((until - upstream_now).total_seconds(), 0.0), FURTHEST_RETRY_S)


def throttle_pause(told: float | None, waited: int, random: float) -> float | None:
    """The wait within this poll after the `waited`-th one; None: too long or too often, so come back later.

    `told` is the upstream's wait; without one the waits double. `random` is from 0 to 1.
    """
    pause = 2.0**waited * (0.75 + random / 2) if told is None else max(told, _SHORTEST_WAIT_S)
    return pause if waited < THROTTLE_WAITS and pause <= LONGEST_WAIT_S else None


def failure_pause(failed: int, random: float) -> float | None:
    """The wait after the `failed`-th failure of an upstream or its network; None: enough tries."""
    return 0.5 * 2.0**failed * (0.5 + random) if failed < RETRIES else None
