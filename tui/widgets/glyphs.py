"""The characters the screen draws with: thin lines and blocks where the terminal has them, ASCII elsewhere."""

from __future__ import annotations

from msgspec import Struct


class Glyphs(Struct, frozen=True):
    """`steps` are the levels of a trend, lowest first; every glyph is one cell wide."""

    ellipsis: str
    rule: str
    steps: str
    bar_full: str
    bar_empty: str
    dot: str
    cursor: str
    caret: str


UNICODE = Glyphs("…", "─", "▁▂▃▄▅▆▇█", "█", "░", "·", "▶", "▏")
ASCII = Glyphs("~", "-", ".:-=+*#@", "#", "-", "*", ">", "_")
