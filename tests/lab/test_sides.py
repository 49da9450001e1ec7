"""The lab's own directories asked for one object, and listed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers import ManualClock
from tui.demo import lab_service, start_lab
from tui.lab.lab import Lab
from tui.lab.sides import lab_sides
from tui.model.states import HopName, ObjectType, Side
from tui.model.trace import Outcome


@pytest.fixture
def lab(clock: ManualClock) -> Iterator[Lab]:
    made = start_lab("conflicts", objects=150, base_clock=clock)
    made.tick()
    yield made
    made.close()


async def test_the_lab_is_traced_over_all_sides(lab: Lab) -> None:
    """A user of the demo is found on-premises, in Entra and in the managed domain, by any side's name."""
    service = lab_service(lab)
    await service.poll_once()
    someone = next(iter(lab.world.directory.all(ObjectType.USERS)))
    for name in (someone.attributes["userPrincipalName"], someone.anchor, someone.dn):
        told = await service.trace("lab", name)
        assert [seen.found for seen in told.sightings] == [True, True, True], name
    await service.aclose()


async def test_a_conflict_of_the_lab_is_explained(lab: Lab) -> None:
    """A user whose address is quarantined differs, and the first thing said is the conflict."""
    service = lab_service(lab)
    await service.poll_once()
    (snapshot,) = service.latest.tenants
    failing = next(one for one in snapshot.failures if one.object.type == "user" and one.code == "PropertyConflict")
    told = await service.trace("lab", failing.object.id or "")
    assert told.outcome is Outcome.DIFFERS
    assert told.findings[0].startswith("AD > Entra: Duplicate")
    await service.aclose()


async def test_the_labs_sides_agree(lab: Lab) -> None:
    """Compared object by object, the lab's directories hold what its counts say."""
    service = lab_service(lab)
    await service.poll_once()
    for hop in (HopName.CONNECT, HopName.DOMAIN_SERVICES):
        for kind in (ObjectType.USERS, ObjectType.GROUPS):
            result = await service.compare("lab", hop, kind)
            assert (result.problem, sum(result.counts.values())) == ("", 0)
    assert result.read[Side.MANAGED_DOMAIN] == lab.truth().managed_domain[ObjectType.GROUPS]
    await service.aclose()


async def test_what_nobody_is_called(lab: Lab) -> None:
    """A name that nobody has is found on no side of the lab, nor is an empty one."""
    for side in lab_sides(lab.world):
        assert await side.find("nobody at all") == []
        assert await side.find("") == []
