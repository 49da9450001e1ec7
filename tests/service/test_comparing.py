"""Both sides of a hop compared object by object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.builders import ago, conflict, healthy
from tests.helpers import ManualClock
from tests.service.sides import HeldSide
from tui.model.comparison import MOST_EXAMPLES, Comparison, Listed, Part
from tui.model.facts import ObjectRef
from tui.model.marks import Mark
from tui.model.snapshot import Failure, Thresholds
from tui.model.states import HopName, ObjectType, Side
from tui.service.comparing import Comparer
from tui.sources.errors import Denied

OLD = ago(30 * 86400)
CONNECT, DOMAIN_SERVICES = HopName.CONNECT, HopName.DOMAIN_SERVICES


def local(number: int, *marks: Mark, created: datetime = OLD) -> Listed:
    """An on-premises user."""
    ref = ObjectRef(type="user", name=f"User {number}", source_anchor=f"anchor{number}")
    return Listed(object=ref, created=created, marks=frozenset(marks), sid=f"S-1-{number}")


def entra(number: int, *marks: Mark, created: datetime = OLD) -> Listed:
    ref = ObjectRef(type="user", id=f"id{number}", name=f"User {number}", source_anchor=f"anchor{number}")
    return Listed(object=ref, created=created, marks=frozenset(marks or (Mark.SYNCED,)), sid=f"S-1-{number}")


def managed(number: int, mark: Mark = Mark.SYNCED) -> Listed:
    ref = ObjectRef(type="user", id=f"id{number}" if mark is Mark.SYNCED else None, name=f"User {number}")
    return Listed(object=ref, created=OLD, marks=frozenset({mark}))


def on_premises(*users: Listed | Exception) -> HeldSide:
    return HeldSide(Side.ON_PREMISES, pages=paged(users))


def in_entra(*users: Listed | Exception) -> HeldSide:
    return HeldSide(Side.ENTRA, pages=paged(users))


def in_domain(*users: Listed | Exception, made: datetime | None = None) -> HeldSide:
    return HeldSide(Side.MANAGED_DOMAIN, pages=paged(users), made=made)


def paged(users: Sequence[Listed | Exception]) -> list[Sequence[Listed] | Exception]:
    return [one if isinstance(one, Exception) else [one] for one in users]


async def compared(
    hop: HopName,
    *sides: HeldSide,
    comparer: Comparer | None = None,
    failures: Sequence[Failure] = (),
    kind: ObjectType = ObjectType.USERS,
) -> Comparison:
    snapshot = replace(healthy(), failures=tuple(failures))
    comparer = comparer or Comparer(ManualClock())
    return await comparer.compare(hop, kind, sides, snapshot, Thresholds())


def told(comparison: Comparison) -> dict[str, Part]:
    return {example.object.name or "": example.part for example in comparison.examples}


async def test_sides_that_agree() -> None:
    """Where every object has its counterpart nothing is listed, in whatever order the sides list them."""
    result = await compared(CONNECT, on_premises(local(1), local(2)), in_entra(entra(2), entra(1)))
    assert result.problem == ""
    assert result.read == {Side.ON_PREMISES: 2, Side.ENTRA: 2}
    assert (sum(result.counts.values()), result.examples) == (0, ())


async def test_each_part_has_its_reason() -> None:
    """What Entra lacks is split into failed, in flight, excluded and unexplained, unexplained first."""
    failure = replace(conflict(), code="InvalidSoftMatch", object=ObjectRef(type="user", source_anchor="anchor2"))
    users = local(1), local(2), local(3, created=ago(60)), local(4, Mark.BUILT_IN), local(5)
    result = await compared(CONNECT, on_premises(*users), in_entra(entra(5)), failures=[failure])
    assert told(result) == {
        "User 1": Part.UNEXPLAINED,
        "User 2": Part.FAILED,
        "User 3": Part.IN_FLIGHT,
        "User 4": Part.EXCLUDED,
    }
    assert list(told(result)) == ["User 1", "User 2", "User 3", "User 4"]
    assert all(count == 1 for count in result.counts.values())
    assert {example.missing_on for example in result.examples} == {Side.ENTRA}


async def test_a_quarantined_attribute_keeps_nobody_back() -> None:
    """A conflict over an attribute does not explain why a whole object is missing."""
    failure = replace(conflict(), object=ObjectRef(type="user", source_anchor="anchor1"))
    result = await compared(CONNECT, on_premises(local(1)), in_entra(), failures=[failure])
    assert told(result) == {"User 1": Part.UNEXPLAINED}


async def test_what_was_made_on_the_further_side_is_no_difference() -> None:
    """Cloud users are not missing on-premises, and local objects of the managed domain are not missing in Entra."""
    result = await compared(CONNECT, on_premises(), in_entra(entra(1, Mark.LOCAL), entra(2, Mark.LOCAL, Mark.GUEST)))
    assert result.examples == ()
    result = await compared(DOMAIN_SERVICES, in_entra(entra(1)), in_domain(managed(1), managed(9, Mark.LOCAL)))
    assert result.examples == ()
    assert result.read[Side.MANAGED_DOMAIN] == 1


async def test_groups_meet_by_their_identifier() -> None:
    """Without a source anchor in Entra objects meet by the security identifier."""
    bare = replace(entra(1), object=ObjectRef(type="group", id="x", name="User 1"))
    result = await compared(CONNECT, on_premises(local(1)), in_entra(bare), kind=ObjectType.GROUPS)
    assert result.examples == ()


async def test_a_removal_is_in_flight_until_it_lasts() -> None:
    """What was deleted on-premises is in flight when first seen, and unexplained when a later comparison still finds
    it past the hop's limit."""
    clock = ManualClock()
    comparer = Comparer(clock)
    sides = on_premises(), in_entra(entra(1))
    assert told(await compared(CONNECT, *sides, comparer=comparer)) == {"User 1": Part.IN_FLIGHT}
    clock.jump(3700)
    assert told(await compared(CONNECT, *sides, comparer=comparer)) == {"User 1": Part.UNEXPLAINED}


