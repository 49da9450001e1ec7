"""Objects on each side, and by what the sides differ. `n/a` does not apply or is not monitored; `-` is not known."""

from __future__ import annotations

from collections.abc import Sequence

from tui.model.reading import Absence, Reading
from tui.model.snapshot import CountRow, Difference, TenantSnapshot
from tui.model.states import HopName, ObjectType, SourceId
from tui.model.text import count
from tui.service.differences import SYNCED_TO_DOMAIN, connect_gap, domain_gap
from tui.widgets.frame import Frame
from tui.widgets.freshness import is_old
from tui.widgets.heading import heading
from tui.widgets.line import BLANK, Line, Span, pad, wrap
from tui.widgets.table import Column, choose, header, row

_OUTSIDE = (Absence.NOT_APPLICABLE, Absence.NOT_MONITORED)

COLUMNS = (
    Column("type", "OBJECTS", 8, 1),
    Column("ad", "AD", 9, 5, right=True, gap=1),
    Column("entra", "ENTRA", 9, 2, right=True, gap=1),
    Column("synced", "SYNCED", 9, 7, right=True),
    Column("ad_diff", "AD-ENTRA", 8, 6, right=True),
    Column("ds", "DS", 9, 3, right=True),
    Column("ds_diff", "ENTRA-DS", 8, 4, right=True),
    Column("change", "CHG 1H", 6, 11, right=True),
    Column("in_flight", "IN FLIGHT", 9, 10, right=True),
    Column("failed", "FAILED", 6, 8, right=True),
    Column("excluded", "EXCLUDED", 8, 12, right=True),
    Column("unexplained", "UNEXPLAINED", 11, 9, right=True),
)

_LEGEND = (
    ("AD, ENTRA, DS", "objects on-premises, in Entra, in the managed domain"),
    ("SYNCED", "those of Entra that come from on-premises; all others were made in the cloud"),
    ("AD-ENTRA", "AD minus SYNCED: above zero Entra lacks objects, below zero it holds too many"),
    ("ENTRA-DS", "what Entra should have brought to the managed domain, minus what is there"),
    ("CHG 1H", "by how much ENTRA has changed in the last hour"),
    ("IN FLIGHT", "of both differences: younger than the hop's normal lag, so on its way"),
    ("FAILED", "told in the list of failures, each with its remedy"),
    ("EXCLUDED", "left out on purpose: by scope or filter, guests, built-in and local accounts; no problem"),
    ("UNEXPLAINED", "none of these: alarms when it lasts"),
    ("- and n/a", "not known; does not apply or is not monitored. Neither is zero"),
)
_LEGEND_LEAD = 15
# So many lines besides the rows show the legend whole on 80 cells.
LEGEND_FROM = 17

_READ_FROM = {
    "ad": SourceId.ON_PREMISES,
    "entra": SourceId.COUNTS,
    "synced": SourceId.COUNTS,
    "change": SourceId.COUNTS,
    "ds": SourceId.MANAGED_DOMAIN,
}


def counts_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    glyphs = frame.look.glyphs
    columns = choose(COLUMNS, width)
    top = heading((Span("COUNTS", "title"),), width, glyphs, (Span("enter = what differs", "dim"),))
    old = {key for key, source in _READ_FROM.items() if _source_old(frame, source)}
    scope = frame.shown.sync_scope
    rows = [row(columns, _dimmed(_cells(counts.type, counts, scope), old), glyphs) for counts in frame.shown.counts]
    total = [row(columns, _dimmed(_total(frame.shown.counts, scope), old), glyphs)] if height > 6 else []
    if not rows:
        return [top, header(columns, glyphs), (Span("not read yet", "dim"),)]
    legend = _legend_lines(columns, width) if height >= len(rows) + LEGEND_FROM else []
    return [top, header(columns, glyphs), *rows, *total, *legend]


def _legend_lines(columns: Sequence[Column], width: int) -> list[Line]:
    """What the columns mean, where the counts have the screen for themselves."""
    lines: list[Line] = [BLANK, (Span("COLUMNS", "label"),)]
    hidden = {column.title for column in COLUMNS} - {column.title for column in columns}
    for name, meaning in (entry for entry in _LEGEND if entry[0] not in hidden):
        for place, part in enumerate(wrap(meaning, width - _LEGEND_LEAD)):
            lines.append((Span(pad("" if place else name, _LEGEND_LEAD), "label"), Span(part, "dim")))
    return lines


def _source_old(frame: Frame, source: SourceId) -> bool:
    status = frame.shown.source(source)
    return status is not None and is_old(status, frame.now)


def _dimmed(cells: dict[str, Span], old: set[str]) -> dict[str, Span]:
    return {key: Span(cell.text, "dim") if key in old else cell for key, cell in cells.items()}


