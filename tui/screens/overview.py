"""The overview: from the verdict to its cause to the objects that fail, on one screen of any size."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.events import Resize
from textual.widget import Widget

from tui.screens.layout import Layout, Zoom, arrange
from tui.screens.live import TICKING, LiveScreen
from tui.screens.pages import failure_screen
from tui.widgets.activity import events_view, runs_view
from tui.widgets.compact import age_width, compact_age, compact_title, compact_view
from tui.widgets.counts import counts_view
from tui.widgets.detail import brief_lines, failure_lines, plain_text
from tui.widgets.failure_feed import tail_lines, title_lines
from tui.widgets.failure_index import STEP, Index, Looked, build
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
from tui.widgets.polling import polling_view
from tui.widgets.reasons import why_view

COPY_WIDTH = 100


class Overview(LiveScreen):
    """Parts are named by id; `arrange` says which are shown and how tall."""

    def __init__(self) -> None:
        super().__init__()
        self._zoom = Zoom.NONE
        self._layout: tuple[object, ...] = ()
        self._arranged = Layout(False, False, 0, {})
        self._looked: dict[str, Looked] = {}
        self._tenant = ""

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
                yield Panel(counts_view, id="counts", scrolls=True, fixed=2)
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
        if self.frame is not None:
            self._arrange(self.frame)

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
        key = (width, height, len(frame.tenants), bool(frame.banner or frame.activity), self._zoom, frame.look)
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
        looked.take(snapshot)
        if snapshot.name != self._tenant:
            self._tenant = snapshot.name
            failures.restart(looked)
        if snapshot.failures is failures.index.failures:
            return
        index = Index(snapshot.failures)
        if len(index.failures) <= STEP * 2:
            for _ in build(index, failures.index):
                pass
            failures.take(index, looked)
        else:
            self._index_slowly(index, looked, failures.index)

    @work(exclusive=True, group="index", exit_on_error=False)
    async def _index_slowly(self, index: Index, looked: Looked, earlier: Index) -> None:
        """Very many failures: shown at once, but the texts for the filter are made between the operator's keys."""
        failures = self.failures
        if not failures.typed:
            failures.take(index, looked)
        for _ in build(index, earlier):
            await asyncio.sleep(0)
        if failures.index is index:
            failures.indexed()
        else:
            failures.take(index, looked)

    def on_failure_list_moved(self, message: FailureList.Moved) -> None:
        if self.frame is not None:
            for part in ("title", "tail", "detail"):
                panel = self.query_one(f"#{part}", Panel)
                if panel.display:
                    panel.show(self.frame)

    def on_failure_list_chosen(self, message: FailureList.Chosen) -> None:
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
        if (current := self.failures.current) is not None:
            self.failures.opened()
            self.app.push_screen(failure_screen(current))

    def action_sort(self) -> None:
        self.failures.sort_by(self.failures.sort.next())

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


def _blank_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    return [BLANK]
