"""The sync as an operator sees it: what arrives in the managed domain, when, and what never does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.helpers import ManualClock
from tests.sync.bench import Bench, actual, expected
from tui.model.states import HopName
from tui.sync.replicator import LEAST_WORK, STEP_S, Phase, Portion, Step
from tui.sync.scope import Scope


async def test_first_sync_copies_everything(bench: Bench) -> None:
    """Users, groups, nested memberships, managers and hashes are all there after the first sync."""
    ada, eve = bench.user("ada"), bench.user("eve")
    bench.tenant.upsert("user", {"manager": ada}, eve)
    bench.tenant.set_credentials(ada, {"ntlm": "c0ffee"})
    inner = bench.group("Inner", [eve])
    bench.group("Outer", [ada, inner])
    bench.tenant.upsert("contact", {"displayName": "Partner"})
    await bench.sync()
    assert actual(bench) == expected(bench.tenant)
    assert bench.domain.counts(synced=True) == {"user": 2, "group": 2}
    assert bench.attributes(ada)["sAMAccountName"] == ("ada",)


async def test_nothing_flows_back(bench: Bench) -> None:
    """The tenant is byte for byte the same after a sync, whatever is made or changed in the domain."""
    bench.group("All", [bench.user("ada"), bench.user("eve")])
    bench.domain.add_local("user", "svc-backup", {"userPrincipalName": ("eve@contoso.com",)})
    before = bench.tenant.dump()
    await bench.settle()
    assert bench.tenant.dump() == before


async def test_a_second_round_writes_nothing(bench: Bench) -> None:
    """Where nothing changed nothing is written, and the last change keeps its time."""
    bench.group("All", [bench.user("ada")])
    await bench.sync()
    usn, changed = bench.domain.highest_usn, bench.replicator.state().last_change
    bench.clock.jump(60)
    await bench.sync()
    assert (bench.domain.highest_usn, bench.replicator.state().last_change) == (usn, changed)
    assert bench.replicator.state().last_success == bench.clock.now()


async def test_changes_follow(bench: Bench) -> None:
    """Renames, leavers, joiners, password and membership changes arrive with the next round."""
    ada, eve = bench.user("ada"), bench.user("eve")
    group = bench.group("All", [ada])
    await bench.sync()
    bench.tenant.upsert("user", {"displayName": "Ada Byron", "city": "London", "accountEnabled": False}, ada)
    bench.tenant.set_credentials(ada, {"ntlm": "c0ffee"})
    bench.tenant.remove_member(group, ada)
    bench.tenant.add_member(group, eve)
    bench.tenant.add_member(group, bench.user("new"))
    await bench.sync()
    assert actual(bench) == expected(bench.tenant)
    assert bench.attributes(ada)["userAccountControl"] == ("514",)


async def test_a_cleared_property_goes(bench: Bench) -> None:
    """A property that was emptied in the tenant is emptied in the domain."""
    ada = bench.user("ada", city="London")
    await bench.sync()
    bench.tenant.upsert("user", {"city": None}, ada)
    await bench.sync()
    assert "l" not in bench.attributes(ada)


async def test_deletion_and_restore(bench: Bench) -> None:
    """A deleted user leaves the domain and its groups; restored, it is back in them."""
    ada, boss = bench.user("ada"), bench.user("boss")
    bench.tenant.upsert("user", {"manager": boss}, ada)
    group = bench.group("All", [ada, boss])
    await bench.sync()
    bench.tenant.soft_delete("user", ada)
    bench.tenant.soft_delete("user", boss)
    await bench.sync()
    assert (bench.names(), bench.members(group)) == (["All"], set())
    bench.tenant.restore("user", boss)
    bench.tenant.restore("user", ada)
    await bench.sync()
    assert actual(bench) == expected(bench.tenant)
    bench.tenant.soft_delete("group", group)
    await bench.sync()
    bench.tenant.restore("group", group)
    await bench.sync()
    assert bench.members(group) == {ada, boss}


async def test_a_group_deleted_and_restored_between_rounds(bench: Bench) -> None:
    """What left a group while it was away is not left in it."""
    ada, eve = bench.user("ada"), bench.user("eve")
    group = bench.group("All", [ada, eve])
    await bench.sync()
    bench.tenant.soft_delete("group", group)
    bench.tenant.restore("group", group)
    bench.tenant.remove_member(group, eve)
    await bench.sync()
    assert bench.members(group) == {ada}


async def test_local_objects_are_left_alone(bench: Bench) -> None:
    """Objects made in the domain stay as they are through syncs, restarts and scope changes."""
    dn = bench.domain.add_local("user", "svc-sql", {"description": ("runs SQL",)})
    before = bench.domain.find(dn)
    bench.user("ada")
    await bench.sync()
    bench.replicator.set_scope(Scope(groups=frozenset()))
    await bench.sync()
    assert bench.domain.find(dn) == before
    assert bench.domain.counts(synced=False) == {"user": 1, "group": 0}
    assert bench.domain.counts(synced=True) == {"user": 0, "group": 0}


async def test_guests_have_no_hashes(bench: Bench) -> None:
    """Guests are there, and cannot sign in."""
    guest = bench.user("guest", userType="Guest")
    bench.tenant.set_credentials(guest, {"ntlm": "c0ffee"})
    await bench.sync()
    assert bench.domain.get(guest) is not None
    assert bench.domain.credentials(guest) == {}


async def test_hashes_show_nowhere_else(bench: Bench) -> None:
    """Hashes are in no attribute and in no state."""
    ada = bench.user("ada")
    bench.tenant.set_credentials(ada, {"ntlm": "c0ffee"})
    await bench.sync()
    assert bench.domain.credentials(ada) == {"ntlm": "c0ffee"}
    assert "c0ffee" not in repr((list(bench.domain.entries()), bench.replicator.state()))


async def test_progress_of_the_first_sync(bench: Bench) -> None:
    """The first sync tells done, total and rate; afterwards it is continuous."""
    for i in range(20):
        bench.user(f"user{i}")
    bench.group("All")
    assert bench.replicator.state().phase is Phase.FIRST_SYNC
    assert bench.replicator.state().total is None
    seen = []
    while await bench.replicator.step() is Step.MORE:
        bench.clock.jump(1)
        state = bench.replicator.state()
        assert (state.phase, state.total) == (Phase.FIRST_SYNC, 21)
        seen.append((state.done, state.per_second))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[3] == (12, 3.0)
    state = bench.replicator.state()
    assert (state.phase, state.done, state.total, state.per_second) == (Phase.CONTINUOUS, 21, 21, None)
    assert state.last_success == bench.clock.now()


# Scope


async def test_cloud_only(clock: ManualClock) -> None:
    """With the cloud-only scope users from on-premises stay out; a user taken over by the cloud comes in."""
    bench = Bench(clock, scope=Scope(cloud_only=True))
    bench.user("cloud")
    synced = bench.user("synced", onPremisesSyncEnabled=True)
    group = bench.group("All", [synced], onPremisesSyncEnabled=True)
    await bench.sync()
    assert bench.names() == ["All", "Cloud"]
    bench.tenant.upsert("user", {"onPremisesSyncEnabled": False}, synced)
    await bench.sync()
    assert bench.names() == ["All", "Cloud", "Synced"]
    assert bench.members(group) == {synced}


async def test_group_filter(bench: Bench) -> None:
    """With a filter only the chosen groups and their direct users come; nested groups are not expanded."""
    direct, nested, other = bench.user("direct"), bench.user("nested"), bench.user("other")
    inner = bench.group("Inner", [nested])
    chosen = bench.group("Chosen", [direct, inner])
    bench.replicator.set_scope(Scope(groups=frozenset({chosen})))
    await bench.sync()
    assert bench.names() == ["Chosen", "Direct"]
    bench.tenant.add_member(chosen, other)
    bench.tenant.remove_member(chosen, direct)
    await bench.sync()
    assert bench.names() == ["Chosen", "Other"]
    bench.tenant.soft_delete("group", chosen)
    await bench.sync()
    assert bench.names() == []


async def test_changing_the_scope_resyncs(bench: Bench) -> None:
    """A new scope starts a full pass that removes what fell out and brings in what is new."""
    ada, eve = bench.user("ada"), bench.user("eve")
    first, second = bench.group("First", [ada]), bench.group("Second", [eve])
    await bench.sync()
    bench.replicator.set_scope(Scope(groups=frozenset({first})))
    assert bench.replicator.state().phase is Phase.FULL_RESYNC
    await bench.sync()
    assert bench.names() == ["Ada", "First"]
    bench.replicator.set_scope(Scope(groups=frozenset({second})))
    await bench.sync()
    assert bench.names() == ["Eve", "Second"]
    bench.replicator.set_scope(Scope())
    await bench.sync()
    assert actual(bench) == expected(bench.tenant)


# Starting over


async def test_an_expired_token_restarts_in_full(bench: Bench) -> None:
    """After eight days without a sync everything is read again, and what went meanwhile is removed."""
    ada, eve, group = bench.user("ada"), bench.user("eve"), bench.group("All")
    bench.tenant.add_member(group, ada)
    bench.tenant.add_member(group, eve)
    await bench.sync()
    bench.tenant.soft_delete("user", ada)
    bench.tenant.purge("user", ada)
    bench.tenant.remove_member(group, eve)
    bench.user("new")
    bench.clock.jump(timedelta(days=8).total_seconds())
    await bench.sync()
    assert actual(bench) == expected(bench.tenant)
    state = bench.replicator.state()
    assert (state.restarts, state.phase) == (1, Phase.CONTINUOUS)


async def test_a_restart_within_a_first_sync(bench: Bench) -> None:
    """A token that expires in the middle of the first sync costs a pause and a new pass, nothing else."""
    for i in range(10):
        bench.user(f"user{i}")
    assert await bench.replicator.step() is Step.MORE
    bench.clock.jump(timedelta(days=8).total_seconds())
    assert await bench.replicator.run_once() is Step.FAILED
    assert bench.replicator.state().phase is Phase.FIRST_SYNC
    bench.clock.jump(61)
    await bench.sync()
    assert actual(bench) == expected(bench.tenant)


async def test_an_entry_lost_in_the_domain_comes_back(bench: Bench) -> None:
    """An entry that vanished from the domain itself is made again by the next full pass, memberships included."""
    ada = bench.user("ada")
    group = bench.group("All", [ada])
    await bench.sync()
    await bench.domain.delete(ada)
    bench.clock.jump(timedelta(days=8).total_seconds())
    await bench.sync()
    assert bench.members(group) == {ada}


# Failing objects


async def test_a_name_held_by_a_local_object(bench: Bench) -> None:
    """A sign-in name that a local object has sets the user aside; the rest goes on; freed, the user comes."""
    dn = bench.domain.add_local("user", "svc", {"userPrincipalName": ("Ada@contoso.com",)})
    ada = bench.user("ada")
    bench.user("eve")
    await bench.sync()
    state = bench.replicator.state()
    assert bench.names() == ["Eve"]
    assert state.objects_failed == 1
    (failure,) = state.failures
    assert (failure.code, failure.attribute, failure.value) == ("NameTaken", "userPrincipalName", "ada@contoso.com")
    assert (failure.hop, failure.source) == (HopName.DOMAIN_SERVICES, "domain-services")
    assert failure.object.id == ada
    assert failure.conflicts_with is not None
    assert failure.conflicts_with.dn == dn
    bench.domain.remove_local(dn)
    bench.clock.jump(61)
    await bench.sync()
    assert bench.names() == ["Ada", "Eve"]
    assert bench.replicator.state().objects_failed == 0


async def test_invalid_values(bench: Bench) -> None:
    """A value that the schema does not allow is told by attribute and value, cleaned; mended, the user comes."""
    ada = bench.user("ada", employeeId="12345678901234567", department="\x1b[31mHR")
    bench.user("eve")
    await bench.sync()
    (failure,) = bench.replicator.state().failures
    assert (failure.code, failure.attribute, failure.value) == ("InvalidValue", "employeeId", "12345678901234567")
    assert failure.object.name == "Ada"
    bench.tenant.upsert("user", {"employeeId": "1"}, ada)
    await bench.sync()
    assert bench.names() == ["Ada", "Eve"]
    assert bench.replicator.state().failures == ()


async def test_a_failing_change_keeps_the_old_state(bench: Bench) -> None:
    """A user whose change is refused stays in the domain as it was."""
    ada = bench.user("ada", city="Rome")
    group = bench.group("All", [ada])
    await bench.sync()
    bench.tenant.upsert("user", {"city": "x" * 129}, ada)
    await bench.sync()
    assert bench.attributes(ada)["l"] == ("Rome",)
    assert bench.members(group) == {ada}
    assert bench.replicator.state().objects_failed == 1


async def test_refusals_back_off(bench: Bench) -> None:
    """A refused object is tried again after one minute, two, four, up to an hour, keeping its first time."""
    tries: list[float] = []

    def refuse(entry: object) -> str:
        tries.append(bench.clock.monotonic())
        return "unwilling to perform"

    bench.domain.refuse = refuse
    bench.user("ada")
    for _ in range(60 * 5):
        await bench.sync()
        bench.clock.jump(60)
    assert tries[:6] == [0, 60, 180, 420, 900, 1860]
    assert tries[-1] - tries[-2] == 3600
    (failure,) = bench.replicator.state().failures
    assert (failure.code, failure.message) == ("TargetRefused", "unwilling to perform")
    assert failure.first_seen is not None
    assert failure.last_seen is not None
    assert (failure.last_seen - failure.first_seen).total_seconds() == tries[-1]
    bench.domain.refuse = None
    bench.clock.jump(3600)
    await bench.sync()
    assert bench.names() == ["Ada"]


async def test_a_failing_object_that_goes_away_is_no_failure(bench: Bench) -> None:
    """A failure ends when its object is deleted in the tenant."""
    ada = bench.user("ada", city="x" * 129)
    await bench.sync()
    bench.tenant.soft_delete("user", ada)
    await bench.sync()
    assert bench.replicator.state().objects_failed == 0


@pytest.mark.parametrize("page_size", [1, 100])
async def test_users_who_swap_names(clock: ManualClock, page_size: int) -> None:
    """Two users who exchange their sign-in names both arrive, also when they come on different pages."""
    bench = Bench(clock, page_size=page_size)
    ada, eve = bench.user("ada"), bench.user("eve")
    await bench.sync()
    bench.tenant.upsert("user", {"userPrincipalName": "tmp@contoso.com"}, ada)
    bench.tenant.upsert("user", {"userPrincipalName": "ada@contoso.com"}, eve)
    bench.tenant.upsert("user", {"userPrincipalName": "eve@contoso.com"}, ada)
    await bench.sync()
    assert bench.attributes(ada)["userPrincipalName"] == ("eve@contoso.com",)
    assert bench.attributes(eve)["userPrincipalName"] == ("ada@contoso.com",)
    assert bench.replicator.state().objects_failed == 0


async def test_a_duplicate_sign_in_name_waits_for_the_other(bench: Bench) -> None:
    """Of two users with one sign-in name the first has it; the second comes as soon as it is free."""
    ada = bench.user("ada")
    eve = bench.user("eve", userPrincipalName="ADA@contoso.com")
    await bench.sync()
    (failure,) = bench.replicator.state().failures
    assert failure.object.id == eve
    assert failure.conflicts_with is not None
    assert (failure.conflicts_with.id, failure.conflicts_with.name) == (ada, "Ada")
    bench.tenant.upsert("user", {"userPrincipalName": "ada2@contoso.com"}, ada)
    await bench.sync()
    assert bench.names("userPrincipalName") == ["ADA@contoso.com", "ada2@contoso.com"]


# Names


async def test_shared_nicknames(bench: Bench) -> None:
    """Two users with one nickname get two account names, which then stay."""
    first = bench.user("ada")
    second = bench.user("ada2", mailNickname="ADA")
    await bench.sync()
    assert bench.attributes(first)["sAMAccountName"] == ("ada",)
    (given,) = bench.attributes(second)["sAMAccountName"]
    assert given.startswith("ADA-")
    assert len(given) <= 20
    bench.tenant.soft_delete("user", first)
    await bench.sync()
    bench.tenant.upsert("user", {"city": "Rome"}, second)
    await bench.sync()
    assert bench.attributes(second)["sAMAccountName"] == (given,)


async def test_a_local_account_keeps_its_name(bench: Bench) -> None:
    """A nickname that a local account has as its name is not taken from it."""
    bench.domain.add_local("user", "ADA")
    ada = bench.user("ada")
    await bench.sync()
    assert bench.attributes(ada)["sAMAccountName"][0].startswith("ada-")
    assert bench.replicator.state().objects_failed == 0


def test_a_step_is_as_long_as_a_progress_line_may_wait() -> None:
    """A slow directory gets less work at a time, a fast one more, within bounds."""
    portion = Portion(4000)
    for _ in range(10):
        portion.note(0.1)
    assert portion.size == 4000
    portion.note(STEP_S)
    assert portion.size == 4000
    for _ in range(10):
        portion.note(60.0)
    assert portion.size == LEAST_WORK
    tiny = Portion(40)
    tiny.note(60.0)
    assert tiny.size == 40
