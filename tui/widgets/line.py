"""A line of the screen as spans of (text, style name), measured in terminal cells. Foreign text never meets markup."""

from __future__ import annotations

from itertools import chain, takewhile
from typing import NamedTuple

from rich.cells import cell_len, chop_cells, set_cell_size


class Span(NamedTuple):
    """`style` is a name of `palette.py`; empty is plain."""

    text: str
    style: str = ""


Line = tuple[Span, ...]
BLANK: Line = ()
_BLANK_CELL = (" ", "")


def line(*parts: Span | str) -> Line:
    """Spans from spans and plain texts."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts if part)


def text_of(spans: Line) -> str:
    return "".join(span.text for span in spans)


def width_of(spans: Line) -> int:
    return sum(cell_len(span.text) for span in spans)


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """`text` in at most `width` cells, its end replaced by `ellipsis` where it does not fit."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + ellipsis


def pad(text: str, width: int, *, right: bool = False, ellipsis: str = "…") -> str:
    """`text` in exactly `width` cells; `right` aligns it there."""
    text = cut(text, width, ellipsis)
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def fit(spans: Line, width: int, ellipsis: str = "…") -> Line:
    """`spans` in at most `width` cells."""
    if width_of(spans) <= width:
        return spans
    kept: list[Span] = []
    left = width
    for span in spans:
        size = cell_len(span.text)
        if size >= left:
            # A cut is owed even where this span just fits: more follows it.
            kept.append(Span(cut(span.text + " " * (size == left), left, ellipsis), span.style))
            break
        kept.append(span)
        left -= size
    return tuple(kept)


def spread(left: Line, right: Line, width: int, ellipsis: str = "…", filler: str = " ", style: str = "") -> Line:
    """`left` and `right` at the two ends of `width` cells; the left gives way."""
    right = fit(right, width, ellipsis)
    left = fit(left, max(0, width - width_of(right) - 1), ellipsis)
    space = width - width_of(left) - width_of(right)
    return (*left, Span(filler * space, style), *right)


def wrap(text: str, width: int) -> list[str]:
    """`text` on lines of at most `width` cells, broken at spaces, long words chopped."""
    width = max(1, width)
    pieces = chain.from_iterable(chop_cells(word, width) if cell_len(word) > width else [word] for word in text.split())
    lines: list[str] = []
    for piece in pieces:
        if lines and cell_len(lines[-1]) + 1 + cell_len(piece) <= width:
            lines[-1] += " " + piece
        else:
            lines.append(piece)
    return lines


def changed_cells(old: Line, new: Line) -> tuple[int, int] | None:
    """(first, end) in cells of what differs between two lines; None where they look the same.

    One run even where there are several: Textual writes a line of a widget from its left edge up to the end of a run.
    """
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    before, after = _cells(old[alike:]), _cells(new[alike:])
    blank = [_BLANK_CELL] * abs(len(before) - len(after))
    pairs = list(zip(before + blank, after + blank, strict=False))
    first = next((at for at, (was, now) in enumerate(pairs) if was != now), None)
    if first is None:
        return None
    last = next(at for at in range(len(pairs) - 1, -1, -1) if pairs[at][0] != pairs[at][1])
    left = width_of(old[:alike])
    return left + first, left + last + 1


def _cells(spans: Line) -> list[tuple[str, str]]:
    """One (character, style) per cell; the second cell of a wide character is an empty one."""
    cells: list[tuple[str, str]] = []
    for text, style in spans:
        if text.isascii():
            cells += [(char, style) for char in text]
            continue
        for char in text:
            cells.append((char, style))
            cells += [("", style)] * (cell_len(char) - 1)
    return cells
