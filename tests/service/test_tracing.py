"""One object asked for on every side of a tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from tests.builders import ago, conflict, healthy
from tests.helpers import ManualClock
from tests.service.fakes import ScriptedSource, organization
from tests.service.sides import HeldSide
from tui.model.facts import ObjectRef
from tui.model.snapshot import Failure, Thresholds
from tui.model.states import Side, SourceId
from tui.model.trace import Outcome, Sighting, Trace
from tui.service import tracing
from tui.service.status import MonitoredTenant, StatusService
from tui.service.tracing import best_object, objects_among, trace
from tui.settings import Settings
from tui.sources.errors import Denied

ID, ANCHOR, SID = "6814ae60-e834-477d-ada5-00f892c469c1", "8P4oK9S0koDHkBg6+19p+w==", "S-1-5-21-1-2-3-1104"


def seen(side: Side, *, name: str = "Jane Doe", kind: str = "user", sid: str | None = None, **ref: str) -> Sighting:
    return Sighting(side=side, found=True, object=ObjectRef(type=kind, name=name, **ref), sid=sid)


ON_PREMISES = seen(Side.ON_PREMISES, upn="jane@corp.example", source_anchor=ANCHOR)
ENTRA = seen(Side.ENTRA, upn="jane@contoso.com", id=ID, source_anchor=ANCHOR)
DOMAIN = seen(Side.MANAGED_DOMAIN, name="jane-1a2b", upn="jane@aadds.example", id=ID)


async def traced(name: str, *sides: HeldSide, failures: Sequence[Failure] = ()) -> Trace:
    snapshot = replace(healthy(), failures=tuple(failures))
    return await trace(name, sides, snapshot, Thresholds(), ManualClock())


async def test_the_other_sides_are_asked_by_its_keys() -> None:
    """A user found on-premises by a name that only exists there is found in Entra by the source anchor, and in the
    managed domain by the id that Entra knows."""
    sides = HeldSide(Side.ON_PREMISES, ON_PREMISES), HeldSide(Side.ENTRA, ENTRA), HeldSide(Side.MANAGED_DOMAIN, DOMAIN)
    told = await traced("jane@corp.example", *sides)
    assert [one.found for one in told.sightings] == [True, True, True]
    assert [one.object.upn for one in told.sightings] == ["jane@corp.example", "jane@contoso.com", "jane@aadds.example"]


async def test_and_the_other_way_round() -> None:
    """A user found by a name of the managed domain alone is traced back to where it comes from."""
    sides = HeldSide(Side.ON_PREMISES, ON_PREMISES), HeldSide(Side.ENTRA, ENTRA), HeldSide(Side.MANAGED_DOMAIN, DOMAIN)
    told = await traced("jane@aadds.example", *sides)
    assert [one.found for one in told.sightings] == [True, True, True]


async def test_groups_are_joined_by_their_identifier() -> None:
    """A group has no source anchor in Entra: it is known by its security identifier on-premises."""
    here = seen(Side.ON_PREMISES, name="Print Ops", kind="group", sid=SID, source_anchor=ANCHOR)
    there = seen(Side.ENTRA, name="Print Operators", kind="group", sid=SID, id=ID)
    told = await traced("Print Ops", HeldSide(Side.ON_PREMISES, here), HeldSide(Side.ENTRA, there))
    assert [one.found for one in told.sightings] == [True, True]


async def test_a_side_that_fails_says_so() -> None:
    """One side that refuses does not spoil the trace: its reason stands in its place."""
    told = await traced(
        "jane@corp.example",
        HeldSide(Side.ON_PREMISES, ON_PREMISES),
        HeldSide(Side.MANAGED_DOMAIN, error=Denied("dc1:636 refused the sign-in\x1b[31m")),
    )
    assert told.sightings[1].found is None
    assert told.sightings[1].problem == "dc1:636 refused the sign-in"
    assert told.outcome is Outcome.UNKNOWN


async def test_a_side_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A side that never answers costs its limit of time and no more."""
    monkeypatch.setattr(tracing, "SIDE_LIMIT_S", 0.01)

    class Silent(HeldSide):
        async def find(self, name: str) -> Sequence[Sighting]:
            await asyncio.Event().wait()
            return ()

    told = await traced("jane", Silent(Side.ENTRA))
    assert told.sightings[0].problem.startswith("no answer within")


