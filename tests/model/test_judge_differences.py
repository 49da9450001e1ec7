"""An unexplained difference alarms only where both sides can be believed and the hop between them works."""

from __future__ import annotations

import pytest

from tests.model.judging import HOUR, before, codes, hop, judged, reason, source
from tui.model.snapshot import CountRow, Unexplained
from tui.model.states import HopName, HopState, ObjectType, ReasonCode, Severity, SourceId, SourceState, Verdict

DOMAIN = HopName.DOMAIN_SERVICES
SIDES = (source(SourceId.COUNTS), source(SourceId.MANAGED_DOMAIN), source(SourceId.ON_PREMISES))


def row(hop: HopName = DOMAIN, number: int = 2, **parts: object) -> CountRow:
    part = Unexplained(hop=hop, number=number, since=before(3 * HOUR), **parts)  # type: ignore[arg-type]
    return CountRow(type=ObjectType.GROUPS, unexplained=(part,))


def test_it_is_a_warning_with_steps() -> None:
    """The reason names hop, number, type and time, and what to do."""
    found = judged(sources=SIDES, counts=(row(),))
    told = reason(found, ReasonCode.UNEXPLAINED_DIFFERENCE)
    assert (found.verdict, told.severity, told.hop) == (Verdict.WARNING, Severity.WARNING, DOMAIN)
    assert told.text.startswith("2 groups are in Entra ID but not in the managed domain, since 2026-11-22 00:00")
    assert any("Enter" in step for step in told.remedies)


def test_a_surplus_is_told_the_other_way_round() -> None:
    """One group that only Entra holds as synced is a group that on-premises lacks."""
    found = judged(sources=SIDES, counts=(row(HopName.CONNECT, 1, is_surplus=True),))
    assert reason(found, ReasonCode.UNEXPLAINED_DIFFERENCE).text.startswith(
        "1 group is in Entra ID but not on-premises"
    )


@pytest.mark.parametrize("side", [SourceId.COUNTS, SourceId.MANAGED_DOMAIN])
def test_a_side_that_fails_alarms_nothing(side: SourceId) -> None:
    """A number that is old is not compared: the source is the reason."""
    failing = tuple(source(one.source, SourceState.ERROR) if one.source is side else one for one in SIDES)
    found = judged(sources=failing, counts=(row(),))
    assert ReasonCode.UNEXPLAINED_DIFFERENCE not in codes(found)
    assert found.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "late", [hop(DOMAIN, 4 * HOUR), hop(DOMAIN, 90 * HOUR), hop(DOMAIN, None, reported=HopState.NEVER)]
)
def test_the_backlog_of_a_late_hop_is_no_riddle(late: object) -> None:
    """While the hop is late, stale or has never succeeded, its lateness is the reason."""
    found = judged(late, sources=SIDES, counts=(row(),))  # type: ignore[arg-type]
    assert ReasonCode.UNEXPLAINED_DIFFERENCE not in codes(found)
    assert found.reasons


def test_it_comes_after_every_other_warning() -> None:
    """What explains a difference stands before it."""
    found = judged(sources=SIDES, counts=(row(), row(HopName.CONNECT)), failures_total=2)
    assert codes(found)[0] == "object-failures"
    assert codes(found)[1:3] == ["unexplained-difference"] * 2
