"""How many objects of each type a directory holds: one search for each number, its entries without attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import aclosing
from datetime import datetime

from msgspec import Struct, field

from tui.clock import Clock
from tui.model.reading import Absence, Reading
from tui.model.states import ObjectType, Side
from tui.sources.ldap_filters import DISABLED, LEFT_OUT, TAKEN, any_of, none_of, not_built_in, of_type
from tui.sources.ldap_object_id import OBJECT_ID_ATTRIBUTES
from tui.sources.ldap_root import ServerKind
from tui.sources.ldap_session import DirectorySession

NO_ATTRIBUTES = ("1.1",)
WRITE_STAMP = "entryCSN"
SYNCED_TYPES = (ObjectType.USERS, ObjectType.GROUPS)


class Question(Struct, frozen=True):
    base: str
    filter: str


class Layout(Struct, frozen=True, kw_only=True):
    """Where a directory keeps what. `people`: below it is what the sync made. `id_attributes`: those in use there.

    `ids_hidden`: there are users where only the sync makes some, but none shows an id.
    """

    kind: ServerKind
    base: str
    people: str
    id_attributes: tuple[str, ...] = ()
    ids_hidden: bool = False


class Counts(Struct, frozen=True, kw_only=True):
    """The parts of `DirectoryFacts` that are counted."""

    synced: Mapping[ObjectType, Reading[int]] = field(default_factory=dict)
    local: Mapping[ObjectType, Reading[int]] = field(default_factory=dict)
    disabled: Mapping[ObjectType, Reading[int]] = field(default_factory=dict)
    excluded: Mapping[ObjectType, Reading[int]] = field(default_factory=dict)


class Tally:
    """A count of everything, begun at `began`, that may take several polls.

    `newest`: the last write seen on servers that number none (OpenLDAP's entryCSN).
    """

    def __init__(self, layout: Layout, side: Side, began: datetime) -> None:
        self.layout = layout
        self.began = began
        self.took_s = 0.0
        self.newest = ""
        self._side = side
        self._plan = plan(layout, side)
        self._found: dict[str, int] = {}

    @property
    def is_complete(self) -> bool:
        return len(self._found) == len(self._plan)

    async def go_on(self, session: DirectorySession, clock: Clock, until: float) -> bool:
        """Count until done, or until `until` of the clock; whether anything came of it. Raises a `SourceError`."""
        started, known = clock.monotonic(), len(self._found)
        try:
            for name, question in self._plan.items():
                if name not in self._found and not await self._count(name, question, session, clock, until):
                    break
        finally:
            self.took_s += clock.monotonic() - started
        return len(self._found) > known or self.is_complete

    def counts(self, as_of: datetime) -> Counts:
        """What is known so far; `as_of` is when it was true."""
        readings = {name: Reading.of(number, as_of) for name, number in self._found.items()}
        make = _on_premises if self._side is Side.ON_PREMISES else _managed_domain
        return make(readings, self.layout)

    async def _count(
        self, name: str, question: Question, session: DirectorySession, clock: Clock, until: float
    ) -> bool:
        stamped = self.layout.kind is not ServerKind.ACTIVE_DIRECTORY
        attributes = (WRITE_STAMP,) if stamped else NO_ATTRIBUTES
        number = 0
        async with aclosing(session.pages(question.base, question.filter, attributes)) as pages:  # type: ignore[type-var]
            async for page in pages:
                number += len(page)
                if stamped:
                    self.newest = max([self.newest, *(entry.text(WRITE_STAMP) or "" for entry in page)])
                if clock.monotonic() > until:
                    return False
        self._found[name] = number
        return True


def plan(layout: Layout, side: Side) -> Mapping[str, Question]:
    """The searches by name, the most wanted first."""
    searches = _on_premises_searches if side is Side.ON_PREMISES else _managed_searches
    return dict(searches(layout))


def _on_premises_searches(layout: Layout) -> Iterator[tuple[str, Question]]:
    for type in ObjectType:
        yield f"{type}", Question(layout.base, of_type(layout.kind, type))
        if type in LEFT_OUT:
            yield f"{type} left out", Question(layout.base, of_type(layout.kind, type, LEFT_OUT[type]))
        else:
            taken = of_type(layout.kind, type, TAKEN[type], not_built_in(layout.kind))
            yield f"{type} taken", Question(layout.base, taken)
    if layout.kind is ServerKind.ACTIVE_DIRECTORY:
        yield "disabled", Question(layout.base, of_type(layout.kind, ObjectType.USERS, DISABLED))
        left_out = of_type(layout.kind, ObjectType.USERS, DISABLED, LEFT_OUT[ObjectType.USERS])
        yield "disabled left out", Question(layout.base, left_out)


def _managed_searches(layout: Layout) -> Iterator[tuple[str, Question]]:
    with_id = any_of(layout.id_attributes or OBJECT_ID_ATTRIBUTES)
    local = none_of(layout.id_attributes) + not_built_in(layout.kind)
    for type in SYNCED_TYPES:
        yield f"{type}", Question(layout.people, of_type(layout.kind, type, with_id))
    for type in SYNCED_TYPES:
        yield f"{type} local", Question(layout.base, of_type(layout.kind, type, local))
    devices = of_type(layout.kind, ObjectType.DEVICES, not_built_in(layout.kind))
    yield f"{ObjectType.DEVICES} local", Question(layout.base, devices)
    if layout.kind is ServerKind.ACTIVE_DIRECTORY:
        disabled = of_type(layout.kind, ObjectType.USERS, with_id, DISABLED)
        yield "disabled", Question(layout.people, disabled)


def _on_premises(known: Mapping[str, Reading[int]], layout: Layout) -> Counts:
    synced, excluded = {}, {}
    for type in ObjectType:
        everything = known.get(f"{type}", Reading())
        if type in LEFT_OUT:
            excluded[type] = known.get(f"{type} left out", Reading())
            synced[type] = _less(everything, excluded[type])
        else:
            synced[type] = known.get(f"{type} taken", Reading())
            excluded[type] = _less(everything, synced[type])
    disabled = _less(known.get("disabled", Reading()), known.get("disabled left out", Reading()))
    return Counts(synced=synced, excluded=excluded, disabled=_disabled(disabled, layout))


def _managed_domain(known: Mapping[str, Reading[int]], layout: Layout) -> Counts:
    hidden: Reading[int] = Reading.missing(Absence.NOT_PERMITTED)
    synced = {type: hidden if layout.ids_hidden else known.get(f"{type}", Reading()) for type in SYNCED_TYPES}
    local = {type: hidden if layout.ids_hidden else known.get(f"{type} local", Reading()) for type in SYNCED_TYPES}
    local[ObjectType.DEVICES] = known.get(f"{ObjectType.DEVICES} local", Reading())
    return Counts(synced=synced, local=local, disabled=_disabled(known.get("disabled", Reading()), layout))


def _disabled(counted: Reading[int], layout: Layout) -> Mapping[ObjectType, Reading[int]]:
    """Only Active Directory's bitwise comparison can tell, and must not be taken for zero elsewhere."""
    if layout.kind is not ServerKind.ACTIVE_DIRECTORY or layout.ids_hidden:
        return {ObjectType.USERS: Reading.missing(Absence.NOT_REPORTED)}
    return {ObjectType.USERS: counted}


def _less(all: Reading[int], part: Reading[int]) -> Reading[int]:
    """Two counts of one tally are some moments apart, so that the part may have grown beyond the whole."""
    if all.value is None or part.value is None or all.as_of is None:
        return Reading()
    return Reading.of(max(0, all.value - part.value), all.as_of)
