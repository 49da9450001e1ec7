"""The base of every screen: one frame comes in, every panel draws from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget

from tui.widgets.detail import plain_text
from tui.widgets.footer import page_footer_view
from tui.widgets.frame import Frame
from tui.widgets.headline import clock_view, clock_width, title_view
from tui.widgets.panel import Panel

TICKING = "ticking"


@runtime_checkable
class Shows(Protocol):
    """A widget that draws from a frame."""

    def show(self, frame: Frame) -> None: ...


@runtime_checkable
class Scrolls(Protocol):
    """A widget whose lines can be moved through."""

    def scroll_lines(self, by: int) -> None: ...

    def page(self, by: int) -> None: ...

    def edge(self, end: bool) -> None: ...


class LiveScreen(Screen[None], inherit_bindings=False):
    """`frame` is the one value that enters; a tick refreshes only what shows passing time."""

    frame: reactive[Frame | None] = reactive(None, repaint=False, init=False)

    class Resumed(Message):
        """This screen is on top again: what it shows may be old."""

    def watch_frame(self, frame: Frame | None) -> None:
        if frame is not None and self.is_mounted:
            self.take(frame)

    def on_mount(self) -> None:
        if self.frame is not None:
            self.take(self.frame)

    def on_screen_resume(self) -> None:
        self.post_message(self.Resumed())

    def take(self, frame: Frame) -> None:
        for widget in self.showing():
            widget.show(frame)

    def tick(self, frame: Frame) -> None:
        for widget in self.query(f".{TICKING}").results(Widget):
            if isinstance(widget, Shows):
                widget.show(frame)

    def showing(self) -> Iterable[Shows]:
        return (widget for widget in self.query(Widget) if isinstance(widget, Shows) and widget.display)

    def scrolling(self) -> Scrolls | None:
        """What the arrows move."""
        return self.focused if isinstance(self.focused, Scrolls) else None

    def action_move(self, by: int) -> None:
        if (target := self.scrolling()) is not None:
            target.scroll_lines(by)

    def action_page(self, by: int) -> None:
        if (target := self.scrolling()) is not None:
            target.page(by)

    def action_edge(self, end: bool) -> None:
        if (target := self.scrolling()) is not None:
            target.edge(end)

    def action_next_pane(self) -> None:
        self.focus_next()

    def action_previous_pane(self) -> None:
        self.focus_previous()

    def action_back(self) -> None:
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def copied_text(self) -> str:
        """What `y` copies here."""
        return ""


class PageScreen(LiveScreen):
    """One scrolling panel under the title line."""

    def __init__(self, body: Panel) -> None:
        super().__init__()
        self._body = body

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Panel(title_view, id="title-line", classes=TICKING)
            yield Panel(clock_view, id="clock", classes=TICKING)
        yield self._body
        yield Panel(page_footer_view, id="footer", classes=TICKING)

    def on_mount(self) -> None:
        self._body.focus()
        super().on_mount()

    def take(self, frame: Frame) -> None:
        clock = self.query_one("#clock", Panel)
        clock.styles.width = clock_width(self.app.size.width, frame.look)
        super().take(frame)

    def copied_text(self) -> str:
        return plain_text(self._body.lines)
