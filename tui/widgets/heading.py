"""The line that opens a section: a rule, with its title in it where there is room."""

from __future__ import annotations

from tui.widgets.glyphs import Glyphs
from tui.widgets.line import Line, Span, spread


def heading(title: Line, width: int, glyphs: Glyphs, right: Line = ()) -> Line:
    """`── HOPS ────── right`."""
    left = (Span(glyphs.rule * 2 + " ", "dim"), *title, Span(" "))
    end = (Span(" "), *right) if right else ()
    return spread(left, end, width, glyphs.ellipsis, glyphs.rule, "dim")


def rule(width: int, glyphs: Glyphs) -> Line:
    return (Span(glyphs.rule * width, "dim"),)
