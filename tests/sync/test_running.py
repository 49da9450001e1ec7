"""The sync at work as its operator sees it: rounds, pauses, ends, and the lines on stderr."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.helpers import START, ManualClock, settle
from tests.sync.bench import Bench
from tests.sync.situations import full_pass, one_round, problem, report, situation, state
from tui.sources.errors import Denied, SourceError, Throttled, Unreachable
from tui.sync.errors import StateFailed
from tui.sync.replicator import Fault, Phase, Step, SyncState
from tui.sync.running import GRACE_S, Ending, Running, Situation, Trouble
from tui.sync.terminal import Console, news, status_line


class ScriptedEngine:
    """Each step ends as the script says, the last one for ever; `takes_s` of real waiting for a stuck one."""

    def __init__(self, *script: Step | Fault) -> None:
        self.steps = 0
        self.fault: Fault | None = None
        self.told: SyncState = state()
        self.stuck = asyncio.Event()
        self.stuck.set()
        self.cut_off = False
        self._script = script

    async def step(self) -> Step:
        outcome = self._script[min(self.steps, len(self._script) - 1)]
        self.steps += 1
        try:
            await self.stuck.wait()
        except asyncio.CancelledError:
            self.cut_off = True
            raise
        self.fault = outcome if isinstance(outcome, Fault) else None
        return Step.FAILED if isinstance(outcome, Fault) else outcome

    def state(self) -> SyncState:
        return self.told


def at_tenant(error: SourceError) -> Fault:
    return Fault(error, at_tenant=True)


def at_directory(error: SourceError) -> Fault:
    return Fault(error, at_tenant=False)


class Run:
    """A sync that runs, watched."""

    def __init__(self, clock: ManualClock, engine: ScriptedEngine, interval_s: float = 30.0) -> None:
        self.engine = engine
        self.seen: list[Situation] = []
        self.stop = asyncio.Event()
        self.running = Running(engine, clock, interval_s=interval_s, tell=self.seen.append)
        self.task = asyncio.create_task(self.running.forever(self.stop))

    async def end(self) -> None:
        self.stop.set()
        await asyncio.wait_for(self.task, 5)


async def test_rounds_follow_each_other_at_their_interval(clock: ManualClock) -> None:
    """After a round the tenant is left alone for the interval, and asked again then."""
    run = Run(clock, ScriptedEngine(Step.DONE), interval_s=30)
    await clock.advance(29)
    assert run.engine.steps == 1
    await clock.advance(2)
    assert run.engine.steps == 2
    assert run.running.situation.rounds == 2
    await run.end()


async def test_steps_of_a_round_follow_at_once(clock: ManualClock) -> None:
    """While there is more to do nothing waits."""
    run = Run(clock, ScriptedEngine(*[Step.MORE] * 5, Step.DONE))
    await settle(200)
    assert run.engine.steps == 6
    await run.end()


async def test_the_lag_of_a_round_is_counted_from_the_reading_before(clock: ManualClock) -> None:
    """A change may have come right after the last round began to read: that is how long it waited at most."""
    run = Run(clock, ScriptedEngine(Step.DONE), interval_s=30)
    await clock.advance(1)
    first = run.running.situation.round
    assert first is not None
    assert first.lag_s is None
    await clock.advance(30)
    second = run.running.situation.round
    assert second is not None
    assert second.lag_s == 30
    await run.end()


async def test_a_failing_tenant_is_asked_ever_less_often_and_then_as_usual(clock: ManualClock) -> None:
    """Pauses double up to a minute; once an answer comes the sync goes on by itself and forgets the trouble."""
    engine = ScriptedEngine(*[at_tenant(Unreachable("graph: no route"))] * 8, Step.DONE)
    run = Run(clock, engine, interval_s=30)
    asked: list[int] = []
    for _ in range(30):
        await clock.advance(10)
        asked.append(engine.steps)
    assert asked[0] == 3
    assert asked[5] == 5
    assert asked[-1] > 8
    assert run.running.situation.problem is None
    assert run.running.situation.rounds >= 1
    await run.end()


async def test_a_throttled_tenant_is_left_alone_as_long_as_it_asks(clock: ManualClock) -> None:
    """Retry-After is heeded to the second."""
    retry_at = START + timedelta(seconds=90)
    run = Run(clock, ScriptedEngine(at_tenant(Throttled("429", retry_at=retry_at)), Step.DONE))
    await clock.advance(89)
    assert run.engine.steps == 1
    assert run.running.situation.problem is not None
    assert run.running.situation.problem.retry_at == retry_at
    await clock.advance(2)
    assert run.engine.steps == 2
    await run.end()


@pytest.mark.parametrize(
    ("fault", "trouble", "end"),
    [
        (at_tenant(Unreachable("graph: no route")), Trouble.TENANT, Ending.UNREACHABLE),
        (at_tenant(Denied("graph: 403")), Trouble.TENANT, Ending.NOT_POSSIBLE),
        (at_directory(Unreachable("dc1:636: refused")), Trouble.DIRECTORY, Ending.UNREACHABLE),
        (at_directory(Denied("dc1:636: wrong password")), Trouble.ACCOUNT, Ending.NOT_POSSIBLE),
        (at_directory(StateFailed("disk is full")), Trouble.STATE, Ending.NOT_POSSIBLE),
    ],
)
async def test_one_round_ends_with_what_stood_in_its_way(
    clock: ManualClock, fault: Fault, trouble: Trouble, end: Ending
) -> None:
    """A refusal and an unreachable end are told apart, and which end it was."""
    running = Running(ScriptedEngine(fault), clock, interval_s=30)
    assert await running.once(asyncio.Event()) is end
    assert running.situation.problem is not None
    assert running.situation.problem.trouble is trouble
    assert running.situation.problem.text == str(fault.error)


@pytest.mark.parametrize(
    ("told", "end"),
    [
        (state(), Ending.DONE),
        (state(objects_failed=2), Ending.SET_ASIDE),
        (state(objects_failed=2, held_deletions=900), Ending.HELD),
    ],
)
async def test_one_round_ends_with_what_is_left_to_do(clock: ManualClock, told: SyncState, end: Ending) -> None:
    """A round that went through is done, or has set objects aside, or is held by the brake."""
    engine = ScriptedEngine(Step.MORE, Step.DONE)
    engine.told = told
    assert await Running(engine, clock, interval_s=30).once(asyncio.Event()) is end


async def test_deletions_are_held_at_the_end_of_a_round(clock: ManualClock) -> None:
    """The number that the operator is told is that of the whole round, not one that still grows."""
    engine = ScriptedEngine(Step.MORE, Step.DONE)
    engine.told = state(held_deletions=700)
    seen: list[Situation] = []
    assert await Running(engine, clock, interval_s=30, tell=seen.append).once(asyncio.Event()) is Ending.HELD
    assert [one.state.held_deletions for one in seen if one.state] == [None, 700]


async def test_trouble_keeps_its_beginning(clock: ManualClock) -> None:
    """An outage is as old as its first failure, however often it was tried since; another trouble starts anew."""
    faults = [at_directory(Unreachable("a")), at_directory(Unreachable("b")), at_tenant(Unreachable("c"))]
    run = Run(clock, ScriptedEngine(*faults))
    await clock.advance(1)
    begun = run.running.situation.problem
    await clock.advance(2)
    again = run.running.situation.problem
    await clock.advance(5)
    other = run.running.situation.problem
    assert begun is not None
    assert again is not None
    assert other is not None
    assert (begun.since, again.since, again.text) == (START, START, "b")
    assert other.since > START
    await run.end()


async def test_a_stop_between_rounds_ends_at_once(clock: ManualClock) -> None:
    """Nobody waits for the interval."""
    run = Run(clock, ScriptedEngine(Step.DONE), interval_s=3600)
    await settle(200)
    await run.end()
    assert run.engine.steps == 1


async def test_a_stop_lets_the_step_under_way_finish(clock: ManualClock) -> None:
    """What is being written is written to its end, and then nothing more is begun."""
    engine = ScriptedEngine(Step.MORE)
    engine.stuck.clear()
    run = Run(clock, engine)
    await settle()
    run.stop.set()
    await settle()
    assert not run.task.done()
    engine.stuck.set()
    await asyncio.wait_for(run.task, 5)
    assert (engine.steps, engine.cut_off) == (1, False)


async def test_a_step_that_does_not_end_is_cut_off(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent server does not hold the end for longer than the grace."""
    assert GRACE_S <= 5
    monkeypatch.setattr("tui.sync.running.GRACE_S", 0.01)
    engine = ScriptedEngine(Step.MORE)
    engine.stuck.clear()
    run = Run(clock, engine)
    await settle()
    await run.end()
    assert engine.cut_off


