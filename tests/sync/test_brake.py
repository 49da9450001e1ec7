"""The deletion brake: too many deletions wait for the operator, and everything else goes on."""

from __future__ import annotations

import pytest

from tests.helpers import ManualClock
from tests.sync.bench import Bench, actual, expected
from tui.sync.checkpoint import Checkpoint
from tui.sync.replicator import Replicator
from tui.sync.scope import Scope

THRESHOLD = 3


@pytest.fixture
def braked(bench: Bench) -> Bench:
    return rebuilt(bench)


def rebuilt(bench: Bench, scope: Scope | None = None) -> Bench:
    """The same with a brake, as after a restart."""
    bench.replicator = Replicator(
        bench.reader,
        bench.domain,
        Checkpoint(bench.domain.connection),
        clock=bench.clock,
        scope=scope,
        deletion_threshold=THRESHOLD,
    )
    return bench


def users(bench: Bench, count: int) -> list[str]:
    return [bench.user(f"user{n}") for n in range(count)]


def gone(bench: Bench, ids: list[str]) -> None:
    for id in ids:
        bench.tenant.soft_delete("user", id)


async def test_few_deletions_pass(braked: Bench) -> None:
    """Up to the threshold deletions are done like everything else."""
    ids = users(braked, 6)
    await braked.sync()
    gone(braked, ids[:THRESHOLD])
    await braked.sync()
    assert actual(braked) == expected(braked.tenant)
    assert braked.replicator.state().held_deletions is None


async def test_too_many_deletions_are_held(braked: Bench) -> None:
    """Above the threshold none is done, adds and changes are, and the run does not pass for a success."""
    ids = users(braked, 6)
    group = braked.group("All", ids)
    other = braked.group("Other", ids)
    await braked.sync()
    success = braked.replicator.state().last_success
    braked.clock.jump(60)
    gone(braked, ids[:3])
    braked.tenant.soft_delete("group", other)
    braked.user("new")
    braked.tenant.upsert("user", {"city": "Roma"}, ids[5])
    await braked.sync()
    state = braked.replicator.state()
    assert (state.held_deletions, state.last_success) == (4, success)
    assert braked.names() == ["All", "New", "Other", *(f"User{n}" for n in range(6))]
    assert braked.members(other) == set(ids)
    assert braked.members(group) == set(ids)
    assert braked.attributes(ids[5])["l"] == ("Roma",)


async def test_the_operator_lets_them_through(braked: Bench) -> None:
    """What the operator allows is done with the next round; a leave for fewer than wait is none."""
    ids = users(braked, 6)
    await braked.sync()
    gone(braked, ids[:5])
    await braked.sync()
    braked.replicator.allow_deletions(4)
    await braked.sync()
    assert braked.replicator.state().held_deletions == 5
    braked.replicator.allow_deletions(5)
    await braked.sync()
    assert braked.names() == ["User5"]
    assert braked.replicator.state().held_deletions is None
    assert braked.replicator.state().last_success == braked.clock.now()


async def test_a_leave_is_used_once(braked: Bench) -> None:
    """After the allowed deletions the next flood is held again."""
    ids = users(braked, 10)
    await braked.sync()
    gone(braked, ids[:5])
    braked.replicator.allow_deletions(5)
    await braked.sync()
    gone(braked, ids[5:])
    await braked.sync()
    assert braked.replicator.state().held_deletions == 5


async def test_fewer_deletions_release_the_brake(braked: Bench) -> None:
    """Objects that come back are no longer to be deleted, and the rest passes once it is few."""
    ids = users(braked, 6)
    group = braked.group("All", ids)
    await braked.sync()
    gone(braked, ids[:4])
    await braked.sync()
    assert braked.replicator.state().held_deletions == 4
    braked.tenant.restore("user", ids[0])
    await braked.sync()
    assert actual(braked) == expected(braked.tenant)
    assert braked.members(group) == {ids[0], *ids[4:]}


async def test_held_across_a_restart(braked: Bench) -> None:
    """What is held stays held when the sync is started again."""
    ids = users(braked, 6)
    await braked.sync()
    gone(braked, ids)
    await braked.sync()
    rebuilt(braked)
    assert braked.replicator.state().held_deletions == 6
    await braked.sync()
    assert len(braked.names()) == 6


async def test_a_scope_that_empties_the_domain(braked: Bench) -> None:
    """A new scope that would delete many is held too, and given back does no harm."""
    ids = users(braked, 5)
    group = braked.group("All", ids)
    await braked.sync()
    rebuilt(braked, Scope(groups=frozenset({"00000000-0000-0000-0000-000000000000"})))
    await braked.sync()
    assert braked.replicator.state().held_deletions == 6
    assert braked.members(group) == set(ids)
    rebuilt(braked)
    await braked.sync()
    assert braked.replicator.state().held_deletions is None
    assert actual(braked) == expected(braked.tenant)


async def test_a_full_pass_that_misses_objects(braked: Bench, clock: ManualClock) -> None:
    """A full pass in which the tenant suddenly tells of nothing deletes nothing."""
    ids = users(braked, 5)
    await braked.sync()
    for id in ids:
        braked.tenant.soft_delete("user", id)
        braked.tenant.purge("user", id)
    clock.jump(8 * 86400)
    await braked.sync()
    state = braked.replicator.state()
    assert (state.restarts, state.held_deletions, len(braked.names())) == (1, 5, 5)


async def test_a_successor_waits_for_the_name(braked: Bench) -> None:
    """Who gets the account name of somebody deleted in the same round gets it as it is, once it is free."""
    (old,) = users(braked, 1)
    await braked.sync()
    gone(braked, [old])
    new = braked.user("user0")
    await braked.sync()
    assert braked.attributes(new)["sAMAccountName"] == ("user0",)
    assert actual(braked) == expected(braked.tenant)
