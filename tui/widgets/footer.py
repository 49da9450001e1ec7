"""The last line: keys, as many as fit; a passing word to the operator in their place."""

from __future__ import annotations

from collections.abc import Sequence

from tui.actions import ACTIONS, spoken
from tui.widgets.frame import Frame
from tui.widgets.line import Line, Span, width_of

_SMALL = ("quit", "failures", "counts", "help")


def footer_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    if frame.notice:
        return [(Span(frame.notice, "bold"),)]
    shown = [action for action in ACTIONS if action.short]
    if width < 60:
        shown = [action for action in shown if action.id in _SMALL]
    spans: list[Span] = []
    for action in shown:
        entry = [Span(spoken(action.keys[0]), "key"), Span(f" {action.short}  ", "dim")]
        if width_of((*spans, *entry)) - 2 > width:
            break
        spans += entry
    return [tuple(spans)]
