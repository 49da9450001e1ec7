"""What stands around the list of failures: its title with counts, order and filter, and what lies beyond its edges."""

from __future__ import annotations

from collections.abc import Sequence

from tui.model.states import SourceId, SourceState
from tui.model.text import count, duration, plural
from tui.widgets.failure_index import ListState
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
    alerts = len(frame.shown.alerts)
    parts = [
        Span("FAILURES", "title"),
        Span(f"  {count(feed.new)} new" if feed.new else "", "new"),
        Span(f"  {count(failing(frame.shown))} open"),
        Span(f"  {plural(alerts, 'alert')}" if alerts else ""),
        Span(_age(frame), "unknown"),
    ]
    if feed.matching != feed.total:
        parts.append(Span(f"  {count(feed.matching)} match", "bold"))
    if feed.truncated:
        parts.append(Span(f"  first {count(len(frame.shown.failures))} read", "warn"))
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
    """How many are out of sight; what `*` stands for."""
    glyphs = frame.look.glyphs
    if feed.indexed < feed.total and feed.query:
        return [(Span(f"reading {count(feed.indexed)} of {count(feed.total)} ...", "dim"),)]
    beyond = [f"{count(feed.above)} above"] if feed.above else []
    beyond += [f"{count(feed.below)} more"] if feed.below else []
    left = f"  {'...' if beyond else ''} {', '.join(beyond)}" if beyond else ""
    right = "* = new since you last looked " if feed.new else ""
    return [spread((Span(left, "dim"),), (Span(right, "dim"),), width, glyphs.ellipsis)]


def empty_line(frame: Frame, feed: ListState) -> Line:
    """What it means that no row is there."""
    if feed.total:
        return (Span("  nothing matches; Esc clears the filter", "dim"),)
    if failing(frame.shown) is None:
        return (Span(f"  {_unread(frame)}", "unknown"),)
    return (Span("  no object failed when last read" if _age(frame) else "  no object fails", "dim"),)


def _unread(frame: Frame) -> str:
    status = frame.shown.source(SourceId.FAILURES)
    waiting = status is None or status.state in (SourceState.NEVER, SourceState.OK)
    return "not read yet" if waiting else "could not be read: w tells why, o how polling goes"
