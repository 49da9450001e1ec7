"""What happens when in the lab: a queue of events in lab time, each done in small pieces."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple

Pieces = Iterator[None] | None
Work = Callable[[], Pieces]


class Event(NamedTuple):
    """`work` either is done at once or returns the pieces it is done in. `every`: it comes again after so long.

    No two have the same `order`, so that comparing never comes to the rest.
    """

    at: datetime
    order: int
    work: Work
    every: timedelta | None = None


class EventQueue:
    """Events in the order of their time; those of one time in the order they were added."""

    def __init__(self, set_present: Callable[[datetime | None], None]) -> None:
        self._set_present = set_present
        self._events: list[Event] = []
        self._order = count()
        self._under_way: tuple[datetime, Iterator[None]] | None = None

    def add(self, at: datetime, work: Work, every: timedelta | None = None) -> None:
        heapq.heappush(self._events, Event(at, next(self._order), work, every))

    def next_due(self) -> datetime | None:
        """When there is something to do; None where nothing is planned."""
        if self._under_way is not None:
            return self._under_way[0]
        return self._events[0].at if self._events else None

    def run_piece(self, now: datetime) -> bool:
        """Do the next piece of what is due; False where nothing is."""
        due = self.next_due()
        if due is None or due > now:
            return False
        self._set_present(due)
        try:
            self._continue() if self._under_way is not None else self._begin()
        finally:
            self._set_present(None)
        return True

    def _begin(self) -> None:
        event = heapq.heappop(self._events)
        if event.every is not None:
            self.add(event.at + event.every, event.work, event.every)
        pieces = event.work()
        if pieces is not None:
            self._under_way = (event.at, pieces)

    def _continue(self) -> None:
        assert self._under_way is not None
        try:
            next(self._under_way[1])
        except BaseException as end:
            self._under_way = None
            if not isinstance(end, StopIteration):
                raise
