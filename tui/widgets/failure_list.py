"""The feed of failures: a virtual list over the Line API, which draws what is visible and repaints what changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.model.snapshot import Failure
from tui.widgets.failure_feed import empty_line
from tui.widgets.failure_index import Index, ListState, Looked, Sort, narrow, object_name, position, words_of
from tui.widgets.frame import Frame
from tui.widgets.line import BLANK, Line, Span, cut
from tui.widgets.panel import PANEL_FAILED, log, strip_of
from tui.widgets.table import Column, choose, header, row
from tui.widgets.typed_filter import TypedFilter
from tui.widgets.words import HOP_SHORT, SEVERITY_STYLES, SEVERITY_WORDS, recent_time

COLUMNS = (
    Column("mark", "", 2, 1),
    Column("last", "LAST", 9, 4, gap=0),
    Column("severity", "SEV", 4, 2, gap=1),
    Column("hop", "HOP", 8, 5),
    Column("code", "CODE", 22, 2, grows=True, widest=26),
    Column("object", "OBJECT", 20, 3, grows=True, widest=64),
    Column("attribute", "ATTRIBUTE", 26, 6, grows=True),
)
TIGHT_COLUMNS = (
    Column("mark", "", 2, 1),
    Column("severity", "SEV", 4, 3, gap=0),
    Column("code", "CODE", 12, 2, gap=1, grows=True, widest=22),
    Column("object", "OBJECT", 8, 1, gap=1, grows=True),
)
_TIGHT_BELOW = 64

# A look at the list that is not ended by leaving it ends after so many seconds without a move.
LOOK_TICKS = 60


def columns_of(width: int) -> tuple[Column, ...]:
    return choose(TIGHT_COLUMNS if width < _TIGHT_BELOW else COLUMNS, width)


def failure_line(failure: Failure, frame: Frame, width: int, *, current: bool, new: bool) -> Line:
    glyphs = frame.look.glyphs
    attribute = failure.attribute or ""
    if failure.attribute and failure.value:
        attribute = f"{failure.attribute} = {failure.value}"
    cells = {
        "mark": Span((">" if current else " ") + ("*" if new else " "), "new" if new else ""),
        "last": Span(recent_time(failure.last_seen or failure.first_seen, frame.now, frame.look)),
        "severity": Span(SEVERITY_WORDS[failure.severity], SEVERITY_STYLES[failure.severity]),
        "hop": Span(HOP_SHORT[failure.hop]),
        "code": Span(failure.code or "(no code)"),
        "object": Span(object_name(failure)),
        "attribute": Span(cut(attribute, width, glyphs.ellipsis), "dim"),
    }
    return row(columns_of(width), cells, glyphs)


class FailureList(TypedFilter, Widget, can_focus=True):
    """Rows are numbers into the index; the cursor stays on its failure when new ones come in above it.

    Until the operator has moved, the list follows the newest. Marks of new failures stay until a look has ended:
    after a move in the list, on leaving it.
    """

    class Moved(Message):
        """The cursor stands on another failure, or the list itself has changed."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, FailureList.Moved)

    class Chosen(Message):
        """The failure under the cursor is to be opened."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.index = Index()
        self.looked = Looked()
        self.sort = Sort.LAST_SEEN
        self._frame: Frame | None = None
        self._order: Sequence[int] = ()
        self._rows: Sequence[int] = ()
        self._cursor = 0
        self._top = 0
        self._follows = True
        self._looking = False
        self._new = 0
        self._idle_ticks = 0
        self._complained = False

    @property
    def rows(self) -> Sequence[int]:
        """The visible rows, as numbers into `index.failures`."""
        return self._rows

    @property
    def current(self) -> Failure | None:
        """The failure under the cursor."""
        return self.index.failures[self._rows[self._cursor]] if self._rows else None

    @property
    def state(self) -> ListState:
        below = max(0, len(self._rows) - self._top - self.size.height)
        return ListState(
            total=len(self.index.failures),
            matching=len(self._rows),
            new=self._new,
            above=self._top,
            below=below,
            sort=self.sort,
            query=self.typed,
            indexed=len(self.index.haystacks),
            truncated=self._frame is not None and self._frame.shown.failures_truncated,
        )

    def show(self, frame: Frame) -> None:
        """Times of day may have become dates, or local: the visible lines are compared, not repainted."""
        before, self._frame = self._frame, frame
        if not self._rows:
            self._refresh_row(0)
        if before is None or before.look != frame.look or before.now.date() != frame.now.date():
            self.refresh()

    def take(self, index: Index, looked: Looked, sort: Sort, order: Sequence[int]) -> None:
        """Show a set of failures in an order; the cursor stays on its failure where that is still there."""
        kept = self.current
        self.index, self.looked, self.sort = index, looked, sort
        self._order = order
        self._rearrange(kept)

    def indexed(self) -> None:
        """The texts are now complete: a filter typed meanwhile gets its full answer."""
        if self.typed:
            self._rearrange(self.current)

    def filter(self, query: str) -> None:
        if query == self.typed:
            return
        kept = self.current
        narrower = query.casefold().startswith(self.typed.casefold()) and bool(self.typed) and self.index.complete
        self.typed = query
        rows = self._rows if narrower else self._order
        self._set_rows(narrow(rows, self.index.haystacks, words_of(query)), kept)

    def start_typing(self) -> None:
        """Keys now edit the filter, until Enter keeps or Esc clears it."""
        self.typing = True
        self.post_message(self.Moved())

    def stop_typing(self, *, clear: bool) -> None:
        self.typing = False
        if clear and self.typed:
            self.filter("")
        self.post_message(self.Moved())

    def restart(self, looked: Looked) -> None:
        """Another tenant: nothing of the former one's list remains."""
        self._cursor = self._top = 0
        self._follows, self._looking, self.typing, self.typed = True, False, False, ""
        self.take(Index(), looked, self.sort, ())

    def opened(self) -> None:
        """Opening a failure is a look at the list, and leaves it."""
        self._looking = True
        self.looked_away()

    def looked_away(self) -> None:
        """The operator leaves the list: what was marked as new has been seen, if there was a look at all."""
        if self._looking:
            self._looking = False
            self.looked.look(self.index.failures)
            self._count_new()
            self.refresh()
            self.post_message(self.Moved())

    def tick(self) -> None:
        """A second has passed."""
        self._idle_ticks += 1
        if self._idle_ticks >= LOOK_TICKS:
            self.looked_away()

    def _rearrange(self, kept: Failure | None) -> None:
        self._set_rows(narrow(self._order, self.index.haystacks, words_of(self.typed)), kept)

    def _set_rows(self, rows: Sequence[int], kept: Failure | None) -> None:
        shown_at = self._cursor - self._top
        self._rows = rows
        self._cursor = 0 if self._follows else self._find(kept)
        self._top = max(0, min(self._cursor - shown_at, len(rows) - self.size.height))
        self._keep_visible()
        self._count_new()
        self.refresh()
        self.post_message(self.Moved())

    def _find(self, kept: Failure | None) -> int:
        """The place of the failure the cursor was on; its old place where it is gone."""
        nearest = max(0, min(self._cursor, len(self._rows) - 1))
        if kept is None:
            return nearest
        failures = self.index.failures
        if nearest < len(self._rows) and failures[self._rows[nearest]].id == kept.id:
            return nearest
        row = next((row for row, failure in enumerate(failures) if failure.id == kept.id), None)
        found = None if row is None else position(self._rows, row)
        return nearest if found is None else found

    def _count_new(self) -> None:
        self._new = self.looked.count_new(self.index.failures)

    def _keep_visible(self) -> None:
        height = max(1, self.size.height)
        self._top = min(max(self._top, self._cursor - height + 1), self._cursor)
        self._top = max(0, self._top)

    def on_resize(self, event: Resize) -> None:
        self._keep_visible()
        self.post_message(self.Moved())

    def on_focus(self) -> None:
        self._refresh_row(self._cursor)

    def on_blur(self) -> None:
        self._refresh_row(self._cursor)
        self.looked_away()

    def scroll_lines(self, by: int) -> None:
        self._move_to(self._cursor + by)

    def page(self, by: int) -> None:
        self._move_to(self._cursor + by * max(1, self.size.height - 1))

    def edge(self, end: bool) -> None:
        self._move_to(len(self._rows) - 1 if end else 0)
        self._follows = not end

    def _move_to(self, target: int) -> None:
        self._looking, self._follows, self._idle_ticks = True, False, 0
        target = max(0, min(target, len(self._rows) - 1))
        if target == self._cursor:
            return
        before, top = self._cursor, self._top
        self._cursor = target
        self._keep_visible()
        if self._top != top:
            self.refresh()
        else:
            self._refresh_row(before)
            self._refresh_row(target)
        self.post_message(self.Moved())

    def _refresh_row(self, place: int) -> None:
        self.refresh(Region(0, place - self._top, self.size.width, 1))

    def on_click(self, event: Click) -> None:
        place = self._top + event.y
        if place < len(self._rows):
            self._move_to(place)
            if event.chain == 2:
                self.post_message(self.Chosen())

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self.scroll_lines(3)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self.scroll_lines(-3)

    def render_line(self, y: int) -> Strip:
        base = None if self.app.native_ansi_color else self.rich_style
        if self._frame is None:
            return Strip.blank(self.size.width, base)
        spans, current = self._line(self._frame, self._top + y)
        strip = strip_of(spans, self.size.width, self._frame.look.palette, base)
        if current and self.has_focus:
            cursor = self._frame.look.palette["cursor"]
            return Strip([Segment(strip.text, cursor if base is None else base + cursor)], self.size.width)
        return strip

    def _line(self, frame: Frame, place: int) -> tuple[Line, bool]:
        if place >= len(self._rows):
            return (empty_line(frame, self.state) if not place else BLANK), False
        failure = self.index.failures[self._rows[place]]
        current = place == self._cursor
        try:
            new = self.looked.is_new(failure)
            return failure_line(failure, frame, self.size.width, current=current, new=new), current
        except Exception:
            if not self._complained:
                log.exception("a failure could not be drawn")
                self._complained = True
            return PANEL_FAILED, current


def list_header(frame: Frame, width: int, height: int) -> Sequence[Line]:
    return [header(columns_of(width), frame.look.glyphs)]
