"""The lab's on-premises directory: every object knows when it was made and when it was changed last."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.helpers import START, ManualClock
from tui.demo import lab_service, start_lab
from tui.lab.directory_changes import ChangesOnPremises
from tui.lab.lab import Lab
from tui.lab.onprem import AdObject, Change, OnPremises
from tui.lab.population import user
from tui.model.states import ObjectType, Side

YEAR = timedelta(days=365)


@pytest.fixture
def directory(clock: ManualClock) -> Iterator[OnPremises]:
    made = OnPremises(now=clock.now)
    yield made
    made.close()


def times(found: AdObject | None) -> tuple[float, float]:
    """Seconds from the start to when it was made, and changed."""
    assert found is not None
    assert found.created is not None
    assert found.changed is not None
    return (found.created - START).total_seconds(), (found.changed - START).total_seconds()


def test_every_write_is_dated(directory: OnPremises, clock: ManualClock) -> None:
    """A change, a deletion and a return from the dead are changes; nothing makes an object younger than it is."""
    joiner = user(Random(1), 1)
    clock.jump(10)
    directory.add([joiner])

    def held() -> AdObject:
        found = directory.by_anchor(joiner.anchor)
        assert found is not None
        return found

    assert times(held()) == (10, 10)
    clock.jump(10)
    directory.change(held(), Change({"department": "Law"}))
    assert times(held()) == (10, 20)
    clock.jump(10)
    directory.delete(held())
    assert times(held()) == (10, 30)
    clock.jump(10)
    directory.restore(held(), Change())
    assert times(held()) == (10, 40)


def test_a_change_is_as_old_as_its_write(directory: OnPremises, clock: ManualClock) -> None:
    """The monitor that looks a minute later is told when the joiner came and the mover moved, not when it looked."""
    joiner, mover = user(Random(1), 1), user(Random(2), 2)
    directory.add([mover])
    changes = ChangesOnPremises(directory)
    changes.since_last(clock.now())
    clock.jump(5)
    directory.add([joiner])
    clock.jump(5)
    found = directory.by_anchor(mover.anchor)
    assert found is not None
    directory.change(found, Change({"department": "Law"}))
    clock.jump(60)
    told = {one.source_anchor: (one.created, one.at) for one in changes.since_last(clock.now()).changes}
    assert told == {
        joiner.anchor: (True, START + timedelta(seconds=5)),
        mover.anchor: (False, START + timedelta(seconds=10)),
    }


async def test_people_of_the_demo_have_long_been_there(clock: ManualClock) -> None:
    """A trace in the demo shows when the user was made and changed on premises: years ago, in that order."""
    lab = start_lab("healthy", objects=150, base_clock=clock)
    lab.tick()
    service = lab_service(lab)
    await service.poll_once()
    someone = next(iter(lab.world.directory.all(ObjectType.USERS)))
    told = await service.trace("lab", someone.anchor)
    (seen,) = (one for one in told.sightings if one.side is Side.ON_PREMISES)
    assert seen.created is not None
    assert seen.changed is not None
    assert seen.created < seen.changed < clock.now() - YEAR
    await service.aclose()
    lab.close()


def test_state_of_an_earlier_version_opens(clock: ManualClock, tmp_path: Path) -> None:
    """A lab that was kept by a version without times goes on: what it does not know is unknown, what comes is dated."""
    first = Lab.start("healthy", objects=150, base_clock=clock, state_dir=tmp_path)
    first.truth()
    first.close()
    with sqlite3.connect(tmp_path / "on-premises.sqlite") as kept:
        for name in ("created", "changed"):
            kept.execute(f"ALTER TABLE objects DROP COLUMN {name}")
    kept.close()
    again = Lab.start("healthy", objects=150, base_clock=clock, state_dir=tmp_path)
    try:
        directory = again.world.directory
        someone = next(iter(directory.all(ObjectType.USERS)))
        assert (someone.created, someone.changed) == (None, None)
        directory.change(someone, Change({"department": "Law"}))
        changed = directory.by_anchor(someone.anchor)
        assert changed is not None
        assert (changed.created, changed.changed) == (None, again.clock.now())
    finally:
        again.close()
