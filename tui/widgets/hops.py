"""The hops: state, age beside its limit, measured lag, last success, trend; a first sync as a bar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tui.model.snapshot import Hop, TenantSnapshot
from tui.model.states import HOP_LABELS, HopName, HopState, SourceId
from tui.model.text import count, duration, limit
from tui.widgets.frame import Frame
from tui.widgets.freshness import is_old
from tui.widgets.heading import heading
from tui.widgets.line import Line, Span, width_of
from tui.widgets.table import Column, choose, header, row
from tui.widgets.trend import progress_bar, trend
from tui.widgets.words import HOP_NOTES, HOP_ORDER, hop_state, recent_time

_TREND = "AGE 60 MIN"
_AGE_LEGEND = "age: time since the last success"
_LEGEND = f"{_AGE_LEGEND}, lag: time a change takes"
# A cycle takes some time, and so does hearing of it.
LATE_AFTER = timedelta(minutes=10)

COLUMNS = (
    Column("hop", "HOP", 13, 1),
    Column("state", "STATE", 11, 2),
    Column("age", "AGE", 7, 3, right=True, gap=1),
    Column("limit", "LIMIT", 5, 4, right=True),
    Column("last", "LAST OK", 9, 5),
    Column("due", "NEXT DUE", 9, 8),
    Column("queue", "QUEUE", 7, 7, right=True),
    Column("trend", _TREND, 12, 6, grows=True, widest=60),
)

# Where lag is measured its figures are worth more than what AGE tells again.
LAG_COLUMNS = (
    Column("hop", "HOP", 13, 1),
    Column("state", "STATE", 11, 2),
    Column("age", "AGE", 7, 3, right=True, gap=1),
    Column("limit", "LIMIT", 5, 4, right=True),
    Column("lag", "LAG 1H", 7, 5, right=True),
    Column("p95", "LAG P95", 7, 6, right=True),
    Column("max", "LAG MAX", 7, 9, right=True),
    Column("samples", "CHANGES", 7, 10, right=True),
    Column("last", "LAST OK", 9, 8),
    Column("due", "NEXT DUE", 9, 12),
    Column("queue", "QUEUE", 7, 11, right=True),
    Column("trend", _TREND, 12, 7, grows=True, widest=60),
)

# Whose answer a hop is read from.
HOP_SOURCES = {
    HopName.CONNECT: SourceId.ORGANIZATION,
    HopName.PASSWORD: SourceId.ORGANIZATION,
    HopName.DOMAIN_SERVICES: SourceId.DOMAIN_SERVICES,
}


def ordered(snapshot: TenantSnapshot) -> list[Hop]:
    return sorted(snapshot.hops, key=lambda hop: HOP_ORDER.index(hop.name))


def hops_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    glyphs = frame.look.glyphs
    columns = choose(_of_use(frame), width)
    is_measured = any(hop.lag for hop in frame.shown.hops)
    legend = (Span(_LEGEND if is_measured else _AGE_LEGEND, "dim"),)
    top = heading((Span("HOPS", "title"),), width, glyphs, legend)
    rows = [_row(hop, columns, frame, width) for hop in ordered(frame.shown)]
    return [top, header(columns, glyphs), *rows][:height]


def _of_use(frame: Frame) -> list[Column]:
    """The columns without those that no hop here has a value for."""
    hops = frame.shown.hops
    due = any(next_due(frame.shown, hop.name) for hop in hops)
    waiting = any(queue(frame.shown, hop) is not None for hop in hops if not _as_bar(hop))
    left_out = {"due": not due, "queue": not waiting}
    columns = LAG_COLUMNS if any(hop.lag for hop in hops) else COLUMNS
    return [column for column in columns if not left_out.get(column.key)]


def _as_bar(hop: Hop) -> bool:
    return hop.progress is not None and hop.state is HopState.NEVER


def _row(hop: Hop, columns: Sequence[Column], frame: Frame, width: int) -> Line:
    glyphs, dim = frame.look.glyphs, hop_is_old(frame.shown, hop, frame.now)
    state = Span("~ STALE", "unknown") if dim else hop_state(hop)
    if hop.progress is not None and _as_bar(hop):
        named = row(columns[:2], {"hop": Span(HOP_LABELS[hop.name]), "state": state}, glyphs)
        room = width - width_of(named) - 2
        return (*named, Span("  "), *progress_bar(hop.progress, room, glyphs))
    cells = _cells(hop, frame)
    if dim:
        cells = {key: Span(cell.text, "dim") for key, cell in cells.items()}
    spans = row(columns, {**cells, "state": state}, glyphs)
    return _with_trend(spans, hop, columns, frame) if columns[-1].key == "trend" else spans


def _cells(hop: Hop, frame: Frame) -> dict[str, Span]:
    warning, _ = frame.look.thresholds.of(hop.name)
    watched = hop.state not in (HopState.OFF, HopState.NOT_MONITORED)
    over = hop.state in (HopState.LATE, HopState.STALE)
    return {
        "hop": Span(HOP_LABELS[hop.name]),
        "age": Span(duration(hop.age_s(frame.now)), "bold" if over else ""),
        "limit": Span(limit(warning) if watched else "-", "dim"),
        "last": Span(recent_time(hop.last_success, frame.now, frame.look)),
        "due": _due(next_due(frame.shown, hop.name), frame),
        "queue": Span(count(queue(frame.shown, hop))),
        **_lag_cells(hop),
    }


def _lag_cells(hop: Hop) -> dict[str, Span]:
    """How long changes took in the last hour, median first; `-` where none arrived, which is not lag."""
    if hop.lag is None:
        return {key: Span("-", "dim") for key in ("lag", "p95", "max", "samples")}
    hour = hop.lag.hour
    return {
        "lag": Span(duration(hour.median_s), "bold" if hour.median_s is not None else "dim"),
        "p95": Span(duration(hour.p95_s)),
        "max": Span(duration(hour.max_s)),
        "samples": Span(count(hour.samples) + ("+" if hop.lag.truncated else "")),
    }


def _due(due: datetime | None, frame: Frame) -> Span:
    if due is not None and due + LATE_AFTER < frame.now:
        return Span("late", "warn")
    return Span(recent_time(due, frame.now, frame.look))


def _with_trend(spans: Line, hop: Hop, columns: Sequence[Column], frame: Frame) -> Line:
    note = hop.note or HOP_NOTES.get(hop.state, "")
    if note and (not hop.lag_samples or hop.state is not HopState.OK):
        return (*spans[:-1], Span(note, "dim"))
    warning, _ = frame.look.thresholds.of(hop.name)
    return (*spans[:-1], *trend(hop.lag_samples, frame.now, columns[-1].width, warning, frame.look.glyphs))


def hop_is_old(snapshot: TenantSnapshot, hop: Hop, now: datetime) -> bool:
    """True where what is known of this hop was read too long ago to judge it."""
    status = snapshot.source(HOP_SOURCES[hop.name])
    return hop.as_of is not None and status is not None and is_old(status, now)


def queue(snapshot: TenantSnapshot, hop: Hop) -> int | None:
    """What waits: the rest of a first sync, the changes on their way where they are followed, else the objects on
    their way to the managed domain. None: not known."""
    if hop.progress is not None:
        return max(0, hop.progress.total - hop.progress.done)
    if hop.lag is not None:
        return hop.lag.in_flight
    if hop.name is not HopName.DOMAIN_SERVICES:
        return None
    # The split covers both hops: what is in flight belongs to this one alone where only this one is compared.
    rows = [counts for counts in snapshot.counts if counts.on_premises.value is None]
    waiting = [counts.difference.in_flight for counts in rows if counts.difference.in_flight is not None]
    return sum(waiting) if waiting and len(rows) == len(snapshot.counts) else None


def next_due(snapshot: TenantSnapshot, name: HopName) -> datetime | None:
    """When the next cycle should start, where a Cloud Sync schedule tells it."""
    kind = {HopName.CONNECT: "objects", HopName.PASSWORD: "password"}.get(name)
    jobs = [job for job in snapshot.jobs if job.kind == kind and job.interval_s and job.last_success]
    dues = [job.last_success + timedelta(seconds=job.interval_s) for job in jobs if job.last_success and job.interval_s]
    return min(dues, default=None)
