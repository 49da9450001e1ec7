"""What past polls said, in bounded memory: samples for trends, hourly change and gaps that last."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from msgspec import Struct

HOUR = timedelta(hours=1)
MOST_SAMPLES = 720


class Sample(Struct, frozen=True):
    at: datetime
    value: int


class Samples:
    """The newest samples of one figure, oldest first."""

    def __init__(self, most: int = MOST_SAMPLES) -> None:
        self._samples: deque[Sample] = deque(maxlen=most)

    def add(self, at: datetime, value: int) -> None:
        if not self._samples or at > self._samples[-1].at:
            self._samples.append(Sample(at, value))

    def clear(self) -> None:
        self._samples.clear()

    def change(self, span: timedelta = HOUR) -> int | None:
        """The change over the last `span`, or over what there is of it; None with fewer than two samples."""
        if len(self._samples) < 2:
            return None
        newest = self._samples[-1]
        since = next((sample for sample in self._samples if sample.at >= newest.at - span), newest)
        return newest.value - since.value

    def least(self, span: timedelta) -> int | None:
        """The least value during the last `span`; None while the samples do not reach back that far."""
        if not self._samples or self._samples[-1].at - self._samples[0].at < span:
            return None
        newest = self._samples[-1].at
        return min(sample.value for sample in self._samples if sample.at >= newest - span)

    def since(self, least: int) -> datetime | None:
        """The first of the newest samples in a row that are at least `least`; None where the newest is less."""
        since = None
        for sample in reversed(self._samples):
            if sample.value < least:
                break
            since = sample.at
        return since

    def per_second(self, span: timedelta) -> float | None:
        """The mean rate over the last `span`; None with fewer than two samples in it."""
        recent = [sample for sample in self._samples if sample.at >= self._samples[-1].at - span]
        if len(recent) < 2:
            return None
        seconds = (recent[-1].at - recent[0].at).total_seconds()
        return (recent[-1].value - recent[0].value) / seconds
