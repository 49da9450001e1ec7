"""One sync at work: round after round, through failures at either end, until it is told to stop.

Whoever shows or publishes the sync reads its `Situation`, which is taken between steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from tui.clock import Clock
from tui.sources.errors import Denied, SourceError
from tui.sync.errors import StateFailed
from tui.sync.replicator import Fault, Step, SyncState

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0
GRACE_S = 3.0


class Trouble(StrEnum):
    """What stands in the sync's way: which end, or its own state."""

    TENANT = "tenant"
    DIRECTORY = "directory"
    ACCOUNT = "account"
    STATE = "state"


class Problem(Struct, frozen=True, kw_only=True):
    """Why nothing goes on. `text`: for people; `refused`: somebody was told no, as opposed to not at all."""

    trouble: Trouble
    text: str
    since: datetime
    refused: bool = False
    retry_at: datetime | None = None


class Round(Struct, frozen=True, kw_only=True):
    """One reading of the tenant with all that followed. `lag_s`: no change that it brought had waited longer; None for
    the first round, whose changes may have waited for ever."""

    began: datetime
    ended: datetime
    changed: bool
    lag_s: float | None = None


class Situation(Struct, frozen=True, kw_only=True):
    """How the sync stands. `state` None: it has not read its own state yet."""

    started: datetime
    state: SyncState | None = None
    problem: Problem | None = None
    round: Round | None = None
    rounds: int = 0


class Ending(StrEnum):
    """How one round ended."""

    DONE = "done"
    SET_ASIDE = "set-aside"
    HELD = "held"
    NOT_POSSIBLE = "not-possible"
    UNREACHABLE = "unreachable"
    STOPPED = "stopped"


class Engine(Protocol):
    """What takes the steps: a `Replicator`."""

    @property
    def fault(self) -> Fault | None: ...

    async def step(self) -> Step: ...

    def state(self) -> SyncState: ...


class Running:
    """`tell` is called with each new `situation`."""

    def __init__(
        self, engine: Engine, clock: Clock, *, interval_s: float, tell: Callable[[Situation], None] = lambda _: None
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._interval_s = interval_s
        self._tell = tell
        self._pauses = 0
        self.situation = Situation(started=clock.now())

    async def forever(self, stop: asyncio.Event) -> None:
        """Rounds until `stop`. Raises a `SyncRefused` where somebody must decide something first."""
        while not stop.is_set():
            step = await self._round(stop)
            if step is not None:
                await self._wait(stop, self._interval_s if step is Step.DONE else self._pause_s())

    async def once(self, stop: asyncio.Event) -> Ending:
        """One round. Raises a `SyncRefused`."""
        if await self._round(stop) is None:
            return Ending.STOPPED
        return ending(self.situation)

    async def _round(self, stop: asyncio.Event) -> Step | None:
        """Steps until all is done for now, or one fails; None: stopped before."""
        began, before = self._clock.now(), self.situation.round
        changed_before = self._change()
        while not stop.is_set():
            step = await self._one_step(stop)
            if step is None:
                return None
            if step is Step.FAILED:
                self._look()
                return step
            if step is Step.DONE:
                self._finish_round(began, before, changed_before)
                return step
            self._look()
            await asyncio.sleep(0)
        return None

    async def _one_step(self, stop: asyncio.Event) -> Step | None:
        """A step. One that is under way when the sync is stopped is finished, if it soon is; else it is cut off, which
        undoes it, and the next start does it again. None: it was cut off."""
        step = asyncio.ensure_future(self._engine.step())
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((step, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                await asyncio.wait((step,), timeout=GRACE_S)
            return await step if step.done() else None
        finally:
            stopped.cancel()
            step.cancel()
            await asyncio.gather(step, stopped, return_exceptions=True)

    def _finish_round(self, began: datetime, before: Round | None, changed_before: datetime | None) -> None:
        now = self._clock.now()
        state = self._engine.state()
        lag = None if before is None else (now - before.began).total_seconds()
        done = Round(began=began, ended=now, changed=state.last_change != changed_before, lag_s=lag)
        self._pauses = 0
        self._show(Situation(started=self.situation.started, state=state, round=done, rounds=self.situation.rounds + 1))

    def _look(self) -> None:
        """Take the situation after a step that did not end the round.

        Deletions are held, or not, at the end of a round: what waits before is not a number to act on.
        """
        known, state = self.situation, self._engine.state()
        problem = problem_of(self._engine.fault, known.problem, self._clock.now())
        if problem is None:
            state = replace(state, held_deletions=known.state.held_deletions if known.state else None)
        self._show(replace(known, state=state, problem=problem))

    def _show(self, situation: Situation) -> None:
        self.situation = situation
        self._tell(situation)

    def _change(self) -> datetime | None:
        state = self.situation.state
        return (state if state is not None else self._engine.state()).last_change

    def _pause_s(self) -> float:
        """Until it is worth while to try again: when we were asked to, else ever longer."""
        problem = self.situation.problem
        own = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * (1 << min(self._pauses, 10)))
        self._pauses += 1
        if problem is None or problem.retry_at is None:
            return own
        return max(0.0, (problem.retry_at - self._clock.now()).total_seconds())

    async def _wait(self, stop: asyncio.Event, seconds: float) -> None:
        """Sleep by the clock; wake at once to stop."""
        if seconds > 0 and self.situation.problem is not None:
            until = self._clock.now() + timedelta(seconds=seconds)
            self._show(_retrying(self.situation, until))
        nap = asyncio.ensure_future(self._clock.sleep(seconds))
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait((nap, stopped), return_when=asyncio.FIRST_COMPLETED)
        for task in (nap, stopped):
            task.cancel()
        await asyncio.gather(nap, stopped, return_exceptions=True)


def ending(situation: Situation) -> Ending:
    """How a round that went to its end, or failed, ended."""
    state, problem = situation.state, situation.problem
    if problem is not None or state is None:
        return Ending.NOT_POSSIBLE if problem is not None and problem.refused else Ending.UNREACHABLE
    if state.held_deletions is not None:
        return Ending.HELD
    return Ending.SET_ASIDE if state.objects_failed else Ending.DONE


def problem_of(fault: Fault | None, before: Problem | None, now: datetime) -> Problem | None:
    """What the fault means; the same trouble goes on since it began."""
    if fault is None:
        return None
    trouble = _trouble(fault.error, fault.at_tenant)
    return Problem(
        trouble=trouble,
        text=str(fault.error),
        since=before.since if before is not None and before.trouble is trouble else now,
        refused=trouble is Trouble.STATE or isinstance(fault.error, Denied),
        retry_at=fault.error.retry_at,
    )


def _trouble(error: SourceError, at_tenant: bool) -> Trouble:
    if isinstance(error, StateFailed):
        return Trouble.STATE
    if at_tenant:
        return Trouble.TENANT
    return Trouble.ACCOUNT if isinstance(error, Denied) else Trouble.DIRECTORY


def _retrying(situation: Situation, until: datetime) -> Situation:
    assert situation.problem is not None
    return replace(situation, problem=replace(situation.problem, retry_at=until))
