"""Brings a new world to where the scenario begins: everything synced, then what went wrong before anyone looked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from random import Random
from typing import Any

from msgspec.structs import replace

from tui.lab import names
from tui.lab.connect_mapping import TENANT_DOMAIN, entra_id, verified_domains
from tui.lab.onprem import MAIL_DOMAIN, AdObject
from tui.lab.population import population
from tui.lab.scenario import Scenario, Start
from tui.lab.world import World
from tui.model.text import rfc3339

CYCLE = timedelta(minutes=30)
QUARANTINED_FOR = timedelta(hours=5)
AGE_OF_THE_COMPANY = timedelta(days=3000)
LAST_QUIET_FOR = timedelta(days=30)
LOCAL_ACCOUNTS = ("svc-backup", "svc-print", "svc-scanner")


def open_world(world: World, scenario: Scenario, seed: int) -> Iterator[None]:
    """Fill an empty world as `scenario` begins, with the times that belong to it.

    The tenant's objects and all times are there at once; the pieces that are returned bring what takes longer:
    memberships and hashes, the managed domain's content, a very large on-premises directory.
    """
    if world.directory_import is not None:
        return _open_unsynchronized(world, scenario)
    rng = Random(seed)  # noqa: S311 - the same lab again, not secrecy
    world.tenant.set_organization(verifiedDomains=verified_domains(MAIL_DOMAIN), countryLetterCode="NO")
    _add_cloud_users(world, scenario, rng)
    _deploy_domain(world, scenario.start)
    rest = _sync_mass(world, scenario) if scenario.start.mass else _sync(world, scenario, rng)
    world.tenant.set_synchronization_settings(deletionThreshold=scenario.deletion_threshold)
    _go_wrong(world, scenario.start)
    world.present.set(None)
    return rest


def _open_unsynchronized(world: World, scenario: Scenario) -> Iterator[None]:
    """A tenant where Connect was just installed: nothing has come from the real directory yet."""
    world.tenant.set_organization(onPremisesSyncEnabled=True)
    world.tenant.set_synchronization_settings(deletionThreshold=scenario.deletion_threshold)
    return iter(())


def _sync_mass(world: World, scenario: Scenario) -> Iterator[None]:
    """A managed domain of cloud users only, and then very many objects that are out of its scope."""
    from tui.lab.mass import fill_with_failing_objects

    run_through(_replicated(world))
    return fill_with_failing_objects(world, scenario, world.clock.start - _span(scenario.start.connect_age))


def _sync(world: World, scenario: Scenario, rng: Random) -> Iterator[None]:
    """The newest good cycle ends `connect_age` ago, with the failures that the scenario begins with."""
    start, found = scenario.start, list(population(rng, scenario.objects))
    synced = world.clock.start - _span(start.connect_age)
    world.present.set(synced - CYCLE)
    world.directory.add(_long_there(found, world.clock.start))
    rest = world.connect.first_export(found)
    for code, number in start.spoiled.items():
        world.mishaps.spoil(code, number)
    world.mishaps.duplicate_addresses(start.duplicates)
    world.mishaps.duplicate_names(start.duplicate_names)
    world.present.set(synced)
    run_through(world.connect.cycle())
    world.present.set(world.clock.start - _span(start.password_age))
    world.connect.password_cycle()
    return chain(_at(world, synced - CYCLE, rest), _replicated(world))


def _long_there(found: Sequence[AdObject], opened: datetime) -> Iterator[AdObject]:
    """Everyone came in turn over the years, and was changed last half way between that and lately."""
    first = (opened - AGE_OF_THE_COMPANY).replace(microsecond=0)
    years = AGE_OF_THE_COMPANY - LAST_QUIET_FOR
    for place, one in enumerate(found):
        share = place / len(found)
        came, changed = (timedelta(days=int(years.days * part)) for part in (share, (1 + share) / 2))
        yield replace(one, created=first + came, changed=first + changed)


def _deploy_domain(world: World, start: Start) -> None:
    for name in LOCAL_ACCOUNTS:
        world.replication.store.add_local("user", name)
    if start.domain_age is None:
        world.domain.created = world.clock.start - timedelta(minutes=10)
    else:
        world.domain.last_sync = world.clock.start - _span(start.domain_age)


def _replicated(world: World) -> Iterator[None]:
    """Hop 2 up to the tenant as it is; nothing where the managed domain has yet to be filled."""
    if world.domain.last_sync is not None:
        yield from _at(world, world.domain.last_sync, world.replication.round())


def _at(world: World, moment: datetime, pieces: Iterator[None]) -> Iterator[None]:
    """The pieces, each done as at `moment`."""
    world.present.set(moment)
    for _ in pieces:
        yield
        world.present.set(moment)


def _go_wrong(world: World, start: Start) -> None:
    opened = world.clock.start
    synced = opened - _span(start.connect_age)
    if start.connect_fault is not None:
        world.present.set(synced + CYCLE / 2)
        world.connect.break_down(start.connect_fault)
    world.present.set(opened - CYCLE / 2)
    for _ in range(start.backlog):
        world.everyday.one_change()
    if start.connect_fault is not None:
        world.present.set(synced + CYCLE)
        run_through(world.connect.cycle())
    if start.network_blocked:
        world.domain.block_network(opened - _span(start.domain_age) + timedelta(minutes=5))
    if start.cloud_sync_quarantined:
        world.cloud.opened = opened - 2 * QUARANTINED_FOR
        world.cloud.quarantine(opened - QUARANTINED_FOR)
    world.domain.evaluate(opened)


def _add_cloud_users(world: World, scenario: Scenario, rng: Random) -> None:
    created = rfc3339(world.domain.created) or ""
    people = [names.person(rng, 500_000 + number) for number in range(scenario.cloud_users)]
    world.tenant.upsert_many("user", [_cloud_user(person, created) for person in people])


def _cloud_user(person: names.Person, created: str) -> dict[str, Any]:
    name = f"{person.login}@{TENANT_DOMAIN}"
    return {
        "id": entra_id(f"cloud {person.login}"),
        "createdDateTime": created,
        "displayName": person.display,
        "givenName": person.given,
        "surname": person.family,
        "userPrincipalName": name,
        "mailNickname": person.login,
        "accountEnabled": True,
        "userType": "Member",
    }


def run_through(pieces: Iterable[None]) -> None:
    """Do work that comes in pieces all at once."""
    for _ in pieces:
        pass


def _span(age: float | None) -> timedelta:
    return timedelta(seconds=age or 0)
