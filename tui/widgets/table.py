"""Tables of fixed columns that fit any width by leaving out the least important ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tui.widgets.glyphs import Glyphs
from tui.widgets.line import Line, Span, pad


class Column(Struct, frozen=True):
    """`rank` 1 stays longest. A column that grows takes the room left over, up to `widest` cells."""

    key: str
    title: str
    width: int
    rank: int
    right: bool = False
    grows: bool = False
    widest: int = 1000
    gap: int = 2


def choose(columns: Sequence[Column], width: int) -> tuple[Column, ...]:
    """The columns that fit in `width` cells, in their order, growing ones widened to fill it."""
    kept = list(columns)
    while len(kept) > 1 and _needed(kept) > width:
        kept.remove(max(kept, key=lambda column: column.rank))
    return _grown(kept, width - _needed(kept))


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + sum(column.gap for column in columns[1:])


def _grown(columns: list[Column], room: int) -> tuple[Column, ...]:
    if room < 0:
        return (replace(columns[0], width=max(1, columns[0].width + room)),)
    for column in sorted((column for column in columns if column.grows), key=lambda column: column.rank):
        extra = min(room, column.widest - column.width)
        columns[columns.index(column)] = replace(column, width=column.width + extra)
        room -= extra
    return tuple(columns)


def header(columns: Sequence[Column], glyphs: Glyphs) -> Line:
    return row(columns, {column.key: Span(column.title, "label") for column in columns}, glyphs)


def row(columns: Sequence[Column], cells: Mapping[str, Span], glyphs: Glyphs) -> Line:
    """One line; a column without a cell stays blank."""
    spans: list[Span] = []
    for number, column in enumerate(columns):
        text, style = cells.get(column.key, Span(""))
        if number:
            spans.append(Span(" " * column.gap))
        spans.append(Span(pad(text, column.width, right=column.right, ellipsis=glyphs.ellipsis), style))
    return tuple(spans)
