"""The objects that one side lacks, narrowed by plain words."""

from __future__ import annotations

from collections.abc import Sequence

from textual.message import Message

from tui.model.comparison import Example
from tui.widgets.failure_index import words_of
from tui.widgets.panel import View
from tui.widgets.pick import PickPanel
from tui.widgets.typed_filter import TypedFilter


class ExampleList(TypedFilter, PickPanel):
    """`view` draws of what is `shown` only the rows in sight, from `first` on, under one line of column titles."""

    class Narrowed(Message):
        """The filter, or whether it is being typed, has changed."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ExampleList.Narrowed)

    def __init__(self, view: View, *, id: str) -> None:
        super().__init__(view, lambda _: len(self.shown), id=id, fixed=1)
        self.shown: Sequence[Example] = ()
        self._all: Sequence[Example] = ()
        # What a filter looks in, made with its first letter.
        self._texts: Sequence[str] | None = None
        self._first = 0

    @property
    def current(self) -> Example | None:
        """The example under the cursor."""
        return None if self.cursor is None else self.shown[self.cursor]

    @property
    def first(self) -> int:
        return self._first

    def _keep_visible(self) -> None:
        room = max(1, self.size.height - self._fixed)
        first = max(0, min(max(self._first, self._cursor - room + 1), self._cursor))
        if first != self._first:
            self._first = first
            if self._frame is not None:
                self.show(self._frame)

    def take(self, examples: Sequence[Example]) -> None:
        """Show other examples, from the first."""
        self._all, self._texts = examples, None
        self.filter(self.typed)

    def start_typing(self) -> None:
        """Keys now edit the filter, until Enter keeps or Esc clears it."""
        self.typing = True
        self.post_message(self.Narrowed())

    def stop_typing(self, *, clear: bool) -> None:
        self.typing = False
        self.filter("" if clear else self.typed)

    def filter(self, query: str) -> None:
        self.typed = query
        self.shown = self._matching(words_of(query))
        self.to_top()
        self.post_message(self.Narrowed())

    def _matching(self, words: Sequence[str]) -> Sequence[Example]:
        if not words:
            return self._all
        if self._texts is None:
            self._texts = [_haystack(example) for example in self._all]
        texts = zip(self._all, self._texts, strict=True)
        return [example for example, text in texts if all(word in text for word in words)]


def _haystack(example: Example) -> str:
    ref = example.object
    words = (example.part, example.why, ref.name, ref.upn, ref.id, ref.source_anchor, ref.dn)
    return " ".join(word for word in words if word).casefold()
