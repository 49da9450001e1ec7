"""Measured lags of the last day in bounded memory: slots of ten minutes, each with a fair choice of its samples."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from tui.model.lag import Sample, figures
from tui.model.snapshot import LagFigures

SLOT_S = 600
DAY = timedelta(days=1)
MOST_SLOTS = int(DAY.total_seconds()) // SLOT_S + 1
MOST_KEPT = 64


class LagSamples:
    """Counts and maxima are exact; median and 95th percentile are those of at most `most_kept` samples a slot.

    `random`: from 0 to 1, decides which samples are kept.
    """

    def __init__(self, random: Callable[[], float], most_kept: int = MOST_KEPT) -> None:
        self._random = random
        self._most_kept = most_kept
        self._slots: dict[int, _Slot] = {}
        self._known: dict[timedelta, tuple[int, LagFigures]] = {}

    def add(self, at: datetime, seconds: float, now: datetime) -> None:
        """One change that arrived `at`, after `seconds`."""
        newest = _slot_of(now)
        number = min(newest, _slot_of(at))
        if number <= newest - MOST_SLOTS:
            return
        if number not in self._slots:
            kept = {key: slot for key, slot in self._slots.items() if key > newest - MOST_SLOTS}
            self._slots = {**kept, number: _Slot()}
        self._slots[number].add(seconds, self._most_kept, self._random)
        self._known.clear()

    def figures(self, span: timedelta, now: datetime) -> LagFigures:
        """Over the last `span`, to the slot: ten minutes more at most."""
        first = _slot_of(now - span)
        known = self._known.get(span)
        if known is None or known[0] != first:
            known = self._known[span] = first, self._since(first)
        return known[1]

    def _since(self, first: int) -> LagFigures:
        slots = [slot for number, slot in self._slots.items() if number >= first]
        longest = max((slot.longest for slot in slots), default=0.0)
        return figures(_samples(slots), sum(slot.number for slot in slots), longest)

    def __len__(self) -> int:
        return sum(len(slot.kept) for slot in self._slots.values())


class _Slot:
    """Every sample counts; of `number` each had the same chance to be among those `kept` (reservoir sampling)."""

    __slots__ = ("kept", "longest", "number")

    def __init__(self) -> None:
        self.number = 0
        self.longest = 0.0
        self.kept = array("d")

    def add(self, seconds: float, most: int, random: Callable[[], float]) -> None:
        self.number += 1
        self.longest = max(self.longest, seconds)
        if len(self.kept) < most:
            self.kept.append(seconds)
        elif (place := int(random() * self.number)) < most:
            self.kept[place] = seconds


def _samples(slots: Iterable[_Slot]) -> Iterator[Sample]:
    for slot in slots:
        weight = slot.number / len(slot.kept)
        yield from (Sample(seconds, weight) for seconds in slot.kept)


def _slot_of(at: datetime) -> int:
    return int(at.timestamp()) // SLOT_S
