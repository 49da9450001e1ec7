"""One user or group on every side: the best match anywhere, then the same object on the others by its keys."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct, field

from tui.clock import Clock
from tui.model.facts import ObjectRef
from tui.model.failures import label
from tui.model.lookup import Lookup, closeness, lookup
from tui.model.snapshot import Failure, TenantSnapshot, Thresholds
from tui.model.states import Side
from tui.model.text import clean
from tui.model.trace import Sighting, Trace
from tui.model.tracing import Known, traced
from tui.sources.errors import SourceError
from tui.sources.side import SideReader

SIDE_LIMIT_S = 20.0
# The next side is asked by the keys that one tells: on-premises knows no Entra id, the managed domain no anchor.
ROUNDS = 2
_SLICE = 5000


class _Asked(Struct):
    """What one side answered: objects, or why it could not."""

    reader: SideReader
    found: list[Sighting] = field(default_factory=list)
    problem: str = ""


async def trace(
    name: str, sides: Sequence[SideReader], snapshot: TenantSnapshot, thresholds: Thresholds, clock: Clock
) -> Trace:
    """Never raises what a side may raise: a side that cannot be asked says so in its sighting."""
    sought = lookup(name)
    asked = [_Asked(side) for side in sorted(sides, key=lambda side: [*Side].index(side.side))]
    made, _ = await asyncio.gather(_domain_made(sides), asyncio.gather(*(_ask(one, sought.text) for one in asked)))
    best, ambiguous = best_object(sought, [seen for one in asked for seen in one.found])
    best = await _completed(best, asked)
    sightings = [_sighting(one, best) for one in asked]
    failures = await failures_of([seen.object for seen in best], snapshot.failures)
    known = Known(snapshot=snapshot, thresholds=thresholds, now=clock.now(), domain_made=made, failures=failures)
    return traced(sought.text, sightings, known, ambiguous)


async def _ask(asked: _Asked, name: str) -> list[Sighting]:
    """What the side finds; on failure nothing, with the reason kept."""
    try:
        async with asyncio.timeout(SIDE_LIMIT_S):
            found = [*await asked.reader.find(name)]
    except SourceError as error:
        asked.problem = clean(str(error))
        return []
    except TimeoutError:
        asked.problem = f"no answer within {SIDE_LIMIT_S:.0f} seconds"
        return []
    asked.found += found
    return found


async def _domain_made(sides: Sequence[SideReader]) -> datetime | None:
    """Since when the managed domain exists; None where that cannot be read, which its sighting then tells."""
    for side in sides:
        if side.side is Side.MANAGED_DOMAIN:
            try:
                async with asyncio.timeout(SIDE_LIMIT_S):
                    return await side.made()
            except (SourceError, TimeoutError):
                return None
    return None


# Which of those that answer to a name are one object


def keys_of(seen: Sighting) -> frozenset[str]:
    """What the same object has on another side too."""
    ref = seen.object
    keys = (("id", (ref.id or "").lower()), ("anchor", ref.source_anchor), ("sid", (seen.sid or "").upper()))
    return frozenset(f"{kind} {value}" for kind, value in keys if value)


def objects_among(found: Sequence[Sighting]) -> list[list[Sighting]]:
    """The sightings by object: those that share a key, directly or by others."""
    groups: list[tuple[set[str], list[Sighting]]] = []
    for number, seen in enumerate(found):
        keys, members = {*keys_of(seen)} or {f"alone {number}"}, [seen]
        for group in [group for group in groups if group[0] & keys]:
            groups.remove(group)
            keys |= group[0]
            members = [*group[1], *members]
        groups.append((keys, members))
    return [members for _, members in groups]


def best_object(sought: Lookup, found: Sequence[Sighting]) -> tuple[list[Sighting], tuple[str, ...]]:
    """The sightings of the best match, and, where others match as well, the names of all."""
    groups = objects_among(found)
    if not groups:
        return [], ()
    places = [min(closeness(sought, seen) for seen in group) for group in groups]
    best = [group for group, place in zip(groups, places, strict=True) if place == min(places)]
    names = tuple(_described(group[0]) for group in best) if len(best) > 1 else ()
    return best[0], names


def _described(seen: Sighting) -> str:
    ref = seen.object
    more = next((name for name in (ref.upn, ref.dn, ref.id) if name and name != label(ref)), "")
    kind = f"{ref.type} " if ref.type else ""
    ident = f" {ref.id}" if ref.id and ref.id != more else ""
    return f"{kind}{label(ref)}{f' ({more}){ident}' if more else ''}"


async def _completed(best: list[Sighting], asked: Sequence[_Asked]) -> list[Sighting]:
    """`best` with the same object on sides that did not answer to the name itself."""
    for _ in range(ROUNDS if best else 0):
        for one in asked:
            if not one.problem and not _on(one.reader.side, best):
                best = [*best, *await _by_keys(one, best)]
    return best


async def _by_keys(asked: _Asked, best: Sequence[Sighting]) -> list[Sighting]:
    keys = frozenset[str]().union(*map(keys_of, best))
    for key in sorted(keys):
        for seen in await _ask(asked, key.partition(" ")[2]):
            if keys_of(seen) & keys:
                return [seen]
        if asked.problem:
            break
    return []


def _on(side: Side, seen: Iterable[Sighting]) -> Sighting | None:
    """The living one first, where a side has both it and a deleted one."""
    return max((one for one in seen if one.side is side), key=lambda one: bool(one.found), default=None)


def _sighting(asked: _Asked, best: Sequence[Sighting]) -> Sighting:
    side = asked.reader.side
    found = _on(side, best)
    if found is not None:
        return found
    return Sighting(side=side, found=None if asked.problem else False, problem=asked.problem)


# Its failures


async def failures_of(refs: Sequence[ObjectRef], failures: Sequence[Failure]) -> list[Failure]:
    """The failures of one object, by any name that is surely its own."""
    names = frozenset(name for ref in refs for name in failure_names(ref))
    found: list[Failure] = []
    for start in range(0, len(failures) if names else 0, _SLICE):
        part = failures[start : start + _SLICE]
        found += [failure for failure in part if not names.isdisjoint(failure_names(failure.object))]
        await asyncio.sleep(0)
    return found


def failure_names(ref: ObjectRef) -> Iterator[str]:
    """The names that tell an object from all others. A sign-in name alone will do where there is none of them: in a
    conflict two objects claim the same one."""
    named = False
    for kind, name in (("a", ref.source_anchor), ("i", ref.id), ("d", ref.dn)):
        if name:
            named = True
            yield kind + (name if kind == "a" else name.casefold())
    if not named and ref.upn:
        yield "u" + ref.upn.casefold()
