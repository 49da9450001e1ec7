"""The one live widget: lines made by a pure view, of which only the cells that changed are repainted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.events import MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.frame import Frame
from tui.widgets.line import BLANK, Line, Span, changed_cells, fit
from tui.widgets.palette import Palette

log = logging.getLogger(__name__)

View = Callable[[Frame, int, int], Sequence[Line]]
"""(frame, width, height) to lines; pure. More lines than fit are scrolled to, where the panel scrolls."""

PANEL_FAILED: Line = (Span("panel failed, see log", "warn"),)


def strip_of(spans: Line, width: int, palette: Palette, base: Style | None = None) -> Strip:
    """Exactly `width` cells of `spans`. A style the palette does not know is drawn plain."""
    plain = palette.get("")
    segments = [Segment(text, _over(base, palette.get(style, plain))) for text, style in spans if text]
    return Strip(segments).adjust_cell_length(width, base)


def _over(base: Style | None, style: Style | None) -> Style | None:
    if base is None:
        return style or None
    return base + style if style else base


class Panel(Widget, can_focus=False):
    """Set `view` at birth, then call `show` with each frame. A view that raises is told in place, and logged once."""

    def __init__(
        self,
        view: View,
        *,
        id: str | None = None,
        classes: str | None = None,
        scrolls: bool = False,
        fixed: int = 1,
    ) -> None:
        """`fixed` lines at the top stay when the rest scrolls."""
        super().__init__(id=id, classes=classes, markup=False)
        self.can_focus = scrolls
        self._view = view
        self._fixed = fixed if scrolls else 0
        self._frame: Frame | None = None
        self._lines: list[Line] = []
        self._top = 0
        self._complained = ""

    @property
    def lines(self) -> Sequence[Line]:
        return self._lines

    def show(self, frame: Frame) -> None:
        self._frame = frame
        width, height = self.size
        if not width or not height:
            return
        lines = [fit(spans, width, frame.look.glyphs.ellipsis) for spans in self._guarded(frame, width, height)]
        self._replace(lines, height)

    def _guarded(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        try:
            return self._view(frame, width, height)
        except Exception as error:
            if repr(error) != self._complained:
                self._complained = repr(error)
                log.exception("the panel %s could not be drawn", self.id)
            return [PANEL_FAILED]

    def _replace(self, lines: list[Line], height: int) -> None:
        old, self._lines = self._lines, lines
        top = max(0, min(self._top, len(lines) - height))
        if top != self._top:
            self._top = top
            self.refresh()
            return
        for y in range(height):
            place = self._place(y)
            before, after = line_at(old, place), line_at(lines, place)
            if before != after:
                self._repaint(y, before, after)

    def _repaint(self, y: int, before: Line, after: Line) -> None:
        if (changed := changed_cells(before, after)) is not None:
            first, end = changed
            self.refresh(Region(first, y, end - first, 1))

    def on_resize(self, event: Resize) -> None:
        if self._frame is not None:
            self.show(self._frame)

    def render_line(self, y: int) -> Strip:
        if self._frame is None:
            return Strip.blank(self.size.width, self.rich_style)
        spans = line_at(self._lines, self._place(y))
        if y == 0 and self.has_focus:
            spans = tuple(Span(text, "focus" if style == "title" else style) for text, style in spans)
        return strip_of(spans, self.size.width, self._frame.look.palette, self.base_style)

    def _place(self, y: int) -> int:
        """The line that is drawn at `y`."""
        return y if y < self._fixed else y + self._top

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    @property
    def base_style(self) -> Style | None:
        """None with the terminal's own colours: plain text then needs no escape codes at all."""
        return None if self.app.native_ansi_color else self.rich_style

    def scroll_lines(self, by: int) -> None:
        """Move by lines within what there is."""
        top = max(0, min(self._top + by, len(self._lines) - self.size.height))
        if top != self._top:
            self._top = top
            self.refresh()

    def page(self, by: int) -> None:
        self.scroll_lines(by * max(1, self.size.height - 1))

    def edge(self, end: bool) -> None:
        self.scroll_lines(len(self._lines) if end else -len(self._lines))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self.scroll_lines(3)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self.scroll_lines(-3)


def line_at(lines: Sequence[Line], index: int) -> Line:
    return lines[index] if 0 <= index < len(lines) else BLANK
