"""What stands around the list of failures: its title with counts, order and filter, and what lies beyond its edges."""

from __future__ import annotations

from collections.abc import Sequence

from tui.model.states import SourceId
from tui.model.text import count, duration
from tui.widgets.failure_list import ListState
from tui.widgets.frame import Frame
from tui.widgets.freshness import failing, is_old
from tui.widgets.heading import heading
from tui.widgets.line import Line, Span, spread

_WORDY_FROM = 60


def title_lines(frame: Frame, feed: ListState, width: int, *, typing: bool) -> Sequence[Line]:
    """`FAILURES  3 new  9 open ──── sort: last seen  filter: none`."""
    glyphs = frame.look.glyphs
    filtered = _filter(feed, typing, glyphs.caret)
    right: Line = (Span("sort: ", "label"), Span(feed.sort), Span("  filter: ", "label"), *filtered)
    if width < _WORDY_FROM:
        right = filtered if feed.query or typing else ()
    return [heading(_counts(frame, feed), width, glyphs, right)]


def _counts(frame: Frame, feed: ListState) -> Line:
    parts = [
        Span("FAILURES", "title"),
        Span(f"  {count(feed.new)} new" if feed.new else "", "new"),
        Span(f"  {count(failing(frame.shown))} open"),
        Span(_age(frame), "unknown"),
    ]
    if feed.matching != feed.total:
        parts.append(Span(f"  {count(feed.matching)} match", "bold"))
    if feed.truncated:
        parts.append(Span(f"  first {count(feed.total)} read", "warn"))
    return tuple(part for part in parts if part.text)


def _age(frame: Frame) -> str:
    status = frame.shown.source(SourceId.FAILURES)
    if status is None or status.as_of is None or not is_old(status, frame.now):
        return ""
    return f"  read {duration((frame.now - status.as_of).total_seconds())} ago"


def _filter(feed: ListState, typing: bool, caret: str) -> Line:
    if typing:
        return (Span(feed.query, "bold"), Span(caret, "bold"))
    return (Span(feed.query, "warn"),) if feed.query else (Span("none"),)


def tail_lines(frame: Frame, feed: ListState, width: int) -> Sequence[Line]:
    """How many are out of sight; what an empty list means; what `*` stands for."""
    glyphs = frame.look.glyphs
    if feed.indexed < feed.total and feed.query:
        return [(Span(f"reading {count(feed.indexed)} of {count(feed.total)} ...", "dim"),)]
    if not feed.matching:
        return [(Span(_empty(frame, feed), "dim"),)]
    beyond = [f"{count(feed.above)} above"] if feed.above else []
    beyond += [f"{count(feed.below)} more"] if feed.below else []
    left = f"  {'...' if beyond else ''} {', '.join(beyond)}" if beyond else ""
    right = "* = new since you last looked " if feed.new else ""
    return [spread((Span(left, "dim"),), (Span(right, "dim"),), width, glyphs.ellipsis)]


def _empty(frame: Frame, feed: ListState) -> str:
    if feed.query:
        return "  nothing matches; Esc clears the filter"
    if failing(frame.shown) is None:
        return "  not read yet"
    return "  no object failed when last read" if _age(frame) else "  no object fails"
