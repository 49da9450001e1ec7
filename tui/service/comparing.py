"""Both sides of a hop read in full and joined, object by object: what one of them lacks, and why."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from msgspec import Struct, field
from msgspec.structs import replace

from tui.clock import Clock
from tui.model.absence import ATTRIBUTE_ONLY, SIDE_LABELS, SIDES, Circumstances, circumstances, missing
from tui.model.comparison import MOST_EXAMPLES, Comparison, Example, Listed, Part
from tui.model.facts import ObjectRef
from tui.model.failures import label
from tui.model.marks import Mark
from tui.model.snapshot import Failure, TenantSnapshot, Thresholds
from tui.model.states import HopName, ObjectType, Side
from tui.model.text import clean, count
from tui.service.tracing import failure_names
from tui.sources.errors import SourceError
from tui.sources.side import SideReader

MOST_OBJECTS = 200_000
MOST_REMEMBERED = 10_000
TIME_LIMIT_S = 600.0
_SLICE = 1000

Tell = Callable[[str], None]
Missed = dict[str, datetime]


class Comparer:
    """Compares on demand. Between two comparisons it remembers since when an object is missing: of what was deleted on
    one side nothing else tells since when."""

    def __init__(self, clock: Clock, *, most: int = MOST_OBJECTS, limit_s: float = TIME_LIMIT_S) -> None:
        self._clock = clock
        self._most = most
        self._limit_s = limit_s
        self._missed: dict[tuple[HopName, ObjectType], Missed] = {}

    async def compare(
        self,
        hop: HopName,
        kind: ObjectType,
        sides: Sequence[SideReader],
        snapshot: TenantSnapshot,
        thresholds: Thresholds,
        tell: Tell = lambda _: None,
    ) -> Comparison:
        """Never raises what a side may raise: `problem` then says why there is no comparison.

        `tell` hears in words what is being read.
        """
        empty = Comparison(hop=hop, type=kind, at=self._clock.now())
        wanted = {side.side: side for side in sides if side.side in SIDES.get(hop, ())}
        if problem := _impossible(hop, kind, wanted):
            return replace(empty, problem=problem)
        try:
            async with asyncio.timeout(self._limit_s):
                joined, made = await self._joined(hop, kind, wanted, tell)
        except SourceError as error:
            return replace(empty, problem=clean(str(error)))
        except TimeoutError:
            return replace(empty, problem=f"reading both sides took longer than {self._limit_s / 60:.0f} minutes")
        around = circumstances(snapshot, hop, thresholds, self._clock.now(), made)
        failures = await _by_name(snapshot.failures, hop)
        missed = self._missed[hop, kind] = self._remembered(hop, kind, joined)
        return await _compared(joined, around, failures, missed, kind)

    async def _joined(
        self, hop: HopName, kind: ObjectType, sides: Mapping[Side, SideReader], tell: Tell
    ) -> tuple[_Join, datetime | None]:
        joined = _Join(hop)
        errors = await asyncio.gather(*(self._read(side, kind, joined, tell) for side in sides.values()))
        for error in errors:
            if error is not None:
                raise error
        domain = sides.get(Side.MANAGED_DOMAIN)
        return joined, await domain.made() if domain else None

    async def _read(self, side: SideReader, kind: ObjectType, joined: _Join, tell: Tell) -> SourceError | None:
        """One side's pages, until the other side has failed."""
        try:
            async for page in side.list(kind):
                if joined.given_up:
                    return None
                joined.add(side.side, page, self._most)
                tell(joined.progress(kind))
                await asyncio.sleep(0)
                if joined.sides[side.side].is_truncated:
                    return None
        except SourceError as error:
            joined.given_up = True
            return error
        return None

    def _remembered(self, hop: HopName, kind: ObjectType, joined: _Join) -> Missed:
        """Since when each object that is missing now is known to be."""
        before, now = self._missed.get((hop, kind), {}), self._clock.now()
        missed: Missed = {}
        for _, listed in islice(joined.left(), MOST_REMEMBERED):
            missed[_lasting(listed)] = before.get(_lasting(listed), now)
        return missed


def _impossible(hop: HopName, kind: ObjectType, sides: Mapping[Side, SideReader]) -> str:
    if kind not in (ObjectType.USERS, ObjectType.GROUPS):
        return f"{kind} are not compared object by object: only users and groups are"
    lacking = [SIDE_LABELS[side] for side in SIDES.get(hop, ()) if side not in sides]
    if lacking or hop not in SIDES:
        return f"{' and '.join(lacking) or hop} cannot be listed: it is not configured"
    return ""


