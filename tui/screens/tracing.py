"""One user or group on every side: asked for when the screen opens, and as it was found then."""

from __future__ import annotations

from collections.abc import Sequence

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal

from tui.model.text import duration
from tui.model.trace import Trace
from tui.model.trace_words import object_name
from tui.screens.asking import AskingScreen
from tui.screens.live import TICKING
from tui.widgets.detail import plain_text
from tui.widgets.feed import Asks
from tui.widgets.footer import trace_footer_view
from tui.widgets.frame import Frame
from tui.widgets.heading import heading
from tui.widgets.headline import clock_view, clock_width, title_view
from tui.widgets.line import Line, Span, line, wrap
from tui.widgets.panel import Panel
from tui.widgets.trace import trace_lines

_WIDEST = 190


class TraceScreen(AskingScreen):
    """`esc` ends the asking where it has not ended yet."""

    def __init__(self, asks: Asks, tenant: str, name: str) -> None:
        super().__init__()
        self._asks = asks
        self._tenant = tenant
        self._sought = name
        self._trace: Trace | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Panel(title_view, id="title-line", classes=TICKING)
            yield Panel(clock_view, id="clock", classes=TICKING)
        yield Panel(self._view, id="page", scrolls=True)
        yield Panel(trace_footer_view, id="footer", classes=TICKING)

    def on_mount(self) -> None:
        self.query_one("#page", Panel).focus()
        super().on_mount()
        self.ask_again()

    def take(self, frame: Frame) -> None:
        self.query_one("#clock", Panel).styles.width = clock_width(self.app.size.width, frame.look)
        super().take(frame)

    def ask_again(self) -> None:
        self._trace = None
        self.show_again()
        self._ask()

    @work(exclusive=True, group="trace", exit_on_error=False, description="trace one object")
    async def _ask(self) -> None:
        self._trace = await self._asks.trace(self._tenant, self._sought)
        self.show_again()

    def _view(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        width_used = min(width, _WIDEST)
        name = object_name(self._trace) if self._trace else self._sought
        title = (Span("TRACE", "title"), Span(f"  {name}"))
        right = (Span(_asked_ago(self._trace, frame), "dim"), Span("esc ", "key"), Span("back", "dim"))
        top = heading(title, width, frame.look.glyphs, right)
        if self._trace is not None:
            return [top, *trace_lines(self._trace, frame, width_used)]
        told = f"asking every side of {self._tenant} for {self._sought} (esc cancels)"
        return [top, *(line(Span(part)) for part in wrap(told, width_used))]

    def copied_text(self) -> str:
        return plain_text(self.query_one("#page", Panel).lines)


def _asked_ago(trace: Trace | None, frame: Frame) -> str:
    """A trace is a look at one moment, and says which."""
    return f"traced {duration((frame.now - trace.at).total_seconds())} ago  " if trace else ""
