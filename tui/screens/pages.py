"""The screens of one page: reasons, sources, a failure, help."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain

from tui.actions import ACTIONS, spoken_keys
from tui.model.alert_rows import alert_rows
from tui.model.snapshot import Failure, TenantSnapshot
from tui.model.text import duration
from tui.screens.live import PageScreen
from tui.widgets.detail import failure_lines
from tui.widgets.frame import Frame
from tui.widgets.heading import heading
from tui.widgets.line import BLANK, Line, Span, line, pad, wrap
from tui.widgets.panel import Panel, View
from tui.widgets.polling import sources_view
from tui.widgets.reasons import reasons_view

_WIDEST = 110
_LEAD = 14
_MARKS = (
    ("+ OK", "inside its limit", "ok"),
    ("! WARN", "over its limit, or something needs looking at", "warn"),
    ("X CRIT", "far over its limit, or stopped", "crit"),
    ("~ UNKNOWN", "not known: denied, not reported, or too old to judge (STALE)", "unknown"),
    ("= OFF", "not in use, or not monitored", "off"),
    ("*", "a failure that is new since you last looked at the list", "new"),
    ("-  n/a", "not known; does not apply or is not monitored. Neither is zero", ""),
)
_NOTES = (
    "AGE is the time since a hop last succeeded, by the service's own clock. LIMIT is when that becomes a warning.",
    "LAG is how long a change took to arrive, measured object by object: the median of the last hour, LAG P95 "
    "and LAG MAX beside it, CHANGES: how many were measured. Where nothing changed there is no lag.",
    "A * goes once you have moved in the list and left it (Esc, Tab, Enter), or a minute after your last move.",
    "With the mouse on, shift-drag (option-drag on a Mac) still selects text in most terminals.",
    "synctop only reads: no key changes anything in a directory.",
)


def reasons_screen() -> PageScreen:
    return _page("WHY", reasons_view)


def sources_screen() -> PageScreen:
    return _page("SOURCES", sources_view)


def help_screen() -> PageScreen:
    return _page("HELP", help_view)


def failure_screen(failure: Failure) -> PageScreen:
    return _page("FAILURE", _FailureView(failure))


def _page(title: str, view: View) -> PageScreen:
    def titled(frame: Frame, width: int, height: int) -> Sequence[Line]:
        top = heading((Span(title, "title"),), width, frame.look.glyphs, (Span("esc back", "dim"),))
        return [top, *view(frame, min(width, _WIDEST), height)]

    return PageScreen(Panel(titled, id="page", scrolls=True))


class _FailureView:
    """A failure as it is now; when it is no longer reported, as it was, and since when."""

    def __init__(self, failure: Failure) -> None:
        self._failure = failure
        self._read_from: TenantSnapshot | None = None
        self._gone_at: datetime | None = None

    def __call__(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        self._look_up(frame)
        lines = failure_lines(self._failure, frame, width)
        if self._gone_at is None:
            return [BLANK, *lines]
        ago = duration((frame.now - self._gone_at).total_seconds())
        return [line(Span(f"no longer reported for {ago}; this is how it was", "ok")), *lines]

    def _look_up(self, frame: Frame) -> None:
        shown = frame.shown
        if shown is self._read_from:
            return
        self._read_from = shown
        rows = chain(alert_rows(shown.alerts), shown.failures)
        found = next((row for row in rows if row.id == self._failure.id), None)
        if found is None:
            self._gone_at = self._gone_at or frame.now
        else:
            self._failure, self._gone_at = found, None


def help_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    """Made from the table of actions, so that no key can be missing here."""
    lines: list[Line] = [BLANK, line(Span("KEYS", "label"))]
    for action in ACTIONS:
        if action.id.startswith("tenant(") and action.id != "tenant(1)":
            continue
        keys = "1-9" if action.id == "tenant(1)" else spoken_keys(action)
        text = "Show that tenant of the strip." if action.id == "tenant(1)" else action.help
        lines += _entry(keys, "key", text, width)
    lines += [BLANK, line(Span("MARKS", "label"))]
    for mark, meaning, style in _MARKS:
        lines += _entry(mark, style, meaning, width)
    lines += [BLANK, line(Span("NOTES", "label"))]
    for note in (*_NOTES, *([frame.banner] if frame.banner else ())):
        lines += [line(Span(part)) for part in wrap(note, width)]
    return lines


def _entry(lead: str, style: str, text: str, width: int) -> list[Line]:
    parts = wrap(text, width - _LEAD)
    return [line(Span(pad("" if row else lead, _LEAD), style), Span(part)) for row, part in enumerate(parts)]
