"""The sync's words on stderr: one line that is rewritten where that is a terminal, plain lines where it is not.

ASCII only and without colours, so that neither locale nor NO_COLOR matters; nothing moves that has no news.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import TextIO

from tui.clock import Clock
from tui.model.facts import FailureReport
from tui.model.text import clean, duration, plural
from tui.sync.replicator import Phase, SyncState
from tui.sync.running import Problem, Situation, Trouble

REDRAW_S = 0.25
MINUTE_S = 60.0
LONGEST_LINE = 600
CLEAR = "\r\x1b[K"
_PHASES = {Phase.FIRST_SYNC: "first sync", Phase.FULL_RESYNC: "full pass", Phase.CONTINUOUS: "continuous"}
_ENDS = {Trouble.TENANT: "tenant", Trouble.DIRECTORY: "directory", Trouble.ACCOUNT: "directory", Trouble.STATE: "state"}


class Console:
    """`live`: stderr is a terminal that can rewrite a line. `width`: its columns, asked anew each time."""

    def __init__(self, out: TextIO, clock: Clock, *, live: bool, width: Callable[[], int]) -> None:
        self._out = out
        self._clock = clock
        self._live = live
        self._width = width
        self._situation: Situation | None = None
        self._shown = ""
        self._drawn_at = self._minute_told_at = clock.monotonic()

    def say(self, text: str) -> None:
        """A line that stays."""
        self._write((CLEAR if self._shown else "") + text + "\n")
        self._shown = ""

    def take(self, situation: Situation) -> None:
        """Tell what is new in `situation`."""
        before, self._situation = self._situation, situation
        now = self._clock.now()
        for line in news(before, situation):
            self.say(f"{now:%H:%M:%SZ} {clean(line, LONGEST_LINE)}")
        if self._live:
            self.draw()
        else:
            self._tell_each_minute(situation, now)

    def draw(self) -> None:
        """Rewrite the status line, not more often than is worth while."""
        at = self._clock.monotonic()
        if not self._live or self._situation is None or (self._shown and at - self._drawn_at < REDRAW_S):
            return
        line = status_line(self._situation, self._clock.now())[: max(0, self._width() - 1)]
        if line != self._shown:
            self._write(CLEAR + line)
            self._shown, self._drawn_at = line, at

    def end(self) -> None:
        """Leave the cursor on a line of its own."""
        if self._shown:
            self._write("\n")
            self._shown = ""

    def _tell_each_minute(self, situation: Situation, now: datetime) -> None:
        at = self._clock.monotonic()
        is_full = situation.state is not None and situation.state.phase is not Phase.CONTINUOUS
        if not is_full or situation.problem is not None:
            self._minute_told_at = at
        elif at - self._minute_told_at >= MINUTE_S:
            self._minute_told_at = at
            self.say(f"{now:%H:%M:%SZ} {status_line(situation, now)}")

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._out.write(text)
            self._out.flush()


def status_line(situation: Situation, now: datetime) -> str:
    """Phase, progress, rate, time left, failures, lag and what is in the way, in plain ASCII."""
    told = " | ".join(_parts(situation, now))
    return clean(told, LONGEST_LINE).encode("ascii", "backslashreplace").decode()


def news(before: Situation | None, after: Situation) -> Iterator[str]:
    """What has changed and is worth a line that stays."""
    yield from _phase_news(before, after)
    if after.state is not None:
        yield from _state_news(before.state if before is not None else None, after.state)
    yield from _problem_news(before.problem if before is not None else None, after.problem)


def held_back(count: int) -> str:
    """Why nothing is deleted, and what to do."""
    return (
        f"held back: {plural(count, 'deletion')} waiting, more than deletion_threshold allows; look why with "
        f"--dry-run, then run once with --allow-deletions {count}, or raise deletion_threshold"
    )


def retry_words(problem: Problem, now: datetime) -> str:
    if problem.retry_at is None:
        return ""
    return f" (again in {duration(max(0.0, (problem.retry_at - now).total_seconds()))})"


def _parts(situation: Situation, now: datetime) -> Iterator[str]:
    state, problem = situation.state, situation.problem
    if problem is not None:
        yield f"{_ENDS[problem.trouble]} in trouble for {duration((now - problem.since).total_seconds())}"
    if state is None:
        yield "starting"
        return
    yield _PHASES[state.phase]
    yield from _progress(state) if state.phase is not Phase.CONTINUOUS else _steady(situation, now)
    if state.objects_failed:
        yield f"{state.objects_failed:,} failing"
    if state.held_deletions is not None:
        yield f"{plural(state.held_deletions, 'deletion')} HELD"
    if problem is not None:
        yield problem.text + retry_words(problem, now)


def _progress(state: SyncState) -> Iterator[str]:
    if not state.total:
        yield f"{state.done:,} objects"
    else:
        yield f"{state.done:,} of {state.total:,} ({min(1.0, state.done / state.total):.0%})"
    if state.per_second:
        yield f"{state.per_second:,.0f}/s"
        if state.total and state.total > state.done:
            yield f"{duration((state.total - state.done) / state.per_second)} left"
    if state.pending:
        yield f"{state.pending:,} waiting"


def _steady(situation: Situation, now: datetime) -> Iterator[str]:
    if situation.round is not None:
        yield f"round {duration((now - situation.round.ended).total_seconds())} ago"
        if situation.round.lag_s is not None:
            yield f"lag at most {duration(situation.round.lag_s)}"
    if situation.state is not None and situation.state.last_change is not None:
        yield f"last change {duration((now - situation.state.last_change).total_seconds())} ago"


def _phase_news(before: Situation | None, after: Situation) -> Iterator[str]:
    state, old = after.state, before.state if before is not None else None
    if state is None:
        return
    if (old is None and after.problem is None) or (old is not None and old.phase is not state.phase):
        total = f", {plural(state.total, 'object')}" if state.phase is not Phase.CONTINUOUS and state.total else ""
        yield f"{_PHASES[state.phase]}{total}"
    if after.rounds > (before.rounds if before is not None else 0) and after.round is not None and after.round.changed:
        yield f"changes brought over in {duration((after.round.ended - after.round.began).total_seconds())}"


def _state_news(old: SyncState | None, state: SyncState) -> Iterator[str]:
    for note in state.notes:
        if old is None or note not in old.notes:
            yield f"note: {note}"
    if state.objects_failed != (old.objects_failed if old is not None else 0):
        yield _set_aside(state)
    if state.held_deletions is not None and (old is None or old.held_deletions != state.held_deletions):
        yield held_back(state.held_deletions)


def _problem_news(old: Problem | None, problem: Problem | None) -> Iterator[str]:
    if problem is None and old is not None:
        yield f"{_ENDS[old.trouble]}: goes on"
    elif problem is not None and (old is None or (problem.trouble, problem.text) != (old.trouble, old.text)):
        yield f"{_ENDS[problem.trouble]}: {problem.text}"


def _set_aside(state: SyncState) -> str:
    if not state.objects_failed:
        return "no object fails any more"
    newest = f", newest: {_failure(state.failures[0])}" if state.failures else ""
    return f"{plural(state.objects_failed, 'object')} set aside{newest}"


def _failure(report: FailureReport) -> str:
    name = report.object.name or report.object.upn or report.object.id or "an unnamed object"
    return f"{report.code} {name}{': ' if report.message else ''}{report.message}"
