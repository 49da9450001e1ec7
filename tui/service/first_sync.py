"""Progress of a first sync, measured: what the managed domain holds of what it should hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tui.model.reading import Reading
from tui.model.snapshot import Progress
from tui.service.history import Samples

RATE_SPAN = timedelta(minutes=30)


class FirstSync:
    """Keeps the samples from which the rate is taken."""

    def __init__(self) -> None:
        self._done = Samples()

    def progress(self, held: Sequence[Reading[int]], total: Sequence[int | None]) -> Progress | None:
        """None while either side is unknown. Not moving: nothing arrived during the last half hour of samples."""
        done = [reading.value for reading in held if reading.value is not None]
        known = [number for number in total if number is not None]
        if len(done) < len(held) or len(known) < len(total) or not held or held[0].as_of is None:
            return None
        self._done.add(held[0].as_of, sum(done))
        rate = self._done.per_second(RATE_SPAN)
        finished = sum(done) >= sum(known)
        return Progress(
            done=sum(done),
            total=sum(known),
            per_second=rate if rate and rate > 0 else None,
            moving=finished or rate is None or rate > 0,
        )
