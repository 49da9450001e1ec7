"""The last line: keys, as many as fit; a passing word to the operator in their place."""

from __future__ import annotations

from collections.abc import Sequence

from tui.actions import ACTIONS, Action, spoken
from tui.widgets.frame import Frame
from tui.widgets.line import Line, Span, width_of

_PAGE = ("back", "copy", "time", "help", "quit")
_SMALL = ("quit", "failures", "counts", "help")


def footer_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    shown = [action for action in ACTIONS if action.short]
    if width < 60:
        shown = [action for action in shown if action.id in _SMALL]
    return [_keys(frame, shown, width)]


def page_footer_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    """What is of use on a page over the overview."""
    return [_keys(frame, [action for action in ACTIONS if action.id in _PAGE], width)]


def _keys(frame: Frame, actions: Sequence[Action], width: int) -> Line:
    if frame.notice:
        return (Span(frame.notice, "bold"),)
    spans: list[Span] = []
    for action in actions:
        name = action.short or action.title.casefold()
        entry = [Span(spoken(action.keys[0]), "key"), Span(f" {name}  ", "dim")]
        if width_of((*spans, *entry)) - 2 > width:
            break
        spans += entry
    return tuple(spans)