async def test_stopped_before_the_round_was_done_is_not_done(clock: ManualClock) -> None:
    """A single round that was interrupted does not end as if all were well."""
    stop = asyncio.Event()
    stop.set()
    assert await Running(ScriptedEngine(Step.DONE), clock, interval_s=30).once(stop) is Ending.STOPPED


async def test_a_real_sync_goes_through_and_says_what_changed(bench: Bench) -> None:
    """Over a tenant and a domain: the first round changes something, the second nothing."""
    bench.group("All", [bench.user("ada"), bench.user("eve")])
    seen: list[Situation] = []
    running = Running(bench.replicator, bench.clock, interval_s=30, tell=seen.append)
    assert await running.once(asyncio.Event()) is Ending.DONE
    assert bench.domain.counts(synced=True) == {"user": 2, "group": 1}
    assert running.situation.round is not None
    assert running.situation.round.changed
    assert await running.once(asyncio.Event()) is Ending.DONE
    assert not running.situation.round.changed
    assert [one.state.phase for one in seen if one.state][-1] is Phase.CONTINUOUS


# --- What is said on stderr -------------------------------------------------------------------------------------------


def console(clock: ManualClock, *, live: bool, width: int = 200) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(out, clock, live=live, width=lambda: width), out


def test_the_status_line_of_a_full_pass() -> None:
    """Phase, done of total, rate, time left, what waits and what fails stand in one line."""
    line = status_line(situation(full_pass(objects_failed=3)), START)
    assert line == "first sync | 40 of 120 (33%) | 8/s | 10s left | 7 waiting | 3 failing"


