"""Typing a line of plain words, without a blinking cursor."""

from __future__ import annotations

from textual.events import Key

from tui.model.text import clean

LONGEST = 200


def edited(text: str, event: Key) -> str | None:
    """`text` after a key; None where the key does not edit."""
    if event.key in ("backspace", "ctrl+h"):
        return text[:-1]
    if event.key == "ctrl+u":
        return ""
    if event.key == "ctrl+w":
        return text.rstrip().rpartition(" ")[0]
    if event.character and event.is_printable:
        return (text + event.character)[:LONGEST]
    return None


def pasted(text: str, more: str) -> str:
    """`text` with the first of what was pasted, as one clean line."""
    return (text + clean(more))[:LONGEST]