def _cells(name: str, counts: CountRow, sync_scope: str) -> dict[str, Span]:
    split = counts.difference
    return {
        "type": Span(name),
        "ad": _number(counts.on_premises),
        "entra": _number(counts.entra),
        "synced": _number(counts.entra_synced),
        "ds": _number(counts.managed_domain),
        "ad_diff": connect_difference(counts),
        "ds_diff": domain_difference(counts, sync_scope),
        "change": Span("-" if counts.change_1h is None else f"{counts.change_1h:+,}" if counts.change_1h else "0"),
        "in_flight": Span(count(split.in_flight)),
        "failed": Span(count(split.failed), "warn" if split.failed else ""),
        "excluded": Span(count(split.excluded), "dim"),
        "unexplained": Span(count(split.unexplained), "warn" if split.unexplained else ""),
    }


def _number(reading: Reading[int]) -> Span:
    if reading.value is not None:
        return Span(count(reading.value))
    return Span("n/a" if reading.absence in _OUTSIDE else "-", "dim")


def connect_difference(counts: CountRow) -> Span:
    return _difference(connect_gap(counts), counts, counts.on_premises, counts.entra_synced)


def domain_difference(counts: CountRow, sync_scope: str) -> Span:
    """By how much the managed domain differs from what it should hold."""
    if counts.type not in SYNCED_TO_DOMAIN:
        return Span("n/a", "dim")
    return _difference(domain_gap(counts, sync_scope), counts, counts.entra, counts.managed_domain)


def wider_hop(snapshot: TenantSnapshot, kind: ObjectType) -> HopName:
    """The hop over which more objects of a kind differ; the later one where both differ alike."""
    row = next((row for row in snapshot.counts if row.type == kind), CountRow(type=kind))
    domain = domain_gap(row, snapshot.sync_scope)
    if domain is None or abs(domain) < abs(connect_gap(row) or 0):
        return HopName.CONNECT
    return HopName.DOMAIN_SERVICES


def _difference(gap: int | None, counts: CountRow, *sides: Reading[int]) -> Span:
    if gap is not None:
        return _marked(gap, counts.difference)
    return Span("n/a" if any(side.absence in _OUTSIDE for side in sides) else "-", "dim")


def _marked(gap: int, split: Difference) -> Span:
    """Stands out where something failed or is not explained; steps back where all of it was left out on purpose."""
    if gap and (split.failed or split.unexplained):
        return Span(f"! {gap:,}", "warn")
    return Span(f"{gap:,}", "dim" if gap and split.excluded and not split.in_flight else "")


def _total(rows: Sequence[CountRow], sync_scope: str) -> dict[str, Span]:
    """The sums of all rows; a column with an unknown in it has an unknown sum."""
    summed = CountRow(
        type=ObjectType.USERS,
        on_premises=_sum([counts.on_premises for counts in rows]),
        entra=_sum([counts.entra for counts in rows]),
        entra_synced=_sum([counts.entra_synced for counts in rows]),
        managed_domain=_sum([counts.managed_domain for counts in rows]),
        change_1h=_sum_known([counts.change_1h for counts in rows]),
        difference=_summed_split([counts.difference for counts in rows if counts.difference != Difference()]),
    )
    cells = _cells("total", summed, sync_scope)
    by_row = [_cells("", counts, sync_scope) for counts in rows]
    cells["ad_diff"] = _sum_of([connect_gap(counts) for counts in rows], [told["ad_diff"] for told in by_row])
    cells["ds_diff"] = _sum_of(
        [domain_gap(counts, sync_scope) for counts in rows], [told["ds_diff"] for told in by_row]
    )
    return cells


def _sum_of(gaps: Sequence[int | None], told: Sequence[Span]) -> Span:
    """Over the rows that can be compared; not known where one of them that applies is not."""
    if any(cell.text == "-" for cell in told):
        return Span("-", "dim")
    known = [gap for gap in gaps if gap is not None]
    return Span(f"{sum(known):,}") if known else Span("n/a", "dim")


def _summed_split(splits: Sequence[Difference]) -> Difference:
    return Difference(
        in_flight=_sum_known([split.in_flight for split in splits]),
        failed=_sum_known([split.failed for split in splits]),
        excluded=_sum_known([split.excluded for split in splits]),
        unexplained=_sum_known([split.unexplained for split in splits]),
    )


def _sum(readings: Sequence[Reading[int]]) -> Reading[int]:
    """What does not apply adds nothing; what is not known makes the sum not known."""
    applying = [reading for reading in readings if reading.absence not in _OUTSIDE]
    if not applying:
        return Reading.missing(Absence.NOT_APPLICABLE)
    value = _sum_known([reading.value for reading in applying])
    return Reading() if value is None else Reading(value, applying[0].as_of, None)


def _sum_known(parts: Sequence[int | None]) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known and len(known) == len(parts) else None