def test_the_status_line_in_step() -> None:
    """When the last round was, how long a change waited at most, and what is held back."""
    line = status_line(situation(state(held_deletions=1234), round=one_round()), START)
    assert line == "continuous | round 1s ago | lag at most 31s | last change 5m00s ago | 1,234 deletions HELD"


def test_the_status_line_in_trouble() -> None:
    """What is in the way comes first, its words and the next try last."""
    line = status_line(situation(problem=problem(Trouble.DIRECTORY, since=START - timedelta(minutes=3))), START)
    assert line.startswith("directory in trouble for 3m00s | continuous")
    assert line.endswith("dc1:636: no answer (again in 12s)")


def test_the_status_line_is_ascii_without_escapes() -> None:
    """A tenant's words cannot move the cursor, and need no locale."""
    line = status_line(situation(problem=problem(Trouble.TENANT, "bad\x1b[2J\u202e ü 宽")), START)
    assert line.isascii()
    assert line.isprintable()


def test_a_terminal_has_one_line_that_is_rewritten_at_most_four_times_a_second(clock: ManualClock) -> None:
    """A hundred situations in a second are four repaints, none wider than the terminal."""
    shown, out = console(clock, live=True, width=40)
    shown.take(situation(full_pass(done=0)))
    before = out.tell()
    for number in range(100):
        clock.jump(0.01)
        shown.take(situation(full_pass(done=number)))
    drawn = out.getvalue()[before:]
    assert drawn.count("\r") in (3, 4)
    assert "\n" not in drawn
    assert all(len(line) < 40 + len("\x1b[K") for line in drawn.split("\r"))


