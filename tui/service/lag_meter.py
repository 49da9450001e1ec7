"""Lag of one hop, measured: each change seen on the earlier side is followed until it is seen on the later one.

What the two sides tell comes in polls, in any order and more than once; each change is counted once. Nothing grows
with the tenant: so many changes are followed, so many arrivals and objects remembered, and no more.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct

from tui.model.facts import ObjectChange
from tui.model.lag import fingerprint, lag_s, merged, same_values
from tui.model.snapshot import Lag
from tui.model.states import ObjectType
from tui.service.lag_samples import DAY, LagSamples

T = TypeVar("T")
HOUR = timedelta(hours=1)
MOST_FOLLOWED = 5000
MOST_OF_ONE = 4
LOOKS = 3
KEPT_ARRIVAL = timedelta(minutes=30)
TYPES = {"user": ObjectType.USERS, "group": ObjectType.GROUPS}
KeyOf = Callable[[ObjectChange], str | None]
# Changes that are followed in one go: under 16 ms of work, also on a busy core.
SLICE = 125
Slices = Generator[None, None, None]


class Side(Struct):
    """One side's last look, and when it last had more to tell than was read."""

    looked: datetime | None = None
    first_look: datetime | None = None
    cut_at: datetime | None = None

    def look(self, at: datetime, *, truncated: bool) -> None:
        self.first_look = self.first_look or at
        self.looked = at
        if truncated:
            self.cut_at = at


class Departure(Struct, gc=False):
    """`is_certain`: it is known that something has to travel; a change of what is not compared never arrives."""

    at: datetime
    kind: str
    mark: bytes
    is_new: bool
    is_certain: bool


class Arrival(Struct, gc=False, frozen=True):
    at: datetime
    seen: datetime
    mark: bytes
    synced_at: datetime | None


