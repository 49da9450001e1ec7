"""What one screen asks the app to open, and the base of screens that ask the sides themselves."""

from __future__ import annotations

from textual.message import Message

from tui.model.states import ObjectType
from tui.screens.live import LiveScreen


class ComparisonWanted(Message):
    """What the sides differ by, object by object, in one row of the counts."""

    def __init__(self, kind: ObjectType) -> None:
        super().__init__()
        self.kind = kind


class TraceWanted(Message):
    """One object on every side."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class AskingScreen(LiveScreen):
    """Asks when it opens and when told to ask again; leaving it ends the asking."""

    def ask_again(self) -> None:
        """Start over."""
        raise NotImplementedError

    def show_again(self) -> None:
        """What is known has changed: draw it with the frame at hand."""
        if self.frame is not None:
            self.take(self.frame)
