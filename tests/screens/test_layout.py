"""Who gets how many lines at which size."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import START
from tui.model.snapshot import Progress
from tui.screens.layout import Zoom, arrange
from tui.widgets.glyphs import ASCII
from tui.widgets.line import text_of
from tui.widgets.trend import progress_bar, trend

OUTER = ("top", "second", "banner", "tenants", "footer")
LEFT = ("hops", "counts", "why", "runs", "events", "compact", "gap1", "gap2", "gap3", "gap4")


@given(st.integers(10, 400), st.integers(2, 150), st.integers(1, 12), st.booleans(), st.sampled_from(list(Zoom)))
def test_parts_fit_any_terminal(width: int, height: int, tenants: int, banner: bool, zoom: Zoom) -> None:
    """At no size do the parts need more lines than there are."""
    layout = arrange(width, height, tenants=tenants, banner=banner, zoom=zoom)
    outer = sum(
        lines for part, lines in layout.heights.items() if part in ("top", "second", "banner", "tenants", "footer")
    )
    inner = {
        part: lines
        for part, lines in layout.heights.items()
        if part not in ("top", "second", "banner", "tenants", "footer")
    }
    if layout.split:
        columns = [sum(lines for part, lines in inner.items() if (part in LEFT) is left) for left in (True, False)]
    else:
        columns = [sum(inner.values())]
    assert all(outer + column <= height for column in columns)


def test_the_failures_are_always_within_reach() -> None:
    """From 80x18 upwards the list of failures has room on the overview itself."""
    for height in range(18, 120):
        for width in (80, 120, 159, 160, 200, 300):
            layout = arrange(width, height, tenants=3, banner=True, zoom=Zoom.NONE)
            assert layout.heights["list"] == 0
            assert "title" in layout.heights


def test_trend_leaves_unknown_times_blank() -> None:
    """A time without a sample is a blank in the trend, never a low value."""
    samples = [(START - timedelta(minutes=n), 60.0 * n) for n in (0, 1, 2, 3)]
    drawn = text_of(trend(samples, START, 12, 600.0, ASCII))
    assert drawn[:10].strip() == ""
    assert " " not in drawn[10:]


def test_trend_is_whole_between_rare_polls() -> None:
    """Polls rarer than the buckets leave no holes; a time in which polls were missed does."""
    minutes = [50, 40, 30, 10, 0]
    samples = [(START - timedelta(minutes=n), 60.0) for n in minutes]
    drawn = text_of(trend(samples, START, 60, 600.0, ASCII))
    assert " " not in drawn[9:29]
    assert drawn[30:48].strip() == ""
    assert " " not in drawn[50:]


def test_trend_stands_still_within_a_bucket() -> None:
    """The trend moves on once per bucket, so that a second later nothing is repainted."""
    samples = [(START - timedelta(minutes=n), float(n % 7)) for n in range(60)]
    first = trend(samples, START, 12, 10.0, ASCII)
    assert trend(samples, START + timedelta(seconds=30), 12, 10.0, ASCII) == first


def test_a_first_sync_that_has_stopped_says_so() -> None:
    """The bar of a first sync that no longer moves says stopped in place of an ETA."""
    told = text_of(progress_bar(Progress(done=50, total=100, per_second=3, moving=False), 60, ASCII))
    assert "50%" in told
    assert "stopped" in told
    assert "ETA" not in told


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 80))
def test_progress_bar_fits(done: int, total: int, width: int) -> None:
    """Whatever the figures, the bar never passes its end, and a rate not known yet promises no ETA."""
    told = text_of(progress_bar(Progress(done=done, total=total), width, ASCII))
    assert told.count("#") <= width
    assert "ETA -" in told or "ETA" not in told
