"""The one-way sync, hop 2: tenant to managed domain, first in full, then continuously, and never back.

A step stages the pages at hand in one transaction and does a bounded part of the work that follows in another, while
the next pages are read. The caller decides when the next step is due.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from tui.clock import Clock
from tui.model.facts import FailureReport
from tui.model.text import rfc3339
from tui.sources.errors import Gone, SourceError
from tui.sources.moments import moment
from tui.sync.brake import Brake
from tui.sync.checkpoint import Checkpoint, Marks, Work
from tui.sync.delta import Page, Reader, ResyncRequired
from tui.sync.errors import StateFailed
from tui.sync.pages import Pages
from tui.sync.projection import Projection
from tui.sync.scope import Scope
from tui.sync.setbacks import Setbacks
from tui.sync.targets.target import Target

WORK_PER_STEP = 200
LEAST_WORK, STEP_S = 50, 2.0
MOST_REPORTS = 1000
RESTART_PAUSE = timedelta(minutes=1)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=1)
_PACE_SAMPLES = 30
_OUT_OF_ROOM = frozenset(
    (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)
)


class Phase(StrEnum):
    """`first-sync` until everything was copied once; `full-resync` when it must be read anew; then `continuous`."""

    FIRST_SYNC = "first-sync"
    FULL_RESYNC = "full-resync"
    CONTINUOUS = "continuous"


class Step(StrEnum):
    """How a step ended: there is `more` to do at once, all is `done` for now, or it `failed` (see `state().error`)."""

    MORE = "more"
    DONE = "done"
    FAILED = "failed"


class SyncState(Struct, frozen=True, kw_only=True):
    """`done` of `total` objects of a full pass; `total` None: the tenant does not say. `per_second` None: not known.

    `last_success`: when the sync last had nothing left to do. `last_change`: when it last changed the domain.
    `pending`: objects and references that wait. `failures`: the newest, at most `MOST_REPORTS`, of `objects_failed`.
    `error`: why the last step failed, for people; `retry_at`: not to be tried before. `held_deletions`: so many wait
    for the operator, and nothing is deleted until then; None: no brake holds. `notes`: what the directory cannot hold
    of any object, for people.
    """

    phase: Phase
    done: int
    total: int | None
    per_second: float | None
    pending: int
    last_success: datetime | None
    last_change: datetime | None
    objects_failed: int
    failures: tuple[FailureReport, ...] = ()
    failures_truncated: bool = False
    restarts: int = 0
    error: str | None = None
    retry_at: datetime | None = None
    held_deletions: int | None = None
    notes: tuple[str, ...] = ()


class Fault(Struct, frozen=True):
    """What stopped a step. `at_tenant`: where the sync reads, not where it writes."""

    error: SourceError
    at_tenant: bool


class Replicator:
    """Copies the tenant that `reader` asks into `target`. Whatever goes wrong upstream is told by `state`.

    For `SqliteDomain` give `Checkpoint(domain.connection)`, so that data and checkpoint are one transaction. A `scope`
    other than the last one begins a full pass, and so does an expired delta token. `deletion_threshold`: more than so
    many deletions in a round wait for `allow_deletions`; None: deletions are done as they come.
    """

    def __init__(
        self,
        reader: Reader,
        target: Target,
        checkpoint: Checkpoint,
        *,
        clock: Clock,
        scope: Scope | None = None,
        work_per_step: int = WORK_PER_STEP,
        deletion_threshold: int | None = None,
    ) -> None:
        self._reader = reader
        self._pages = Pages(reader)
        self._target = target
        self._checkpoint = checkpoint
        self._clock = clock
        self._portion = Portion(work_per_step)
        self._setbacks = Setbacks(checkpoint.db)
        self._brake = Brake(checkpoint.db, deletion_threshold)
        self._projection = Projection(checkpoint, self._setbacks, self._brake, target, Scope(), clock.now)
        self._pace = Pace()
        self._error: SourceError | None = None
        self._asks_tenant = False
        self._allowed: int | None = None
        self._failures = 0
        self._state: SyncState | None = None
        self.set_scope(scope or Scope())

    @property
    def scope(self) -> Scope:
        return self._projection.scope

    def set_scope(self, scope: Scope) -> None:
        """Change what belongs in the domain: objects that fell out are deleted by the full pass that follows."""
        self._projection.scope = scope
        self._state = None
        with self._checkpoint.transaction():
            marks = self._checkpoint.marks()
            if marks.scope != scope.to_json():
                started = marks.seen or marks.links or not marks.full
                self._checkpoint.save(replace(marks.restarted() if started else marks, scope=scope.to_json()))

    def allow_deletions(self, count: int) -> None:
        """Let the deletions that wait be done, if they are no more than `count` when their turn comes."""
        self._allowed = count
        self._state = None

    async def held_names(self) -> AsyncIterator[str]:
        """What the deletion brake holds, by account name."""
        for owner in self._brake.waiting() if self._brake.held() is not None else ():
            yield await self._target.name_of(owner) or owner

    async def run_once(self) -> Step:
        """Steps until all is done for now, or one fails."""
        while (step := await self.step()) is Step.MORE:
            pass
        return step

    async def step(self) -> Step:
        """One bounded unit of work. Never raises for what goes wrong upstream or in the directory, but a `SyncRefused`
        where somebody must decide first."""
        self._state = None
        if self._error is not None and self._error.retry_at and self._clock.now() < self._error.retry_at:
            return Step.FAILED
        try:
            return await self._step()
        except ResyncRequired:
            return self._restart()
        except SourceError as error:
            self._error = error
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _OUT_OF_ROOM:
                raise
            self._error = self._to_be_retried(
                StateFailed(f"the state of the sync cannot be written ({error}): make room for it")
            )
        return Step.FAILED

    def state(self) -> SyncState:
        """How far the sync is; cheap between steps."""
        if self._state is None:
            self._state = self._read_state()
        return self._state

    @property
    def fault(self) -> Fault | None:
        """Why the last step failed; None: it did not."""
        return None if self._error is None else Fault(self._error, self._asks_tenant)

    async def _step(self) -> Step:
        self._asks_tenant = False
        try:
            await self._target.ready()
        except SourceError as error:
            self._to_be_retried(error)
            raise
        self._asks_tenant = True
        pages = await self._next_pages()
        self._asks_tenant = False
        self._error = None
        try:
            step = await self._take(pages)
        except SourceError as error:
            self._to_be_retried(error)
            raise
        self._failures = 0
        return step

    def _to_be_retried(self, error: SourceError) -> SourceError:
        """The same, not before a pause that doubles with each failure."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(self._failures, 10)))
        self._failures += 1
        error.retry_at = error.retry_at or self._clock.now() + pause
        return error

    async def _next_pages(self) -> Sequence[Page]:
        """What comes next, unless there is still work to do from what came last."""
        marks = self._checkpoint.marks()
        if marks.full and marks.total is None and not marks.links:
            await self._learn_total()
        if marks.turn is None or self._checkpoint.has_work():
            return ()
        return await self._pages.next(marks)

    async def _learn_total(self) -> None:
        total = await self._reader.total()
        if total is not None:
            with self._checkpoint.transaction():
                self._checkpoint.save(replace(self._checkpoint.marks(), total=total))

    async def _take(self, pages: Sequence[Page]) -> Step:
        with self._checkpoint.transaction():
            marks = self._stage(pages)
            self._setbacks.queue_due(self._clock.now())
            if self._allowed is not None:
                self._brake.allow(self._allowed)
        self._allowed = None
        async with self._reading_on(marks):
            is_done = await self._take_work()
        return Step.DONE if is_done else Step.MORE

    def _reading_on(self, marks: Marks) -> AbstractAsyncContextManager[None]:
        """A target that never waits leaves no time to read in."""
        return self._pages.reading_on(marks, self._portion.size) if self._target.window > 1 else nullcontext()

    async def _take_work(self) -> bool:
        """Do a portion of what waits; whether all is done for now."""
        began = self._clock.monotonic()
        work, number = self._checkpoint.next_work(self._portion.size)
        await self._target.announce([item.owner for item in work if not item.relation])
        try:
            with self._checkpoint.transaction():
                self._checkpoint.took_work(number)
                marks, is_done = await self._work(work)
        except BaseException:
            self._target.forget()
            raise
        ended = self._clock.monotonic()
        self._portion.note(ended - began)
        self._pace.note(ended, self._done(marks))
        return is_done

    async def _work(self, work: Sequence[Work]) -> tuple[Marks, bool]:
        """Do it; what is left to do is whatever then waits. Returns the marks, and whether all is done for now."""
        marks = self._checkpoint.marks()
        changed = await self._projection.do(work)
        if not work and marks.turn is None:
            changed = await self._projection.delete(self._brake.released(self._portion.size)) or changed
        await self._target.settle()
        if changed:
            self._checkpoint.note_change(rfc3339(self._clock.now()) or "")
        is_done = marks.turn is None and not self._checkpoint.has_work() and not self._brake.released(1)
        if is_done:
            marks = self._finished(marks)
            self._checkpoint.save(marks)
        return marks, is_done

    def _stage(self, pages: Sequence[Page]) -> Marks:
        marks = self._checkpoint.marks()
        now = rfc3339(self._clock.now()) or ""
        for page in pages:
            seen = self._checkpoint.stage(page, marks, self.scope, now)
            marks = marks.after(page, seen)
            if marks.full and marks.turn is None:
                self._checkpoint.sweep(marks, self.scope)
        if pages:
            self._checkpoint.save(marks)
        return marks

    def _finished(self, marks: Marks) -> Marks:
        """The marks at the end of a round: the next begins with the first feed."""
        now = rfc3339(self._clock.now()) if self._brake.held() is None else marks.last_success
        return replace(marks, full=False, turn=Marks().turn, round=marks.round + 1, last_success=now)

    def _restart(self) -> Step:
        """Begin a full pass; not at once where a full pass was under way, which a failing upstream would never end."""
        with self._checkpoint.transaction():
            marks = self._checkpoint.marks()
            self._checkpoint.save(marks.restarted())
        self._pace = Pace()
        if not marks.full:
            return Step.MORE
        retry_at = self._clock.now() + RESTART_PAUSE
        self._error = Gone("the tenant ended a full pass: it is begun again", retry_at=retry_at)
        return Step.FAILED

    def _done(self, marks: Marks) -> int:
        return max(0, marks.seen - self._checkpoint.pending()[0])

    def _read_state(self) -> SyncState:
        marks = self._checkpoint.marks()
        done = self._done(marks)
        rounds = marks.round - 1
        reports = self._setbacks.reports(rounds, MOST_REPORTS + 1)
        return SyncState(
            phase=_phase(marks),
            done=done,
            total=None if marks.total is None else max(marks.total, marks.seen),
            per_second=self._pace.per_second if marks.full else None,
            pending=sum(self._checkpoint.pending()),
            last_success=moment(marks.last_success),
            last_change=moment(self._checkpoint.last_change()),
            objects_failed=self._setbacks.count(rounds),
            failures=reports[:MOST_REPORTS],
            failures_truncated=len(reports) > MOST_REPORTS,
            restarts=marks.restarts,
            error=None if self._error is None else str(self._error),
            retry_at=None if self._error is None else self._error.retry_at,
            held_deletions=self._brake.held() if self._brake.is_on else None,
            notes=tuple(self._target.notes),
        )


class Portion:
    """How much work a step is given, at most `most`: what the directory takes in about `STEP_S`, so that progress is
    told meanwhile and an end in good order is never far."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = min(most, WORK_PER_STEP)

    def note(self, seconds: float) -> None:
        """A step took so long."""
        if seconds > 2 * STEP_S:
            self.size = max(self.size // 2, min(self._most, LEAST_WORK))
        elif seconds < STEP_S / 2:
            self.size = min(self.size * 2, self._most)


class Pace:
    """How fast a count grows, over the last steps."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=_PACE_SAMPLES)

    def note(self, at: float, done: int) -> None:
        self._samples.append((at, done))

    @property
    def per_second(self) -> float | None:
        if len(self._samples) < 2:
            return None
        (began, before), (ended, after) = self._samples[0], self._samples[-1]
        return (after - before) / (ended - began) if ended > began else None


def _phase(marks: Marks) -> Phase:
    if not marks.full:
        return Phase.CONTINUOUS
    return Phase.FIRST_SYNC if marks.last_success is None else Phase.FULL_RESYNC
