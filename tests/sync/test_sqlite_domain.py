"""The embedded managed domain as a directory: names, numbers, local objects, refusals."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers import ManualClock
from tui.sync.targets.sqlite import SqliteDomain
from tui.sync.targets.target import Entry, NameTaken, TargetRefused


@pytest.fixture
def domain(clock: ManualClock) -> Iterator[SqliteDomain]:
    made = SqliteDomain(now=clock.now)
    yield made
    made.close()


def entry(id: str, name: str, **attributes: str) -> Entry:
    return Entry(id, "user", name, {key: (value,) for key, value in attributes.items()})


async def test_an_entry_as_readers_see_it(domain: SqliteDomain, clock: ManualClock) -> None:
    """A synced entry lies in AADDC Users, with a SID of the domain's own, times and a change number."""
    await domain.put(entry("a", "Byron, Ada", l="London"))
    stored = domain.get("a")
    assert stored is not None
    assert stored.dn == "CN=Byron\\, Ada,OU=AADDC Users,DC=aadds,DC=contoso,DC=com"
    assert domain.find(stored.dn) == stored
    assert stored.attributes["objectSid"][0].startswith("S-1-5-21-")
    assert (stored.attributes["l"], stored.attributes["uSNChanged"]) == (("London",), ("1",))
    assert stored.attributes["whenChanged"] == ("2026-11-22T03:00:00Z",)
    assert domain.last_change == clock.now()


async def test_writing_the_same_is_no_change(domain: SqliteDomain, clock: ManualClock) -> None:
    """An entry that is so already is not written, and the times stand."""
    assert domain.last_change is None
    assert await domain.put(entry("a", "ada"))
    then = clock.now()
    clock.jump(60)
    assert not await domain.put(entry("a", "ada"))
    assert (domain.highest_usn, domain.last_change) == (1, then)
    assert await domain.put(entry("a", "ada", l="Rome"))
    assert domain.last_change == clock.now()


async def test_a_rename_keeps_the_entry(domain: SqliteDomain) -> None:
    """An entry with a new name has a new distinguished name and its old SID and memberships."""
    await domain.put(entry("a", "ada"))
    await domain.put(Entry("g", "group", "All", {}))
    await domain.link("g", "member", "a")
    before = domain.get("a")
    await domain.put(entry("a", "countess"))
    after = domain.get("a")
    assert before is not None
    assert after is not None
    assert after.dn.startswith("CN=countess,")
    assert after.attributes["objectSid"] == before.attributes["objectSid"]
    group = domain.get("g")
    assert group is not None
    assert group.attributes["member"] == (after.dn,)
    assert after.attributes["memberOf"] == (group.dn,)


async def test_names_are_unique_without_case(domain: SqliteDomain) -> None:
    """Neither a synced nor a local object gets a name that another has in any spelling."""
    await domain.put(entry("a", "ada", userPrincipalName="ada@x"))
    with pytest.raises(NameTaken):
        await domain.put(entry("b", "ADA"))
    with pytest.raises(NameTaken):
        await domain.put(entry("b", "eve", userPrincipalName="ADA@x"))
    with pytest.raises(NameTaken):
        domain.add_local("user", "Ada")
    assert domain.counts(synced=True) == {"user": 1, "group": 0}
    assert domain.highest_usn == 1


async def test_two_local_objects_are_not_one(domain: SqliteDomain) -> None:
    """A local object's name is refused to another local object."""
    domain.add_local("user", "svc")
    with pytest.raises(NameTaken):
        domain.add_local("user", "SVC")


async def test_the_sync_cannot_reach_local_objects(domain: SqliteDomain) -> None:
    """Only local objects are removed as such, and a synced one is not among them."""
    await domain.put(entry("a", "ada"))
    stored = domain.get("a")
    assert stored is not None
    with pytest.raises(KeyError):
        domain.remove_local(stored.dn)
    dn = domain.add_local("group", "Admins")
    assert [(found.dn, found.is_synced) for found in domain.entries(kind="group")] == [(dn, False)]
    domain.remove_local(dn)
    assert domain.find(dn) is None


async def test_numbers_are_not_used_again(domain: SqliteDomain) -> None:
    """A new entry never gets the SID of a deleted one."""
    await domain.put(entry("a", "ada"))
    first = domain.get("a")
    await domain.delete("a")
    await domain.put(entry("a", "ada"))
    second = domain.get("a")
    assert first is not None
    assert second is not None
    assert first.attributes["objectSid"] != second.attributes["objectSid"]


async def test_references_need_both_ends(domain: SqliteDomain) -> None:
    """A reference to nothing is refused; a deleted end takes its references with it."""
    await domain.put(entry("a", "ada"))
    await domain.put(Entry("g", "group", "All", {}))
    with pytest.raises(TargetRefused):
        await domain.link("g", "member", "ghost")
    assert await domain.link("g", "member", "a")
    assert not await domain.link("g", "member", "a")
    await domain.delete("a")
    assert not await domain.delete("a")
    group = domain.get("g")
    assert group is not None
    assert "member" not in group.attributes


async def test_a_deletion_is_a_change(domain: SqliteDomain, clock: ManualClock) -> None:
    """Removing an entry moves the time of the last change."""
    await domain.put(entry("a", "ada"))
    clock.jump(5)
    await domain.delete("a")
    assert (domain.highest_usn, domain.last_change) == (2, clock.now())
