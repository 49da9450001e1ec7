"""Failing objects as a table for people: as wide as the terminal, or as its text where there is none."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from tui.model.facts import ObjectRef
from tui.model.snapshot import Failure, TenantSnapshot
from tui.model.states import HopName, Severity
from tui.model.text import count, plural, rfc3339
from tui.reports.verdicts import failing

GAP = "  "
_SEVERITIES = {Severity.CRITICAL: "CRIT", Severity.WARNING: "WARN", Severity.UNKNOWN: "UNKN", Severity.INFO: "INFO"}
_HOPS = {HopName.CONNECT: "AD>Entra", HopName.PASSWORD: "Pwd hash", HopName.DOMAIN_SERVICES: "Entra>DS"}


class Column(Struct, frozen=True):
    """`least`: cells it may be cut down to. `rank`: the highest goes first where even that is too wide."""

    title: str
    cell: Callable[[TenantSnapshot, Failure], str]
    least: int
    rank: int


COLUMNS = (
    Column("TENANT", lambda snapshot, _: snapshot.name, 8, 2),
    Column("LAST", lambda _, failure: rfc3339(failure.last_seen) or "-", 20, 4),
    Column("SEV", lambda _, failure: _SEVERITIES[failure.severity], 4, 1),
    Column("HOP", lambda _, failure: _HOPS[failure.hop], 8, 3),
    Column("CODE", lambda _, failure: failure.code or "-", 12, 0),
    Column("OBJECT", lambda _, failure: named(failure.object), 18, 0),
    Column("ATTRIBUTE", lambda _, failure: failure.attribute or "-", 10, 6),
    Column("VALUE", lambda _, failure: failure.value or "-", 16, 5),
    Column("CONFLICTS WITH", lambda _, failure: named(failure.conflicts_with), 16, 7),
)


def failures_table(snapshots: Sequence[TenantSnapshot], width: int | None = None) -> Iterator[str]:
    """Lines with their ends: a title, one line per failure, and per tenant how many there are. None: never cut."""
    columns = COLUMNS if len(snapshots) > 1 else COLUMNS[1:]
    if any(snapshot.failures for snapshot in snapshots):
        yield from _grid(snapshots, columns, width)
    for snapshot in snapshots:
        yield f"{_total(snapshot)}\n"


def named(ref: ObjectRef | None) -> str:
    """What a person knows the object by; its id where nothing better is known."""
    if ref is None:
        return "-"
    return ref.dn or ref.upn or ref.name or ref.id or "-"


def cell_width(text: str) -> int:
    """Terminal cells that `text` takes: two for wide characters, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _grid(snapshots: Sequence[TenantSnapshot], columns: Sequence[Column], width: int | None) -> Iterator[str]:
    natural = [_natural(column, snapshots) for column in columns]
    chosen = _fitted(columns, natural, width)
    yield _row([column.title for column, _ in chosen], [cells for _, cells in chosen])
    for snapshot in snapshots:
        for failure in snapshot.failures:
            yield _row([column.cell(snapshot, failure) for column, _ in chosen], [cells for _, cells in chosen])


def _natural(column: Column, snapshots: Sequence[TenantSnapshot]) -> int:
    widths = (cell_width(column.cell(snapshot, failure)) for snapshot in snapshots for failure in snapshot.failures)
    return max(len(column.title), max(widths, default=0))


def _fitted(columns: Sequence[Column], natural: Sequence[int], width: int | None) -> list[tuple[Column, int]]:
    """The columns that fit in `width`, with their widths: the least important go, the widest are cut."""
    chosen = list(zip(columns, natural, strict=True))
    if width is None:
        return chosen
    while len(chosen) > 1 and _least_total(chosen) > width:
        chosen.remove(max(chosen, key=lambda pair: pair[0].rank))
    while (over := _total_width([cells for _, cells in chosen]) - width) > 0:
        widest = max(range(len(chosen)), key=lambda index: chosen[index][1] - chosen[index][0].least)
        column, cells = chosen[widest]
        if cells <= column.least:
            break
        chosen[widest] = (column, max(column.least, cells - over, (cells + column.least) // 2))
    return chosen


def _least_total(chosen: Sequence[tuple[Column, int]]) -> int:
    return _total_width([min(column.least, cells) for column, cells in chosen])


def _total_width(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(_fit(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n"


def _fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells; `~` at the end says that it was cut."""
    taken = cell_width(text)
    if taken <= width:
        return text + " " * (width - taken)
    if text.isascii():
        return f"{text[: width - 1]}~"
    kept, cells = [], 0
    for char in text:
        if cells + _cells(char) > width - 1:
            break
        kept.append(char)
        cells += _cells(char)
    return "".join(kept) + "~" + " " * (width - 1 - cells)


def _total(snapshot: TenantSnapshot) -> str:
    number = failing(snapshot)
    if number is None:
        return f"{snapshot.name}: failing objects are not known"
    shown = len(snapshot.failures)
    cut = f", the {count(shown)} newest shown" if number > shown or snapshot.failures_truncated else ""
    return f"{snapshot.name}: {plural(number, 'failing object')}{cut}"