def test_a_line_that_does_not_change_is_not_drawn_again(clock: ManualClock) -> None:
    """Where nothing is new, nothing is sent to the terminal."""
    shown, out = console(clock, live=True)
    shown.take(situation(full_pass()))
    before = out.tell()
    clock.jump(1)
    shown.draw()
    assert out.tell() == before


def test_lines_that_stay_do_not_mix_with_the_status_line(clock: ManualClock) -> None:
    """The status line is wiped before a lasting line is written, and the cursor ends on a line of its own."""
    shown, out = console(clock, live=True)
    shown.take(situation(full_pass()))
    shown.say("something")
    assert out.getvalue().endswith("\r\x1b[Ksomething\n")
    clock.jump(1)
    shown.draw()
    shown.end()
    assert out.getvalue().endswith("7 waiting\n")


def test_a_log_gets_plain_lines_and_few(clock: ManualClock) -> None:
    """Not a terminal: the phase once, then one line in each minute of a full pass, without escape codes."""
    told, out = console(clock, live=False)
    for second in range(300):
        told.take(situation(full_pass(done=second % 120)))
        clock.jump(1)
    lines = out.getvalue().splitlines()
    assert lines[0] == "03:00:00Z first sync, 120 objects"
    assert len(lines) == 5
    assert "\x1b" not in out.getvalue()
    assert "\r" not in out.getvalue()


def test_a_quiet_sync_writes_no_log(clock: ManualClock) -> None:
    """Rounds that change nothing leave no line behind, in a whole day."""
    told, out = console(clock, live=False)
    for number in range(24 * 120):
        told.take(situation(round=one_round(changed=False), rounds=number))
        clock.jump(30)
    assert out.getvalue().splitlines() == ["03:00:00Z continuous"]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (situation(rounds=1), situation(round=one_round(), rounds=2), ["changes brought over in 2s"]),
        (situation(rounds=1), situation(round=one_round(changed=False), rounds=2), []),
        (situation(full_pass()), situation(), ["continuous"]),
        (situation(), situation(state(phase=Phase.FULL_RESYNC)), ["full pass, 120 objects"]),
        (situation(), situation(problem=problem(Trouble.ACCOUNT)), ["directory: dc1:636: no answer"]),
        (situation(problem=problem(Trouble.ACCOUNT)), situation(problem=problem(Trouble.ACCOUNT)), []),
        (situation(problem=problem(Trouble.TENANT)), situation(), ["tenant: goes on"]),
        (situation(), situation(state(notes=("no hashes",))), ["note: no hashes"]),
        (situation(state(objects_failed=1)), situation(), ["no object fails any more"]),
        (situation(state(held_deletions=7)), situation(state(held_deletions=7)), []),
    ],
)
def test_what_is_new_is_said_once(before: Situation, after: Situation, lines: list[str]) -> None:
    """Each change of phase, each round that changed something, each new problem is a line, and no repetition is."""
    assert list(news(before, after)) == lines


def test_objects_set_aside_are_named() -> None:
    """The line says how many fail, and the newest with its reason."""
    (line,) = news(situation(), situation(state(objects_failed=2, failures=(report(1), report(2)))))
    assert line.startswith("2 objects set aside, newest: NameTaken User 1: sAMAccountName belongs to")


def test_held_deletions_say_what_to_do() -> None:
    """The number, and the option that lets exactly these through."""
    (line,) = news(situation(), situation(state(held_deletions=1234)))
    assert "1,234 deletions" in line
    assert "--allow-deletions 1234" in line


def test_a_closed_stderr_does_not_end_the_sync(clock: ManualClock) -> None:
    """A terminal that is gone costs the words, not the work."""
    told, out = console(clock, live=True)
    out.close()
    told.take(replace(situation(), state=full_pass()))
    told.say("more")
