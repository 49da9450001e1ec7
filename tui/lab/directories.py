"""The lab's two directories as sources of the monitor, read straight from their stores."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from msgspec.structs import replace

from tui.clock import Clock
from tui.lab.directory_changes import ChangesInDomain, ChangesOnPremises
from tui.lab.world import World
from tui.model.facts import AnyFacts, DirectoryFacts
from tui.model.reading import Absence, Reading
from tui.model.states import ObjectType, SourceId
from tui.sources.source import Exchange, Source

KINDS_OF_THE_DOMAIN = {ObjectType.USERS: "user", ObjectType.GROUPS: "group"}


class DirectorySource:
    """A store that is asked by a function call, once it is `ready`; it never fails."""

    optional = False

    def __init__(self, id: SourceId, read: Callable[[], DirectoryFacts], ready: Callable[[], Awaitable[None]]) -> None:
        self.id = id
        self._read = read
        self._ready = ready
        self._requests = 0

    async def fetch(self) -> DirectoryFacts:
        self._requests += 1
        await self._ready()
        return self._read()

    def exchange(self) -> Exchange:
        return Exchange(latency_ms=0.0, requests=self._requests)

    async def aclose(self) -> None:
        return None


class PatientSource:
    """Another source that is not asked before the lab is `ready`: what it does to open is no change."""

    def __init__(self, source: Source, ready: Callable[[], Awaitable[None]]) -> None:
        self.id = source.id
        self.optional = source.optional
        self.exchange = source.exchange
        self.aclose = source.aclose
        self._source = source
        self._ready = ready

    async def fetch(self) -> AnyFacts:
        await self._ready()
        return await self._source.fetch()


Ready = Callable[[], Awaitable[None]]


def directory_sources(world: World, clock: Clock, *, filled: Ready, opened: Ready) -> list[DirectorySource]:
    """On-premises Active Directory once it is `filled`, and the managed domain once the lab is `opened`."""
    on_premises, in_domain = ChangesOnPremises(world.directory), ChangesInDomain(world.replication.store)
    return [
        DirectorySource(SourceId.ON_PREMISES, lambda: _with(on_premises, on_premises_facts(world, clock)), filled),
        DirectorySource(SourceId.MANAGED_DOMAIN, lambda: _with(in_domain, managed_domain_facts(world, clock)), opened),
    ]


def _with(changes: ChangesOnPremises | ChangesInDomain, facts: DirectoryFacts) -> DirectoryFacts:
    found = changes.since_last(facts.as_of)
    return replace(facts, changes=found.changes, changes_truncated=found.truncated)


def on_premises_facts(world: World, clock: Clock) -> DirectoryFacts:
    now = clock.now()
    counts = {kind: Reading.of(world.directory.count(kind), now) for kind in ObjectType}
    return DirectoryFacts(as_of=now, synced=counts)


def _reading(counts: Mapping[str, int], kind: ObjectType, now: datetime) -> Reading[int]:
    name = KINDS_OF_THE_DOMAIN.get(kind)
    return Reading.missing(Absence.NOT_APPLICABLE, now) if name is None else Reading.of(counts[name], now)


def managed_domain_facts(world: World, clock: Clock) -> DirectoryFacts:
    """Contacts and devices are not copied to a managed domain (facts/domain.md 1.4)."""
    now, store = clock.now(), world.replication.store
    synced, local = store.counts(synced=True), store.counts(synced=False)
    return DirectoryFacts(
        as_of=now,
        synced={kind: _reading(synced, kind, now) for kind in ObjectType},
        local={kind: _reading(local, kind, now) for kind in ObjectType},
        last_change=store.last_change,
        reports=world.replication.state().failures,
    )
