"""The lab's two directories as sides that can be asked for one object, read straight from their stores."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from tui.lab.onprem import AdObject, OnPremises
from tui.lab.world import World
from tui.model.attributes import COMPARED, Compared
from tui.model.comparison import Listed
from tui.model.facts import ObjectRef
from tui.model.lookup import Lookup, best_first, closeness, lookup
from tui.model.marks import Mark, notes_of
from tui.model.states import ObjectType, Side
from tui.model.text import clean
from tui.model.trace import Sighting
from tui.sources.errors import UpstreamFailed
from tui.sources.moments import moment
from tui.sources.side import SideReader
from tui.sync.mapping import DISABLED
from tui.sync.targets.sqlite import SqliteDomain, Stored

KINDS = {ObjectType.USERS: "user", ObjectType.GROUPS: "group"}
PAGE = 500
# A name that answers to nothing has the worst closeness of all.
_NO_MATCH = closeness(lookup("-"), Sighting(side=Side.ON_PREMISES, found=True))


def lab_sides(world: World) -> tuple[SideReader, ...]:
    """On-premises Active Directory and the managed domain."""
    return OnPremisesSide(world.directory), ManagedDomainSide(world.replication.store)


class OnPremisesSide:
    """Active Directory."""

    side = Side.ON_PREMISES

    def __init__(self, directory: OnPremises) -> None:
        self._directory = directory

    async def find(self, name: str) -> Sequence[Sighting]:
        sought, found = lookup(name), list[Sighting]()
        for kind in KINDS:
            async for page in _pages(self._directory.all(kind)):
                found += _matching(sought, map(_seen_on_premises, page))
        return best_first(sought, found)

    async def list(self, kind: ObjectType) -> AsyncIterator[Sequence[Listed]]:
        async for page in _pages(self._directory.all(kind)):
            yield [_listed(_seen_on_premises(one)) for one in page]

    async def made(self) -> datetime | None:
        return None


class ManagedDomainSide:
    """The domain that the sync writes."""

    side = Side.MANAGED_DOMAIN

    def __init__(self, store: SqliteDomain) -> None:
        self._store = store

    async def find(self, name: str) -> Sequence[Sighting]:
        sought, found = lookup(name), list[Sighting]()
        async for page in _pages(self._store.entries()):
            found += _matching(sought, map(_seen_in_domain, page))
        return best_first(sought, found)

    async def list(self, kind: ObjectType) -> AsyncIterator[Sequence[Listed]]:
        async for page in _pages(self._store.entries(kind=KINDS[kind])):
            yield [_listed(_seen_in_domain(one)) for one in page]

    async def made(self) -> datetime | None:
        first = next(iter(self._store.entries()), None)
        return moment(first.attributes["whenCreated"][0]) if first else None


async def _pages(objects: Iterator[Any]) -> AsyncIterator[list[Any]]:
    """Pieces small enough for others to have their turn in between, in which the lab may write."""
    try:
        while page := [*islice(objects, PAGE)]:
            yield page
            await asyncio.sleep(0)
    except sqlite3.Error as error:
        raise UpstreamFailed("the lab's directory changed while it was read: try again") from error


def _matching(sought: Lookup, seen: Iterable[Sighting]) -> list[Sighting]:
    return [one for one in seen if sought.text and closeness(sought, one) < _NO_MATCH]


def _seen_on_premises(found: AdObject) -> Sighting:
    kind, held = KINDS[found.kind], found.attributes
    enabled = held.get("enabled")
    upn = held.get("userPrincipalName")
    return Sighting(
        side=Side.ON_PREMISES,
        found=True,
        object=ObjectRef(
            type=kind, name=clean(found.name), dn=clean(found.dn), upn=upn and clean(upn), source_anchor=found.anchor
        ),
        attributes=_compared(kind, {**held, "userAccountControl": enabled}, Side.ON_PREMISES),
        enabled=enabled if isinstance(enabled, bool) else None,
        created=found.created,
        changed=found.changed,
        sid=held.get("objectSid"),
        account_name=held.get("sAMAccountName"),
    )


def _seen_in_domain(stored: Stored) -> Sighting:
    held = stored.attributes
    control = next(iter(held.get("userAccountControl", ())), "")
    enabled = None if not control.isdigit() else not int(control) & DISABLED
    marks = frozenset({Mark.SYNCED if stored.is_synced else Mark.LOCAL})
    return Sighting(
        side=Side.MANAGED_DOMAIN,
        found=True,
        object=ObjectRef(
            type=stored.kind,
            id=stored.object_id,
            name=clean(_first(held, "displayName") or _first(held, "sAMAccountName") or ""),
            dn=clean(stored.dn),
            upn=_first(held, "userPrincipalName"),
        ),
        attributes=_compared(stored.kind, {**held, "userAccountControl": enabled}, Side.MANAGED_DOMAIN),
        enabled=enabled,
        created=moment(_first(held, "whenCreated")),
        changed=moment(_first(held, "whenChanged")),
        is_local=not stored.is_synced,
        notes=notes_of(marks),
        marks=marks,
        sid=_first(held, "sIDHistory"),
        account_name=_first(held, "sAMAccountName"),
    )


def _first(held: Mapping[str, tuple[str, ...]], name: str) -> str | None:
    return next((clean(value) for value in held.get(name, ())), None)


def _compared(kind: str, held: Mapping[str, Any], side: Side) -> dict[str, tuple[str, ...]]:
    """The compared attributes by their Graph names; the stores spell employeeID in two ways."""
    plain = {name.casefold(): value for name, value in held.items()}
    told = {one.graph: _values(plain.get(_name(one, side).casefold())) for one in COMPARED[kind]}
    return {name: values for name, values in told.items() if values}


def _name(compared: Compared, side: Side) -> str:
    return compared.managed_domain if side is Side.MANAGED_DOMAIN else compared.on_premises


def _values(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (str(value).lower(),)
    values = value if isinstance(value, list | tuple) else (value,)
    return tuple(sorted(clean(str(one)) for one in values if one not in (None, "")))


def _listed(seen: Sighting) -> Listed:
    return Listed(
        object=seen.object, created=seen.created, changed=seen.changed, marks=frozenset(seen.marks), sid=seen.sid
    )
