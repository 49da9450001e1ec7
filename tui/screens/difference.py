"""What two sides of a hop differ by, object by object: read when it opens, narrowed by words, opened as traces."""

from __future__ import annotations

from collections.abc import Sequence

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Resize

from tui.model.comparison import Example
from tui.model.failures import label
from tui.model.states import HopName, ObjectType
from tui.screens.asking import AskingScreen, TraceWanted
from tui.screens.live import TICKING
from tui.widgets.detail import plain_text
from tui.widgets.difference import (
    HOPS,
    Compared,
    empty_lines,
    example_detail,
    example_lines,
    head_lines,
    list_title,
)
from tui.widgets.example_list import ExampleList
from tui.widgets.feed import Asks
from tui.widgets.footer import list_footer_view
from tui.widgets.frame import Frame
from tui.widgets.headline import clock_view, clock_width, title_view
from tui.widgets.line import Line
from tui.widgets.panel import Panel

DETAIL_LINES = 7
DETAIL_FROM = 22
ROOMY_FROM = 12
COPY_WIDTH = 100


class DifferenceScreen(AskingScreen):
    """`tab` goes to the other hop, `enter` traces the object under the cursor, `esc` leaves and ends the reading."""

    def __init__(self, asks: Asks, tenant: str, kind: ObjectType, hop: HopName) -> None:
        super().__init__()
        self._asks = asks
        self._tenant = tenant
        self._compared = Compared(hop=hop, kind=kind)

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Panel(title_view, id="title-line", classes=TICKING)
            yield Panel(clock_view, id="clock", classes=TICKING)
        yield Panel(self._head, id="head")
        yield Panel(self._title, id="examples-title")
        yield ExampleList(self._rows, id="examples")
        yield Panel(self._detail, id="example-detail")
        yield Panel(list_footer_view, id="footer", classes=TICKING)

    @property
    def examples(self) -> ExampleList:
        return self.query_one(ExampleList)

    def on_mount(self) -> None:
        self._arrange()
        self.examples.focus()
        super().on_mount()
        self.ask_again()

    def on_resize(self, event: Resize) -> None:
        self._arrange()
        self.post_message(self.Resumed())

    def _arrange(self) -> None:
        height = self.app.size.height
        self.query_one("#head").styles.height = 3 if height >= ROOMY_FROM else 1
        self.query_one("#examples-title").styles.height = 1
        self.query_one("#examples-title").display = height >= ROOMY_FROM
        self.query_one("#example-detail").styles.height = DETAIL_LINES
        self.query_one("#example-detail").display = height >= DETAIL_FROM
        self.query_one("#footer").display = height >= 5

    def take(self, frame: Frame) -> None:
        self.query_one("#clock", Panel).styles.width = clock_width(self.app.size.width, frame.look)
        super().take(frame)

    def ask_again(self) -> None:
        self._begin(self._compared.hop)

    def _begin(self, hop: HopName) -> None:
        self._compared = Compared(hop=hop, kind=self._compared.kind)
        self.examples.take(())
        self.show_again()
        self._ask(hop)

    @work(exclusive=True, group="compare", exit_on_error=False, description="compare both sides")
    async def _ask(self, hop: HopName) -> None:
        kind = self._compared.kind
        comparison = await self._asks.compare(self._tenant, hop, kind, self._tell)
        self._compared = Compared(hop=hop, kind=kind, comparison=comparison)
        self.examples.take(comparison.examples)
        self.show_again()

    def _tell(self, words: str) -> None:
        self._compared = Compared(hop=self._compared.hop, kind=self._compared.kind, told=words)
        self.show_again()

    def _head(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        if height == 1 and (self.examples.typing or self.examples.typed):
            return self._title(frame, width, height)
        return head_lines(self._compared, frame, width, height)

    def _title(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        examples = self.examples
        return [list_title(len(examples.shown), self._compared, examples.typed, frame, width, typing=examples.typing)]

    def _rows(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        examples = self.examples
        if not examples.shown:
            return empty_lines(self._compared, examples.typed, frame, width)
        return example_lines(examples.shown[examples.first : examples.first + height], frame, width)

    def _detail(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        return example_detail(self.examples.current, frame, width)

    def on_pick_panel_moved(self) -> None:
        if self.frame is not None:
            self.query_one("#example-detail", Panel).show(self.frame)

    def on_pick_panel_chosen(self) -> None:
        self.action_open()

    def on_example_list_narrowed(self) -> None:
        """A key is answered by the parts that it changes, and by no other."""
        if self.frame is not None:
            for part in ("head", "examples-title", "examples", "example-detail"):
                self.query_one(f"#{part}", Panel).show(self.frame)

    def action_open(self) -> None:
        if (current := self.examples.current) is not None:
            self.post_message(TraceWanted(lasting_name(current)))

    def action_filter(self) -> None:
        self.examples.start_typing()

    def action_next_pane(self) -> None:
        self._begin(HOPS[1 - HOPS.index(self._compared.hop)])

    def action_previous_pane(self) -> None:
        self.action_next_pane()

    def action_back(self) -> None:
        if self.examples.typing or self.examples.typed:
            self.examples.stop_typing(clear=True)
        else:
            super().action_back()

    def copied_text(self) -> str:
        if self.frame is None or self.examples.current is None:
            return ""
        return plain_text([*example_detail(self.examples.current, self.frame, COPY_WIDTH)][1:])


def lasting_name(example: Example) -> str:
    """What finds this object and no other."""
    ref = example.object
    return ref.id or ref.source_anchor or ref.upn or label(ref)
