"""What stands around the list of failures: its title with counts, order and filter, and what lies beyond its edges."""

from __future__ import annotations

from collections.abc import Sequence

from tui.model.text import count
from tui.widgets.failure_list import ListState
from tui.widgets.frame import Frame
from tui.widgets.heading import heading
from tui.widgets.line import Line, Span, spread


def title_lines(frame: Frame, feed: ListState, width: int, *, typing: bool, ruled: bool) -> Sequence[Line]:
    """`FAILURES  3 new  9 open      sort: last seen  filter: none`; in a rule where panes stand side by side."""
    glyphs = frame.look.glyphs
    left = _counts(frame, feed)
    right: Line = (
        Span("sort: ", "label"),
        Span(feed.sort),
        Span("  filter: ", "label"),
        *_filter(feed, typing, glyphs.caret),
    )
    if width < 60:
        right = _filter(feed, typing, glyphs.caret) if feed.query or typing else ()
    return [heading(left, width, glyphs, right) if ruled else spread(left, right, width, glyphs.ellipsis)]


def _counts(frame: Frame, feed: ListState) -> Line:
    total = frame.shown.failures_total
    open_ = f"  {count(total)} open"
    parts = [Span("FAILURES", "title"), Span(f"  {count(feed.new)} new" if feed.new else "", "new"), Span(open_)]
    if feed.matching != feed.total:
        parts.append(Span(f"  {count(feed.matching)} match", "bold"))
    if feed.truncated:
        parts.append(Span("  (more exist than were read)", "warn"))
    return tuple(part for part in parts if part.text)


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
    answered = any(status.as_of for status in frame.shown.sources)
    return "  no object fails" if answered else "  not read yet"