class LagMeter:
    """`key_of` names an object alike on both sides. `slack`: by how much times of the two sides may be off, two polls
    at least. `grace`: the hop's normal lag.

    A change is matched with a sighting on the later side, not older than it, that shows the same values
    (facts/domain.md 6.3); a new object with any sighting; and, where the later side tells when it was last synced
    (`by_sync_time`), with a sync at or after the change. A change that only its poll dates has the uncertainty of one
    poll.
    """

    def __init__(
        self,
        key_of: KeyOf,
        *,
        slack: timedelta,
        grace: timedelta,
        random: Callable[[], float],
        by_sync_time: bool = False,
        most: int = MOST_FOLLOWED,
    ) -> None:
        self._key_of = key_of
        self._slack = slack
        self._grace = grace
        self._by_sync_time = by_sync_time
        self._most = most
        self._samples = LagSamples(random)
        self._earlier, self._later = Side(), Side()
        self._followed: dict[str, list[Departure]] = {}
        self._number = 0
        self._waiting: OrderedDict[str, Arrival] = OrderedDict()
        self._left: OrderedDict[str, bytes] = OrderedDict()
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._filled: set[str] = set()
        self._failing: Collection[str] = frozenset()
        self._passed: datetime | None = None
        self._passed_at_looks: deque[datetime | None] = deque(maxlen=LOOKS)

    def departed(self, changes: Iterable[ObjectChange], now: datetime, *, truncated: bool = False) -> None:
        """What the earlier side told at `now`."""
        for _ in self.departing(changes, now, truncated=truncated):
            pass

    def arrived(self, changes: Iterable[ObjectChange], now: datetime, *, truncated: bool = False) -> None:
        """What the later side told at `now`."""
        for _ in self.arriving(changes, now, truncated=truncated):
            pass

    def departing(self, changes: Iterable[ObjectChange], now: datetime, *, truncated: bool = False) -> Slices:
        """`departed` in slices, between which nothing else may be asked of the meter."""
        self._earlier.look(now, truncated=truncated)
        yield from self._each(changes, now, self._depart)
        self._give_up(now)

    def arriving(self, changes: Iterable[ObjectChange], now: datetime, *, truncated: bool = False) -> Slices:
        """`arrived` in slices, likewise."""
        self._later.look(now, truncated=truncated)
        yield from self._each(changes, now, self._arrive)
        self._settle()
        self._give_up(now)

    def removed(self, keys: Iterable[str]) -> None:
        """Deleted on the earlier side: nothing more is to arrive."""
        for key in keys:
            self._drop(key)
            self._left.pop(key, None)
            self._held.pop(key, None)

    def failing(self, keys: Collection[str]) -> None:
        """Objects that the hop refuses: failed, not in flight, until they are in this list no more."""
        self._failing = keys
        for key in [key for key in self._followed if key in keys]:
            self._drop(key)

    def passed(self, moment: datetime | None) -> None:
        """The hop has dealt with everything that left before `moment`: its last success."""
        if moment is not None and (self._passed is None or moment > self._passed):
            self._passed = moment

    def lag(self, now: datetime) -> Lag | None:
        """None until both sides have told something."""
        looked = self._later.looked
        if looked is None or self._earlier.looked is None:
            return None
        until = min(now, looked + self._slack)
        in_flight = [one.at for one in self._all() if self._is_in_flight(one, until)]
        return Lag(
            hour=self._samples.figures(HOUR, now),
            day=self._samples.figures(DAY, now),
            in_flight=len(in_flight),
            oldest_s=lag_s(min(in_flight), until) if in_flight else None,
            truncated=any(cut is not None and now - cut < HOUR for cut in (self._earlier.cut_at, self._later.cut_at)),
            not_arrived=sum(one.is_certain and self._has_passed(one, until) for one in self._all()),
        )

    def creations(self, now: datetime) -> Counter[ObjectType] | None:
        """New objects in flight, by type; None until both sides have told something."""
        looked = self._later.looked
        if looked is None or self._earlier.looked is None:
            return None
        until = min(now, looked + self._slack)
        return Counter(TYPES[one.kind] for one in self._all() if one.is_new and self._is_in_flight(one, until))

    def __len__(self) -> int:
        """Everything that is remembered but the samples."""
        return self._number + len(self._waiting) + len(self._left) + len(self._held)

    def _each(
        self, changes: Iterable[ObjectChange], now: datetime, take: Callable[[str, ObjectChange, datetime], None]
    ) -> Slices:
        for number, change in enumerate(changes, 1):
            key = self._key_of(change)
            if key is not None:
                take(key, change, now)
            if number % SLICE == 0:
                yield

    # Departures

    def _depart(self, key: str, change: ObjectChange, now: datetime) -> None:
        mark = fingerprint(change.kind, change.values)
        before, held = self._left.get(key), self._held.get(key)
        _remember(self._left, key, merged(before, mark), self._most)
        if key in self._failing or before == mark or (before is not None and same_values(before, mark)):
            return
        one = Departure(
            at=_believable(change.at, now),
            kind=change.kind,
            mark=mark,
            is_new=change.created and before is None,
            is_certain=self._must_travel(change, before, held, mark),
        )
        waiting = self._waiting.get(key)
        if waiting is not None and self._is_same(one, waiting):
            del self._waiting[key]
            self._count(one, waiting, now)
        elif one.is_new or held is None or not same_values(held, mark):
            self._follow(key, one, now)
        else:
            self._drop(key)

    def _must_travel(self, change: ObjectChange, before: bytes | None, held: bytes | None, mark: bytes) -> bool:
        """A change of an object of which nothing is known may be one of what is not compared; one from before the
        first look at the later side may have arrived unseen."""
        first = self._later.first_look
        if first is not None and change.at < first:
            return False
        return change.created or before is not None or (held is not None and not same_values(held, mark))

    def _follow(self, key: str, one: Departure, now: datetime) -> None:
        if self._number >= self._most:
            self._earlier.cut_at = now
            return
        several = self._followed.setdefault(key, [])
        several.append(one)
        self._number += 1
        if len(several) > MOST_OF_ONE:
            del several[-2]
            self._number -= 1

    # Arrivals

    def _arrive(self, key: str, change: ObjectChange, now: datetime) -> None:
        mark = fingerprint(change.kind, self._comparable(change))
        arrival = Arrival(min(change.at, now), now, mark, change.synced_at)
        _remember(self._held, key, merged(self._held.get(key), mark), self._most)
        several = self._followed.get(key, [])
        found = next((at for at in reversed(range(len(several))) if self._is_same(several[at], arrival)), None)
        if found is None:
            _remember(self._waiting, key, arrival, self._most)
            return
        self._count(several[found], arrival, now)
        self._number -= found + 1
        del several[: found + 1]
        if not several:
            del self._followed[key]

    def _comparable(self, change: ObjectChange) -> Mapping[str, tuple[str, ...]]:
        """An attribute that this side has never shown filled may have another name here, or be hidden: not told."""
        empty = [name for name, values in change.values.items() if not values]
        if len(empty) < len(change.values):
            self._filled.update(change.values.keys() - empty)
        if self._filled.issuperset(empty):
            return change.values
        return {name: values for name, values in change.values.items() if values or name in self._filled}

    def _is_same(self, one: Departure, arrival: Arrival) -> bool:
        if self._by_sync_time and arrival.synced_at is not None and arrival.synced_at >= one.at:
            return True
        if arrival.at < one.at - self._slack:
            return False
        return one.is_new or same_values(one.mark, arrival.mark)

    def _count(self, one: Departure, arrival: Arrival, now: datetime) -> None:
        synced = arrival.synced_at if self._by_sync_time else None
        at = arrival.at if synced is None or synced < one.at else min(synced, now)
        self._samples.add(at, lag_s(one.at, at), now)
        self.passed(one.at)

    # What is still on its way

    def _all(self) -> Iterator[Departure]:
        return (one for several in self._followed.values() for one in several)

    def _is_in_flight(self, one: Departure, until: datetime) -> bool:
        return one.at <= until and not self._has_passed(one, until)

    def _has_passed(self, one: Departure, until: datetime) -> bool:
        """Later changes have arrived, or the hop has succeeded since: this one was left out, or had nothing to carry.
        One that must travel is given the hop's normal lag first."""
        if self._passed is None or one.at >= self._passed - self._slack:
            return False
        return not one.is_certain or until - one.at > self._grace

    def _drop(self, key: str) -> None:
        self._number -= len(self._followed.pop(key, ()))

    def _settle(self) -> None:
        """Forget what had nothing to carry: the hop passed it some looks ago, and no arrival was seen since. Whatever
        arrives later with the same values is another change."""
        self._passed_at_looks.append(self._passed)
        passed = self._passed_at_looks[0]
        if passed is None or len(self._passed_at_looks) < LOOKS:
            return
        for key, several in list(self._followed.items()):
            if any(not one.is_certain and one.at < passed - self._slack for one in several):
                self._keep(key, [one for one in several if one.is_certain or one.at >= passed - self._slack])

    def _keep(self, key: str, several: list[Departure]) -> None:
        self._drop(key)
        if several:
            self._followed[key] = several
            self._number += len(several)

    def _give_up(self, now: datetime) -> None:
        for key, several in list(self._followed.items()):
            if now - several[0].at > DAY:
                self._keep(key, [one for one in several if now - one.at <= DAY])
        while self._waiting and now - next(iter(self._waiting.values())).seen > KEPT_ARRIVAL:
            self._waiting.popitem(last=False)


def _believable(at: datetime, now: datetime) -> datetime:
    """A change cannot be to come, nor can one that is only seen now be older than what is followed."""
    return at if now - DAY < at <= now else now


def _remember(store: OrderedDict[str, T], key: str, value: T, most: int) -> None:
    store[key] = value
    store.move_to_end(key)
    if len(store) > most:
        store.popitem(last=False)
