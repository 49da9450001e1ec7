"""The overview: from the verdict to its cause to the objects that fail, on one screen of any size."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from time import perf_counter

from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.events import Resize
from textual.widget import Widget

from tui.model.alert_rows import feed_rows
from tui.model.snapshot import Failure, TenantSnapshot
from tui.screens.asking import ComparisonWanted
from tui.screens.layout import Layout, Zoom, arrange
from tui.screens.live import TICKING, LiveScreen
from tui.screens.pages import failure_screen
from tui.widgets.activity import events_view, runs_view
from tui.widgets.compact import age_width, compact_age, compact_title, compact_view
from tui.widgets.counts import counts_view
from tui.widgets.detail import brief_lines, failure_lines, plain_text
from tui.widgets.failure_feed import tail_lines, title_lines
from tui.widgets.failure_index import STEP, Index, Looked, Sort, T, build, finished, ordering
from tui.widgets.failure_list import FailureList, list_header
from tui.widgets.footer import footer_view
from tui.widgets.frame import Frame
from tui.widgets.heading import heading
from tui.widgets.headline import (
    banner_view,
    clock_view,
    clock_width,
    freshness_view,
    freshness_width,
    tenants_view,
    title_view,
    verdict_view,
)
from tui.widgets.hops import hops_view
from tui.widgets.line import BLANK, Line, Span
from tui.widgets.panel import Panel
from tui.widgets.pick import PickPanel
from tui.widgets.polling import polling_view
from tui.widgets.reasons import why_view

COPY_WIDTH = 100
# So many failures are indexed while one key waits.
FEW = 2 * STEP
# As long a turn, and as long a rest: keys are answered in between.
TURN_S = 0.004


class Overview(LiveScreen):
    """Parts are named by id; `arrange` says which are shown and how tall."""

    def __init__(self) -> None:
        super().__init__()
        self._zoom = Zoom.NONE
        self._layout: tuple[object, ...] = ()
        self._arranged = Layout(False, False, 0, {})
        self._looked: dict[str, Looked] = {}
        self._tenant = ""
        self._snapshot: TenantSnapshot | None = None
        self._rows: Sequence[Failure] = ()

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Panel(self._title, id="title-line", classes=TICKING)
            yield Panel(self._clock, id="clock", classes=TICKING)
        with Horizontal(id="second"):
            yield Panel(verdict_view, id="verdict", classes=TICKING)
            yield Panel(freshness_view, id="freshness", classes=TICKING)
        yield Panel(banner_view, id="banner", classes=TICKING)
        yield Panel(tenants_view, id="tenants")
        with Container(id="body"):
            with Vertical(id="left"):
                yield Panel(compact_view, id="compact")
                yield Panel(hops_view, id="hops")
                yield Panel(_blank_view, id="gap1")
                yield PickPanel(counts_view, lambda frame: len(frame.shown.counts), id="counts", fixed=2)
                yield Panel(_blank_view, id="gap2")
                yield Panel(why_view, id="why", scrolls=True)
                yield Panel(_blank_view, id="gap3")
                yield Panel(runs_view, id="runs", scrolls=True, fixed=2)
                yield Panel(_blank_view, id="gap4")
                yield Panel(events_view, id="events", scrolls=True, fixed=2)
            with Vertical(id="right"):
                yield Panel(self._failures_title, id="title")
                yield Panel(list_header, id="header")
                yield FailureList(id="list")
                yield Panel(self._failures_tail, id="tail")
                yield Panel(self._detail, id="detail", scrolls=True)
                yield Panel(polling_view, id="polling", scrolls=True, fixed=2)
        yield Panel(footer_view, id="footer", classes=TICKING)

    @property
    def failures(self) -> FailureList:
        return self.query_one(FailureList)

    def on_mount(self) -> None:
        self.failures.focus()
        super().on_mount()

    def on_resize(self, event: Resize) -> None:
        """Parts that come into sight know nothing yet, and what the others know may be old."""
        self.post_message(self.Resumed())

    def take(self, frame: Frame) -> None:
        self._arrange(frame)
        self.query_one("#freshness").styles.width = freshness_width(frame, self.app.size.width)
        self._take_failures(frame)
        super().take(frame)

    def tick(self, frame: Frame) -> None:
        super().tick(frame)
        self.failures.tick()

    def _arrange(self, frame: Frame) -> None:
        width, height = self.app.size
        key = (width, height, len(frame.tenants), bool(frame.banner) + bool(frame.activity), self._zoom, frame.look)
        if key == self._layout:
            return
        self._layout = key
        self._arranged = arrange(width, height, tenants=key[2], banner=key[3], zoom=self._zoom)
        self._place(frame, width)

    def _place(self, frame: Frame, width: int) -> None:
        layout = self._arranged
        parts = (Panel, FailureList)
        for widget in self.query("Panel, FailureList, #top, #second").results(Widget):
            if isinstance(widget, parts) and widget.parent is not None and widget.parent.id in ("top", "second"):
                continue
            lines = layout.heights.get(widget.id or "")
            widget.display = lines is not None
            widget.styles.height = lines or "1fr"
        self.set_class(layout.split, "-split")
        shown = layout.heights.keys()
        left, right = self.query_one("#left"), self.query_one("#right")
        left.display = any(child.id in shown for child in left.children)
        right.display = any(child.id in shown for child in right.children)
        left.styles.width = layout.left_width if layout.split else "100%"
        left.styles.height = "100%" if layout.split else "auto" if right.display else "1fr"
        self.query_one("#clock").styles.width = age_width(width) if layout.compact else clock_width(width, frame.look)

    def _take_failures(self, frame: Frame) -> None:
        snapshot, failures = frame.shown, self.failures
        looked = self._looked.setdefault(snapshot.name, Looked())
        if not _same_feed(snapshot, self._snapshot):
            self._rows = feed_rows(snapshot.failures, snapshot.alerts)
        self._snapshot = snapshot
        looked.take(snapshot, self._rows)
        if snapshot.name != self._tenant:
            self._tenant = snapshot.name
            failures.restart(looked)
        if self._rows is not failures.index.failures:
            self._load(Index(self._rows), failures.sort)

    def _load(self, index: Index, sort: Sort) -> None:
        """Show `index` in the order of `sort`; at once where there are few, in steps between keys where many."""
        failures = self.failures
        looked = self._looked.setdefault(self._tenant, Looked())
        if len(index.failures) > FEW:
            failures.sort = sort
            self._show_around()
            self._load_slowly(index, sort, looked)
            return
        finished(build(index, failures.index))
        failures.take(index, looked, sort, finished(ordering(index.failures, sort)))

    # Without a description Textual makes one of the arguments' repr: seconds, for 100,000 failures.
    @work(exclusive=True, group="index", exit_on_error=False, description="index the failures")
    async def _load_slowly(self, index: Index, sort: Sort, looked: Looked) -> None:
        failures, earlier = self.failures, self.failures.index
        order = await _in_turns(ordering(index.failures, sort))
        # A filter needs the texts, or its rows would go and come again; without one they can follow.
        if not failures.typed:
            failures.take(index, looked, sort, order)
        await _in_turns(build(index, earlier))
        if failures.index is index:
            failures.indexed()
        else:
            failures.take(index, looked, sort, order)

    def on_failure_list_moved(self, message: FailureList.Moved) -> None:
        self._show_around()

    def _show_around(self) -> None:
        """What stands around the list tells of its state."""
        if self.frame is not None:
            for part in ("title", "tail", "detail"):
                panel = self.query_one(f"#{part}", Panel)
                if panel.display:
                    panel.show(self.frame)

    def on_failure_list_chosen(self, message: FailureList.Chosen) -> None:
        self.action_open()

    def on_pick_panel_chosen(self, message: PickPanel.Chosen) -> None:
        self.action_open()

    def _title(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        return (compact_title if self._arranged.compact else title_view)(frame, width, height)

    def _clock(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        return (compact_age if self._arranged.compact else clock_view)(frame, width, height)

    def _failures_title(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        failures = self.failures
        return title_lines(frame, failures.state, width, typing=failures.typing)

    def _failures_tail(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        return tail_lines(frame, self.failures.state, width)

    def _detail(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        current = self.failures.current
        top = heading((Span("DETAIL", "title"),), width, frame.look.glyphs, (Span("enter = full screen", "dim"),))
        if current is None:
            return [top, (Span("no failure selected", "dim"),)]
        return [top, *brief_lines(current, frame, width)]

    def action_filter(self) -> None:
        self.failures.focus()
        self.failures.start_typing()

    def action_open(self) -> None:
        counts = self.query_one("#counts", PickPanel)
        # The focus follows the zoom only after the keys that were typed with it.
        if counts.has_focus or self._zoom is Zoom.COUNTS:
            self._compare(counts.cursor)
            return
        if (current := self.failures.current) is not None:
            self.failures.opened()
            self.app.push_screen(failure_screen(current))

    def _compare(self, row: int | None) -> None:
        if row is not None and self.frame is not None:
            self.post_message(ComparisonWanted(self.frame.shown.counts[row].type))

    def action_sort(self) -> None:
        self._load(self.failures.index, self.failures.sort.next())

    def action_failures(self) -> None:
        self._toggle(Zoom.FAILURES)

    def action_counts(self) -> None:
        self._toggle(Zoom.COUNTS)

    def _toggle(self, zoom: Zoom) -> None:
        self._zoom = Zoom.NONE if self._zoom is zoom else zoom
        if self.frame is not None:
            self.take(self.frame)
        (self.query_one("#counts") if self._zoom is Zoom.COUNTS else self.failures).focus()

    def action_back(self) -> None:
        if self.failures.typing or self.failures.typed:
            self.failures.stop_typing(clear=True)
        elif self._zoom is not Zoom.NONE:
            self._toggle(self._zoom)
        else:
            self.failures.looked_away()

    def copied_text(self) -> str:
        current = self.failures.current
        if self.frame is None or current is None:
            return ""
        return plain_text(failure_lines(current, self.frame, COPY_WIDTH))


async def _in_turns(steps: Generator[None, None, T]) -> T:
    """The result of steps, taken over many short turns of the event loop."""
    started = perf_counter()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        if perf_counter() - started > TURN_S:
            await asyncio.sleep(TURN_S)
            started = perf_counter()


def _same_feed(one: TenantSnapshot, other: TenantSnapshot | None) -> bool:
    return other is not None and one.failures is other.failures and one.alerts == other.alerts


def _blank_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    return [BLANK]
