"""The one reason to say first where there is room for one only."""

from __future__ import annotations

from collections.abc import Sequence

from tui.model.snapshot import Reason
from tui.model.states import ReasonCode, Severity

# What an operator recognizes at a glance; its text names the likely cause as well.
_AT_A_GLANCE = (
    ReasonCode.LAST_SYNCED_OVER_3_DAYS,
    ReasonCode.NO_RECENT_SYNCHRONIZATION,
    ReasonCode.NEVER_SYNCHRONIZED,
)


def headline_first(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """`reasons` with the headline in front: of the most severe ones a hop that has stopped, else the first."""
    if not reasons:
        return ()
    worst = [reason for reason in reasons if reason.severity == reasons[0].severity != Severity.INFO]
    stopped = sorted((one for one in worst if one.code in _AT_A_GLANCE), key=lambda one: _AT_A_GLANCE.index(one.code))
    headline = stopped[0] if stopped else reasons[0]
    return (headline, *(reason for reason in reasons if reason is not headline))
