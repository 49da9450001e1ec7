"""A list whose filter is typed straight into it."""

from __future__ import annotations

from textual.events import Key, Paste

from tui.widgets.prompt import edited, pasted


class TypedFilter:
    """Mixed into a widget: `/` begins, then keys edit `typed` until Enter keeps or Esc clears it."""

    typed = ""
    typing = False

    def filter(self, query: str) -> None:
        """Show what matches, and remember `query` as `typed`."""
        raise NotImplementedError

    def start_typing(self) -> None:
        """Keys now edit the filter."""
        raise NotImplementedError

    def stop_typing(self, *, clear: bool) -> None:
        raise NotImplementedError

    def on_key(self, event: Key) -> None:
        if not self.typing:
            # Taken here and not as a binding: what is typed in one burst with it must not run ahead of it.
            if event.character == "/":
                event.stop()
                event.prevent_default()
                self.start_typing()
            return
        text = edited(self.typed, event)
        if text is None and event.key not in ("enter", "escape"):
            return
        event.stop()
        event.prevent_default()
        if text is None:
            self.stop_typing(clear=event.key == "escape")
        else:
            self.filter(text)

    def on_paste(self, event: Paste) -> None:
        event.stop()
        if self.typing:
            self.filter(pasted(self.typed, event.text))

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return self.typing and character is not None and character.isprintable()
