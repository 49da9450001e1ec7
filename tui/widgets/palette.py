"""Style names to terminal styles. Colour only repeats what a word and a mark already say."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.theme import Theme

Palette = Mapping[str, Style]

# The terminal's own colours: readable on light and dark alike, so no white, black or bright ones.
ANSI: Palette = {
    "": Style.null(),
    "bold": Style(bold=True),
    "dim": Style(dim=True),
    "title": Style(bold=True),
    "label": Style(dim=True),
    "key": Style(bold=True),
    "ok": Style(color="green"),
    "warn": Style(color="yellow", bold=True),
    "crit": Style(color="red", bold=True),
    "crit-badge": Style(color="red", bold=True, reverse=True),
    "warn-badge": Style(color="yellow", bold=True, reverse=True),
    "unknown": Style(color="cyan"),
    "unknown-badge": Style(color="cyan", bold=True, reverse=True),
    "off": Style(dim=True),
    "new": Style(color="cyan", bold=True),
    "link": Style(color="blue", underline=True),
    "trend": Style(color="blue"),
    "trend-over": Style(color="yellow"),
    "focus": Style(bold=True, underline=True),
    "cursor": Style(reverse=True),
    "banner": Style(color="magenta"),
}


def palette_of(theme: Theme) -> Palette:
    """The palette for a theme: the terminal's own colours for an ANSI theme, the theme's for any other."""
    if theme.ansi:
        return ANSI
    colours = {
        "green": theme.success or theme.primary,
        "yellow": theme.warning or theme.primary,
        "red": theme.error or theme.primary,
        "cyan": theme.secondary or theme.primary,
        "blue": theme.primary,
        "magenta": theme.accent or theme.primary,
    }
    return {name: _recolour(style, colours) for name, style in ANSI.items()}


def _recolour(style: Style, colours: Mapping[str, str]) -> Style:
    return style if style.color is None else style + Style(color=colours[style.color.name])
