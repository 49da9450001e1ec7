"""The last line: keys, as many as fit; a passing word to the operator in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tui.actions import ACTIONS, Action, spoken
from tui.widgets.frame import Frame
from tui.widgets.line import Line, Span, width_of

_PAGE = ("back", "copy", "time", "help", "quit")
_TRACE = ("back", "trace", "poll", "copy", "time", "help", "quit")
_NAMES_ON_TRACES = {"trace": "trace another", "poll": "again"}
_NAMES_ON_LISTS = {"next_pane": "other hop", "open": "trace", "poll": "again"}
_LIST = ("back", "open", "filter", "next_pane", "poll", "copy", "help", "quit")
_SMALL = ("quit", "failures", "counts", "help")


def footer_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    shown = [action for action in ACTIONS if action.short]
    if width < 60:
        shown = [action for action in shown if action.id in _SMALL]
    return [_keys(frame, shown, width)]


def page_footer_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    """What is of use on a page over the overview."""
    return [_keys(frame, _in_order(_PAGE), width)]


def trace_footer_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    """What is of use on a trace."""
    return [_keys(frame, _in_order(_TRACE), width, _NAMES_ON_TRACES)]


def list_footer_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    """What is of use on a list over the overview."""
    return [_keys(frame, _in_order(_LIST), width, _NAMES_ON_LISTS)]


def _in_order(ids: Sequence[str]) -> list[Action]:
    return sorted((action for action in ACTIONS if action.id in ids), key=lambda action: ids.index(action.id))


def _keys(frame: Frame, actions: Sequence[Action], width: int, names: Mapping[str, str] | None = None) -> Line:
    if frame.notice:
        return (Span(frame.notice, "bold"),)
    spans: list[Span] = []
    for action in actions:
        name = (names or {}).get(action.id) or action.short or action.title.casefold()
        entry = [Span("  " if spans else ""), Span(spoken(action.keys[0]), "key"), Span(f" {name}", "dim")]
        if width_of((*spans, *entry)) > width:
            break
        spans += entry
    return tuple(spans)
