"""Lab time."""

import asyncio

import pytest

from tests.helpers import START, ManualClock, settle
from tui.lab.clock import EventTime, LabClock


async def test_lab_time_runs_as_fast_as_asked(clock: ManualClock) -> None:
    """At 180 times the wall's speed a second is three minutes."""
    lab = LabClock(clock, 180)
    await clock.advance(1)
    assert lab.monotonic() == 180
    assert (lab.now() - START).total_seconds() == 180


async def test_sleep_takes_lab_seconds(clock: ManualClock) -> None:
    """Who sleeps an hour of lab time at 60 times the speed wakes after a minute of wall time."""
    sleeper = asyncio.create_task(LabClock(clock, 60).sleep(3600))
    await clock.advance(59)
    assert not sleeper.done()
    await clock.advance(1)
    await settle()
    assert sleeper.done()


def test_a_lab_cannot_stand_still(clock: ManualClock) -> None:
    """A speed of zero is refused in words."""
    with pytest.raises(ValueError, match="above zero"):
        LabClock(clock, 0)


def test_an_event_has_its_own_present(clock: ManualClock) -> None:
    """What happens late in wall time is still written down at the moment it was due."""
    lab = LabClock(clock, 60)
    present = EventTime(lab)
    clock.jump(10)
    due = START
    present.set(due)
    assert present.now() == due
    present.set(None)
    assert present.now() == lab.now()
