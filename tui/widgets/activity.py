"""The last runs and the last events."""

from __future__ import annotations

from collections.abc import Sequence

from tui.model.snapshot import Event, Run
from tui.model.text import count, duration
from tui.widgets.frame import Frame
from tui.widgets.heading import heading
from tui.widgets.line import Line, Span
from tui.widgets.table import Column, choose, header, row
from tui.widgets.words import HOP_SHORT, recent_time, run_result

RUN_COLUMNS = (
    Column("ended", "ENDED", 9, 1),
    Column("hop", "HOP", 8, 2),
    Column("step", "STEP", 16, 3, grows=True, widest=24),
    Column("changed", "CHANGED", 7, 5, right=True),
    Column("failed", "FAILED", 6, 4, right=True),
    Column("took", "TOOK", 7, 6, right=True),
    Column("result", "RESULT", 12, 7, grows=True),
)

EVENT_COLUMNS = (
    Column("at", "TIME", 9, 1),
    Column("kind", "KIND", 6, 3),
    Column("text", "WHAT CHANGED", 20, 2, grows=True),
)

_KIND_STYLES = {"fail": "warn", "alert": "warn", "fixed": "ok", "poll": "dim"}


def runs_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    glyphs = frame.look.glyphs
    columns = choose(RUN_COLUMNS, width)
    rows = [row(columns, _run_cells(run, frame), glyphs) for run in frame.shown.runs]
    empty: list[Line] = [(Span("no run reported", "dim"),)]
    return [heading((Span("RUNS", "title"),), width, glyphs), header(columns, glyphs), *(rows or empty)]


def _run_cells(run: Run, frame: Frame) -> dict[str, Span]:
    ended = Span("running") if run.started and not run.ended else Span(recent_time(run.ended, frame.now, frame.look))
    took = (run.ended - run.started).total_seconds() if run.started and run.ended else None
    return {
        "ended": ended,
        "hop": Span(HOP_SHORT[run.hop]),
        "step": Span(run.step),
        "changed": Span(count(run.changed)),
        "failed": Span(count(run.failed), "warn" if run.failed else ""),
        "took": Span(duration(took) if took is not None else ""),
        "result": run_result(run),
    }


def events_view(frame: Frame, width: int, height: int) -> Sequence[Line]:
    glyphs = frame.look.glyphs
    columns = choose(EVENT_COLUMNS, width)
    rows = [row(columns, _event_cells(event, frame), glyphs) for event in frame.shown.events]
    empty: list[Line] = [(Span("nothing has changed since the start", "dim"),)]
    return [heading((Span("EVENTS", "title"),), width, glyphs), header(columns, glyphs), *(rows or empty)]


def _event_cells(event: Event, frame: Frame) -> dict[str, Span]:
    return {
        "at": Span(recent_time(event.at, frame.now, frame.look)),
        "kind": Span(event.kind, _KIND_STYLES.get(event.kind, "")),
        "text": Span(event.text),
    }
