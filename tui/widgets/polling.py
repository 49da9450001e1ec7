"""The pollers: in short for the overview, one by one for the sources screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tui.model.snapshot import SourceStatus
from tui.model.states import SourceState
from tui.model.text import duration
from tui.widgets.frame import Frame
from tui.widgets.freshness import is_old
from tui.widgets.heading import heading
from tui.widgets.line import BLANK, Line, Span, line, wrap
from tui.widgets.table import Column, choose, header, row
from tui.widgets.tenant_facts import tenant_facts
from tui.widgets.words import SOURCE_WORDS, coarse

LARGEST_QUIET_SKEW_S = 5.0

COLUMNS = (
    Column("source", "SOURCE", 18, 1),
    Column("state", "STATE", 11, 2),
    Column("age", "LAST OK", 7, 3, right=True),
    Column("latency", "LATENCY", 7, 6, right=True),
    Column("http", "HTTP", 4, 8, right=True),
    Column("next", "NEXT", 7, 4, right=True),
    Column("rate", "REQ/MIN", 7, 7, right=True),
    Column("polls", "LAST POLLS", 12, 5, grows=True, widest=30),
)


# The overview leaves out what changes with every second: the pollers' next turns are on their own screen.
SHORT_COLUMNS = tuple(column for column in COLUMNS if column.key != "next")


def polling_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    top = heading((Span("POLLING", "title"),), width, frame.look.glyphs, (Span("o sources", "dim"),))
    columns = choose(SHORT_COLUMNS, width)
    rows = [row(columns, _brief_cells(status, frame, columns[-1].width), frame.look.glyphs) for status in _shown(frame)]
    lines = [top, header(columns, frame.look.glyphs), *rows]
    hidden = len(lines) - height
    if hidden <= 0:
        return lines
    return [*lines[: height - 1], (Span(f"{hidden + 1} more", "dim"),)]


def _shown(frame: Frame) -> list[SourceStatus]:
    """Troubled ones first; what is not configured is left out of the short list."""
    asked = [status for status in frame.shown.sources if status.state is not SourceState.NOT_CONFIGURED]
    return sorted(asked, key=lambda status: status.state is SourceState.OK)


def sources_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    columns = choose(COLUMNS, width)
    lines: list[Line] = [header(columns, frame.look.glyphs)]
    for status in frame.shown.sources:
        lines.append(row(columns, _cells(status, frame, columns[-1].width), frame.look.glyphs))
        lines += _remarks(status, frame, width)
    return [*lines, BLANK, *_total(frame), BLANK, *tenant_facts(frame, width)]


def _cells(status: SourceStatus, frame: Frame, polls: int) -> dict[str, Span]:
    if status.state is SourceState.NOT_CONFIGURED:
        return {"source": Span(str(status.source), "dim"), "state": SOURCE_WORDS[status.state]}
    latency, rate = status.latency_ms, status.requests_per_minute
    word = Span("X LATE", "crit") if status.late else _state_word(status)
    age = Span(_since(status.as_of, frame.now), "unknown" if is_old(status, frame.now) else "")
    return {
        "source": Span(str(status.source)),
        "state": word,
        "age": age,
        "latency": Span("-" if latency is None else f"{latency:,.0f}ms"),
        "http": Span("-" if status.http_status is None else str(status.http_status)),
        "next": Span(_until(status.retry_at or status.next_poll, frame.now)),
        "rate": Span("-" if rate is None else f"{rate:,.1f}"),
        "polls": Span("".join("+" if ok else "x" for ok in status.outcomes[-polls:]), "dim"),
    }


def _state_word(status: SourceStatus) -> Span:
    """What the monitor can do without is unknown where it is refused, not broken."""
    if status.optional and status.state is SourceState.DENIED:
        return Span("~ DENIED", "unknown")
    return SOURCE_WORDS[status.state]


def _brief_cells(status: SourceStatus, frame: Frame, polls: int) -> dict[str, Span]:
    cells = _cells(status, frame, polls)
    age = cells.get("age", Span(""))
    return {**cells, "age": Span(coarse(age.text), age.style)}


def _since(moment: datetime | None, now: datetime) -> str:
    return "never" if moment is None else duration((now - moment).total_seconds())


def _until(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "-"
    return "now" if moment <= now else duration((moment - now).total_seconds())


def _remarks(status: SourceStatus, frame: Frame, width: int) -> Iterator[Line]:
    """What went wrong in words, and a clock that differs by more than five seconds."""
    if status.error:
        for part in wrap(status.error, width - 4):
            yield line(Span("    "), Span(part, "warn"))
    if status.failed_in_a_row > 1:
        yield line(Span(f"    {status.failed_in_a_row} polls in a row have failed; what was known is kept", "dim"))
    if status.late:
        yield line(Span("    this poller has not come round in time", "warn"))
    skew = status.clock_offset_s
    if skew is not None and abs(skew) > LARGEST_QUIET_SKEW_S:
        word = "ahead of" if skew > 0 else "behind"
        yield line(Span(f"    its clock is {duration(abs(skew))} {word} ours; ages are corrected by that", "warn"))
    if status.optional and status.state in (SourceState.DENIED, SourceState.ERROR):
        yield line(Span("    optional: this changes no verdict", "dim"))


def _total(frame: Frame) -> Iterator[Line]:
    rates = [status.requests_per_minute for status in frame.shown.sources if status.requests_per_minute is not None]
    if rates:
        yield line(Span(f"{sum(rates):,.1f} requests per minute in all", "dim"))
