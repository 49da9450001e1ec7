"""One line to type a name into, over whatever is on screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.events import Key, Paste
from textual.screen import ModalScreen

from tui.widgets.frame import Frame
from tui.widgets.heading import rule
from tui.widgets.line import Line, Span
from tui.widgets.panel import Panel
from tui.widgets.prompt import edited, pasted

_ASKED = (
    "by sign-in name, account, address, display name, id, source anchor or DN; enter traces, esc leaves",
    "by any name, address, id or source anchor; enter traces, esc leaves",
    "by any name or id; enter, or esc",
)


class NamePrompt(ModalScreen[str | None], inherit_bindings=False):
    """Closes with the name, or with None."""

    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self._frame = frame
        self._text = ""

    def compose(self) -> ComposeResult:
        yield Panel(self._view, id="name-prompt")

    def on_mount(self) -> None:
        self._type("")

    def _view(self, frame: Frame, width: int, height: int) -> Sequence[Line]:
        glyphs = frame.look.glyphs
        edge = rule(width, glyphs)
        # The end of a long name is what is being typed.
        room = max(1, width - len("trace ") - 2)
        typed = (Span("trace ", "key"), Span(self._text[-room:], "bold"), Span(glyphs.caret, "bold"))
        asked = next((text for text in _ASKED if len(text) <= width), _ASKED[-1])
        return [edge, typed, (Span(asked, "dim"),), edge][:height]

    def on_key(self, event: Key) -> None:
        event.stop()
        event.prevent_default()
        if event.key in ("escape", "ctrl+c"):
            self.dismiss(None)
        elif event.key == "enter":
            self.dismiss(self._text.strip() or None)
        elif (text := edited(self._text, event)) is not None:
            self._type(text)

    def on_paste(self, event: Paste) -> None:
        event.stop()
        self._type(pasted(self._text, event.text))

    def _type(self, text: str) -> None:
        self._text = text
        self.query_one(Panel).show(self._frame)
