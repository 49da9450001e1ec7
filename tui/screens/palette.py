"""The command palette: every action by its name, narrowed as one types."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.events import Key, Paste
from textual.screen import ModalScreen

from tui.actions import ACTIONS, Action, spoken_keys
from tui.widgets.frame import Frame
from tui.widgets.heading import rule
from tui.widgets.line import Line, Span
from tui.widgets.panel import Panel
from tui.widgets.prompt import edited, pasted
from tui.widgets.table import Column, choose, row

COLUMNS = (
    Column("mark", "", 2, 1),
    Column("title", "", 18, 1, gap=0),
    Column("key", "", 14, 2),
    Column("help", "", 20, 3, grows=True),
)


def matching(query: str) -> list[Action]:
    """Actions whose title or help holds every word; those matching by title first."""
    words = query.casefold().split()
    offered = [action for action in ACTIONS if action.palette]
    found = [action for action in offered if all(word in f"{action.title} {action.help}".casefold() for word in words)]
    return sorted(found, key=lambda action: not all(word in action.title.casefold() for word in words))


def name_to_trace(query: str) -> str:
    """`trace NAME` is a command too: its NAME; empty for anything else."""
    command, _, name = query.lstrip().partition(" ")
    return name.strip() if command.casefold() == "trace" else ""


class CommandScreen(ModalScreen[Action | str | None], inherit_bindings=False):
    """Closes with the chosen action, with a name to trace, or with None."""

    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self._frame = frame
        self.query_text = ""
        self._chosen = 0

    def compose(self) -> ComposeResult:
        yield Panel(self._view, id="palette")

    def on_mount(self) -> None:
        self._show()

    def _show(self) -> None:
        self.query_one(Panel).show(self._frame)

    def _view(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        glyphs, found = frame.look.glyphs, matching(self.query_text)
        prompt = (Span(": ", "key"), Span(self.query_text, "bold"), Span(glyphs.caret, "bold"))
        columns = choose(COLUMNS, width)
        first = max(0, self._chosen - (height - 4))
        rows = [self._row(action, columns, place) for place, action in enumerate(found)][first:]
        if name := name_to_trace(self.query_text):
            rows = [(Span("> ", "bold"), Span(f"Trace {name}", "bold"), Span("  over every side", "dim"))]
        elif not rows:
            rows = [(Span("  no such command", "dim"),)]
        edge = rule(width, glyphs)
        return [edge, prompt, *rows[: max(0, height - 3)], edge]

    def _row(self, action: Action, columns: Sequence[Column], place: int) -> Line:
        current = place == self._chosen
        cells = {
            "mark": Span(">" if current else " ", "bold"),
            "title": Span(action.title, "bold" if current else ""),
            "key": Span(spoken_keys(action), "key"),
            "help": Span(action.help, "dim"),
        }
        return row(columns, cells, self._frame.look.glyphs)

    def on_key(self, event: Key) -> None:
        event.stop()
        event.prevent_default()
        found = matching(self.query_text)
        if event.key in ("escape", "ctrl+c"):
            self.dismiss(None)
        elif event.key == "enter":
            self.dismiss(name_to_trace(self.query_text) or (found[self._chosen] if found else None))
        elif event.key in ("up", "down"):
            step = 1 if event.key == "down" else -1
            self._chosen = max(0, min(len(found) - 1, self._chosen + step))
            self._show()
        elif (text := edited(self.query_text, event)) is not None:
            self._type(text)

    def on_paste(self, event: Paste) -> None:
        event.stop()
        self._type(pasted(self.query_text, event.text))

    def _type(self, text: str) -> None:
        self.query_text, self._chosen = text, 0
        self._show()
