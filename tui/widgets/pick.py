"""A panel with a cursor: some of its lines are rows that can be opened."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from textual.events import Click, Resize
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from tui.widgets.frame import Frame
from tui.widgets.panel import Panel, View


class PickPanel(Panel):
    """The lines after the `fixed` ones are rows, as many as `rows` says; what follows them is not for picking.

    The cursor shows while the panel has the focus; a row that begins with two blanks is marked in the first of them.
    """

    class Moved(Message):
        """The cursor stands on another row."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, PickPanel.Moved)

    class Chosen(Message):
        """The row under the cursor is to be opened."""

    def __init__(self, view: View, rows: Callable[[Frame], int], *, id: str, fixed: int) -> None:
        super().__init__(view, id=id, scrolls=True, fixed=fixed)
        self._rows = rows
        self._cursor = 0

    @property
    def cursor(self) -> int | None:
        """The number of the row under the cursor; None where there is no row."""
        count = self._count
        return min(self._cursor, count - 1) if count else None

    @property
    def _count(self) -> int:
        return self._rows(self._frame) if self._frame is not None else 0

    def scroll_lines(self, by: int) -> None:
        self._move_to((self.cursor or 0) + by)

    def page(self, by: int) -> None:
        self.scroll_lines(by * max(1, self.size.height - self._fixed - 1))

    def edge(self, end: bool) -> None:
        self._move_to(self._count - 1 if end else 0)

    def to_top(self) -> None:
        """Other rows have come: start with the first."""
        self._move_to(0)

    def _move_to(self, target: int) -> None:
        before, top = self.cursor, self._top
        self._cursor = max(0, min(target, self._count - 1))
        self._keep_visible()
        if self._top != top:
            self.refresh()
        elif self._cursor != before:
            self._refresh_row(before)
            self._refresh_row(self._cursor)
        self.post_message(self.Moved())

    def _keep_visible(self) -> None:
        room = max(1, self.size.height - self._fixed)
        self._top = max(0, min(max(self._top, self._cursor - room + 1), self._cursor))

    def _refresh_row(self, row: int | None) -> None:
        if row is not None:
            self.refresh(Region(0, self._fixed + row - self.first, self.size.width, 1))

    @property
    def first(self) -> int:
        """The number of the first row in sight."""
        return self._top

    def on_focus(self) -> None:
        self.refresh()
        self.post_message(self.Moved())

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self._keep_visible()

    def on_click(self, event: Click) -> None:
        row = event.y + self.first - self._fixed
        if event.y >= self._fixed and row < self._count:
            self._move_to(row)
            if event.chain == 2:
                self.post_message(self.Chosen())

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        row = y - self._fixed + self.first
        if not self.has_focus or self._frame is None or row != self.cursor or y < self._fixed:
            return strip
        cursor, base = self._frame.look.palette["cursor"], self.base_style
        text = f">{strip.text[1:]}" if strip.text.startswith("  ") else strip.text
        return Strip([Segment(text, cursor if base is None else base + cursor)], self.size.width)