async def test_a_cloud_user_without_a_new_password() -> None:
    """The managed domain's own age explains why a cloud user is not there."""
    user = replace(entra(1, Mark.LOCAL), password_changed=ago(90 * 86400))
    result = await compared(DOMAIN_SERVICES, in_entra(user), in_domain(made=ago(30 * 86400)))
    assert told(result) == {"User 1": Part.EXCLUDED}


async def test_a_side_that_fails_gives_no_comparison() -> None:
    """Half a list is not compared: the problem is said instead, without control characters."""
    broken = in_entra(entra(1), Denied("graph.microsoft.com: 403\x1b[0m"))
    result = await compared(CONNECT, on_premises(local(1), local(2)), broken)
    assert result.problem == "graph.microsoft.com: 403"
    assert result.examples == ()


async def test_a_side_that_is_not_configured() -> None:
    """Without the managed domain over LDAP its hop cannot be compared, and it is said what is missing."""
    result = await compared(DOMAIN_SERVICES, in_entra(entra(1)))
    assert result.problem == "the managed domain cannot be listed: it is not configured"
    assert "only users and groups" in (await compared(CONNECT, in_entra(), kind=ObjectType.DEVICES)).problem
    assert (await compared(HopName.PASSWORD, in_entra())).problem


async def test_more_objects_than_are_read() -> None:
    """Past the bound reading stops and says so, and what was not read is not called missing."""
    comparer = Comparer(ManualClock(), most=2)
    sides = on_premises(*map(local, range(5))), in_entra(*map(entra, range(2, 4)))
    result = await compared(CONNECT, *sides, comparer=comparer)
    assert result.truncated
    assert {example.missing_on for example in result.examples} == {Side.ENTRA}


async def test_too_slow_a_side() -> None:
    """A side that never ends is given up after the limit."""

    class Endless(HeldSide):
        async def list(self, kind: ObjectType) -> AsyncIterator[Sequence[Listed]]:
            await asyncio.Event().wait()
            yield ()

    comparer = Comparer(ManualClock(), limit_s=0.01)
    result = await compared(CONNECT, on_premises(), Endless(Side.ENTRA), comparer=comparer)
    assert "took longer than" in result.problem


async def test_it_can_be_cancelled_and_says_what_it_reads() -> None:
    """While it reads it says how far it is; cancelled, it ends at once."""
    heard: list[str] = []
    sides = on_premises(*map(local, range(3))), in_entra(*map(entra, range(3)))
    await Comparer(ManualClock()).compare(CONNECT, ObjectType.USERS, sides, healthy(), Thresholds(), heard.append)
    assert heard[-1] == "reading 3 users of on-premises and 3 users of Entra"
    reading = asyncio.create_task(compared(CONNECT, *sides))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_examples_are_bounded() -> None:
    """Of very many missing objects all are counted and some are named."""
    result = await compared(CONNECT, on_premises(*map(local, range(MOST_EXAMPLES + 50))), in_entra())
    assert result.counts[Part.UNEXPLAINED] == MOST_EXAMPLES + 50
    assert len(result.examples) == MOST_EXAMPLES


async def test_keys_are_answered_while_it_compares() -> None:
    """Twenty thousand objects a side are joined and explained by the thousand, with turns for all else in between."""

    class Crowd(HeldSide):
        async def list(self, kind: ObjectType) -> AsyncIterator[Sequence[Listed]]:
            made = local if self.side is Side.ON_PREMISES else entra
            first = 10_000 if self.side is Side.ENTRA else 0
            for start in range(first, first + 20_000, 1000):
                yield [made(number) for number in range(start, start + 1000)]

    comparing = asyncio.create_task(compared(CONNECT, Crowd(Side.ON_PREMISES), Crowd(Side.ENTRA)))
    turns = 0
    while not comparing.done():
        await asyncio.sleep(0)
        turns += 1
    assert sum((await comparing).counts.values()) == 20_000
    assert turns >= 20 + 20


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)), st.randoms(use_true_random=False))
def test_every_object_is_accounted_for(here: set[int], there: set[int], random: object) -> None:
    """Whatever the sides hold, the parts add up to exactly the objects that only one of them has."""
    first, second = list(here), list(there)
    random.shuffle(first)  # type: ignore[attr-defined]
    random.shuffle(second)  # type: ignore[attr-defined]
    result = asyncio.run(compared(CONNECT, on_premises(*map(local, first)), in_entra(*map(entra, second))))
    assert sum(result.counts.values()) == len(here ^ there)
    assert {example.object.name for example in result.examples} == {f"User {number}" for number in here ^ there}