class _Side:
    """The objects of one side that have not met their counterparts, by each of the names they may be met by.

    The names are the objects' own strings: of 200,000 objects nothing is kept twice.
    """

    def __init__(self) -> None:
        self.read = 0
        self.is_truncated = False
        self._by_name: dict[str, Listed] = {}
        self._nameless: list[Listed] = []

    def add(self, listed: Listed, names: Sequence[str]) -> None:
        if not names or any(name in self._by_name for name in names):
            self._nameless.append(listed)
            return
        self._by_name.update(dict.fromkeys(names, listed))

    def meet(self, names: Sequence[str], hop: HopName) -> bool:
        """Forget the object that one of these names leads to; False where there is none."""
        met = next((self._by_name[name] for name in names if name in self._by_name), None)
        if met is None:
            return False
        for name in _names_over(hop, met):
            self._by_name.pop(name, None)
        return True

    def left(self, hop: HopName) -> Iterator[Listed]:
        yield from (one for name, one in self._by_name.items() if name == _names_over(hop, one)[0])
        yield from self._nameless


class _Join:
    """Objects of both sides as they are read, in any order: those that have met are forgotten."""

    def __init__(self, hop: HopName) -> None:
        self.hop = hop
        self.given_up = False
        self.sides = {side: _Side() for side in SIDES[hop]}

    @property
    def read(self) -> dict[Side, int]:
        return {side: held.read for side, held in self.sides.items()}

    @property
    def truncated(self) -> bool:
        return any(held.is_truncated for held in self.sides.values())

    def add(self, side: Side, page: Sequence[Listed], most: int) -> None:
        mine, theirs = self.sides[side], self.sides[_other(side, self.hop)]
        for listed in page:
            if not _counts(listed, side, self.hop):
                continue
            if mine.read >= most:
                mine.is_truncated = True
                return
            mine.read += 1
            names = _names_over(self.hop, listed)
            if not theirs.meet(names, self.hop):
                mine.add(listed, names)

    def left(self) -> Iterator[tuple[Side, Listed]]:
        """What has no counterpart, but where the other side was not read to its end."""
        for side, held in self.sides.items():
            if not self.sides[_other(side, self.hop)].is_truncated:
                yield from ((side, listed) for listed in held.left(self.hop))

    def progress(self, kind: ObjectType) -> str:
        told = (f"{count(number)} {kind} of {SIDE_LABELS[side]}" for side, number in self.read.items())
        return f"reading {' and '.join(told)}"


def _other(side: Side, hop: HopName) -> Side:
    before, after = SIDES[hop]
    return before if side is after else after


def _counts(listed: Listed, side: Side, hop: HopName) -> bool:
    """What was made on the further side itself has no counterpart and needs none."""
    return side is SIDES[hop][0] or Mark.SYNCED in listed.marks


def _names_over(hop: HopName, listed: Listed) -> tuple[str, ...]:
    """What an object is met by, best first. Groups have no source anchor in Entra: they are known by their identifier
    on-premises. Ids and identifiers come in one spelling from every side."""
    ref = listed.object
    if hop is HopName.DOMAIN_SERVICES:
        return (ref.id,) if ref.id else ()
    return tuple(name for name in (ref.source_anchor, listed.sid) if name)


def _lasting(listed: Listed) -> str:
    """What an object is remembered by from one comparison to the next."""
    ref = listed.object
    return ref.source_anchor or listed.sid or ref.id or label(ref)


async def _by_name(failures: Sequence[Failure], hop: HopName) -> dict[str, Failure]:
    """The failures that keep whole objects back on a hop, by each of their names."""
    found: dict[str, Failure] = {}
    for start in range(0, len(failures), _SLICE):
        for failure in failures[start : start + _SLICE]:
            if failure.hop is hop and failure.code not in ATTRIBUTE_ONLY:
                found.update(dict.fromkeys(_names(failure.object), failure))
        await asyncio.sleep(0)
    return found


def _names(ref: ObjectRef) -> set[str]:
    """Lists carry no distinguished names, and those of a failure may carry nothing else but the sign-in name."""
    return {*failure_names(ref), *([f"u{ref.upn.casefold()}"] if ref.upn and not ref.source_anchor else ())}


class _Tally(Struct):
    counts: Counter[Part] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)

    def add(self, example: Example) -> None:
        self.counts[example.part] += 1
        if self.counts[example.part] <= MOST_EXAMPLES:
            self.examples.append(example)


async def _compared(
    joined: _Join, around: Circumstances, failures: Mapping[str, Failure], missed: Missed, kind: ObjectType
) -> Comparison:
    tally = _Tally()
    for number, (side, listed) in enumerate(joined.left(), 1):
        failure = next((failures[name] for name in _names(listed.object) if name in failures), None)
        tally.add(missing(listed, _other(side, joined.hop), around, failure, missed.get(_lasting(listed))))
        if number % _SLICE == 0:
            await asyncio.sleep(0)
    return Comparison(
        hop=joined.hop,
        type=kind,
        at=around.now,
        read=joined.read,
        counts={part: tally.counts[part] for part in Part},
        examples=tuple(sorted(tally.examples, key=_place)),
        truncated=joined.truncated,
    )


def _place(example: Example) -> tuple[int, str]:
    return [*Part].index(example.part), label(example.object).casefold()