async def test_a_side_that_falls_silent_is_not_asked_by_every_key() -> None:
    """A side that answers the name and then no more costs one limit of time, not one for each key; whether it has the
    object is then not known."""

    class Fading(HeldSide):
        async def find(self, name: str) -> Sequence[Sighting]:
            self.asked.append(name)
            if len(self.asked) > 1:
                raise TimeoutError
            return ()

    domain = Fading(Side.MANAGED_DOMAIN)
    told = await traced("jane@contoso.com", HeldSide(Side.ENTRA, replace(ENTRA, sid=SID)), domain)
    assert len(domain.asked) == 2
    assert told.sightings[1].found is None


async def test_several_objects_of_one_name_are_listed() -> None:
    """Where two objects answer equally well both are named, by what tells them apart."""
    other = seen(Side.ENTRA, upn="jane2@contoso.com", id="7" + ID[1:])
    told = await traced("Jane Doe", HeldSide(Side.ENTRA, ENTRA, other))
    assert len(told.ambiguous) == 2
    assert "user Jane Doe (jane2@contoso.com)" in told.ambiguous[1]


async def test_a_better_match_is_not_ambiguous() -> None:
    """Who has the sign-in name is meant, not another who is called that."""
    other = seen(Side.ENTRA, name="jane@contoso.com", id="7" + ID[1:])
    told = await traced("jane@contoso.com", HeldSide(Side.ENTRA, other, ENTRA))
    assert told.ambiguous == ()
    assert told.sightings[0].object.id == ID


def test_keys_join_in_any_order() -> None:
    """Sightings belong together when one key leads to the next, whatever comes first; without keys each is alone."""
    nobody = seen(Side.MANAGED_DOMAIN)
    groups = objects_among([DOMAIN, nobody, ON_PREMISES, ENTRA])
    assert sorted(map(len, groups)) == [1, 3]
    assert best_object(tracing.lookup("nobody"), []) == ([], ())


async def test_its_failures_are_found_in_the_feed() -> None:
    """The feed's failures of this object come into the trace; those of another with the same sign-in name do not."""
    mine = replace(conflict(0), object=ObjectRef(type="user", source_anchor=ANCHOR))
    by_id = replace(conflict(1), object=ObjectRef(type="user", id=ID.upper()))
    foreign = replace(conflict(2), object=ObjectRef(type="user", upn="jane@contoso.com", id="other"))
    told = await traced("jane@contoso.com", HeldSide(Side.ENTRA, ENTRA), failures=(mine, by_id, foreign))
    assert sum(finding.startswith("AD > Entra: ") for finding in told.findings) == 2


async def test_no_name_finds_nothing() -> None:
    """Control characters alone are no name."""
    told = await traced("\x07 ", HeldSide(Side.ENTRA, ENTRA))
    assert told.outcome is Outcome.NOT_FOUND


async def test_the_service_traces_by_tenant() -> None:
    """The status service asks the sides of the tenant that is named, and knows no other."""
    clock = ManualClock()
    source = ScriptedSource(SourceId.ORGANIZATION, clock, organization(clock))
    sides = (HeldSide(Side.ENTRA, ENTRA), HeldSide(Side.MANAGED_DOMAIN, DOMAIN, made=ago(86400)))
    service = StatusService([MonitoredTenant("a", "1", (source,), sides)], settings=Settings(), clock=clock)
    assert (await service.trace("a", "jane@contoso.com")).sightings[1].found
    with pytest.raises(KeyError):
        await service.trace("b", "jane")
