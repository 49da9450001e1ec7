"""A small trend of ages, and the bar of a first sync."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from tui.model.snapshot import Progress
from tui.model.text import duration
from tui.widgets.glyphs import Glyphs
from tui.widgets.line import Line, Span

WINDOW = timedelta(minutes=60)

Samples = Sequence[tuple[datetime, float]]


def trend(samples: Samples, now: datetime, width: int, limit_s: float, glyphs: Glyphs) -> Line:
    """The last hour in `width` buckets, each its highest age; blank where no poll has told it.

    Between two polls at their usual distance the age is carried on; a longer silence stays blank.

    Buckets are anchored to the clock, so the trend moves on once per bucket and is still in between.
    """
    peaks = _peaks(samples, now, width)
    low, high = _scale([peak for peak in peaks if peak is not None], limit_s)
    spans: list[Span] = []
    for peak in peaks:
        style = "trend-over" if peak is not None and peak > limit_s else "trend"
        char = " " if peak is None else _step(peak, low, high, glyphs)
        if spans and spans[-1].style == style:
            spans[-1] = Span(spans[-1].text + char, style)
        else:
            spans.append(Span(char, style))
    return tuple(spans)


def _scale(peaks: Sequence[float], limit_s: float) -> tuple[float, float]:
    """From nothing to the limit, or to the worst; where all is over the limit, only the range itself tells anything."""
    if peaks and min(peaks) > limit_s:
        return min(peaks), max(peaks)
    return 0.0, max([limit_s, *peaks])


def _peaks(samples: Samples, now: datetime, width: int) -> list[float | None]:
    size = WINDOW.total_seconds() / width
    last = int(now.timestamp() // size)
    reach = _usual_distance(samples) // size + 1
    peaks: list[float | None] = [None] * width
    known: tuple[int, float] | None = None
    for at, value in samples:
        bucket = int(at.timestamp() // size) - last + width - 1
        if known and bucket - known[0] <= reach:
            for between in range(max(0, known[0] + 1), min(bucket, width)):
                peaks[between] = known[1]
        if 0 <= bucket < width:
            peaks[bucket] = max(value, peaks[bucket] or 0.0)
        known = bucket, value
    return peaks


def _usual_distance(samples: Samples) -> float:
    """Seconds between two polls, by the median."""
    times = [at.timestamp() for at, _ in samples]
    distances = sorted(later - earlier for earlier, later in pairwise(times))
    return distances[len(distances) // 2] if distances else 0.0


def _step(value: float, low: float, high: float, glyphs: Glyphs) -> str:
    steps = glyphs.steps
    if high <= low:
        return steps[-1] if low else steps[0]
    return steps[min(len(steps) - 1, int(len(steps) * max(0.0, value - low) / (high - low)))]


def progress_bar(progress: Progress, width: int, glyphs: Glyphs) -> Line:
    """`████░░░░ 45%  ETA 2m10s  52,310 of 120,000`, shortened from the right."""
    words = [f"{progress.fraction:>4.0%}", _eta(progress), f"{progress.done:,} of {progress.total:,}"]
    while len(words) > 1 and width - len("  ".join(words)) < 12:
        words.pop()
    text = "  ".join(words)
    cells = max(0, min(40, width - len(text) - 1))
    full = int(cells * progress.fraction)
    bar = glyphs.bar_full * full + glyphs.bar_empty * (cells - full)
    return (Span(bar, "trend" if progress.moving else "warn"), Span(" " + text))


def _eta(progress: Progress) -> str:
    if not progress.moving:
        return "stopped"
    eta = progress.eta_s
    return "ETA -" if eta is None else f"ETA {duration(eta)}"
